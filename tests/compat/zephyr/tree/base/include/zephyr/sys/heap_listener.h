/* SPDX-License-Identifier: MIT */
/* As without CONFIG_HEAP_LISTENER: nothing but empty inline functions. */
#ifndef TREE_HEAP_LISTENER_H
#define TREE_HEAP_LISTENER_H
#include <stddef.h>
#include <stdint.h>
#define HEAP_ID_FROM_POINTER(heap_pointer) ((uintptr_t)NULL)
static inline void heap_listener_notify_alloc(uintptr_t heap_id, void *mem, size_t bytes)
{
	(void)heap_id, (void)mem, (void)bytes;
}
static inline void heap_listener_notify_free(uintptr_t heap_id, void *mem, size_t bytes)
{
	(void)heap_id, (void)mem, (void)bytes;
}
#endif

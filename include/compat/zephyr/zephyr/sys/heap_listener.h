/* SPDX-License-Identifier: MIT */
/*
 * zephyr/sys/heap_listener.h - being told of what heaps do, for programs written for Zephyr.
 *
 * sys_heap notifies its address as heap id: alloc after an allocation, free before the block is
 * gone; realloc in place gives alloc with the new size, then free with the old. `bytes` is what is
 * usable. Nobody in this library notifies a resize; whoever grows a heap of his own may.
 *
 * Registering is for any core; blocking. Callbacks run on the notifying core with interrupts off and
 * the list locked: they are short, and use neither a sys_heap nor this list. When
 * heap_listener_unregister() has returned, the callback is not running and will not run again.
 * Without listeners a notification is one load. Worst case: all listeners.
 */
#ifndef NH_ZEPHYR_SYS_HEAP_LISTENER_H
#define NH_ZEPHYR_SYS_HEAP_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nh_zephyr_node {
	struct nh_zephyr_node *next;
} sys_snode_t;

enum heap_event_types {
	HEAP_EVT_UNKNOWN = 0, /* a listener that is all zero hears nothing */
	HEAP_RESIZE,
	HEAP_ALLOC,
	HEAP_FREE,
	HEAP_REALLOC, /* never notified */
	HEAP_MAX_EVENTS
};

typedef void (*heap_listener_resize_cb_t)(uintptr_t heap_id, void *old_heap_end, void *new_heap_end);
typedef void (*heap_listener_alloc_cb_t)(uintptr_t heap_id, void *mem, size_t bytes);
typedef void (*heap_listener_free_cb_t)(uintptr_t heap_id, void *mem, size_t bytes);

/* The caller's memory, from registering to unregistering. */
struct heap_listener {
	sys_snode_t node; /* the list's */
	uintptr_t heap_id;
	enum heap_event_types event;
	union {
		heap_listener_alloc_cb_t alloc_cb;
		heap_listener_free_cb_t free_cb;
		heap_listener_resize_cb_t resize_cb;
	};
};

/* Listeners are called in the order of registration. One that is registered already stays where it is. */
void heap_listener_register(struct heap_listener *listener);

/* One that is not registered is ignored. */
void heap_listener_unregister(struct heap_listener *listener);

void heap_listener_notify_alloc(uintptr_t heap_id, void *mem, size_t bytes);
void heap_listener_notify_free(uintptr_t heap_id, void *mem, size_t bytes);
void heap_listener_notify_resize(uintptr_t heap_id, void *old_heap_end, void *new_heap_end);

#define HEAP_ID_FROM_POINTER(heap_pointer) ((uintptr_t)(heap_pointer))
#define HEAP_ID_LIBC ((uintptr_t)0)

#define NH_ZEPHYR_LISTENER(name, id, kind, member, callback) \
	struct heap_listener name = { .heap_id = (id), .event = (kind), { .member = (callback) } }
#define HEAP_LISTENER_ALLOC_DEFINE(name, id, callback) NH_ZEPHYR_LISTENER(name, id, HEAP_ALLOC, alloc_cb, callback)
#define HEAP_LISTENER_FREE_DEFINE(name, id, callback) NH_ZEPHYR_LISTENER(name, id, HEAP_FREE, free_cb, callback)
#define HEAP_LISTENER_RESIZE_DEFINE(name, id, callback) NH_ZEPHYR_LISTENER(name, id, HEAP_RESIZE, resize_cb, callback)

#ifdef __cplusplus
}
#endif

#endif

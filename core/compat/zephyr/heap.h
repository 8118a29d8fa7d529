/* SPDX-License-Identifier: MIT */
/* What a sys_heap really is. */
#ifndef NH_COMPAT_ZEPHYR_HEAP_H
#define NH_COMPAT_ZEPHYR_HEAP_H

#include <nearheap/single.h>
#include <zephyr/sys/sys_heap.h>

/* Not for heap->heap == NULL. */
static inline nh_single *nh_zephyr_single(const struct sys_heap *heap)
{
	return (nh_single *)(void *)heap->heap;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * zephyr/mem_mgmt/mem_attr_heap.h - heaps over the device tree's regions, for programs written for
 * Zephyr.
 *
 * A region joins if its attribute has a software bit (DT_MEM_SW_...). A request names software bits and is
 * served by regions with exactly these, in the order of definition, first fit. The heaps are those
 * of one nearheap instance: caches, locks, bounds and contexts as nh_alloc() and nh_free().
 */
#ifndef NH_ZEPHYR_MEM_ATTR_HEAP_H
#define NH_ZEPHYR_MEM_ATTR_HEAP_H

#include <zephyr/mem_mgmt/mem_attr.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0. -EALREADY: done before, or being done by another core. -ENOMEM: more than 8 regions (NH_MAX_HEAPS,
 * if that is less) have a software bit. -EINVAL: one is too small for its control memory, wraps, or overlaps another.
 * After -ENOMEM and -EINVAL nothing was done. Task. */
int mem_attr_heap_pool_init(void);

/* NULL: no room, size 0, no region with exactly `attr`, align not a power of two (0 = standard), not initialised.
 * Anywhere. */
void *mem_attr_heap_alloc(uint32_t attr, size_t bytes);
void *mem_attr_heap_aligned_alloc(uint32_t attr, size_t align, size_t bytes);

/* addr NULL or bytes 0 behave as alloc (which has no attribute: NULL) and free. Stays in the regions with
 * the block's software bits, its own first. On failure NULL and the block is untouched. Anywhere. */
void *mem_attr_heap_realloc(void *addr, size_t bytes);

/* NULL is ignored; what is no live block goes to nearheap's fatal hook. Anywhere, any core. */
void mem_attr_heap_free(void *block);

/* The region that `addr` lies in, or NULL. Anywhere; wait-free. */
const struct mem_attr_region_t *mem_attr_heap_get_region(void *addr);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * zephyr/multi_heap/shared_multi_heap.h - memory by attribute, shared by all cores, for programs
 * written for Zephyr.
 *
 * Each attribute is a nearheap instance with up to 8 regions: per-CPU caches in front, one lock per
 * region, any core, and interrupt handlers where it says "anywhere". Sizes are bytes. A region
 * belongs to the pool for good; the struct that describes it is not kept. Blocks belong to the
 * caller until they are freed, on any core. Bounds and progress are those of nh_malloc() and
 * nh_free(): a hit takes no lock. errno values are those of <errno.h>.
 *
 * Affinity and memory for control structures: nearheap/zephyr.h.
 */
#ifndef NH_ZEPHYR_SHARED_MULTI_HEAP_H
#define NH_ZEPHYR_SHARED_MULTI_HEAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shared_multi_heap_attr {
	SMH_REG_ATTR_CACHEABLE,
	SMH_REG_ATTR_NON_CACHEABLE,
	SMH_REG_ATTR_EXTERNAL,
	SMH_REG_ATTR_NUM
};

/* Attributes are 0 .. MAX_SHARED_MULTI_HEAP_ATTR - 1. Whoever needs more than the three above defines it
 * larger, for the library and its users alike (CMake: NH_ZEPHYR_ATTRIBUTES), and numbers his own
 * from SMH_REG_ATTR_NUM on. Each costs NH_INSTANCE_SIZE bytes of static memory. */
#ifndef MAX_SHARED_MULTI_HEAP_ATTR
#define MAX_SHARED_MULTI_HEAP_ATTR SMH_REG_ATTR_NUM
#endif

struct shared_multi_heap_region {
	uint32_t attr;
	uintptr_t addr; /* any */
	size_t size;
};

/* Before anything else. 0, or -EALREADY; of several cores at once one gets 0. Task. */
int shared_multi_heap_pool_init(void);

/* Other cores may be adding and allocating. user_data is not used. Task; blocking while another core adds,
 * for at most 8 comparisons per attribute. Nothing is done unless it returns 0:
 *   -EINVAL  region NULL, attr out of range, size 0, wraps, or too small for its control memory
 *   -EEXIST  the same region, or one that overlaps it, is in the pool already
 *   -ENOMEM  8 regions (NH_MAX_HEAPS, if that is less) with this attr already
 *   -ENODEV  before shared_multi_heap_pool_init() */
int shared_multi_heap_add(struct shared_multi_heap_region *region, void *user_data);

/* From the first region with exactly this attr that has room, in the order of addition (near ones
 * first, if any were added with affinity). NULL: no room, size 0, attr out of range, no such region, align not a
 * power of two (0 = standard). Never from another attr. Anywhere. */
void *shared_multi_heap_alloc(enum shared_multi_heap_attr attr, size_t bytes);
void *shared_multi_heap_aligned_alloc(enum shared_multi_heap_attr attr, size_t align, size_t bytes);

/* ptr NULL = alloc; bytes 0 = free, gives NULL. In the block's own region if it can stay there, in
 * place or moved; else from `attr`, with every byte that fits. NULL for an attr out of range or if
 * there is no room: the block is untouched. Anywhere. Worst case: the copy, outside all locks. */
void *shared_multi_heap_realloc(enum shared_multi_heap_attr attr, void *ptr, size_t bytes);

/* NULL is ignored; what is no live block of the pool goes to nearheap's fatal hook and changes
 * nothing. Anywhere, any core. */
void shared_multi_heap_free(void *block);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Regions for the shared pool, and a program's own attribute as Zephyr's users add one: a number after
 * the standard ones, for which the library must have been built with room.
 */
#ifndef NHT_ZEPHYR_SMH_H
#define NHT_ZEPHYR_SMH_H

#include <zephyr/multi_heap/shared_multi_heap.h>

#define OWN_ATTR ((unsigned)SMH_REG_ATTR_NUM)
#define HAS_OWN_ATTR ((unsigned)MAX_SHARED_MULTI_HEAP_ATTR > OWN_ATTR)

#define ATTR(number) ((enum shared_multi_heap_attr)(number))

static inline int add_region(unsigned attr, void *memory, size_t size)
{
	struct shared_multi_heap_region region = { .attr = attr, .addr = (uintptr_t)memory, .size = size };
	int result = shared_multi_heap_add(&region, NULL);
	region = (struct shared_multi_heap_region){ 0, 0, 0 }; /* it is not kept */
	return result;
}

static inline int lies_in(const void *block, const void *memory, size_t size)
{
	return (const char *)block >= (const char *)memory && (const char *)block < (const char *)memory + size;
}

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TREE_SHARED_MULTI_HEAP_H
#define TREE_SHARED_MULTI_HEAP_H
#include <stddef.h>
#include <stdint.h>
/* A tree that was extended by an attribute of its owner's. */
enum shared_multi_heap_attr {
	SMH_REG_ATTR_CACHEABLE,
	SMH_REG_ATTR_NON_CACHEABLE,
	SMH_REG_ATTR_EXTERNAL,
	SMH_REG_ATTR_TREE,
	SMH_REG_ATTR_NUM,
};
#define MAX_SHARED_MULTI_HEAP_ATTR SMH_REG_ATTR_NUM
struct shared_multi_heap_region {
	uint32_t attr;
	uintptr_t addr;
	size_t size;
};
int shared_multi_heap_pool_init(void);
void *shared_multi_heap_alloc(enum shared_multi_heap_attr attr, size_t bytes);
void *shared_multi_heap_aligned_alloc(enum shared_multi_heap_attr attr, size_t align, size_t bytes);
void *shared_multi_heap_realloc(enum shared_multi_heap_attr attr, void *ptr, size_t bytes);
void shared_multi_heap_free(void *block);
int shared_multi_heap_add(struct shared_multi_heap_region *region, void *user_data);
#endif

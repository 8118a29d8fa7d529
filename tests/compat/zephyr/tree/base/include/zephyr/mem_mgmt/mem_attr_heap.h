/* SPDX-License-Identifier: MIT */
#ifndef TREE_MEM_ATTR_HEAP_H
#define TREE_MEM_ATTR_HEAP_H
#include <zephyr/mem_mgmt/mem_attr.h>
int mem_attr_heap_pool_init(void);
void *mem_attr_heap_alloc(uint32_t attr, size_t bytes);
void *mem_attr_heap_aligned_alloc(uint32_t attr, size_t align, size_t bytes);
void *mem_attr_heap_realloc(void *addr, size_t bytes);
void mem_attr_heap_free(void *block);
const struct mem_attr_region_t *mem_attr_heap_get_region(void *addr);
#endif

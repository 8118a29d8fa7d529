/* SPDX-License-Identifier: MIT */
#ifndef TREE_MULTI_HEAP_H
#define TREE_MULTI_HEAP_H
#include <zephyr/sys/sys_heap.h>
#define MAX_MULTI_HEAPS 8
struct sys_multi_heap;
typedef void *(*sys_multi_heap_fn_t)(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t size);
struct sys_multi_heap_rec {
	struct sys_heap *heap;
	void *user_data;
};
struct sys_multi_heap {
	unsigned int nheaps;
	sys_multi_heap_fn_t choice;
	struct sys_multi_heap_rec heaps[MAX_MULTI_HEAPS];
};
void sys_multi_heap_init(struct sys_multi_heap *heap, sys_multi_heap_fn_t choice_fn);
void sys_multi_heap_add_heap(struct sys_multi_heap *mheap, struct sys_heap *heap, void *user_data);
void *sys_multi_heap_alloc(struct sys_multi_heap *mheap, void *cfg, size_t bytes);
void *sys_multi_heap_aligned_alloc(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t bytes);
const struct sys_multi_heap_rec *sys_multi_heap_get_heap(const struct sys_multi_heap *mheap, void *addr);
void sys_multi_heap_free(struct sys_multi_heap *mheap, void *block);
void *sys_multi_heap_aligned_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr, size_t align, size_t bytes);
void *sys_multi_heap_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr, size_t bytes);
#endif

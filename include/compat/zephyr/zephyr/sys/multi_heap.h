/* SPDX-License-Identifier: MIT */
/*
 * zephyr/sys/multi_heap.h - several sys_heaps behind one choice function, for programs written for
 * Zephyr.
 *
 * As with sys_heap the caller serialises, heaps that are in it included; within that rule anywhere.
 * Nothing of the policy is here: `cfg` is passed on unread, and what size 0 means is the choice
 * function's business. Worst case: MAX_MULTI_HEAPS comparisons and what sys_heap needs.
 */
#ifndef NH_ZEPHYR_SYS_MULTI_HEAP_H
#define NH_ZEPHYR_SYS_MULTI_HEAP_H

#include <zephyr/sys/sys_heap.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAX_MULTI_HEAPS 8

struct sys_multi_heap;

/* Allocates from whichever heap it likes, usually with sys_heap_aligned_alloc(); NULL if none can. */
typedef void *(*sys_multi_heap_fn_t)(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t size);

struct sys_multi_heap_rec {
	struct sys_heap *heap;
	void *user_data;
};

struct sys_multi_heap {
	unsigned int nheaps;
	sys_multi_heap_fn_t choice;
	struct sys_multi_heap_rec heaps[MAX_MULTI_HEAPS]; /* in the order of addition; none ever moves */
};

void sys_multi_heap_init(struct sys_multi_heap *mheap, sys_multi_heap_fn_t choice_fn);

/* The heap is initialised already and stays where it is. A ninth one, NULL, and one without memory
 * are refused: said through nh_zephyr_print(), and nheaps stays what it was. */
void sys_multi_heap_add_heap(struct sys_multi_heap *mheap, struct sys_heap *heap, void *user_data);

/* What the choice function returns, with align 0 in the first. */
void *sys_multi_heap_alloc(struct sys_multi_heap *mheap, void *cfg, size_t bytes);
void *sys_multi_heap_aligned_alloc(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t bytes);

/* The record of the heap that `addr` lies in, or NULL. */
const struct sys_multi_heap_rec *sys_multi_heap_get_heap(const struct sys_multi_heap *mheap, void *addr);

/* NULL is ignored. What lies in none of the heaps is said through nh_zephyr_print(), and nothing
 * changes. */
void sys_multi_heap_free(struct sys_multi_heap *mheap, void *block);

/* ptr NULL = alloc; bytes 0 = free, gives NULL. In the block's own heap as sys_heap_aligned_realloc()
 * does; else where the choice function puts it, with all bytes that fit copied. On failure, and for
 * a block of no heap here, NULL; the block is untouched. Worst case: the copy. */
void *sys_multi_heap_aligned_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr, size_t align, size_t bytes);
void *sys_multi_heap_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif

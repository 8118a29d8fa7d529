/* SPDX-License-Identifier: MIT */
/* sys_multi_heap: a list of at most eight heaps and somebody else's choice. */
#include <zephyr/sys/multi_heap.h>

#include "core/compat/zephyr/heap.h"

#include <nearheap/zephyr.h>

#include <string.h>

void sys_multi_heap_init(struct sys_multi_heap *mheap, sys_multi_heap_fn_t choice_fn)
{
	mheap->nheaps = 0;
	mheap->choice = choice_fn;
}

void sys_multi_heap_add_heap(struct sys_multi_heap *mheap, struct sys_heap *heap, void *user_data)
{
	if (heap == NULL || heap->heap == NULL)
		nh_zephyr_print("sys_multi_heap_add_heap: %p is no initialised heap\n", (void *)heap);
	else if (mheap->nheaps >= MAX_MULTI_HEAPS)
		nh_zephyr_print("sys_multi_heap_add_heap: %p would be heap number %d of at most %d\n", (void *)heap,
		                MAX_MULTI_HEAPS + 1, MAX_MULTI_HEAPS);
	else
		mheap->heaps[mheap->nheaps++] = (struct sys_multi_heap_rec){heap, user_data};
}

void *sys_multi_heap_alloc(struct sys_multi_heap *mheap, void *cfg, size_t bytes)
{
	return mheap->choice(mheap, cfg, 0, bytes);
}

void *sys_multi_heap_aligned_alloc(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t bytes)
{
	return mheap->choice(mheap, cfg, align, bytes);
}

const struct sys_multi_heap_rec *sys_multi_heap_get_heap(const struct sys_multi_heap *mheap, void *addr)
{
	for (unsigned i = 0; i < mheap->nheaps; i++)
		if (nh_single_contains(nh_zephyr_single(mheap->heaps[i].heap), addr))
			return &mheap->heaps[i];
	return NULL;
}

/* As get_heap, for a block that must be in one. */
static struct sys_heap *owner_of(const struct sys_multi_heap *mheap, void *block, const char *function)
{
	const struct sys_multi_heap_rec *record = sys_multi_heap_get_heap(mheap, block);
	if (record == NULL)
		nh_zephyr_print("%s: %p is in none of the %u heaps\n", function, block, mheap->nheaps);
	return record == NULL ? NULL : record->heap;
}

void sys_multi_heap_free(struct sys_multi_heap *mheap, void *block)
{
	struct sys_heap *heap = block == NULL ? NULL : owner_of(mheap, block, "sys_multi_heap_free");
	if (heap != NULL)
		sys_heap_free(heap, block);
}

void *sys_multi_heap_aligned_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr, size_t align, size_t bytes)
{
	if (ptr == NULL)
		return sys_multi_heap_aligned_alloc(mheap, cfg, align, bytes);
	if (bytes == 0) {
		sys_multi_heap_free(mheap, ptr);
		return NULL;
	}
	struct sys_heap *heap = owner_of(mheap, ptr, "sys_multi_heap_realloc");
	if (heap == NULL)
		return NULL;
	void *fresh = sys_heap_aligned_realloc(heap, ptr, align, bytes);
	if (fresh != NULL)
		return fresh;
	size_t usable = sys_heap_usable_size(heap, ptr);
	if (usable == 0)
		return NULL; /* no live block: reported just now */
	fresh = sys_multi_heap_aligned_alloc(mheap, cfg, align, bytes);
	if (fresh != NULL) {
		memcpy(fresh, ptr, usable < bytes ? usable : bytes);
		sys_heap_free(heap, ptr);
	}
	return fresh;
}

void *sys_multi_heap_realloc(struct sys_multi_heap *mheap, void *cfg, void *ptr, size_t bytes)
{
	return sys_multi_heap_aligned_realloc(mheap, cfg, ptr, 0, bytes);
}

/* SPDX-License-Identifier: MIT */
/*
 * sys_heap: nh_single under Zephyr's names. What is added is the meaning of two-bit alignments,
 * realloc's copy and the listeners.
 */
#include <zephyr/sys/sys_heap.h>

#include "core/compat/zephyr/heap.h"

#include <nearheap/zephyr.h>
#include <zephyr/sys/heap_listener.h>

#include <errno.h>
#include <string.h>

/* ---- alignment ---------------------------------------------------------------------------- */

/* The address plus `rewind` is to be a multiple of `align`. */
struct place {
	size_t align, rewind;
};

/* Two bits mean "align to the higher, go back by the lower". False: more than two. */
static bool place_of(size_t align, struct place *place)
{
	size_t lowest = align & (0u - align);
	*place = (struct place){align - lowest, lowest};
	if (align == lowest)
		*place = (struct place){align, 0};
	return (place->align & (place->align - 1u)) == 0;
}

static bool is_there(const void *block, const struct place *place)
{
	return place->align == 0 || (((uintptr_t)block + place->rewind) & (place->align - 1u)) == 0;
}

/* ---- blocks ------------------------------------------------------------------------------- */

void sys_heap_init(struct sys_heap *heap, void *mem, size_t bytes)
{
	nh_single *single = NULL;
	nh_status status = nh_single_init(mem, bytes, &single);
	heap->heap = (struct z_heap *)(void *)single;
	if (status != NH_OK) {
		nh_zephyr_print("sys_heap_init: %lu bytes at %p: %s\n", (unsigned long)bytes, mem,
		                nh_status_string(status));
		return;
	}
#if CONFIG_SYS_HEAP_ARRAY_SIZE > 0
	(void)sys_heap_array_save(heap); /* a full array is no reason to refuse a heap */
#endif
}

static void *allocate(struct sys_heap *heap, const struct place *place, size_t bytes)
{
	if (heap->heap == NULL)
		return NULL;
	void *mem = nh_single_alloc(nh_zephyr_single(heap), place->align, place->rewind, bytes);
	if (mem != NULL)
		heap_listener_notify_alloc(HEAP_ID_FROM_POINTER(heap), mem, sys_heap_usable_size(heap, mem));
	return mem;
}

void *sys_heap_alloc(struct sys_heap *heap, size_t bytes)
{
	static const struct place anywhere;
	return allocate(heap, &anywhere, bytes);
}

void *sys_heap_aligned_alloc(struct sys_heap *heap, size_t align, size_t bytes)
{
	struct place place;
	return place_of(align, &place) ? allocate(heap, &place, bytes) : NULL;
}

void *sys_heap_noalign_alloc(struct sys_heap *heap, size_t align, size_t bytes)
{
	(void)align;
	return sys_heap_alloc(heap, bytes);
}

void sys_heap_free(struct sys_heap *heap, void *mem)
{
	if (mem == NULL || heap->heap == NULL)
		return;
	size_t bytes = sys_heap_usable_size(heap, mem);
	if (bytes != 0)
		heap_listener_notify_free(HEAP_ID_FROM_POINTER(heap), mem, bytes);
	nh_single_free(nh_zephyr_single(heap), mem); /* which also says what is wrong with no block */
}

size_t sys_heap_usable_size(struct sys_heap *heap, void *mem)
{
	return heap->heap == NULL ? 0 : nh_single_usable_size(nh_zephyr_single(heap), mem);
}

static bool resize(struct sys_heap *heap, void *ptr, size_t bytes)
{
	size_t before = sys_heap_usable_size(heap, ptr);
	if (!nh_single_resize(nh_zephyr_single(heap), ptr, bytes))
		return false;
	size_t after = sys_heap_usable_size(heap, ptr);
	if (after != before) {
		heap_listener_notify_alloc(HEAP_ID_FROM_POINTER(heap), ptr, after);
		heap_listener_notify_free(HEAP_ID_FROM_POINTER(heap), ptr, before);
	}
	return true;
}

void *sys_heap_aligned_realloc(struct sys_heap *heap, void *ptr, size_t align, size_t bytes)
{
	struct place place;
	if (ptr == NULL)
		return sys_heap_aligned_alloc(heap, align, bytes);
	if (bytes == 0) {
		sys_heap_free(heap, ptr);
		return NULL;
	}
	if (heap->heap == NULL || !place_of(align, &place))
		return NULL;
	size_t usable = sys_heap_usable_size(heap, ptr);
	if (usable == 0) {
		nh_single_free(nh_zephyr_single(heap), ptr); /* no live block: reported, nothing else */
		return NULL;
	}
	if (is_there(ptr, &place) && resize(heap, ptr, bytes))
		return ptr;
	void *fresh = allocate(heap, &place, bytes);
	if (fresh != NULL) {
		memcpy(fresh, ptr, usable < bytes ? usable : bytes);
		sys_heap_free(heap, ptr);
	}
	return fresh;
}

void *sys_heap_realloc(struct sys_heap *heap, void *ptr, size_t bytes)
{
	return sys_heap_aligned_realloc(heap, ptr, 0, bytes);
}

/* ---- statistics --------------------------------------------------------------------------- */

int sys_heap_runtime_stats_get(struct sys_heap *heap, struct sys_memory_stats *stats)
{
	nh_heap_stats all;
	if (heap == NULL || stats == NULL || heap->heap == NULL)
		return -EINVAL;
	nh_single_stats_get(nh_zephyr_single(heap), &all);
	*stats = (struct sys_memory_stats){all.free, all.taken, all.peak};
	return 0;
}

int sys_heap_runtime_stats_reset_max(struct sys_heap *heap)
{
	if (heap == NULL || heap->heap == NULL)
		return -EINVAL;
	nh_single_peak_reset(nh_zephyr_single(heap));
	return 0;
}

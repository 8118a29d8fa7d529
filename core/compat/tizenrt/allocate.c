/* SPDX-License-Identifier: MIT */
/*
 * Allocation. A request for one heap names that heap alone; one for all goes through them in order,
 * each emptied of its caches before it is passed over, so that the order holds as it does without
 * caches. What none had is asked of all at once a last time: NULL then means one state of all heaps.
 */
#include "core/compat/tizenrt/tizenrt.h"

#include <string.h>

#define KEPT 16u /* alignments up to this one are malloc's */

/* In: what the caller said. Out: what nearheap is asked for; false: not to be had. */
static bool alignment_of(const char *function, size_t *alignment)
{
	if (*alignment < KEPT) {
		*alignment = 0;
		return true;
	}
	if ((*alignment & (*alignment - 1u)) == 0)
		return true;
	nh__mm_log("mm: %s: alignment %u is no power of two", function, (uint64_t)*alignment);
	return false;
}

static bool product(size_t n, size_t elem_size, size_t *bytes)
{
	return !__builtin_mul_overflow(n, elem_size, bytes);
}

/* ---- one heap ----------------------------------------------------------------------------- */

static void *take(int index, const nh_request *like, size_t size)
{
	nh_request request = *like;
	request.heaps = 1u << index;
	return nh_instance_alloc(nh__mm_instance(), &request, size);
}

static void *take_at(const char *function, int index, const nh_request *like, size_t size)
{
	return nh__mm_is_heap(function, index) ? take(index, like, size) : NULL;
}

void *malloc_at(int heap_index, size_t size)
{
	return take_at("malloc_at", heap_index, &(const nh_request){ 0 }, size);
}

void *zalloc_at(int heap_index, size_t size)
{
	return take_at("zalloc_at", heap_index, &(const nh_request){ .flags = NH_ZERO }, size);
}

void *calloc_at(int heap_index, size_t n, size_t elem_size)
{
	size_t bytes;
	if (!product(n, elem_size, &bytes))
		bytes = SIZE_MAX; /* refused below, after the index */
	return take_at("calloc_at", heap_index, &(const nh_request){ .flags = NH_ZERO }, bytes);
}

void *memalign_at(int heap_index, size_t alignment, size_t size)
{
	if (!nh__mm_is_heap("memalign_at", heap_index) || !alignment_of("memalign_at", &alignment))
		return NULL;
	return take(heap_index, &(const nh_request){ .alignment = alignment }, size);
}

/* True if it is a block, else logged. */
static bool is_block(const char *function, const void *mem)
{
	if (nh__mm_shared_count() > 0 && nh_instance_usable_size(nh__mm_instance(), mem) != 0)
		return true;
	nh__mm_log("mm: %s: %x is no block in use", function, (uint64_t)(uintptr_t)mem);
	return false;
}

void *realloc_at(int heap_index, void *oldmem, size_t size)
{
	if (!nh__mm_is_heap("realloc_at", heap_index))
		return NULL;
	nh_request request = { .heaps = 1u << heap_index };
	nh_instance *instance = nh__mm_instance();
	if (oldmem != NULL && !is_block("realloc_at", oldmem))
		return NULL;
	if (oldmem == NULL || size == 0 || nh_instance_heap_of(instance, oldmem) == heap_index)
		return nh_instance_realloc_request(instance, &request, oldmem, size);
	void *fresh = nh_instance_alloc(instance, &request, size);
	if (fresh != NULL) {
		size_t old = nh_instance_usable_size(instance, oldmem);
		memcpy(fresh, oldmem, size < old ? size : old);
		nh_instance_free(instance, oldmem);
	}
	return fresh;
}

/* ---- all heaps ---------------------------------------------------------------------------- */

static void *take_from(int first, const nh_request *like, size_t size)
{
	int count = nh__mm_shared_count();
	nh_request all = *like;
	void *block = NULL;
	for (int i = 0; i < count && block == NULL; i++)
		block = take((first + i) % count, like, size);
	if (block != NULL || count < 2)
		return block;
	all.heaps = (1u << count) - 1u;
	return nh_instance_alloc(nh__mm_instance(), &all, size);
}

void *kmm_malloc(size_t size)
{
	return take_from(nh__mm_prior(), &(const nh_request){ 0 }, size);
}

void *kmm_zalloc(size_t size)
{
	return take_from(nh__mm_prior(), &(const nh_request){ .flags = NH_ZERO }, size);
}

void *kmm_calloc(size_t n, size_t elem_size)
{
	size_t bytes;
	return product(n, elem_size, &bytes) ? kmm_zalloc(bytes) : NULL;
}

void *kmm_memalign(size_t alignment, size_t size)
{
	if (!alignment_of("memalign", &alignment))
		return NULL;
	return take_from(0, &(const nh_request){ .alignment = alignment }, size);
}

/* In the block's own heap first; a heap outside the lists is left by no block of it. */
void *kmm_realloc(void *oldmem, size_t size)
{
	if (oldmem == NULL)
		return kmm_malloc(size);
	if (!is_block("realloc", oldmem))
		return NULL;
	nh_instance *instance = nh__mm_instance();
	int own = nh_instance_heap_of(instance, oldmem), count = nh__mm_shared_count();
	nh_request request = { .heaps = 1u << own };
	void *block = nh_instance_realloc_request(instance, &request, oldmem, size);
	for (int i = 0; i < count && own < count && block == NULL && size != 0; i++) {
		request.heaps = 1u << i;
		block = i == own ? NULL : nh_instance_realloc_request(instance, &request, oldmem, size);
	}
	return block;
}

/* A block that is freed twice is told by the fault hook, see log.c. */
void kmm_free(void *mem)
{
	if (mem == NULL || nh__mm_shared_count() == 0)
		nh__mm_log("mm: free: %x is no block in use", (uint64_t)(uintptr_t)mem);
	else
		nh_instance_free(nh__mm_instance(), mem);
}

/* ---- twins -------------------------------------------------------------------------------- */

void *kmm_malloc_at(int heap_index, size_t size)
{
	return malloc_at(heap_index, size);
}

void *kmm_calloc_at(int heap_index, size_t n, size_t elem_size)
{
	return calloc_at(heap_index, n, elem_size);
}

void *kmm_zalloc_at(int heap_index, size_t size)
{
	return zalloc_at(heap_index, size);
}

void *kmm_memalign_at(int heap_index, size_t alignment, size_t size)
{
	return memalign_at(heap_index, alignment, size);
}

void *kmm_realloc_at(int heap_index, void *oldmem, size_t size)
{
	return realloc_at(heap_index, oldmem, size);
}

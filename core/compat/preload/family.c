/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family for a program that runs under LD_PRELOAD. The heap serves small blocks, mappings large
 * ones; whose a block is, its address says. Hits cost what nh_malloc and nh_free cost, and one comparison more.
 *
 * Callable from any thread at any time, also before main and while libraries are being loaded. As of every malloc, not
 * from a signal handler that may have interrupted one.
 */
#define _GNU_SOURCE
#include "core/compat/preload/preload.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <nearheap/nearheap.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- what the first attempt did not get --------------------------------------------------- */

static void *fail(size_t size)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	if (nhp_settings.verbose && !atomic_flag_test_and_set_explicit(&told, memory_order_relaxed))
		nhp_say("no memory for %zu bytes (said once)", size);
	errno = ENOMEM;
	return NULL;
}

/* Out of the heap, which grows until it fits or may not grow. */
static void *from_heap(const nh_request *request, size_t size)
{
	for (;;) {
		size_t seen = nhp_window_used();
		void *block = nh_alloc(request, size);
		if (block != NULL || !nhp_window_grow(seen, size, request->alignment))
			return block;
	}
}

static void *take(const nh_request *request, size_t size)
{
	size_t all;
	if (!nhp_ready() || __builtin_add_overflow(size, request->alignment, &all) || all > PTRDIFF_MAX)
		return fail(size);
	void *block = all < nhp_mapped_from() ? NULL : nhp_map(size, request->alignment);
	if (block == NULL)
		block = from_heap(request, size); /* also large ones: the limit may leave room there only */
	return block != NULL ? block : fail(size);
}

/* ---- with or without alignment -------------------------------------------------------------- */

/* Size 0 is a block of its own, as programs that take NULL for an error expect. */
static size_t at_least_one(size_t size)
{
	return size == 0 ? 1 : size;
}

static void *take_plain(size_t size)
{
	static const nh_request plain;
	size = at_least_one(size);
	void *block = size < NHP_SMALL ? nh_malloc(size) : NULL;
	return __builtin_expect(block != NULL, 1) ? block : take(&plain, size);
}

/* NULL, and *error set, or a block. */
static void *take_aligned(size_t alignment, size_t size, int *error)
{
	if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
		*error = EINVAL;
		return NULL;
	}
	int saved = errno;
	const nh_request request = { .alignment = alignment };
	void *block = take(&request, at_least_one(size));
	if (block == NULL) {
		errno = saved;
		*error = ENOMEM;
	}
	return block;
}

static void *take_clear(size_t bytes)
{
	static const nh_request zeroed = { .flags = NH_ZERO };
	bytes = at_least_one(bytes);
	void *block = bytes < NHP_SMALL ? nh_calloc(1, bytes) : NULL;
	return block != NULL ? block : take(&zeroed, bytes);
}

static void give(void *block)
{
	/* What neither is, nh_free reports. */
	if (nhp_in_window(block) || block == NULL || !nhp_unmap(block))
		nh_free(block);
}

/* ---- realloc -------------------------------------------------------------------------------- */

static void *move(void *block, size_t have, size_t size)
{
	void *other = take_plain(size);
	if (other == NULL)
		return NULL;
	memcpy(other, block, have < size ? have : size);
	give(block);
	return other;
}

static void *change_heap(void *block, size_t size)
{
	size_t have = size < nhp_mapped_from() ? 0 : nh_usable_size(block);
	if (have != 0 && have < size)
		return move(block, have, size);
	for (;;) {
		size_t seen = nhp_window_used();
		void *moved = nh_realloc(block, size);
		if (moved != NULL)
			return moved;
		if (!nhp_window_grow(seen, size, 0))
			return fail(size);
	}
}

static void *change_mapped(void *block, size_t size)
{
	size_t have = nhp_mapped_usable(block);
	if (have == 0) {
		nh_free(block); /* reports */
		return fail(size);
	}
	void *moved = size < NHP_SMALL ? NULL : nhp_remap(block, size);
	if (moved == NULL)
		moved = move(block, have, size); /* into the heap, or beyond the limit of mappings */
	return moved == NULL && size <= have ? block : moved;
}

static void *change(void *block, size_t size)
{
	if (block == NULL)
		return take_plain(size);
	if (size == 0) {
		give(block);
		return NULL;
	}
	if (size > PTRDIFF_MAX)
		return fail(size);
	return nhp_in_window(block) ? change_heap(block, size) : change_mapped(block, size);
}

/* ---- the family ----------------------------------------------------------------------------- */

EXPORT void *malloc(size_t size)
{
	return take_plain(size);
}

EXPORT void free(void *block)
{
	give(block);
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;
	return __builtin_mul_overflow(count, size, &bytes) ? fail(SIZE_MAX) : take_clear(bytes);
}

EXPORT void *realloc(void *block, size_t size)
{
	return change(block, size);
}

EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;
	return __builtin_mul_overflow(count, size, &bytes) ? fail(SIZE_MAX) : change(block, bytes);
}

static void *aligned_or_errno(size_t alignment, size_t size)
{
	int error;
	void *block = take_aligned(alignment, size, &error);
	if (block == NULL)
		errno = error;
	return block;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return aligned_or_errno(alignment, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return aligned_or_errno(alignment, size);
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t size)
{
	int error = EINVAL;
	void *block = alignment % sizeof(void *) != 0 ? NULL : take_aligned(alignment, size, &error);
	if (block == NULL)
		return error;
	*result = block;
	return 0;
}

EXPORT void *valloc(size_t size)
{
	return aligned_or_errno(NHP_PAGE, size);
}

EXPORT void *pvalloc(size_t size)
{
	size_t up = NHP_ROUND(size, NHP_PAGE);
	return up < size ? fail(size) : aligned_or_errno(NHP_PAGE, up == 0 ? NHP_PAGE : up);
}

EXPORT size_t malloc_usable_size(void *block)
{
	if (block == NULL)
		return 0;
	return nhp_in_window(block) ? nh_usable_size(block) : nhp_mapped_usable(block);
}

/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family over the default instance, for newlib and picolibc.
 *
 * All of them are in one object, which nearheap_newlib makes the linker take whether or not it is
 * needed yet: a C library's function that is pulled in later and calls _malloc_r must find this
 * one, or there are two allocators, and a block of one is freed by the other.
 *
 * Costs what nh_malloc and nh_free cost. What fails is tried twice, the second time after
 * nh_first_use_ready(): whether another CPU called nh_init() between the two cannot be known.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include <nearheap/first_use.h>
#include <nearheap/nearheap.h>

#define PAGE ((size_t)4096) /* of valloc and pvalloc, as newlib has it */

#if defined(__NEWLIB__) && !defined(__PICOLIBC__)
#include <reent.h>
#define NH_REENT 1
#else
#define NH_REENT 0
#endif

/* nearheap_newlib refers to it from the linker's command line. */
extern const char nh_newlib_routed;
const char nh_newlib_routed = 1;

/* ---- the slow ends: the first attempt gave NULL ----------------------------------------------- */

static void *fail(size_t size, int *error)
{
	nh_exhausted(size);
	*error = ENOMEM;
	return NULL;
}

static void *again(size_t alignment, size_t size, uint32_t flags, int *error)
{
	const nh_request request = { .alignment = alignment, .flags = flags };
	void *block = nh_first_use_ready() ? nh_alloc(&request, size) : NULL;
	return block != NULL ? block : fail(size, error);
}

/* ---- with a place for the error --------------------------------------------------------------- */

/* Size 0 is a block of its own, as programs that take NULL for an error expect. */
static size_t at_least_one(size_t size)
{
	return size == 0 ? 1 : size;
}

static void *take(size_t size, int *error)
{
	void *block = nh_malloc(at_least_one(size));
	return block != NULL ? block : again(0, at_least_one(size), 0, error);
}

static void *take_clear(size_t count, size_t size, int *error)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		return fail(SIZE_MAX, error);
	void *block = nh_calloc(1, at_least_one(bytes));
	return block != NULL ? block : again(0, at_least_one(bytes), NH_ZERO, error);
}

static void *take_aligned(size_t alignment, size_t size, int *error)
{
	if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
		*error = EINVAL;
		return NULL;
	}
	void *block = nh_aligned_alloc(alignment, at_least_one(size));
	return block != NULL ? block : again(alignment, at_least_one(size), 0, error);
}

static void *take_pages(size_t size, int *error)
{
	size_t up = (size + PAGE - 1) & ~(PAGE - 1);
	return up < size ? fail(SIZE_MAX, error) : take_aligned(PAGE, up == 0 ? PAGE : up, error);
}

static void *change(void *block, size_t size, int *error)
{
	if (block == NULL)
		return take(size, error);
	void *moved = nh_realloc(block, size); /* size 0 frees */
	return moved != NULL || size == 0 ? moved : fail(size, error);
}

/* ---- the family ------------------------------------------------------------------------------- */

void *malloc(size_t size)
{
	return take(size, &errno);
}

void *calloc(size_t count, size_t size)
{
	return take_clear(count, size, &errno);
}

void *realloc(void *block, size_t size)
{
	return change(block, size, &errno);
}

void free(void *block)
{
	nh_free(block);
}

void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;
	return __builtin_mul_overflow(count, size, &bytes) ? fail(SIZE_MAX, &errno)
	                                                   : change(block, bytes, &errno);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return take_aligned(alignment, size, &errno);
}

void *memalign(size_t alignment, size_t size)
{
	return take_aligned(alignment, size, &errno);
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
	int error = alignment % sizeof(void *) == 0 ? 0 : EINVAL;
	void *block = error == 0 ? take_aligned(alignment, size, &error) : NULL;
	if (block != NULL)
		*result = block;
	return error;
}

void *valloc(size_t size)
{
	return take_aligned(PAGE, size, &errno);
}

void *pvalloc(size_t size)
{
	return take_pages(size, &errno);
}

size_t malloc_usable_size(void *block)
{
	return nh_usable_size(block);
}

/* ---- the forms that newlib itself calls ------------------------------------------------------- */

#if NH_REENT
void cfree(void *block)
{
	nh_free(block);
}

void *_malloc_r(struct _reent *reent, size_t size)
{
	return take(size, &__errno_r(reent));
}

void *_calloc_r(struct _reent *reent, size_t count, size_t size)
{
	return take_clear(count, size, &__errno_r(reent));
}

void *_realloc_r(struct _reent *reent, void *block, size_t size)
{
	return change(block, size, &__errno_r(reent));
}

void _free_r(struct _reent *reent, void *block)
{
	(void)reent;
	nh_free(block);
}

void _cfree_r(struct _reent *reent, void *block)
{
	(void)reent;
	nh_free(block);
}

void *_memalign_r(struct _reent *reent, size_t alignment, size_t size)
{
	return take_aligned(alignment, size, &__errno_r(reent));
}

void *_valloc_r(struct _reent *reent, size_t size)
{
	return take_aligned(PAGE, size, &__errno_r(reent));
}

void *_pvalloc_r(struct _reent *reent, size_t size)
{
	return take_pages(size, &__errno_r(reent));
}

size_t _malloc_usable_size_r(struct _reent *reent, void *block)
{
	(void)reent;
	return nh_usable_size(block);
}
#endif

/* SPDX-License-Identifier: MIT */
/* The plain names, for images in which they are to be ours: NH_TIZENRT_PLAIN. */
#include "core/compat/tizenrt/tizenrt.h"

void *malloc(size_t size)
{
	return kmm_malloc(size);
}

void *calloc(size_t n, size_t elem_size)
{
	return kmm_calloc(n, elem_size);
}

void *zalloc(size_t size)
{
	return kmm_zalloc(size);
}

void *memalign(size_t alignment, size_t size)
{
	return kmm_memalign(alignment, size);
}

void *realloc(void *oldmem, size_t size)
{
	return kmm_realloc(oldmem, size);
}

void free(void *mem)
{
	kmm_free(mem);
}

/* Newlib's own functions (strdup, printf) come in by these. */
#ifdef __NEWLIB__ /* picolibc says so as well, and calls malloc */
#if __has_include(<reent.h>)
#include <reent.h>

void *_malloc_r(struct _reent *reent, size_t size)
{
	(void)reent;
	return kmm_malloc(size);
}

void *_calloc_r(struct _reent *reent, size_t n, size_t elem_size)
{
	(void)reent;
	return kmm_calloc(n, elem_size);
}

void *_memalign_r(struct _reent *reent, size_t alignment, size_t size)
{
	(void)reent;
	return kmm_memalign(alignment, size);
}

void *_realloc_r(struct _reent *reent, void *oldmem, size_t size)
{
	(void)reent;
	return kmm_realloc(oldmem, size);
}

void _free_r(struct _reent *reent, void *mem)
{
	(void)reent;
	if (mem != NULL) /* not a program's mistake */
		kmm_free(mem);
}
#endif
#endif

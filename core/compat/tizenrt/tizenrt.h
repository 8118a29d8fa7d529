/* SPDX-License-Identifier: MIT */
/*
 * What the sources of nearheap::tizenrt share. All heaps are in one instance of their own, so that
 * an index is nearheap's number of the heap, and what a program has in the default instance stays apart.
 */
#ifndef NH_TIZENRT_INTERNAL_H
#define NH_TIZENRT_INTERNAL_H

#define NH_TIZENRT_KEEP_NAMES /* this code is below the plain names */
#include <tinyara/mm/mm.h>

#include "core/compat/regions/text.h"

/* ---- heaps.c ------------------------------------------------------------------------------ */

/* The instance; to be used only if there is a heap. */
nh_instance *nh__mm_instance(void);

/* True if there is a heap of that index; false is logged under the caller's name. */
bool nh__mm_is_heap(const char *function, int index);

/* The index of a heap, or -1. */
int nh__mm_index_of(const struct mm_heap_s *heap);

/* Heaps that functions without an index use, 0 .. count-1, and where malloc begins. */
int nh__mm_shared_count(void);
int nh__mm_prior(void);

/* ---- log.c -------------------------------------------------------------------------------- */

/* One line; see nh__text() for the format. */
void nh__mm_log(const char *format, ...);

/* ---- platform_*.c ------------------------------------------------------------------------- */

void nh__mm_platform_log(const char *line);
/* Where a span of configured addresses is; NULL if nowhere. */
void *nh__mm_platform_ram(uintptr_t address, size_t size);
/* One poll of something that another task must do. */
void nh__mm_platform_relax(void);
void nh__mm_platform_reset(void);

#endif

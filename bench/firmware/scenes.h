/* SPDX-License-Identifier: MIT */
/* The allocator that is measured, what it tells about its calls, and the scenes that only it can play. */
#ifndef BENCH_SCENES_H
#define BENCH_SCENES_H

#include "bench.h"

/* Called without a wrapper, or its cost would be the wrapper's too. */
#ifdef BENCH_NEWLIB
void *bench_malloc(size_t size);
void bench_free(void *block);
#else
#include <nearheap/nearheap.h>
#define bench_malloc nh_malloc
#define bench_free nh_free
#endif

/* Blocks above this many bytes have no class. */
#define BENCH_SMALL 128u

void bench_allocator_init(void);

/* Of the call that has just ended; to be asked after each. */
enum bench_kind bench_kind_of_malloc(size_t size);
enum bench_kind bench_kind_of_free(size_t size);

void bench_scene_own(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What the stress programs share: threads that begin together, blocks whose contents can be
 * checked by whoever has them, heaps over one guarded arena, and the oracles at the end.
 */
#ifndef NHT_STRESS_H
#define NHT_STRESS_H

#include <nearheap/host.h>
#include <nearheap/nearheap.h>

#include "tests/support/arena.h"
#include "tests/support/env.h"
#include "tests/support/random.h"

#define STRESS_THREADS 64u

/* Where a stress program wants four CPUs; fewer slots leave some threads without. */
#define STRESS_CPU(n) ((n) % NH_CPUS)

/* Runs body(index, context) on `count` threads that are let go at once, and waits for them.
 * Each has tried to attach to slot `index` before. */
void stress_threads(unsigned count, void (*body)(unsigned index, void *context), void *context);

/* A generator of its own for thread `index` of the program's seed. */
nht_random stress_random(unsigned index);

/* ---- heaps -------------------------------------------------------------------------------- */

typedef struct stress_heaps {
	nh_instance_storage storage;
	nh_instance *instance;
	nht_arena arena;
} stress_heaps;

/* Parts of the arena alone: the first of `least` bytes, each other of 1000 more than the one before. */
void stress_lay_out(stress_heaps *heaps, unsigned count, size_t least);

/* The instance, with heaps in parts that were laid out. */
void stress_begin(stress_heaps *heaps, const nh_heap_config *configs, unsigned count);

/* Both: one heap per entry; base and window are filled in here, one part of the arena each. */
void stress_make(stress_heaps *heaps, nh_heap_config *configs, unsigned count);

/* All freed: after a trim one maximal block per region, validate clean, guards intact. Forgets
 * the instance. */
void stress_end(stress_heaps *heaps);

/* ---- blocks ------------------------------------------------------------------------------- */

/* Least size of a block that stress_fill can mark. */
#define STRESS_LEAST 8u

/* Fills a block of `size` bytes, which must be kept; aborts the program if the contents are not
 * what stress_fill wrote. */
void stress_fill(void *block, size_t size, uint32_t key);
/* Returns the size that was given to stress_fill. */
size_t stress_check(const void *block);

#endif

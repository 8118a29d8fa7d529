/* SPDX-License-Identifier: MIT */
/*
 * The live blocks of one run: who took them, how large they are, and a word in each that tells whether
 * it was handed out twice. One thread plays the CPUs in turn, so that a seed gives the same run on every machine.
 */
#ifndef MEMORY_POPULATION_H
#define MEMORY_POPULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mix.h"

#include <nearheap/nearheap.h>

/* The other CPU frees one block in so many. */
#define FOREIGN_FREES 5u

struct run {
	size_t heap_size;
	unsigned cpus;   /* 1: the heap is near to CPU 0; 2: to both */
	uint32_t random; /* state, never 0 */
	uint32_t now;    /* allocations so far */
};

struct population {
	unsigned count;
	size_t bytes; /* as asked for */
};

/* An empty heap, nobody lives. Leaves the program if the heap cannot be made. */
void population_begin(struct run *run, uint32_t seed);

/* False: there was no memory, after whatever reclaim the call did. */
bool population_take(struct run *run, struct wish wish);

/* Frees one block, any. */
void population_give(struct run *run);

/* Frees those of the youngest, and of a few others in turn, whose time has come: near enough to all. */
void population_expire(struct run *run);

struct population population(void);

/* Usable bytes of all live blocks. */
size_t population_usable(void);

nh_heap_stats heap_stats(void);

#endif

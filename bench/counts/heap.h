/* SPDX-License-Identifier: MIT */
/* Heaps for the scenes, and blocks that live in them. */
#ifndef COUNTS_HEAP_H
#define COUNTS_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include <nearheap/nearheap.h>

#define MOST_LIVE 100000u

/* Forgets all heaps and makes `count` new ones, each in memory of its own of `size` bytes; heap i has the attribute
 * NH_ATTR_USER(i). Leaves the program if it cannot. */
void heaps_make(unsigned count, size_t size, uint32_t flags);

/* Fills up to `count` live blocks of `least` to `most` bytes, and replaces as many twice, at random. */
void live_settle(uint32_t count, uint32_t least, uint32_t most);

/* One replacement: frees one of them, at random, and takes another. */
void live_replace(void);

/* What must not fail. */
void *got(void *block);

#endif

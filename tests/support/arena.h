/* SPDX-License-Identifier: MIT */
/*
 * Memory for regions under test, between guards.
 *
 *      | guard | part 0 | guard | part 1 | guard | ...
 *
 * Guard bytes depend on their address, so that neither a constant fill nor a shifted copy looks
 * like them. A part may start at any address, also an odd one.
 */
#ifndef NHT_ARENA_H
#define NHT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define NHT_ARENA_PARTS 24u
#define NHT_GUARD ((size_t)128)

typedef struct nht_part {
	unsigned char *base;
	size_t size;
} nht_part;

typedef struct nht_arena {
	unsigned char *memory;
	size_t size;
	nht_part parts[NHT_ARENA_PARTS];
	unsigned count;
} nht_arena;

/* One part: `size` bytes, `misalign` bytes past a 4096-byte boundary. Leaves the program if there
 * is no memory. */
void nht_arena_make(nht_arena *arena, size_t size, size_t misalign);

/* Several parts from one piece of memory, in ascending order of address; the gap after each is at
 * least a guard, and part i starts at misalign[i] (NULL: 0) past a 64-byte boundary. */
void nht_arena_parts(nht_arena *arena, unsigned count, const size_t *sizes, const size_t *misalign);

/* True if every guard byte is as painted. */
bool nht_arena_intact(const nht_arena *arena);

/* The part that holds all of [address, address + size), or -1. */
int nht_arena_find(const nht_arena *arena, const void *address, size_t size);

/* Gives the memory back; checks the guards a last time. */
bool nht_arena_drop(nht_arena *arena);

#endif

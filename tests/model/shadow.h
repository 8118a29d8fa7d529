/* SPDX-License-Identifier: MIT */
/*
 * The shadow of a heap: what the test believes is live, kept apart from the heap itself.
 *
 *   blocks   address, sizes, key of its contents, heap; in no order
 *   bits     one bit per 8 bytes of the arena: set = inside a live block
 *
 * A new block must find all its bits clear (disjoint from every live one), and a block that goes
 * must find them all set. Contents are a function of the block's key and the byte's index.
 */
#ifndef NHT_SHADOW_H
#define NHT_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/arena.h"

typedef struct shadow_block {
	unsigned char *address;
	size_t size;      /* asked for */
	size_t usable;    /* given */
	size_t alignment; /* promised */
	uint32_t key;
	int heap;
	bool seen; /* by the walk under way */
} shadow_block;

typedef struct shadow {
	const nht_arena *arena;
	shadow_block *blocks;
	unsigned count, limit;
	uint32_t *bits;
	size_t live; /* usable bytes of all blocks */
} shadow;

void shadow_make(shadow *s, const nht_arena *arena, unsigned limit);
void shadow_drop(shadow *s);

/* Claims or returns [address, address + size); false if any of it was, or was not, claimed. */
bool shadow_claim(shadow *s, const void *address, size_t size);
bool shadow_return(shadow *s, const void *address, size_t size);

/* Adds a block that was claimed, or forgets one that was returned (the last takes its index). */
void shadow_add(shadow *s, const shadow_block *block);
void shadow_remove(shadow *s, unsigned index);

/* Ascending by address; indices change. */
void shadow_sort(shadow *s);
/* In a sorted shadow, the block at exactly this address or NULL. */
shadow_block *shadow_find(shadow *s, const void *address);

/* Writes the pattern over `length` bytes; looks whether the first `upto` of them still hold it.
 * Long blocks are written and read at both ends and at intervals between. */
void pattern_write(unsigned char *address, size_t length, uint32_t key);
bool pattern_holds(const unsigned char *address, size_t length, size_t upto, uint32_t key);

#endif

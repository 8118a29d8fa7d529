/* SPDX-License-Identifier: MIT */
#include "shadow.h"

#include <stdio.h>
#include <stdlib.h>

#define GRAIN ((size_t)8)

/* Every byte this far from an end of a block is written; between, one in STRIDE. */
#define EDGE ((size_t)768)
#define STRIDE ((size_t)509)

void shadow_make(shadow *s, const nht_arena *arena, unsigned limit)
{
	s->arena = arena;
	s->count = 0;
	s->limit = limit;
	s->live = 0;
	s->blocks = malloc(limit * sizeof *s->blocks);
	s->bits = calloc(arena->size / GRAIN / 32u + 2u, sizeof *s->bits);
	if (s->blocks == NULL || s->bits == NULL) {
		fprintf(stderr, "no memory for a shadow of %u blocks\n", limit);
		exit(2);
	}
}

void shadow_drop(shadow *s)
{
	free(s->blocks);
	free(s->bits);
	s->blocks = NULL;
	s->bits = NULL;
}

/* Flips the bits of a span if all of them are in state `from`, whole words at a time. */
static bool flip(shadow *s, const void *address, size_t size, bool from)
{
	size_t offset = (size_t)((const unsigned char *)address - s->arena->memory);
	size_t first = offset / GRAIN;
	size_t end = (offset + size + GRAIN - 1u) / GRAIN;
	while (first < end) {
		size_t bit = first % 32u;
		size_t width = end - first < 32u - bit ? end - first : 32u - bit;
		uint32_t mask = (width == 32u ? UINT32_MAX : ((UINT32_C(1) << width) - 1u)) << bit;
		uint32_t *word = &s->bits[first / 32u];
		if ((*word & mask) != (from ? mask : 0u))
			return false;
		*word ^= mask;
		first += width;
	}
	return true;
}

bool shadow_claim(shadow *s, const void *address, size_t size)
{
	return flip(s, address, size, false);
}

bool shadow_return(shadow *s, const void *address, size_t size)
{
	return flip(s, address, size, true);
}

void shadow_add(shadow *s, const shadow_block *block)
{
	if (s->count >= s->limit)
		abort();
	s->blocks[s->count++] = *block;
	s->live += block->usable;
}

void shadow_remove(shadow *s, unsigned index)
{
	s->live -= s->blocks[index].usable;
	s->blocks[index] = s->blocks[--s->count];
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const shadow_block *)a)->address;
	uintptr_t y = (uintptr_t)((const shadow_block *)b)->address;
	return (x > y) - (x < y);
}

void shadow_sort(shadow *s)
{
	qsort(s->blocks, s->count, sizeof *s->blocks, by_address);
}

shadow_block *shadow_find(shadow *s, const void *address)
{
	uintptr_t wanted = (uintptr_t)address;
	unsigned low = 0, high = s->count;
	while (low < high) {
		unsigned middle = low + (high - low) / 2u;
		uintptr_t at = (uintptr_t)s->blocks[middle].address;
		if (at == wanted)
			return &s->blocks[middle];
		if (at < wanted)
			low = middle + 1u;
		else
			high = middle;
	}
	return NULL;
}

static unsigned char pattern_byte(uint32_t key, size_t index)
{
	uint32_t mixed = (key + (uint32_t)index * UINT32_C(2654435761)) ^ (key >> 13);
	return (unsigned char)(mixed >> 21);
}

/* The index after `index` that belongs to the pattern of a block of `length` bytes. */
static size_t pattern_next(size_t index, size_t length)
{
	if (index + 1u < EDGE || index + 1u + EDGE >= length)
		return index + 1u;
	return index + STRIDE + EDGE < length ? index + STRIDE : length - EDGE;
}

void pattern_write(unsigned char *address, size_t length, uint32_t key)
{
	for (size_t i = 0; i < length; i = pattern_next(i, length))
		address[i] = pattern_byte(key, i);
}

bool pattern_holds(const unsigned char *address, size_t length, size_t upto, uint32_t key)
{
	size_t end = upto < length ? upto : length;
	for (size_t i = 0; i < end; i = pattern_next(i, length))
		if (address[i] != pattern_byte(key, i))
			return false;
	return true;
}

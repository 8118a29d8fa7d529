/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE ((size_t)4096)

static size_t round_up(size_t value, size_t to)
{
	return (value + to - 1u) / to * to;
}

static unsigned char guard_byte(const unsigned char *address)
{
	uintptr_t bits = (uintptr_t)address;
	return (unsigned char)(0xa5u ^ bits ^ (bits >> 8));
}

static void paint(unsigned char *from, const unsigned char *to)
{
	for (; from < to; from++)
		*from = guard_byte(from);
}

static bool painted(const unsigned char *from, const unsigned char *to)
{
	for (; from < to; from++)
		if (*from != guard_byte(from))
			return false;
	return true;
}

static void obtain(nht_arena *arena, size_t size)
{
	arena->size = round_up(size, PAGE);
	arena->memory = aligned_alloc(PAGE, arena->size);
	arena->count = 0;
	if (arena->memory == NULL) {
		fprintf(stderr, "no memory for an arena of %zu bytes\n", arena->size);
		exit(2);
	}
}

static void paint_gaps(nht_arena *arena)
{
	unsigned char *from = arena->memory;
	for (unsigned i = 0; i < arena->count; i++) {
		paint(from, arena->parts[i].base);
		from = arena->parts[i].base + arena->parts[i].size;
	}
	paint(from, arena->memory + arena->size);
}

void nht_arena_make(nht_arena *arena, size_t size, size_t misalign)
{
	obtain(arena, PAGE + misalign + size + NHT_GUARD);
	arena->parts[0].base = arena->memory + PAGE + misalign;
	arena->parts[0].size = size;
	arena->count = 1;
	paint_gaps(arena);
}

void nht_arena_parts(nht_arena *arena, unsigned count, const size_t *sizes, const size_t *misalign)
{
	if (count > NHT_ARENA_PARTS)
		abort();
	size_t total = NHT_GUARD;
	for (unsigned i = 0; i < count; i++)
		total += round_up(sizes[i], 64) + 64u + 64u + NHT_GUARD;
	obtain(arena, total);
	size_t at = NHT_GUARD;
	for (unsigned i = 0; i < count; i++) {
		at = round_up(at, 64) + (misalign != NULL ? misalign[i] % 64u : 0u);
		arena->parts[i].base = arena->memory + at;
		arena->parts[i].size = sizes[i];
		at += sizes[i] + NHT_GUARD;
	}
	arena->count = count;
	paint_gaps(arena);
}

bool nht_arena_intact(const nht_arena *arena)
{
	const unsigned char *from = arena->memory;
	for (unsigned i = 0; i < arena->count; i++) {
		if (!painted(from, arena->parts[i].base))
			return false;
		from = arena->parts[i].base + arena->parts[i].size;
	}
	return painted(from, arena->memory + arena->size);
}

int nht_arena_find(const nht_arena *arena, const void *address, size_t size)
{
	uintptr_t at = (uintptr_t)address;
	for (unsigned i = 0; i < arena->count; i++) {
		uintptr_t base = (uintptr_t)arena->parts[i].base;
		if (at >= base && at - base <= arena->parts[i].size && size <= arena->parts[i].size - (at - base))
			return (int)i;
	}
	return -1;
}

bool nht_arena_drop(nht_arena *arena)
{
	bool intact = nht_arena_intact(arena);
	free(arena->memory);
	arena->memory = NULL;
	arena->count = 0;
	return intact;
}

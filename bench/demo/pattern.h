/* SPDX-License-Identifier: MIT */
/*
 * Contents of a block that only the one who knows its tag can foretell. A block that was handed out
 * twice, or that metadata was written into, fails the check at its receiver.
 */
#ifndef DEMO_PATTERN_H
#define DEMO_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

/* Neither a pointer into RAM nor a small number, and different in every word. */
#define DEMO_PATTERN_STEP UINT32_C(0x9e3779b9)

static inline void demo_pattern_fill(void *address, uint32_t size, uint32_t tag)
{
	uint32_t *word = address;
	uint32_t value = tag;
	for (uint32_t left = size / 4u; left != 0; left--) {
		*word++ = value;
		value += DEMO_PATTERN_STEP;
	}
	uint8_t *byte = (uint8_t *)word;
	for (uint32_t left = size % 4u; left != 0; left--)
		*byte++ = (uint8_t)(value + left);
}

static inline bool demo_pattern_holds(const void *address, uint32_t size, uint32_t tag)
{
	const uint32_t *word = address;
	uint32_t value = tag;
	uint32_t wrong = 0;
	for (uint32_t left = size / 4u; left != 0; left--) {
		wrong |= *word++ ^ value;
		value += DEMO_PATTERN_STEP;
	}
	const uint8_t *byte = (const uint8_t *)word;
	for (uint32_t left = size % 4u; left != 0; left--)
		wrong |= (uint32_t)(*byte++ ^ (uint8_t)(value + left));
	return wrong == 0;
}

/* Marsaglia's xorshift: 32 bits of state, never 0. */
static inline uint32_t demo_random(uint32_t *state)
{
	uint32_t x = *state;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

/* first .. last, both included. */
static inline uint32_t demo_between(uint32_t *state, uint32_t first, uint32_t last)
{
	return first + demo_random(state) % (last - first + 1u);
}

/* A state for stream `stream` of a seed; any seed will do. */
static inline uint32_t demo_random_start(uint32_t seed, uint32_t stream)
{
	uint32_t x = (seed + stream * DEMO_PATTERN_STEP) * UINT32_C(0x85ebca6b);
	x ^= x >> 15;
	return x != 0 ? x : 1u;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A small seeded generator: xoshiro128** (Blackman, Vigna), its state filled by splitmix64.
 * 32-bit words, so that a seed gives the same stream on 32-bit and 64-bit targets.
 *
 * Or the bytes of a fuzzer's input in its place: then each choice takes as few of them as it needs, so that
 * what a fuzzer changes is a choice, and after the last byte all choices are the first.
 */
#ifndef NHT_RANDOM_H
#define NHT_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nht_random {
	uint32_t state[4];
	const uint8_t *bytes, *end; /* a fuzzer's input; NULL = the generator */
} nht_random;

static inline void nht_random_seed(nht_random *random, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++) {
		seed += UINT64_C(0x9e3779b97f4a7c15);
		uint64_t z = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		random->state[i] = (uint32_t)(z >> 32);
	}
	random->state[0] |= 1u; /* all zero is the one state that never leaves itself */
	random->bytes = random->end = NULL;
}

static inline void nht_random_bytes(nht_random *random, const uint8_t *bytes, size_t size)
{
	random->bytes = bytes;
	random->end = bytes + size;
}

/* Of an input: whether all of it was used. The generator goes on for ever. */
static inline bool nht_random_ended(const nht_random *random)
{
	return random->bytes != NULL && random->bytes == random->end;
}

static inline uint32_t nht_from_bytes(nht_random *random, unsigned count)
{
	uint32_t result = 0;
	for (unsigned i = 0; i < count && random->bytes != random->end; i++)
		result = result << 8 | *random->bytes++;
	return result;
}

static inline uint32_t nht_rotate(uint32_t value, unsigned by)
{
	return (value << by) | (value >> (32u - by));
}

static inline uint32_t nht_next(nht_random *random)
{
	uint32_t *s = random->state;
	if (random->bytes != NULL)
		return nht_from_bytes(random, 4);
	uint32_t result = nht_rotate(s[1] * 5u, 7) * 9u;
	uint32_t shifted = s[1] << 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = nht_rotate(s[3], 11);
	return result;
}

/* 0 .. limit-1; limit 0 gives 0. The bias is below 2^-32 * limit: irrelevant for tests. */
static inline size_t nht_below(nht_random *random, size_t limit)
{
	if (random->bytes != NULL) {
		unsigned count = limit <= 256u ? 1 : limit <= 65536u ? 2 : 4;
		return (size_t)(((uint64_t)nht_from_bytes(random, count) * (uint64_t)limit) >> (8u * count));
	}
	return (size_t)(((uint64_t)nht_next(random) * (uint64_t)limit) >> 32);
}

static inline size_t nht_between(nht_random *random, size_t low, size_t high)
{
	return low + nht_below(random, high - low + 1u);
}

/* True `percent` times in a hundred. */
static inline bool nht_chance(nht_random *random, unsigned percent)
{
	return nht_below(random, 100u) < percent;
}

#endif

/* SPDX-License-Identifier: MIT */
/* See scenes.h. */
#include "scenes.h"
#include "bench/demo/pattern.h"

#include <stdio.h>

/* Shares are counted in parts of a thousand; a multiple of every step. */
#define HIGHEST 900u
#define CONTIGUITY_SHARE 600u
/* Replacements pass in so many parts; after the first few, each is followed by a look. */
#define SETTLING 10u
#define SAMPLES 50u
/* A program whose blocks die of themselves may never reach its limit. */
#define MOST_FILLING 400000u

typedef struct wish (*mix_of)(uint32_t *random, uint32_t now);

static double share_of(const struct run *run, size_t bytes)
{
	return 100.0 * (double)bytes / (double)run->heap_size;
}

/* One allocation: who is due dies, and as many more as it takes to stay within `limit`. */
static bool replace(struct run *run, mix_of mix, size_t limit)
{
	const struct wish wish = mix(&run->random, run->now);
	population_expire(run);
	while (population().bytes + wish.size > limit && population().count != 0)
		population_give(run);
	return population_take(run, wish);
}

static size_t limit_of(const struct run *run, unsigned share)
{
	return run->heap_size / 1000u * share + run->heap_size % 1000u * share / 1000u;
}

/* Everything up to here counts as filling: what is replaced does not grow any more. */
static bool fill_to(struct run *run, mix_of mix, size_t limit)
{
	while (population().bytes < limit - limit / 100u && run->now < MOST_FILLING)
		if (!replace(run, mix, limit))
			return false;
	return true;
}

static bool survives(struct run *run, mix_of mix, uint32_t seed, unsigned share, uint32_t replacements)
{
	const size_t limit = limit_of(run, share);
	population_begin(run, seed);
	bool fits = fill_to(run, mix, limit);
	while (fits && replacements-- != 0)
		fits = replace(run, mix, limit);
	return fits;
}

static void line(const struct run *run, const char *scene, uint32_t seed)
{
	printf("{\"scene\": \"%s\", \"size\": %zu, \"cpus\": %u, \"caches\": %d, \"seed\": %u", scene,
	       run->heap_size, run->cpus, NH_CACHES, (unsigned)seed);
}

/* In a small heap a share lasts longer the less it is, and half a percent is less than a block. */
static unsigned step_of(const struct run *run)
{
	return run->heap_size >= 128u * 1024u ? 5u : run->heap_size >= 8u * 1024u ? 10u : 20u;
}

/* From above: a share that is too high fails soon. */
static void sustained(struct run *run, mix_of mix, const char *scene, uint32_t seed, uint32_t replacements)
{
	const unsigned step = step_of(run);
	unsigned share = HIGHEST;
	while (share != 0 && !survives(run, mix, seed, share, replacements))
		share -= step;
	const nh_heap_stats stats = heap_stats();
	line(run, scene, seed);
	printf(", \"share\": %.1f, \"replacements\": %u, \"cached\": %zu, \"cacheLimit\": %zu}\n",
	       share / 10.0, (unsigned)replacements, stats.cached, stats.cache_limit);
}

void scene_sustained(struct run *run, uint32_t seed, uint32_t replacements)
{
	sustained(run, mix_random, "sustained", seed, replacements);
}

void scene_phases(struct run *run, uint32_t seed, uint32_t replacements)
{
	sustained(run, mix_firmware, "phases", seed, replacements);
}

static void until_full(struct run *run, const char *scene, uint32_t seed, bool churn)
{
	population_begin(run, seed);
	while (population_take(run, mix_random(&run->random, 0)))
		if (churn && demo_between(&run->random, 1, 3) == 1u)
			population_give(run);
	const nh_heap_stats stats = heap_stats();
	line(run, scene, seed);
	printf(", \"share\": %.2f, \"cached\": %zu}\n", share_of(run, population().bytes), stats.cached);
}

void scene_fill(struct run *run, uint32_t seed, uint32_t replacements)
{
	(void)replacements;
	until_full(run, "fill", seed, false);
}

void scene_churn(struct run *run, uint32_t seed, uint32_t replacements)
{
	(void)replacements;
	until_full(run, "churn", seed, true);
}

void scene_contiguity(struct run *run, uint32_t seed, uint32_t replacements)
{
	const size_t limit = limit_of(run, CONTIGUITY_SHARE);
	population_begin(run, seed);
	bool fits = fill_to(run, mix_random, limit);
	double parts = 0, cached = 0;
	for (unsigned sample = 0; fits && sample < SETTLING + SAMPLES; sample++) {
		for (uint32_t left = replacements / (SETTLING + SAMPLES); fits && left != 0; left--)
			fits = replace(run, mix_random, limit);
		if (sample < SETTLING)
			continue;
		const nh_heap_stats stats = heap_stats();
		parts += (double)stats.largest_free / (double)(stats.free + stats.cached);
		cached += (double)stats.cached;
	}
	line(run, "contiguity", seed);
	printf(", \"survived\": %s, \"part\": %.4f, \"cached\": %.0f, \"replacements\": %u}\n",
	       fits ? "true" : "false", parts / SAMPLES, cached / SAMPLES, (unsigned)replacements);
}

/* The largest request that an empty heap serves. */
static size_t largest_block(void)
{
	size_t size = heap_stats().largest_free;
	void *block;
	while ((block = nh_malloc(size)) == NULL && size != 0)
		size--;
	const size_t usable = nh_usable_size(block);
	nh_free(block);
	return usable;
}

void scene_bytes(struct run *run, uint32_t seed, uint32_t replacements)
{
	(void)replacements;
	population_begin(run, seed);
	const size_t blocks = heap_stats().size, largest = largest_block();
	while (population_take(run, mix_random(&run->random, 0)))
		;
	const nh_heap_stats stats = heap_stats();
	const struct population all = population();
	line(run, "bytes", seed);
	printf(", \"control\": %zu, \"instance\": %zu, \"largest\": %zu, \"overhead\": %.3f, \"rounding\": "
	       "%.3f, "
	       "\"cacheLimit\": %zu}\n",
	       run->heap_size - blocks, sizeof(nh_instance_storage), largest,
	       (double)(stats.live - population_usable()) / all.count,
	       (double)(population_usable() - all.bytes) / all.count, stats.cache_limit);
}

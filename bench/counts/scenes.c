/* SPDX-License-Identifier: MIT */
/* Single calls: see scenes.h. */
#include "scenes.h"
#include "count.h"
#include "heap.h"

#define HEAP ((size_t)64 << 20)
#define TIMES 1000u
#define MANY 256u
#define LIVE 1000u
#define REPLACEMENTS 20000u

/* malloc and free of one size in turn: hits, where the size has a class. */
static void pairs(const char *scene, size_t size, uint32_t flags)
{
	heaps_make(1, HEAP, flags);
	for (unsigned i = 0; i < 8u; i++)
		nh_free(got(nh_malloc(size)));
	count_begin();
	for (unsigned i = 0; i < TIMES; i++)
		nh_free(got(nh_malloc(size)));
	count_end(scene, size, TIMES);
}

/* Many taken from empty caches, then all given back: misses, and frees that overflow. */
static void runs(size_t size)
{
	static void *block[MANY];
	heaps_make(1, HEAP, 0);
	nh_free(got(nh_malloc(size)));
	count_begin();
	for (unsigned i = 0; i < MANY; i++)
		block[i] = got(nh_malloc(size));
	count_end("malloc_run", size, MANY);
	count_begin();
	for (unsigned i = 0; i < MANY; i++)
		nh_free(block[i]);
	count_end("free_run", size, MANY);
}

static void random_mix(const char *scene, uint32_t most)
{
	heaps_make(1, HEAP, 0);
	live_settle(LIVE, 8, most);
	count_begin();
	for (unsigned i = 0; i < REPLACEMENTS; i++)
		live_replace();
	count_end(scene, most, REPLACEMENTS);
}

static void others(void)
{
	heaps_make(1, HEAP, 0);
	nh_free(got(nh_calloc(4, 16)));
	count_begin();
	for (unsigned i = 0; i < TIMES; i++)
		nh_free(got(nh_calloc(4, 16)));
	count_end("calloc", 64, TIMES);
	count_begin();
	for (unsigned i = 0; i < TIMES; i++)
		nh_free(got(nh_aligned_alloc(256, 64)));
	count_end("aligned", 256, TIMES);
	void *block = got(nh_malloc(16));
	count_begin();
	for (unsigned i = 1; i <= TIMES; i++)
		block = got(nh_realloc(block, 16u * i));
	count_end("realloc_growth", 16, TIMES);
	nh_free(block);
}

void count_calls(void)
{
	for (size_t size = 16; size <= 1024u; size *= 4u)
		pairs("pair", size, 0);
	pairs("pair_nocaches", 64, NH_HEAP_NO_CACHES);
	runs(64);
	random_mix("random", 512);
	random_mix("random", 4096);
	others();
}

/* SPDX-License-Identifier: MIT */
/* Growth: see scenes.h. */
#include "scenes.h"
#include "count.h"
#include "heap.h"

#define BLOCKS_HEAP ((size_t)64 << 20) /* twice what the most blocks take */
#define FEW 20u                        /* blocks that fit the smallest heap */
#define HEAPS_SIZE ((size_t)1 << 20)
#define REPLACEMENTS 20000u
#define TIMES 1000u

static void replacements(const char *scene, uint64_t point, uint32_t live)
{
	live_settle(live, 8, 512);
	count_begin();
	for (unsigned i = 0; i < REPLACEMENTS; i++)
		live_replace();
	count_end(scene, point, REPLACEMENTS);
}

static void more_blocks(const char *scene, uint32_t flags)
{
	for (uint32_t live = 100; live <= MOST_LIVE; live *= 10u) {
		heaps_make(1, BLOCKS_HEAP, flags);
		replacements(scene, live, live);
	}
}

/* 16 KiB to 512 MiB. */
static void larger_heaps(const char *scene, uint32_t flags)
{
	for (size_t size = (size_t)16 << 10; size <= (size_t)512 << 20; size *= 8u) {
		heaps_make(1, size, flags);
		replacements(scene, size, FEW);
	}
}

/* The heap that was added last is asked for by its attribute, and its block freed. */
static void more_heaps(const char *scene, uint32_t flags)
{
	for (unsigned count = 1; count <= NH_MAX_HEAPS; count *= 2u) {
		const uint32_t attribute = NH_ATTR_USER(count - 1u);
		heaps_make(count, HEAPS_SIZE, flags);
		for (unsigned i = 0; i < 8u; i++)
			nh_free(got(nh_malloc_attr(attribute, 64)));
		count_begin();
		for (unsigned i = 0; i < TIMES; i++)
			nh_free(got(nh_malloc_attr(attribute, 64)));
		count_end(scene, count, TIMES);
	}
}

void count_growth(void)
{
	more_blocks("blocks", 0);
	more_blocks("blocks_nocaches", NH_HEAP_NO_CACHES);
	larger_heaps("heap_size", 0);
	larger_heaps("heap_size_nocaches", NH_HEAP_NO_CACHES);
	more_heaps("heaps", 0);
	more_heaps("heaps_nocaches", NH_HEAP_NO_CACHES);
}

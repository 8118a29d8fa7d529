/* SPDX-License-Identifier: MIT */
/*
 * nearheap in the scenes. Three heaps: `near` is CPU 0's, `far` CPU 1's, `spare` both's. The scenes of its
 * own fill them in turn.
 */
#include "scenes.h"

enum { NEAR, FAR, SPARE, HEAPS };

#define NEAR_SIZE (128u * 1024u)
#define SPARE_SIZE (20u * 1024u) /* just large enough for caches */
#define WHOLE_SIZE (192u * 1024u) /* is not made, only asked about */
#define FILLED 1024u

static void *filled[FILLED];
static unsigned filled_count;

static nh_heap_config heap_in(const char *name, enum board_bank bank, size_t most, uint32_t affinity)
{
	nh_heap_config heap = { .name = name, .affinity = affinity };
	board_bank_memory(bank, &heap.base, &heap.size);
	if (heap.size > most)
		heap.size = most;
	return heap;
}

void bench_allocator_init(void)
{
	const nh_heap_config heaps[HEAPS] = {
		[NEAR] = heap_in("near", BOARD_SHARED, NEAR_SIZE, NH_CPU(0)),
		[FAR] = heap_in("far", BOARD_LOCAL1, NEAR_SIZE, NH_CPU(1)),
		[SPARE] = heap_in("spare", BOARD_LOCAL0, SPARE_SIZE, 0),
	};
	BOARD_CHECK(nh_init(heaps, HEAPS, NULL) == NH_OK);
	board_printf("instance: %u bytes\n", (unsigned)sizeof(nh_instance_storage));
	for (unsigned i = 0; i < HEAPS; i++)
		board_printf("control: %s %u %u\n", heaps[i].name, (unsigned)heaps[i].size,
		             (unsigned)nh_heap_control_size(&heaps[i]));
	nh_heap_config whole = heaps[SPARE];
	whole.size = WHOLE_SIZE;
	board_printf("control: whole %u %u\n", (unsigned)whole.size, (unsigned)nh_heap_control_size(&whole));
}

/* ---- which kind was it? ----------------------------------------------------------------- */

static nh_cpu_stats counters(int heap)
{
	nh_cpu_stats stats;
	BOARD_CHECK(nh_cpu_stats_get(heap, 0, &stats) == NH_OK);
	return stats;
}

enum bench_kind bench_kind_of_malloc(size_t size)
{
	static uint32_t known;
	const uint32_t misses = counters(NEAR).misses;
	const bool missed = !NH_CACHES || misses != known;
	known = misses;
	return size > BENCH_SMALL ? BENCH_MALLOC_LARGE : missed ? BENCH_MALLOC_MISS : BENCH_MALLOC_HIT;
}

enum bench_kind bench_kind_of_free(size_t size)
{
	static uint32_t known;
	const uint32_t overflows = counters(NEAR).overflows;
	const bool overflowed = !NH_CACHES || overflows != known;
	known = overflows;
	return size > BENCH_SMALL ? BENCH_FREE_LARGE : overflowed ? BENCH_FREE_OVERFLOW : BENCH_FREE_HIT;
}

/* ---- scenes of its own ------------------------------------------------------------------ */

static void *take_from(unsigned heap, size_t size)
{
	const nh_request request = { .heaps = 1u << heap, .flags = NH_NO_RECLAIM };
	return nh_alloc(&request, size);
}

/* Blocks of a heap whose CPU sleeps: its inbox holds NH_INBOX_LIMIT of a class, the rest takes the lock. */
static void remote_frees(void)
{
	for (unsigned round = 0; round < 12u; round++) {
		for (size_t size = 24; size <= 64u; size += 40u) {
			void *block[12];
			for (unsigned i = 0; i < 12u; i++)
				block[i] = take_from(FAR, size);
			for (unsigned i = 0; i < 12u; i++) {
				nh_heap_stats before, after;
				BOARD_CHECK(block[i] != NULL);
				BOARD_CHECK(nh_heap_stats_get(FAR, &before) == NH_OK);
				bench_begin();
				nh_free(block[i]);
				bench_end();
				BOARD_CHECK(nh_heap_stats_get(FAR, &after) == NH_OK);
				bench_was(after.remote_frees != before.remote_frees ? BENCH_FREE_REMOTE
				                                                    : BENCH_FREE_REMOTE_FULL);
			}
		}
		BOARD_CHECK(nh_trim(FAR) == NH_OK);
	}
}

static void fill(unsigned heap)
{
	for (size_t size = 8192; size >= 8u; size /= 2u) {
		void *block;
		while ((block = take_from(heap, size)) != NULL) {
			BOARD_CHECK(filled_count < FILLED);
			filled[filled_count++] = block;
		}
	}
}

static void fallbacks(void)
{
	for (unsigned i = 0; i < 50u; i++) {
		const size_t size = 16u + 8u * (i % 20u);
		bench_begin();
		void *block = nh_malloc(size);
		bench_end();
		bench_was(BENCH_FALLBACK);
		BOARD_CHECK(nh_heap_of(block) == SPARE);
		nh_free(block);
	}
}

/* `spare` is full of blocks of 24 bytes, in the order of their addresses as a rule. Six neighbours go into the
 * caches; a request for most of their room finds it when they have been emptied and merged. */
static void reclaims(void)
{
	static void *small[SPARE_SIZE / 24u];
	unsigned count = 0;
	while ((small[count] = take_from(SPARE, 24)) != NULL)
		count++;
	fill(SPARE);
	for (unsigned i = 0; i + 6u <= count && i < 300u; i += 6u) {
		for (unsigned k = 0; k < 6u; k++)
			nh_free(small[i + k]);
		bench_begin();
		void *block = nh_malloc(140);
		bench_end();
		bench_was(block != NULL ? BENCH_RECLAIM : BENCH_REFUSED);
		void *other = block == NULL ? NULL : nh_malloc(140);
		BOARD_CHECK(other == NULL);
		nh_free(block);
		for (unsigned k = 0; k < 6u; k++)
			small[i + k] = take_from(SPARE, 24);
	}
	for (unsigned i = 0; i < 20u; i++) {
		bench_begin();
		void *block = nh_malloc(2000);
		bench_end();
		BOARD_CHECK(block == NULL);
		bench_was(BENCH_REFUSED);
	}
}

void bench_scene_own(void)
{
	if (NH_CACHES)
		remote_frees();
	BOARD_CHECK(nh_trim(-1) == NH_OK);
	fill(NEAR);
	fallbacks();
	fill(FAR);
	reclaims();
	nh_report report;
	BOARD_CHECK(nh_validate(-1, &report) == NH_OK);
}

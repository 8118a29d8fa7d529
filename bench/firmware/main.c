/* SPDX-License-Identifier: MIT */
/*
 * What one call costs, on CPU 0 alone with the other CPU at rest: no contention, no interrupts. Sizes in
 * the random scene are those of the design's mix: four of five 8 to 64 bytes, the rest 128 to 1536; at 300 live
 * blocks the heap of 128 KiB is not quite half full.
 */
#include "bench.h"
#include "pattern.h"
#include "scenes.h"

#define PAIRS 200u
#define LIVE 300u
#define ROUNDS 1500u

int main(void);

static void *live[LIVE];
static uint32_t size_of[LIVE];
static uint32_t random_state;

void board_handler(enum board_irq irq)
{
	(void)irq;
}

static void calibrate(void)
{
	for (unsigned i = 0; i < 16u; i++) {
		bench_begin();
		bench_end();
		bench_was(BENCH_EMPTY);
	}
}

static void pairs(enum bench_kind of_malloc, enum bench_kind of_free)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		bench_begin();
		void *block = bench_malloc(64);
		bench_end();
		bench_was(of_malloc);
		BOARD_CHECK(block != NULL);
		bench_begin();
		bench_free(block);
		bench_end();
		bench_was(of_free);
	}
}

static void pairs_between_others(void)
{
	void *block[3];
	for (unsigned i = 0; i < 3u; i++)
		block[i] = bench_malloc(64);
	bench_free(block[1]);
	pairs(BENCH_PAIR_MALLOC, BENCH_PAIR_FREE);
	bench_free(block[0]);
	bench_free(block[2]);
}

static uint32_t random_size(void)
{
	return demo_random(&random_state) % 5u != 0 ? demo_between(&random_state, 8, 64)
	                                            : demo_between(&random_state, 129, 1536);
}

static void take(unsigned i, bool measured)
{
	const uint32_t size = random_size();
	bench_begin();
	live[i] = bench_malloc(size);
	bench_end();
	BOARD_CHECK(live[i] != NULL);
	size_of[i] = size;
	const enum bench_kind kind = bench_kind_of_malloc(size);
	if (measured)
		bench_was(kind);
}

static void give(unsigned i, bool measured)
{
	bench_begin();
	bench_free(live[i]);
	bench_end();
	const enum bench_kind kind = bench_kind_of_free(size_of[i]);
	if (measured)
		bench_was(kind);
}

static void replace_at_random(void)
{
	for (unsigned i = 0; i < LIVE; i++)
		take(i, false);
	for (unsigned i = 0; i < 4u * LIVE; i++) { /* forget the order of the beginning */
		const unsigned k = demo_random(&random_state) % LIVE;
		give(k, false);
		take(k, false);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		const unsigned k = demo_random(&random_state) % LIVE;
		give(k, true);
		take(k, true);
	}
	for (unsigned i = 0; i < LIVE; i++)
		give(i, false);
}

int main(void)
{
	board_init();
	random_state = demo_random_start(nh_board_seed, 0);
	bench_allocator_init();
	calibrate();
	pairs(BENCH_ALONE_MALLOC, BENCH_ALONE_FREE);
	pairs_between_others();
	replace_at_random();
	bench_scene_own();
	board_printf("board: %s\nunit: %s\n", board_name, board_count_unit != NULL ? board_count_unit : "-");
	bench_report();
	board_puts("bench: ok\n");
	return 0;
}

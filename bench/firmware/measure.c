/* SPDX-License-Identifier: MIT */
/* Taking the measurements: see bench.h. */
#include "bench.h"

#define SAMPLES 8192u
#define LINE 64u

struct sum {
	uint32_t count, total, least, most;
};

static struct sum sums[BENCH_KINDS];
static uint8_t order[SAMPLES];
static uint32_t sample_count;
static volatile uint32_t begun, took;

/* Where the runner counts, it watches for the entries of these two. */
__attribute__((noinline)) void bench_begin(void)
{
	begun = board_count();
	__asm volatile("" ::: "memory");
}

__attribute__((noinline)) void bench_end(void)
{
	__asm volatile("" ::: "memory");
	took = board_count_since(begun);
}

void bench_was(enum bench_kind kind)
{
	struct sum *sum = &sums[kind];
	const uint32_t cost = took;
	if (sum->count == 0 || cost < sum->least)
		sum->least = cost;
	if (cost > sum->most)
		sum->most = cost;
	sum->total += cost;
	sum->count++;
	BOARD_CHECK(sample_count < SAMPLES);
	order[sample_count++] = (uint8_t)kind;
}

void bench_report(void)
{
	if (board_count_unit != NULL) {
		for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
			board_printf("kind %u: %u %u %u %u\n", kind, (unsigned)sums[kind].count,
			             (unsigned)sums[kind].total, (unsigned)sums[kind].least,
			             (unsigned)sums[kind].most);
		return;
	}
	for (uint32_t i = 0; i < sample_count; i += LINE) {
		board_puts("order: ");
		for (uint32_t k = i; k < sample_count && k < i + LINE; k++)
			board_putc((char)('a' + order[k]));
		board_puts("\n");
	}
}

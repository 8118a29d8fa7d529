/* SPDX-License-Identifier: MIT */
/* See population.h. */
#include "population.h"
#include "bench/demo/pattern.h"

#include <nearheap/host.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_HEAP ((size_t)192 * 1024)
#define MOST_BLOCKS (MOST_HEAP / 8u)

/* How many blocks are looked at when some may expire. */
#define YOUNGEST 32u
#define OTHERS 16u

struct block {
	uint32_t *address;
	uint32_t size;
	uint32_t death; /* MIX_FOR_EVER or a time */
	unsigned cpu;
};

static _Alignas(4096) unsigned char memory[MOST_HEAP];
static struct block blocks[MOST_BLOCKS];
static struct population all;
static unsigned cursor;

static void die(const char *what)
{
	fprintf(stderr, "memory: %s\n", what);
	exit(2);
}

static void on_cpu(const struct run *run, unsigned cpu)
{
	if (run->cpus > 1 && nh_host_attach((int)cpu) != NH_OK)
		die("no such CPU");
}

void population_begin(struct run *run, uint32_t seed)
{
	const nh_heap_config heap = { .name = "measured",
		                      .base = memory,
		                      .size = run->heap_size,
		                      .affinity = run->cpus == 1 ? NH_CPU(0) : 0 };
	const nh_status status = nh_deinit();
	if (run->heap_size > MOST_HEAP || (status != NH_OK && status != NH_ENOINIT))
		die("not possible");
	if (nh_host_attach(0) != NH_OK || nh_init(&heap, 1, NULL) != NH_OK)
		die("nh_init refused the heap");
	run->random = demo_random_start(seed, 0);
	run->now = 0;
	all = (struct population){ 0 };
	cursor = 0;
}

bool population_take(struct run *run, struct wish wish)
{
	const unsigned cpu = run->cpus == 1 ? 0 : demo_between(&run->random, 0, run->cpus - 1u);
	on_cpu(run, cpu);
	uint32_t *address = nh_malloc(wish.size);
	if (address == NULL)
		return false;
	if (all.count == MOST_BLOCKS)
		die("more blocks than fit");
	*address = wish.size;
	blocks[all.count++] = (struct block){
		.address = address,
		.size = wish.size,
		.death = wish.life == MIX_FOR_EVER ? MIX_FOR_EVER : run->now + wish.life,
		.cpu = cpu,
	};
	all.bytes += wish.size;
	run->now++;
	return true;
}

/* The last block takes its place. */
static void give(struct run *run, unsigned index)
{
	struct block *block = &blocks[index];
	unsigned cpu = block->cpu;
	if (run->cpus > 1 && demo_between(&run->random, 1, FOREIGN_FREES) == 1u)
		cpu = (cpu + 1u) % run->cpus;
	on_cpu(run, cpu);
	if (*block->address != block->size)
		die("a live block was written to");
	nh_free(block->address);
	all.bytes -= block->size;
	*block = blocks[--all.count];
}

void population_give(struct run *run)
{
	give(run, demo_between(&run->random, 0, all.count - 1u));
}

void population_expire(struct run *run)
{
	for (unsigned index = all.count; index > 0 && index + YOUNGEST > all.count; index--)
		if (blocks[index - 1u].death <= run->now)
			give(run, index - 1u);
	for (unsigned i = 0; i < OTHERS && all.count != 0; i++) {
		cursor = (cursor + 1u) % all.count;
		if (blocks[cursor].death <= run->now)
			give(run, cursor);
	}
}

struct population population(void)
{
	return all;
}

size_t population_usable(void)
{
	size_t usable = 0;
	for (unsigned i = 0; i < all.count; i++)
		usable += nh_usable_size(blocks[i].address);
	return usable;
}

nh_heap_stats heap_stats(void)
{
	nh_heap_stats stats;
	if (nh_heap_stats_get(0, &stats) != NH_OK)
		die("no statistics");
	return stats;
}

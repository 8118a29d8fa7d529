/* SPDX-License-Identifier: MIT */
/*
 * Heaps and regions added while four threads allocate. Two threads add, each every so many
 * operations of the others, so that additions also meet each other. NULL is the truth while memory
 * is short; once everything is there each region must have served somebody.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "stress.h"
#include "tests/support/fault.h"

#define WORKERS 4u
#define ADDERS 2u
#define HELD 800u
#define MOST_HEAPS (NH_MAX_HEAPS < 5 ? NH_MAX_HEAPS : 5)
#define PARTS (NH_MAX_REGIONS < 12 ? NH_MAX_REGIONS : 12)
#define PART_SIZE ((size_t)20 * 1024)

typedef struct program {
	stress_heaps heaps;
	atomic_size_t done;   /* operations of all workers */
	atomic_uint next;     /* part to be added */
	atomic_size_t refused;
	size_t operations; /* per worker */
	unsigned rounds;
} program;

static nh_heap_config config_of(program *p, unsigned part)
{
	nh_heap_config config = {0};
	config.base = p->heaps.arena.parts[part].base;
	config.size = p->heaps.arena.parts[part].size;
	config.affinity = part % 3u == 1u ? NH_CPU(STRESS_CPU(part % WORKERS)) : 0;
	config.window = (size_t)(p->heaps.arena.memory + p->heaps.arena.size - p->heaps.arena.parts[part].base);
	return config;
}

/* The first parts become heaps, the others regions of the first heap; a second try must be refused. */
static void add_part(program *p, unsigned part)
{
	const nht_part *memory = &p->heaps.arena.parts[part];
	nh_heap_config config = config_of(p, part);
	int heap = -1;
	nh_status status = part < MOST_HEAPS ? nh_instance_heap_add(p->heaps.instance, &config, &heap)
	                                     : nh_instance_region_add(p->heaps.instance, 0, memory->base, memory->size);
	NHT_CHECK(status == NH_OK, "part %u: %s", part, nh_status_string(status));
	NHT_CHECK(part >= MOST_HEAPS || (heap > 0 && heap < MOST_HEAPS), "part %u became heap %d", part, heap);
	status = nh_instance_region_add(p->heaps.instance, 0, memory->base, memory->size);
	NHT_CHECK(status != NH_OK, "part %u was added twice", part);
}

static void add_in_time(program *p)
{
	size_t total = p->operations * WORKERS;
	for (;;) {
		unsigned part = atomic_fetch_add(&p->next, 1u);
		if (part >= PARTS)
			return;
		/* All are there after two thirds of the operations; two at a time. */
		size_t due = total / PARTS * (part & ~1u) * 2u / 3u;
		while (atomic_load(&p->done) < due)
			sched_yield();
		add_part(p, part);
	}
}

static void churn(program *p, void *blocks[HELD], nht_random *random)
{
	unsigned i = (unsigned)nht_below(random, HELD);
	if (blocks[i] != NULL) {
		stress_check(blocks[i]);
		nh_instance_free(p->heaps.instance, blocks[i]);
		blocks[i] = NULL;
		return;
	}
	size_t size = nht_between(random, STRESS_LEAST, nht_chance(random, 80) ? 120 : 1500);
	nh_request request = {0};
	request.heaps = nht_chance(random, 10) ? nht_next(random) & ((UINT32_C(1) << MOST_HEAPS) - 1u) : 0;
	blocks[i] = nh_instance_alloc(p->heaps.instance, &request, size);
	if (blocks[i] == NULL) {
		atomic_fetch_add_explicit(&p->refused, 1, memory_order_relaxed);
		return;
	}
	int part = nht_arena_find(&p->heaps.arena, blocks[i], size);
	NHT_CHECK(part >= 0, "block %p is in no region", blocks[i]);
	stress_fill(blocks[i], size, nht_next(random));
}

static void work(unsigned self, void *context)
{
	program *p = context;
	if (self >= WORKERS) {
		add_in_time(p);
		return;
	}
	nht_random random = stress_random(self);
	void *blocks[HELD] = {NULL};
	for (size_t i = 0; i < p->operations; i++) {
		churn(p, blocks, &random);
		if (i % 64u == 0) {
			nh_status status = nh_instance_validate(p->heaps.instance, -1, NULL);
			NHT_CHECK(status == NH_OK || status == NH_EBUSY, "validate: %s", nh_status_string(status));
		}
		atomic_fetch_add_explicit(&p->done, 1, memory_order_relaxed);
	}
	for (unsigned i = 0; i < HELD; i++)
		nh_instance_free(p->heaps.instance, blocks[i]);
}

/* Whatever the threads came to use: taken to the last block, every part has given some. */
static void all_serve(program *p)
{
	const nh_request any = {.heaps = (1u << MOST_HEAPS) - 1u};
	const size_t size = 200;
	void *last = NULL, *block;
	bool served[PARTS] = {false};
	while ((block = nh_instance_alloc(p->heaps.instance, &any, size)) != NULL) {
		served[nht_arena_find(&p->heaps.arena, block, size)] = true;
		memcpy(block, &last, sizeof last);
		last = block;
	}
	for (unsigned i = 0; i < PARTS; i++)
		NHT_CHECK(served[i], "part %u never served", i);
	while ((block = last) != NULL) {
		memcpy(&last, block, sizeof last);
		nh_instance_free(p->heaps.instance, block);
	}
}

/* One round from one heap to all parts. */
static void run(program *p)
{
	stress_lay_out(&p->heaps, PARTS, PART_SIZE);
	nh_heap_config first = config_of(p, 0);
	stress_begin(&p->heaps, &first, 1);
	atomic_store(&p->done, 0);
	atomic_store(&p->next, 1u);
	stress_threads(WORKERS + ADDERS, work, p);
	NHT_CHECK(nh_instance_heap_count(p->heaps.instance) == MOST_HEAPS, "%u heaps", nh_instance_heap_count(p->heaps.instance));
	nh_heap_stats stats;
	NHT_CHECK(nh_instance_heap_stats_get(p->heaps.instance, 0, &stats) == NH_OK, "stats");
	NHT_CHECK(stats.regions == PARTS - MOST_HEAPS + 1u, "%u regions in heap 0", stats.regions);
	all_serve(p);
	stress_end(&p->heaps);
}

int main(int argc, char **argv)
{
	static program p;
	nht_start(argc, argv);
	nht_context("grow");
	nht_fault_forbid();
	size_t rounds = 10;
	p.operations = nht_stress_operations(300000) / rounds + 1u;
	for (size_t i = 0; i < rounds; i++)
		run(&p);
	printf("grow: %zu rounds of %zu operations by %u threads, %zu refused\n", rounds, p.operations, WORKERS,
	       atomic_load(&p.refused));
	return 0;
}

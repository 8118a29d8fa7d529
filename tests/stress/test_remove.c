/* SPDX-License-Identifier: MIT */
/*
 * Regions and heaps removed and added while four threads allocate, free and hand over. Each region that is gone is
 * written over by its remover, so that a block of it that somebody still has fails its check, and whoever writes there
 * is a race that ThreadSanitizer sees. The removers work against each other, too, and look at the heap meanwhile.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "stress.h"
#include "tests/support/fault.h"

#define WORKERS 4u
#define REMOVERS 2u
#define HELD 60u
#define PARTS 6u
#define HEAPS 2u /* parts that stay; then a heap and regions that come and go */
#define PART_SIZE ((size_t)40 * 1024)
#define SHARED 32u
#define PACE 200u /* operations of the workers between two removals of one remover */

typedef struct program {
	stress_heaps heaps;
	void *_Atomic handed[SHARED]; /* blocks on their way from one thread to another */
	atomic_size_t done;           /* operations of all workers */
	atomic_size_t removed[PARTS], busy[PARTS];
	size_t operations; /* per worker */
} program;

static nh_heap_config config_of(program *p, unsigned part)
{
	nh_heap_config config = {.base = p->heaps.arena.parts[part].base, .size = p->heaps.arena.parts[part].size};
	config.affinity = part == 1u ? NH_CPU(STRESS_CPU(1)) : 0;
	config.window = (size_t)(p->heaps.arena.memory + p->heaps.arena.size - p->heaps.arena.parts[part].base);
	return config;
}

/* ---- workers ------------------------------------------------------------------------------ */

static void drop(program *p, void *block)
{
	if (block == NULL)
		return;
	stress_check(block);
	nh_instance_free(p->heaps.instance, block);
}

static void churn(program *p, void *blocks[HELD], nht_random *random)
{
	unsigned i = (unsigned)nht_below(random, HELD);
	if (blocks[i] != NULL) {
		if (nht_chance(random, 30)) /* release and acquire: the block goes to whoever drops it */
			drop(p, atomic_exchange_explicit(&p->handed[nht_below(random, SHARED)], blocks[i], memory_order_acq_rel));
		else
			drop(p, blocks[i]);
		blocks[i] = NULL;
		return;
	}
	size_t size = nht_between(random, STRESS_LEAST, nht_chance(random, 90) ? 120 : 1500);
	nh_request request = {0};
	request.heaps = nht_chance(random, 30) ? nht_next(random) & 7u : 0;
	blocks[i] = nh_instance_alloc(p->heaps.instance, &request, size);
	if (blocks[i] != NULL)
		stress_fill(blocks[i], size, nht_next(random));
	if (nht_chance(random, 5))
		(void)nh_instance_heap_of(p->heaps.instance, p->heaps.arena.memory + nht_below(random, (uint32_t)p->heaps.arena.size));
}

/* Lets go of everything now and then, or nothing would ever be empty. */
static void work(program *p, unsigned self)
{
	nht_random random = stress_random(self);
	void *blocks[HELD] = {NULL};
	for (size_t i = 0; i < p->operations; i++) {
		churn(p, blocks, &random);
		if (i % 500u == 499u) {
			for (unsigned k = 0; k < HELD; k++) {
				drop(p, blocks[k]);
				blocks[k] = NULL;
			}
			for (unsigned k = 0; k < SHARED; k++)
				drop(p, atomic_exchange_explicit(&p->handed[k], NULL, memory_order_acq_rel));
		}
		atomic_fetch_add_explicit(&p->done, 1, memory_order_relaxed);
	}
	for (unsigned k = 0; k < HELD; k++)
		drop(p, blocks[k]);
}

/* ---- removers ----------------------------------------------------------------------------- */

/* A part that this remover alone adds and removes: part HEAPS is a heap, the others regions of heap 0. */
static bool remove_part(program *p, unsigned part, int heap)
{
	size_t live = 0;
	nh_status status = part == HEAPS ? nh_instance_heap_remove(p->heaps.instance, heap, &live)
	                                 : nh_instance_region_remove(p->heaps.instance, 0, p->heaps.arena.parts[part].base, &live);
	NHT_CHECK(status == NH_OK || status == NH_EBUSY, "part %u: %s", part, nh_status_string(status));
	NHT_CHECK(live == 0 || status == NH_EBUSY, "part %u: %zu live", part, live);
	if (status != NH_OK) {
		atomic_fetch_add(&p->busy[part], 1u);
		return false;
	}
	atomic_fetch_add(&p->removed[part], 1u);
	/* ours now, but for control memory, which calls under way may still look at */
	nh_heap_config config = config_of(p, part);
	size_t kept = part == HEAPS ? nh_heap_control_size(&config) + 64u : 0;
	memset(p->heaps.arena.parts[part].base + kept, 0xdb, p->heaps.arena.parts[part].size - kept);
	return true;
}

static int add_part(program *p, unsigned part)
{
	int heap = 0;
	nh_heap_config config = config_of(p, part);
	nh_status status = part == HEAPS ? nh_instance_heap_add(p->heaps.instance, &config, &heap)
	                                 : nh_instance_region_add(p->heaps.instance, 0, config.base, config.size);
	NHT_CHECK(status == NH_OK, "part %u: %s", part, nh_status_string(status));
	return heap;
}

/* A heap's control memory is written anew by an addition: only when no call can be looking at the old one. So the heap
 * goes once, and the regions come and go. */
static void come_and_go(program *p, unsigned self)
{
	unsigned first = HEAPS + self, heap_gone = 0;
	nht_random random = stress_random(self + WORKERS);
	for (size_t due = 0; due < p->operations * WORKERS; due += PACE) {
		while (atomic_load(&p->done) < due)
			sched_yield();
		unsigned part = first + REMOVERS * (unsigned)nht_below(&random, (PARTS - first + REMOVERS - 1u) / REMOVERS);
		if (part != HEAPS) {
			if (remove_part(p, part, 0))
				add_part(p, part);
		} else if (!heap_gone && atomic_load(&p->done) > p->operations * WORKERS / 2u) {
			heap_gone = remove_part(p, part, HEAPS);
		}
		if (nht_chance(&random, 10))
			(void)nh_instance_validate(p->heaps.instance, 0, NULL);
	}
}

static void body(unsigned self, void *context)
{
	program *p = context;
	if (self < WORKERS)
		work(p, self);
	else
		come_and_go(p, self - WORKERS);
}

static void run(program *p)
{
	stress_lay_out(&p->heaps, PARTS, PART_SIZE);
	nh_heap_config configs[HEAPS];
	for (unsigned i = 0; i < HEAPS; i++)
		configs[i] = config_of(p, i);
	stress_begin(&p->heaps, configs, HEAPS);
	for (unsigned i = HEAPS; i < PARTS; i++)
		add_part(p, i);
	atomic_store(&p->done, 0);
	stress_threads(WORKERS + REMOVERS, body, p);
	for (unsigned k = 0; k < SHARED; k++)
		drop(p, atomic_exchange(&p->handed[k], NULL));
	if (nh_instance_heap_count(p->heaps.instance) > HEAPS)
		NHT_CHECK(remove_part(p, HEAPS, HEAPS), "the heap, of which nothing is out, does not go");
	for (unsigned i = HEAPS + 1u; i < PARTS; i++)
		NHT_CHECK(remove_part(p, i, 0), "part %u, of which nothing is out, does not go", i);
	stress_end(&p->heaps);
}

int main(int argc, char **argv)
{
	static program p;
	nht_start(argc, argv);
	nht_context("remove");
	nht_fault_forbid();
	size_t rounds = 5, removed = 0, busy = 0;
	p.operations = nht_stress_operations(80000) / rounds + 1u;
	for (size_t i = 0; i < rounds; i++)
		run(&p);
	for (unsigned i = 0; i < PARTS; i++) {
		removed += atomic_load(&p.removed[i]);
		busy += atomic_load(&p.busy[i]);
	}
	printf("remove: %zu rounds of %zu operations by %u threads, %zu removals, %zu refused\n", rounds, p.operations,
	       WORKERS, removed, busy);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * shared_multi_heap from four threads at once: the pool is initialised and regions are added by all of
 * them, while some allocate already; then blocks are made, resized across attributes and freed by whoever
 * gets hold of them. What the original lacks a lock for; ThreadSanitizer watches.
 */
#include "tests/compat/zephyr/smh.h"

#include "tests/stress/stress.h"

#include <nearheap/zephyr.h>

#include <errno.h>
#include <stdio.h>

#define THREADS 4u
#define ATTRS ((unsigned)MAX_SHARED_MULTI_HEAP_ATTR)
#define REGIONS (NH_MAX_HEAPS < 8u ? NH_MAX_HEAPS : 8u)
#define BYTES ((size_t)24 * 1024) /* enough for caches */
#define BOXES 320u /* full, they hold nearly as much as there is: some requests must be refused */
#define LARGE (BYTES / 2u)

static uint64_t memory[ATTRS][REGIONS][BYTES / 8u];

static struct {
	unsigned inits;             /* calls of pool_init that returned 0 */
	unsigned added[ATTRS];      /* regions that somebody got in */
	unsigned served;            /* allocations while regions were added */
	void *box[BOXES];           /* blocks on their way */
	size_t failures, moves;
} shared;

static void count(unsigned *counter)
{
	__atomic_fetch_add(counter, 1u, __ATOMIC_RELAXED);
}

static void begin(unsigned self, void *context)
{
	(void)self;
	(void)context;
	int result = shared_multi_heap_pool_init();
	NHT_CHECK(result == 0 || result == -EALREADY, "pool_init: %d", result);
	if (result == 0)
		count(&shared.inits);
}

/* All threads try all regions, each in an order of its own: each region is taken once. */
static void add(unsigned self, void *context)
{
	(void)context;
	for (unsigned i = 0; i < ATTRS * REGIONS; i++) {
		unsigned at = (i * (2u * self + 5u) + self) % (ATTRS * REGIONS), attr = at / REGIONS;
		int result = add_region(attr, memory[attr][at % REGIONS], BYTES);
		NHT_CHECK(result == 0 || result == -EEXIST, "add: %d", result);
		if (result == 0)
			count(&shared.added[attr]);
		void *block = shared_multi_heap_alloc(ATTR(attr), 40 + i);
		if (block != NULL) {
			NHT_CHECK(lies_in(block, memory[attr], sizeof memory[attr]), "outside");
			stress_fill(block, 40 + i, self);
			count(&shared.served);
			stress_check(block);
		}
		shared_multi_heap_free(block);
	}
}

/* Makes a block longer or shorter, perhaps under another attribute. */
static void *resized(nht_random *random, void *block, size_t size)
{
	size_t old = stress_check(block);
	void *moved = shared_multi_heap_realloc(ATTR(nht_below(random, ATTRS)), block, size);
	if (moved == NULL)
		return block;
	if (size >= old)
		stress_check(moved); /* all that was there came along */
	if (moved != block)
		__atomic_fetch_add(&shared.moves, 1u, __ATOMIC_RELAXED);
	stress_fill(moved, size, nht_next(random));
	return moved;
}

static void work(unsigned self, void *context)
{
	size_t operations = *(const size_t *)context;
	nht_random random = stress_random(self);
	for (size_t i = 0; i < operations; i++) {
		size_t size = nht_between(&random, STRESS_LEAST, nht_chance(&random, 70) ? 200 : 6000);
		enum shared_multi_heap_attr attr = ATTR(nht_below(&random, ATTRS));
		size_t align = nht_chance(&random, 10) ? (size_t)16 << nht_below(&random, 5) : 0;
		void *block = align != 0 ? shared_multi_heap_aligned_alloc(attr, align, size)
		                         : shared_multi_heap_alloc(attr, size);
		if (block == NULL)
			__atomic_fetch_add(&shared.failures, 1u, __ATOMIC_RELAXED);
		else
			stress_fill(block, size, nht_next(&random));
		block = __atomic_exchange_n(&shared.box[nht_below(&random, BOXES)], block, __ATOMIC_ACQ_REL);
		if (block == NULL)
			continue;
		if (nht_chance(&random, 20))
			block = resized(&random, block, nht_between(&random, STRESS_LEAST, 3000));
		stress_check(block);
		shared_multi_heap_free(block);
	}
}

/* Each region can serve a block of half its size again. */
static void check_all_back(void)
{
	for (unsigned attr = 0; attr < ATTRS; attr++) {
		void *blocks[REGIONS];
		for (unsigned i = 0; i < REGIONS; i++) {
			blocks[i] = shared_multi_heap_alloc(ATTR(attr), LARGE);
			NHT_CHECK(blocks[i] != NULL, "attribute %u: memory for block %u is missing", attr, i);
		}
		for (unsigned i = 0; i < REGIONS; i++)
			shared_multi_heap_free(blocks[i]);
	}
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	size_t operations = nht_stress_operations(50000);
	stress_threads(THREADS, begin, NULL);
	NHT_CHECK(shared.inits == 1, "%u of the calls of pool_init returned 0", shared.inits);
	stress_threads(THREADS, add, NULL);
	for (unsigned attr = 0; attr < ATTRS; attr++)
		NHT_CHECK(shared.added[attr] == REGIONS, "%u regions", shared.added[attr]);
	NHT_CHECK(shared.served > 0, "nothing was allocated while regions were added");
	check_all_back();
	stress_threads(THREADS, work, &operations);
	for (unsigned i = 0; i < BOXES; i++)
		shared_multi_heap_free(shared.box[i]);
	check_all_back();
	NHT_CHECK(shared.moves > 0, "no block ever moved");
	NHT_CHECK(shared.failures > 0, "the pool never ran out");
	printf("shared_multi_heap: %u allocations during additions, %zu moves, %zu refusals\n", shared.served,
	       shared.moves, shared.failures);
	return 0;
}

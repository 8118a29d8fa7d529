/* SPDX-License-Identifier: MIT */
/*
 * The credit test: no false out-of-memory. All blocks of a run have one size, so memory is a set
 * of equal cells: the fresh heap is filled to count them, and from then on that many credits go
 * round. A thread takes a credit before it allocates and gives it back after its free returned;
 * with a credit in hand a cell must be free somewhere, in TLSF or in some cache, and NULL is wrong.
 *
 * There are fewer credits than the threads want, so that caches hold what others need and reclaim
 * runs all the time. Blocks are also freed by other threads than allocated them.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "stress.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

#define HELD 400u    /* most blocks a thread holds */
#define EXCHANGE 64u /* places through which blocks change hands */

typedef struct plan {
	const char *name;
	size_t size; /* of every block */
	unsigned threads;
	unsigned heaps;
	size_t heap_size;
	uint32_t affinity[2];
	size_t operations; /* per thread */
} plan;

typedef struct program {
	const plan *plan;
	stress_heaps heaps;
	atomic_int credits;
	atomic_bool stop;
	atomic_uint refused_by; /* thread + 1 */
	_Atomic(void *) exchange[EXCHANGE];
	size_t operations;
} program;

static bool take_credit(program *p)
{
	int credits = atomic_load(&p->credits);
	while (credits > 0)
		if (atomic_compare_exchange_weak(&p->credits, &credits, credits - 1))
			return true;
	return false;
}

static void give_back(program *p, void *block)
{
	if (block == NULL)
		return;
	size_t size = stress_check(block);
	NHT_CHECK(size == p->plan->size, "a block of %zu", size);
	nh_instance_free(p->heaps.instance, block);
	atomic_fetch_add(&p->credits, 1);
}

typedef struct hand {
	void *blocks[HELD];
	unsigned count;
} hand;

static void allocate(program *p, unsigned self, hand *h, nht_random *random)
{
	if (h->count == HELD || !take_credit(p))
		return;
	void *block = nh_instance_malloc(p->heaps.instance, p->plan->size);
	if (block == NULL) {
		unsigned nobody = 0;
		atomic_compare_exchange_strong(&p->refused_by, &nobody, self + 1u);
		atomic_store(&p->stop, true);
		atomic_fetch_add(&p->credits, 1);
		return;
	}
	stress_fill(block, p->plan->size, nht_next(random));
	h->blocks[h->count++] = block;
}

/* Leaves a block for whoever comes next, and frees what lay there. */
static void swap_one(program *p, hand *h, nht_random *random)
{
	void *mine = h->count != 0 ? h->blocks[--h->count] : NULL;
	give_back(p, atomic_exchange(&p->exchange[nht_below(random, EXCHANGE)], mine));
}

static void work(unsigned self, void *context)
{
	program *p = context;
	nht_random random = stress_random(self);
	hand h = {.count = 0};
	unsigned eagerness = 60;
	for (size_t i = 0; i < p->operations && !atomic_load_explicit(&p->stop, memory_order_relaxed); i++) {
		if (i % 512u == 0)
			eagerness = nht_chance(&random, 50) ? 85 : 25;
		if (nht_chance(&random, eagerness))
			allocate(p, self, &h, &random);
		else if (nht_chance(&random, 50))
			swap_one(p, &h, &random);
		else if (h.count != 0)
			give_back(p, h.blocks[--h.count]);
	}
	while (h.count != 0)
		give_back(p, h.blocks[--h.count]);
}

/* How many cells the fresh heaps have; leaves them as they were. */
static int count_cells(program *p)
{
	void *first = NULL;
	int cells = 0;
	for (;;) {
		void **block = nh_instance_malloc(p->heaps.instance, p->plan->size);
		if (block == NULL)
			break;
		*block = first;
		first = block;
		cells++;
	}
	while (first != NULL) {
		void *next = *(void **)first;
		nh_instance_free(p->heaps.instance, first);
		first = next;
	}
	const char *complaint = nht_all_heaps_returned(p->heaps.instance);
	NHT_CHECK(complaint == NULL, "after the count: %s", complaint);
	return cells;
}

static void check_refusal(program *p, int cells)
{
	unsigned by = atomic_load(&p->refused_by);
	if (by == 0)
		return;
	nh_heap_stats stats = {0};
	for (unsigned heap = 0; heap < p->plan->heaps; heap++) {
		nh_instance_heap_stats_get(p->heaps.instance, (int)heap, &stats);
		fprintf(stderr, "heap %u: free %zu live %zu cached %zu, largest free %zu\n", heap, stats.free, stats.live,
		        stats.cached, stats.largest_free);
	}
	NHT_CHECK(by == 0, "thread %u was refused %zu bytes with a credit in hand (%d credits in all)", by - 1u,
	          p->plan->size, cells);
}

static void run(const plan *wanted)
{
	static program p;
	nht_context("credit: %s", wanted->name);
	nh_heap_config configs[2] = {{0}};
	for (unsigned heap = 0; heap < wanted->heaps; heap++) {
		configs[heap].size = wanted->heap_size;
		configs[heap].affinity = wanted->affinity[heap];
	}
	p.plan = wanted;
	stress_make(&p.heaps, configs, wanted->heaps);
	int cells = count_cells(&p);
	atomic_store(&p.credits, cells);
	p.operations = nht_stress_operations(wanted->operations);
	stress_threads(wanted->threads, work, &p);
	for (unsigned i = 0; i < EXCHANGE; i++)
		give_back(&p, atomic_exchange(&p.exchange[i], NULL));
	check_refusal(&p, cells);
	NHT_CHECK(atomic_load(&p.credits) == cells, "%d credits of %d came back", atomic_load(&p.credits), cells);
	unsigned reclaims = 0;
	for (unsigned heap = 0; heap < wanted->heaps; heap++) {
		nh_heap_stats stats;
		NHT_CHECK(nh_instance_heap_stats_get(p.heaps.instance, (int)heap, &stats) == NH_OK, "stats");
		reclaims += (unsigned)stats.reclaims;
	}
	printf("credit: %-36s %6d credits, %8zu operations by %u threads, %u reclaims\n", wanted->name, cells,
	       p.operations, wanted->threads, reclaims);
	fflush(stdout);
	NHT_CHECK(!NH_STATS || !NH_CACHES || NH_CPUS < 4 || p.operations < 20000 || reclaims > 0,
	          "memory was never tight");
	stress_end(&p.heaps);
}

int main(int argc, char **argv)
{
	static const plan plans[] = {
		{"one shared heap", 56, 4, 1, 64 * 1024, {0, 0}, 500000},
		{"one shared heap, larger blocks", 120, 4, 1, 96 * 1024, {0, 0}, 400000},
		{"blocks of no class", 600, 3, 1, 128 * 1024, {0, 0}, 200000},
		{"near to two of four CPUs", 40, 4, 1, 48 * 1024, {NH_CPU(STRESS_CPU(0)) | NH_CPU(STRESS_CPU(1)), 0}, 400000},
		{"two heaps, each near to two", 56, 4, 2, 40 * 1024,
		 {NH_CPU(STRESS_CPU(0)) | NH_CPU(STRESS_CPU(1)), NH_CPU(STRESS_CPU(2)) | NH_CPU(STRESS_CPU(3))}, 300000},
		{"one near, one shared", 24, 4, 2, 24 * 1024, {NH_CPU(STRESS_CPU(1)), 0}, 300000},
		{"more threads than slots", 56, NH_CPUS + 3u < 16u ? NH_CPUS + 3u : 16u, 1, 128 * 1024, {0, 0}, 100000},
	};
	nht_start(argc, argv);
	nht_fault_forbid();
	for (unsigned i = 0; i < sizeof plans / sizeof plans[0]; i++)
		run(&plans[i]);
	return 0;
}

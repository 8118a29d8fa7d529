/* SPDX-License-Identifier: MIT */
/*
 * Churn with hand-over. Four threads on four CPUs; a ring from each to each other one. A thread
 * allocates, fills and sends; the receiver checks and frees.
 *
 *      heap 0 near CPUs 0, 1       heap 1 near CPUs 2, 3       heap 2 shared
 *
 * A block of heap 0 that CPU 2 frees goes through heap 0's inbox; one that CPU 0 allocates and
 * CPU 1 frees fills CPU 1's magazines until they overflow into the depot. The statistics must
 * show that both happened.
 */
#include "ck_visible.h"

#include <ck_ring.h>
#include <sched.h>
#include <stdio.h>

#include "stress.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

#define THREADS 4u
#define RING_SIZE 256u /* one less fits */

typedef struct link {
	ck_ring_t ring;
	ck_ring_buffer_t buffer[RING_SIZE];
} link;

typedef struct program {
	stress_heaps heaps;
	link links[THREADS][THREADS]; /* [from][to]: one producer, one consumer */
	size_t operations;
	unsigned done; /* threads that send no more; atomic */
} program;

static bool send(program *p, unsigned from, unsigned to, void *block)
{
	link *l = &p->links[from][to];
	return ck_ring_enqueue_spsc(&l->ring, l->buffer, block);
}

static bool receive(program *p, unsigned from, unsigned to)
{
	link *l = &p->links[from][to];
	void *block;
	if (!ck_ring_dequeue_spsc(&l->ring, l->buffer, &block))
		return false;
	stress_check(block);
	nh_instance_free(p->heaps.instance, block);
	return true;
}

static size_t random_size(nht_random *random)
{
	if (nht_chance(random, 85))
		return nht_between(random, STRESS_LEAST, 72);
	return nht_between(random, STRESS_LEAST, nht_chance(random, 90) ? 400 : 3000);
}

static void *allocate(program *p, nht_random *random)
{
	size_t size = random_size(random);
	unsigned char *block = nh_instance_malloc(p->heaps.instance, size);
	if (block != NULL && nht_chance(random, 5)) {
		size_t wanted = random_size(random);
		unsigned char *moved = nh_instance_realloc(p->heaps.instance, block, wanted);
		if (moved != NULL) {
			block = moved;
			size = wanted;
		}
	}
	if (block != NULL)
		stress_fill(block, size, nht_next(random));
	return block;
}

/* Bursts in one direction, so that magazines run full at one end and empty at the other. */
static void work(unsigned self, void *context)
{
	program *p = context;
	nht_random random = stress_random(self);
	unsigned to = (self + 1u) % THREADS;
	for (size_t i = 0; i < p->operations; i++) {
		if (i % 64u == 0)
			to = (self + 1u + (unsigned)nht_below(&random, THREADS - 1u)) % THREADS;
		void *block = allocate(p, &random);
		if (block == NULL || !send(p, self, to, block))
			nh_instance_free(p->heaps.instance, block);
		if (i % 16u == 0)
			for (unsigned from = 0; from < THREADS; from++)
				for (unsigned k = 0; k < 40 && receive(p, from, self); k++)
					continue;
	}
	/* release: to the acquire below; what was sent before is in the rings */
	__atomic_fetch_add(&p->done, 1u, __ATOMIC_RELEASE);
	bool last;
	do {
		last = __atomic_load_n(&p->done, __ATOMIC_ACQUIRE) == THREADS;
		for (unsigned from = 0; from < THREADS; from++)
			while (receive(p, from, self))
				continue;
		sched_yield();
	} while (!last);
}

/* The paths this program is about must have been taken. */
static void check_traffic(program *p)
{
	nh_heap_stats sum = {0};
	for (int heap = 0; heap < 3; heap++) {
		nh_heap_stats stats;
		nh_status status = nh_instance_heap_stats_get(p->heaps.instance, heap, &stats);
		NHT_CHECK(status == NH_OK, "stats: %s", nh_status_string(status));
		sum.remote_frees += stats.remote_frees;
		sum.inbox_takes += stats.inbox_takes;
		sum.depot_puts += stats.depot_puts;
		sum.depot_gets += stats.depot_gets;
		sum.reclaims += stats.reclaims;
	}
	printf("handover: %u remote frees, %u inbox takes, %u depot puts, %u depot gets, %u reclaims\n",
	       (unsigned)sum.remote_frees, (unsigned)sum.inbox_takes, (unsigned)sum.depot_puts,
	       (unsigned)sum.depot_gets, (unsigned)sum.reclaims);
#if NH_STATS && NH_CACHES && NH_CPUS >= 4
	NHT_CHECK(sum.remote_frees > 0, "no block went through an inbox");
	NHT_CHECK(sum.inbox_takes > 0, "no inbox was emptied by a CPU");
	NHT_CHECK(sum.depot_puts > 0, "no magazine went to a depot");
	NHT_CHECK(sum.depot_gets > 0, "no magazine came from a depot");
#endif
}

int main(int argc, char **argv)
{
	static program p;
	nht_start(argc, argv);
	nht_fault_forbid();
	nh_heap_config configs[3] = {{0}};
	for (unsigned heap = 0; heap < 3; heap++)
		configs[heap].size = (size_t)192 * 1024;
	configs[0].affinity = NH_CPU(STRESS_CPU(0)) | NH_CPU(STRESS_CPU(1));
	configs[1].affinity = NH_CPU(STRESS_CPU(2)) | NH_CPU(STRESS_CPU(3));
	stress_make(&p.heaps, configs, 3);
	for (unsigned from = 0; from < THREADS; from++)
		for (unsigned to = 0; to < THREADS; to++)
			ck_ring_init(&p.links[from][to].ring, RING_SIZE);
	p.operations = nht_stress_operations(1500000);
	stress_threads(THREADS, work, &p);
	check_traffic(&p);
	stress_end(&p.heaps);
	return 0;
}

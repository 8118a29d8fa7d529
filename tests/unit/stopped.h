/* SPDX-License-Identifier: MIT */
/*
 * CPU 1 is the one that stopped, this thread is in slot 0: for the programs about what it leaves, and what its survivor
 * makes of it. Only where there are two CPUs, caches, gates and recoverable locks.
 */
#ifndef NHT_STOPPED_H
#define NHT_STOPPED_H

#include "core/gate.h"
#include "core/sweep.h"
#include "white.h"

#define STOPPED_SKIPPED (!NH_CACHES || !NH__GATE || NH_CPUS < 2 || !NH__RECOVERABLE)

#if !STOPPED_SKIPPED

#define DEAD 1u

static unit u;
static struct nh__heap *heap, *other;
static void *live[24];

/* Two heaps, memory for a region, and blocks of the first in the magazines of the CPU that will stop, whose neighbours are live. */
static inline int set_up(void **state)
{
	static const size_t sizes[] = {256 * KIB, 64 * KIB, 24 * KIB};
	*state = &u;
	unit_lay_out(&u, 3, sizes); /* the last for a region of the other heap */
	unit_begin(&u, 2);
	heap = u.instance->heap[0];
	other = u.instance->heap[1];
	unit_on_cpu(DEAD);
	for (unsigned i = 0; i < 24; i++)
		live[i] = nh_instance_malloc(u.instance, 40);
	for (unsigned i = 0; i < 24; i += 2)
		nh_instance_free(u.instance, live[i]);
	unit_on_cpu(0);
	assert_true(unit_stats(&u, 0).cached != 0);
	return 0;
}

static inline void drop_live(void)
{
	for (unsigned i = 1; i < 24; i += 2)
		nh_instance_free(u.instance, live[i]);
}

static inline int tear_down(void **state)
{
	(void)state;
	drop_live();
	unit_end(&u);
	return 0;
}

static inline struct nh__cache *cache_of_dead(void)
{
	return heap->cache[DEAD];
}

/* What is in the depot is everybody's. */
static inline void assert_drained(void)
{
	for (unsigned number = 0; number < NH__CHAINS; number++) {
		const uint32_t *chain = nh__chain_of(heap, DEAD, number);
		assert_true(chain == NULL || *chain == 0);
	}
}

static inline void assert_recovered(void)
{
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_OK);
	assert_status(nh_instance_cpu_online(u.instance, DEAD), NH_OK);
	assert_drained();
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_sound(nht_valid(u.instance));
	/* both go on, with caches */
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		unit_on_cpu(cpu);
		void *block = nh_instance_malloc(u.instance, 40);
		assert_non_null(block);
		nh_instance_free(u.instance, block);
	}
	unit_on_cpu(0);
}

#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * One heap with caches, and the account that everything hangs on:
 *
 *   budgets of magazines and inboxes
 *          + sum over classes of span * (caps * magazines + depot_cap * (slots + other CPUs)
 *                                        + inbox_limit * (1 + CPUs))               == allowance
 */
#ifndef NHT_CACHING_H
#define NHT_CACHING_H

#include "white.h"

#if NH_CACHES

#define SMALL ((size_t)24)  /* bytes of the small class most tests use */
#define PARKED ((size_t)56) /* and of one that gives way to smaller ones */

static unit u;
static struct nh__heap *heap;
static struct nh__cache *cache; /* of CPU 0 */

static inline int set_up_sized(size_t size)
{
	unit_one(&u, size, 0);
	heap = u.instance->heap[0];
	cache = heap->cache[0];
	return 0;
}

static inline int set_up(void **state)
{
	*state = &u;
	return set_up_sized(256 * KIB);
}

static inline void *allocate(size_t size)
{
	void *block = nh_instance_malloc(u.instance, size);
	assert_non_null(block);
	return block;
}

static inline void release(void *block)
{
	nh_instance_free(u.instance, block);
}

static inline unsigned class_of(size_t size)
{
	return nh__need_of(nh__class_table_of(u.instance), size, 1).klass;
}

static inline uint32_t span_of(size_t size)
{
	return nh__class_span(class_of(size));
}

static inline unsigned owner_of(void *block)
{
	return nh__load_relaxed(&nh__block_at(block)->owner);
}

static inline uint32_t charged(void)
{
	uint32_t sum = 0;
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		uint32_t blocks = 0;
		for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
			blocks += heap->cache[cpu] == NULL
			                  ? 0u
			                  : heap->cache[cpu]->slot[klass].cap * (heap->two ? 2u : 1u);
		/* the depot's slots, and each CPU but the one that has that cap may have taken such a magazine */
		blocks +=
			heap->two ? heap->shared[klass].depot_cap * (NH_DEPOT_SLOTS + heap->locals - 1u) : 0u;
		blocks += nh__load_relaxed(&heap->shared[klass].inbox_limit) * (1u + heap->locals);
		sum += blocks * nh__class_most(klass, nh__class_span(klass));
	}
	return sum;
}

static inline void check_account(void)
{
	assert_int_equal(charged() + heap->budget + heap->inbox_budget, heap->allowance);
	nh_heap_stats stats = unit_stats(&u, 0);
	assert_int_equal(stats.cache_limit, (size_t)heap->allowance * NH_GRANULE);
	assert_true(stats.cached <= stats.cache_limit);
}

static struct nh__slot *watched; /* by the functions that overflow() calls */

static inline bool not_empty(void)
{
	return watched->cur != 0;
}

static uint32_t stash; /* granules that overflow() took out of the game */

/* Frees of SMALL that overflow with no budget left, half of them when it is PARKED's turn to be visited. Calls `seen`
 * after each until it says false; returns that. */
static inline bool overflow(bool (*seen)(void))
{
	struct nh__cache *own = heap->cache[nh_host_cpu()];
	struct nh__slot *slot = &own->slot[class_of(SMALL)];
	bool more = true;
	for (unsigned i = 0; more && i < 1000; i++) {
		void *blocks[3];
		for (unsigned k = 0; k < 3; k++)
			blocks[k] = allocate(SMALL);
		stash += heap->budget + (slot->cap - NH__COUNT(slot->cur)) * (heap->two ? 2u : 1u) * span_of(SMALL);
		heap->budget = 0;
		slot->cap = (uint8_t)NH__COUNT(slot->cur);
		if (i % 2u == 0)
			own->visit = (uint8_t)class_of(PARKED);
		release(blocks[1]);
		more = seen();
	}
	return more;
}

#endif

#endif

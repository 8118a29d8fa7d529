/* SPDX-License-Identifier: MIT */
/*
 * A heap in the middle of a freeze, one lock hold at a time, for the programs about core/reclaim.c. They include the source
 * before this, because the steps are static there.
 */
#ifndef NHT_FROZEN_H
#define NHT_FROZEN_H

#include "white.h"

#define LAST_CPU (NH_CPUS - 1u)
#define BLOCKS 96u

static unit u;
static struct nh__heap *heap;
static void *live[BLOCKS];

static inline int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 256 * KIB, 0);
	heap = u.instance->heap[0];
	return 0;
}

/* Parks every second of a row of blocks: their neighbours are live, so none is due for merging. */
static inline void fill_some(unsigned cpu, size_t size, unsigned count)
{
	unit_on_cpu(cpu);
	for (unsigned i = 0; i < count; i++)
		live[i] = nh_instance_malloc(u.instance, size);
	for (unsigned i = 0; i < count; i += 2) {
		nh_instance_free(u.instance, live[i]);
		live[i] = NULL;
	}
	unit_on_cpu(0);
}

static inline void fill(unsigned cpu, size_t size)
{
	fill_some(cpu, size, BLOCKS);
}

static inline size_t cached(void)
{
	return unit_stats(&u, 0).cached;
}

static inline struct nh__need need_of(size_t size)
{
	return nh__need_of(nh__class_table_of(u.instance), size, 1);
}

/* More than the heap has: only the very end of a freeze can tell. */
static inline struct nh__need impossible(void)
{
	return need_of(300 * KIB);
}

static inline void *one_hold(struct nh__join *part, const struct nh__need *need, enum outcome *outcome)
{
	struct nh__scan scan = { 0 };
	struct nh__note note = { NH_FAULT_NONE, NULL };
	assert_true(nh__heap_lock(heap, nh_port_cpu()));
	void *payload = advance(part, need, &scan, outcome);
	nh__heap_unlock(heap, nh_port_cpu(), &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	return payload;
}

static inline void leave_surely(struct nh__join *part)
{
	struct nh__note note = { NH_FAULT_NONE, NULL };
	nh__join_leave(part, &note);
}

static inline void fence_due(struct nh__join *part)
{
	struct nh__note note = { NH_FAULT_NONE, NULL };
	barrier(part, &note);
}

static inline bool gates(bool (*is)(struct nh__cache_head *head))
{
	bool all = true;
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		all &= is(&heap->cache[cpu]->head);
	return all;
}

/* The bounds that hits test say the same as the word: nothing passes, or all that is the heap's. */
static inline bool bounds_are(struct nh__cache_head *head, uintptr_t limit, uint32_t open)
{
#if NH_PORT_GATE_BOUNDS
	return nh__load_relaxed(&head->limit) == limit && nh__load_relaxed(&head->open) == open;
#else
	(void)head;
	(void)limit;
	(void)open;
	return true;
#endif
}

static inline bool is_seized(struct nh__cache_head *head)
{
	return nh__load_relaxed(&head->gate.seized) == 1u && bounds_are(head, 0, 0);
}

static inline bool is_open(struct nh__cache_head *head)
{
	bool hits = NH_PORT_GATE_OPEN == 0;
	return nh__load_relaxed(&head->gate.seized) == NH_PORT_GATE_OPEN &&
	       bounds_are(head, hits ? heap->tlsf.primary : 0, hits ? nh__chain_bound(heap->reach) : 0);
}

static inline bool chains_empty(void)
{
	for (unsigned number = 0; number < NH_CPUS * NH__CHAINS; number++) {
		uint32_t *chain = nh__chain_of(heap, number / NH__CHAINS, number % NH__CHAINS);
		if (chain != NULL && *chain != 0)
			return false;
	}
	return true;
}

/* Joins and goes on to a phase; the outcome of the last hold. */
static inline enum outcome go_to(struct nh__join *part, enum nh__phase phase)
{
	struct nh__need need = impossible();
	enum outcome outcome = AGAIN;
	for (unsigned holds = 0; heap->freeze.phase != phase; holds++) {
		assert_true(holds < 100000);
		assert_null(one_hold(part, &need, &outcome));
		if (outcome == FENCE && phase != NH__BARRIER)
			fence_due(part);
	}
	return outcome;
}

#endif

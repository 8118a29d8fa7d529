/* SPDX-License-Identifier: MIT */
/*
 * core/reclaim.c, one lock hold at a time: the phases and what each leaves behind, waiters that
 * join, leave and are left behind, when no freeze is due, and draining. The source is included,
 * because the steps are static there.
 */
#include <string.h>

#include "arch/port.h"
#include "core/gate.h"

#if !NH_CACHES || !NH__GATE

#include "white.h"

int main(void)
{
	return unit_all_skipped("no freeze without caches and gates");
}

#else

#include "core/reclaim.c"

#include "white.h"

#define LAST_CPU (NH_CPUS - 1u)
#define BLOCKS 96u

static unit u;
static struct nh__heap *heap;
static void *live[BLOCKS];

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 256 * KIB, 0);
	heap = u.instance->heap[0];
	return 0;
}

/* Parks every second of a row of blocks: their neighbours are live, so none is due for merging. */
static void fill_some(unsigned cpu, size_t size, unsigned count)
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

static void fill(unsigned cpu, size_t size)
{
	fill_some(cpu, size, BLOCKS);
}

static size_t cached(void)
{
	return unit_stats(&u, 0).cached;
}

static struct nh__need need_of(size_t size)
{
	return nh__need_of(nh__class_table_of(u.instance), size, 1);
}

/* More than the heap has: only the very end of a freeze can tell. */
static struct nh__need impossible(void)
{
	return need_of(300 * KIB);
}

static void *one_hold(struct nh__join *part, const struct nh__need *need, enum outcome *outcome)
{
	struct nh__scan scan = { 0 };
	struct nh__note note = { NH_FAULT_NONE, NULL };
	assert_true(nh__heap_lock(heap, nh_port_cpu()));
	void *payload = advance(part, need, &scan, outcome);
	nh__heap_unlock(heap, nh_port_cpu(), &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	return payload;
}

static void leave_surely(struct nh__join *part)
{
	struct nh__note note = { NH_FAULT_NONE, NULL };
	nh__join_leave(part, &note);
}

static void fence_due(struct nh__join *part)
{
	struct nh__note note = { NH_FAULT_NONE, NULL };
	barrier(part, &note);
}

static bool gates(bool (*is)(struct nh__cache_head *head))
{
	bool all = true;
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		all &= is(&heap->cache[cpu]->head);
	return all;
}

/* The bounds that hits test say the same as the word: nothing passes, or all that is the heap's. */
static bool bounds_are(struct nh__cache_head *head, uintptr_t limit, uint32_t open)
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

static bool is_seized(struct nh__cache_head *head)
{
	return nh__load_relaxed(&head->gate.seized) == 1u && bounds_are(head, 0, 0);
}

static bool is_open(struct nh__cache_head *head)
{
	bool hits = NH_PORT_GATE_OPEN == 0;
	return nh__load_relaxed(&head->gate.seized) == NH_PORT_GATE_OPEN &&
	       bounds_are(head, hits ? heap->tlsf.primary : 0, hits ? nh__chain_bound(heap->reach) : 0);
}

static bool chains_empty(void)
{
	for (unsigned number = 0; number < NH_CPUS * NH__CHAINS; number++) {
		uint32_t *chain = nh__chain_of(heap, number / NH__CHAINS, number % NH__CHAINS);
		if (chain != NULL && *chain != 0)
			return false;
	}
	return true;
}

/* Joins and goes on to a phase; the outcome of the last hold. */
static enum outcome go_to(struct nh__join *part, enum nh__phase phase)
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

/* ---- phases ------------------------------------------------------------------------------- */

static void barrier_first(void **state)
{
	(void)state;
	struct nh__join part = { .heap = heap };
	struct nh__need need = impossible();
	enum outcome outcome;
	assert_true(gates(is_open));
	assert_null(one_hold(&part, &need, &outcome));
	assert_int_equal(outcome, NH_PORT_HEAVY ? FENCE : AGAIN);
	assert_int_equal(heap->freeze.phase, NH_PORT_HEAVY ? NH__BARRIER : NH__QUIET);
	assert_true(part.joined);
	assert_int_equal(heap->freeze.waiters, 1);
	assert_true(gates(is_seized));
	assert_null(one_hold(&part, &need, &outcome)); /* nothing moves before the fence */
	assert_int_equal(heap->freeze.phase, NH_PORT_HEAVY ? NH__BARRIER : NH__QUIET);
	fence_due(&part);
	assert_int_equal(heap->freeze.phase, NH__QUIET);
	leave_surely(&part);
	assert_true(gates(is_open));
	/* a fence that was issued for another freeze counts for nothing */
	struct nh__join old = part, fresh = { .heap = heap };
	assert_null(one_hold(&fresh, &need, &outcome));
	fence_due(&old);
	assert_int_equal(heap->freeze.phase, NH__BARRIER);
	leave_surely(&fresh);
}

/* A CPU inside its gate is polled for; those before it are not asked again. */
static void quiet_waits_for_owner(void **state)
{
	(void)state;
	struct nh__join part = { .heap = heap };
	struct nh__need need = impossible();
	enum outcome outcome;
	_Atomic uint32_t *busy = &heap->cache[LAST_CPU]->head.gate.busy;
	go_to(&part, NH__QUIET);
	nh__bump(busy, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_null(one_hold(&part, &need, &outcome));
		assert_int_equal(outcome, POLL);
		assert_int_equal(heap->freeze.phase, NH__QUIET);
		assert_int_equal(heap->freeze.cursor, LAST_CPU);
	}
	nh__bump(busy, 1);
	assert_null(one_hold(&part, &need, &outcome));
	assert_int_equal(outcome, AGAIN);
	assert_int_equal(heap->freeze.phase, NH__CLOSE);
	assert_int_equal(heap->freeze.cursor, 0);
	leave_surely(&part);
}

#if NH__DEPOT
/* A few per hold, in order; refused to pushers from then on, and open again after the thaw. */
static void inboxes_close(void **state)
{
	(void)state;
	struct nh__join part = { .heap = heap };
	struct nh__need need = impossible();
	enum outcome outcome;
	void *block = nh_instance_malloc(u.instance, 64);
	nh__store_relaxed(&heap->shared[0].inbox_limit, NH_INBOX_LIMIT);
	go_to(&part, NH__CLOSE);
	for (unsigned before = 0; heap->freeze.phase == NH__CLOSE; before = heap->freeze.closed) {
		assert_null(one_hold(&part, &need, &outcome));
		assert_true(heap->freeze.closed <= before + NH_SLICE);
		for (unsigned klass = 0; klass < NH_CLASSES; klass++)
			assert_true(nh__load_relaxed(&heap->shared[klass].inbox) ==
			            (klass < heap->freeze.closed ? NH__CLOSED : 0));
	}
	assert_int_equal(heap->freeze.closed, NH_CLASSES);
	assert_false(nh__inbox_push(&heap->shared[0], heap->tlsf.secret, nh__block_at(block), 3));
	leave_surely(&part);
	assert_int_equal(heap->freeze.closed, 0);
	for (unsigned klass = 0; klass < NH_CLASSES; klass++)
		assert_true(nh__load_relaxed(&heap->shared[klass].inbox) == 0);
}

/* What is in an inbox, or in a depot slot, comes out. */
static void words_are_emptied(void **state)
{
	(void)state;
	struct nh__cache *cache = heap->cache[0];
	fill_some(0, 32, 12);
	unsigned klass = need_of(32).klass;
	uint32_t chain = cache->slot[klass].cur;
	assert_true(NH__COUNT(chain) > 0);
	for (unsigned which = 0; which < 2; which++) {
		size_t before = cached();
		cache->slot[klass].cur = 0;
		nh__store_relaxed(which ? &heap->shared[klass].inbox
		                        : &heap->shared[klass].depot[NH_DEPOT_SLOTS - 1u],
		                  chain);
		assert_true(before > 0);
		assert_status(nh_instance_trim(u.instance, 0), NH_OK);
		assert_int_equal(cached(), 0);
		assert_true(nh__load_relaxed(&heap->shared[klass].inbox) == 0);
		assert_true(nh__load_relaxed(&heap->shared[klass].depot[NH_DEPOT_SLOTS - 1u]) == 0);
		fill_some(0, 32, 12);
		chain = cache->slot[klass].cur;
		assert_true(NH__COUNT(chain) > 0);
	}
}
#endif

/* Every hold gives back a bounded number; at DONE nothing is parked, and only there NULL is told. */
static void drained_in_steps(void **state)
{
	(void)state;
	struct nh__join part = { .heap = heap };
	struct nh__need need = impossible();
	enum outcome outcome = AGAIN;
	fill(LAST_CPU, 32);
	fill(0, 48);
	assert_true(cached() > 0);
	for (unsigned holds = 0; outcome != NOTHING; holds++) {
		uint32_t changes = heap->tlsf.changes;
		assert_null(one_hold(&part, &need, &outcome));
		assert_true(heap->tlsf.changes - changes <= 3u * NH_SLICE);
		assert_true(outcome != NOTHING || heap->freeze.phase == NH__DONE);
		if (outcome == FENCE)
			fence_due(&part);
		assert_true(holds < 100000);
	}
	assert_true(chains_empty());
	assert_int_equal(heap->freeze.rest, 0);
	assert_true(heap->freeze.complete);
	assert_int_equal(cached(), 0);
	assert_true(gates(is_seized)); /* until the waiter has gone */
	assert_true(part.changes == heap->tlsf.changes);
	leave_surely(&part);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_true(gates(is_open));
}

/* Served as soon as TLSF has it, without the rest of the freeze. */
static void served_on_the_way(void **state)
{
	(void)state;
	struct nh__join part = { .heap = heap };
	struct nh__need need = need_of(32);
	heap->budget = 0; /* the cap stays as set here: one magazine of more than a step drains */
	heap->cache[0]->slot[need.klass].cap = 3u * NH_SLICE < 62u ? 3u * NH_SLICE : 62u;
	fill_some(0, 32, 5u * NH_SLICE < BLOCKS ? 5u * NH_SLICE : BLOCKS);
	void *all = NULL;
	for (struct nh__need big = need_of(16); heap->tlsf.free > 0;) {
		assert_true(nh__heap_lock(heap, 0));
		void **block = nh__take_locked(heap, &big);
		struct nh__note note = { NH_FAULT_NONE, NULL };
		nh__heap_unlock(heap, 0, &note);
		if (block == NULL)
			break;
		*block = all;
		all = block;
	}
	enum outcome outcome = AGAIN;
	void *payload = NULL;
	for (unsigned holds = 0; payload == NULL; holds++) {
		assert_true(holds < 100000 && outcome != NOTHING);
		payload = one_hold(&part, &need, &outcome);
		if (outcome == FENCE)
			fence_due(&part);
	}
	assert_int_equal(outcome, SERVED);
	assert_true(heap->freeze.phase != NH__DONE);
	assert_true(nh__owner_is_live(nh__load_relaxed(&nh__block_at(payload)->owner)));
	/* an early thaw leaves nothing in its hands: what is left of the chain is where it was */
	uint32_t rest = heap->freeze.rest;
	size_t parked = cached();
	assert_true(NH__COUNT(rest) > 0);
	leave_surely(&part);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.rest, 0);
	assert_int_equal(heap->cache[0]->slot[need.klass].cur, rest);
	assert_int_equal(cached(), parked);
	assert_false(nothing_cached(heap));
	struct nh__join again = { .heap = heap };
	go_to(&again, NH__DONE);
	assert_int_equal(cached(), 0);
	leave_surely(&again);
}

#if NH__DEPOT

/* Blocks of a class, parked nowhere yet. */
static uint32_t chain_of(const struct nh__need *need, unsigned count)
{
	const struct nh__cache_head *head = &heap->cache[0]->head;
	uint32_t chain = 0;
	assert_true(nh__heap_lock(heap, nh_port_cpu()));
	for (unsigned i = 0; i < count; i++) {
		struct nh__block *block = nh__block_at(nh__take_locked(heap, need));
		chain = nh__chain_link(head->secret, chain, i, block, nh__chain_offset(head, block));
	}
	struct nh__note note = { NH_FAULT_NONE, NULL };
	nh__heap_unlock(heap, nh_port_cpu(), &note);
	return chain;
}

/* A chain in the inbox or the depot that a reclaim by CPU 0 is at when it ends early. */
static void put_back_where_it_was(void **state)
{
	(void)state;
	const struct nh__need need = need_of(32);
	struct nh__shared *shared = &heap->shared[need.klass];
	struct nh__need more = impossible();
	for (unsigned depot = 0; depot <= NH_DEPOT_SLOTS; depot++) {
		_Atomic uint32_t *word = depot == 0 ? &shared->inbox : &shared->depot[depot - 1u];
		struct nh__join part = { .heap = heap };
		uint32_t chain = chain_of(&need, 2u * NH_SLICE + 1u), rest;
		nh__store_relaxed(word, chain);
		heap->freeze.complete = false; /* no gate operation has put it there */
		enum outcome outcome = AGAIN;
		go_to(&part, depot == 0 ? NH__CLOSE : NH__DRAIN);
		while (heap->freeze.rest == 0)
			assert_null(one_hold(&part, &more, &outcome));
		assert_int_equal(heap->freeze.rest, chain);
		assert_null(one_hold(&part, &more, &outcome));
		rest = heap->freeze.rest;
		assert_int_equal(NH__COUNT(rest), NH_SLICE + 1u);
		leave_surely(&part);
		assert_int_equal(nh__load_relaxed(word), rest);
		assert_int_equal(heap->freeze.rest, 0);
		for (unsigned klass = 0; klass < NH_CLASSES; klass++)
			assert_true(nh__load_relaxed(&heap->shared[klass].inbox) == (depot == 0 && klass == need.klass ? rest : 0));
		struct nh__join again = { .heap = heap };
		go_to(&again, NH__DONE);
		leave_surely(&again);
		assert_int_equal(nh__load_relaxed(word), 0);
	}
	assert_int_equal(cached(), 0);
}

#endif

/* ---- waiters ------------------------------------------------------------------------------ */

static void last_waiter_thaws(void **state)
{
	(void)state;
	struct nh__join first = { .heap = heap }, second = { .heap = heap };
	struct nh__need need = impossible();
	enum outcome outcome;
	go_to(&first, NH__DONE);
	uint32_t generation = heap->freeze.generation;
	assert_null(one_hold(&second, &need, &outcome)); /* finds it done: joins and is told */
	assert_int_equal(outcome, NOTHING);
	assert_true(second.joined);
	assert_int_equal(heap->freeze.waiters, 2);
	assert_null(one_hold(&second, &need, &outcome));
	assert_int_equal(heap->freeze.waiters, 2); /* joins once */
	leave_surely(&first);
	assert_int_equal(heap->freeze.phase, NH__DONE);
	assert_true(gates(is_seized));
	leave_surely(&first);
	assert_int_equal(heap->freeze.waiters, 1); /* leaves once */
	leave_surely(&second);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.waiters, 0);
	assert_true(heap->freeze.generation == generation + 1u);
}

/* A waiter that never comes back: after so many locked frees it thaws without it. */
static void thaws_by_itself(void **state)
{
	(void)state;
	static void *blocks[NH_THAW_FREES + 1u];
	struct nh__join gone = { .heap = heap };
	for (unsigned i = 0; i <= NH_THAW_FREES; i++)
		assert_non_null(blocks[i] = nh_instance_malloc(u.instance, 16));
	go_to(&gone, NH__DONE);
	for (unsigned i = 0; i < NH_THAW_FREES; i++) {
		assert_int_equal(heap->freeze.phase, NH__DONE);
		nh_instance_free(u.instance, blocks[i]);
	}
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.waiters, 0);
	assert_true(gates(is_open));
	/* it comes back late, to somebody else's freeze: its leaving must not thaw that */
	struct nh__join other = { .heap = heap };
	nh_instance_free(u.instance, blocks[NH_THAW_FREES]);
	go_to(&other, NH__DONE);
	assert_int_equal(heap->freeze.waiters, 1);
	struct nh__join late = gone;
	leave_surely(&late);
	assert_int_equal(heap->freeze.waiters, 1);
	assert_int_equal(heap->freeze.phase, NH__DONE);
	/* or it goes on waiting: then it joins anew */
	struct nh__need need = impossible();
	enum outcome outcome;
	assert_null(one_hold(&gone, &need, &outcome));
	assert_int_equal(heap->freeze.waiters, 2);
	assert_true(gone.joined && gone.generation == heap->freeze.generation);
	leave_surely(&gone);
	leave_surely(&other);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
}

/* ---- when no freeze is due ---------------------------------------------------------------- */

static uint32_t freezes_of(size_t size)
{
	uint32_t before = heap->freeze.generation;
	uint32_t told = unit_stats(&u, 0).reclaims, refused = unit_stats(&u, 0).refusals;
	assert_null(nh_instance_malloc(u.instance, size));
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_true(gates(is_open));
	assert_int_equal(unit_stats(&u, 0).refusals - refused, NH_STATS);
	assert_int_equal(unit_stats(&u, 0).reclaims - told, NH_STATS ? heap->freeze.generation - before : 0);
	return heap->freeze.generation - before;
}

static void freeze_only_if_something_was_cached(void **state)
{
	(void)state;
	assert_int_equal(freezes_of(300 * KIB), 1); /* nothing is known yet */
	assert_int_equal(freezes_of(300 * KIB), 0);
	assert_int_equal(freezes_of(280 * KIB), 0); /* a refused call parks nothing */
	for (unsigned cpu = 0; cpu<NH_CPUS; cpu += NH_CPUS> 1 ? NH_CPUS - 1u : 1u) {
		fill(cpu, 40);
		assert_int_equal(freezes_of(300 * KIB), 1);
		assert_int_equal(freezes_of(300 * KIB), 0);
	}
	_Atomic uint32_t *busy = &heap->cache[LAST_CPU]->head.gate.busy;
	bool inside = false;
	nh__bump(busy, 1);
	activity(heap, &inside);
	assert_true(inside);
	assert_false(nothing_cached(heap)); /* who is inside may be parking */
	nh__bump(busy, UINT32_MAX);
	assert_true(nothing_cached(heap));
#if NH__DEPOT
	nh__store_relaxed(&heap->shared[NH_CLASSES - 1u].inbox, (1u << NH__COUNT_BITS) + 1u);
	assert_false(nothing_cached(heap));
	nh__store_relaxed(&heap->shared[NH_CLASSES - 1u].inbox, 0);
#endif
}

/* ---- several heaps ------------------------------------------------------------------------ */

static int set_up_two(void **state)
{
	*state = &u;
	const size_t sizes[] = { 64 * KIB, 64 * KIB };
	unit_lay_out(&u, 2, sizes);
	unit_begin(&u, 2);
	heap = u.instance->heap[0];
	return 0;
}

static bool stale(struct nh__join *part)
{
	struct nh__note note = { NH_FAULT_NONE, NULL };
	return nh__join_stale(part, &note);
}

static void kept_frozen_and_checked_again(void **state)
{
	(void)state;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	struct nh__join parts[2] = { { .heap = u.instance->heap[0] }, { .heap = u.instance->heap[1] } };
	struct nh__need need = impossible();
	void *block = nh_instance_malloc(u.instance, 2000);
	assert_int_equal(nh_instance_heap_of(u.instance, block), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_null(nh__reclaim(&parts[i], &need, &note));
	assert_int_equal(parts[0].heap->freeze.phase, NH__DONE);
	assert_int_equal(parts[1].heap->freeze.phase, NH__DONE);
	assert_false(stale(&parts[0]));
	assert_false(stale(&parts[1]));
	nh_instance_free(u.instance, block); /* to heap 0, while 1 was being searched */
	assert_true(stale(&parts[0]));
	assert_false(stale(&parts[1]));
	assert_null(nh__reclaim(&parts[0], &need, &note));
	assert_false(stale(&parts[0]));
	assert_true(nh__heap_lock(heap, 0));
	thaw(heap); /* as by locked frees: it may have cached since */
	nh__heap_unlock(heap, 0, &note);
	assert_true(stale(&parts[0]));
	for (unsigned i = 0; i < 2; i++)
		nh__join_leave(&parts[i], &note);
	assert_int_equal(parts[1].heap->freeze.phase, NH__IDLE);
}

/* Where nothing was cached no freeze is joined; what is cached then makes the answer stale. */
static void stale_without_freeze(void **state)
{
	(void)state;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	struct nh__need need = impossible();
	struct nh__join first = { .heap = heap }, part = { .heap = heap };
	void *block = nh_instance_malloc(u.instance, 24);
	assert_null(nh__reclaim(&first, &need, &note));
	nh__join_leave(&first, &note);
	assert_null(nh__reclaim(&part, &need, &note));
	assert_false(part.joined);
	assert_false(stale(&part));
	nh_instance_free(u.instance, block);
	assert_true(stale(&part));
}

/* ---- draining ----------------------------------------------------------------------------- */

static void one_cpu_is_drained(void **state)
{
	(void)state;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	unsigned klass = need_of(32).klass;
	fill(LAST_CPU, 32);
	uint32_t other = heap->cache[LAST_CPU]->slot[klass].cur;
	assert_true(other != 0);
	if (LAST_CPU != 0) {
		fill(0, 48);
		nh__heap_drain_cpu(heap, 0, &note);
		assert_true(heap->cache[0]->slot[need_of(48).klass].cur == 0);
		assert_true(heap->cache[LAST_CPU]->slot[klass].cur == other);
	}
	/* seized: that is the reclaimer's then */
	nh_port_gate_seize(&heap->cache[LAST_CPU]->head.gate.seized);
	nh__heap_drain_cpu(heap, LAST_CPU, &note);
	assert_true(heap->cache[LAST_CPU]->slot[klass].cur == other);
	nh_port_gate_open(&heap->cache[LAST_CPU]->head.gate.seized);
	nh__heap_drain_cpu(heap, LAST_CPU, &note);
	for (unsigned number = 0; number < NH__CHAINS; number++) {
		uint32_t *chain = nh__chain_of(heap, LAST_CPU, number);
		assert_true(chain == NULL || *chain == 0);
	}
	assert_int_equal(note.code, NH_FAULT_NONE);
}

/* The blocks before the damage go back; the rest is cut off, reported and counted. */
static void damaged_chain_is_cut(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	fill(0, 32);
	struct nh__cache *cache = heap->cache[0];
	uint32_t chain = cache->slot[need_of(32).klass].cur, third = chain;
	unsigned count = NH__COUNT(chain);
	assert_true(count >= 3);
	struct nh__block *top = nh__chain_pop(&cache->head, &third);
	nh__chain_pop(&cache->head, &third);
	void *payload = nh__payload(nh__chain_top(&cache->head, third));
	cache->slot[need_of(32).klass].cur = 0;
	((unsigned char *)nh__block_at(payload))[0] ^= 1u; /* the third is no cached block any more */
	assert_true(nh__heap_lock(heap, 0));
	uint32_t lost = heap->tlsf.lost, rest = nh__drain(heap, chain);
	assert_ptr_equal(heap->tlsf.fault_at, payload);
	heap->tlsf.fault_at = &lost; /* what was met first in a lock hold is told, and nothing of what follows */
	assert_true(nh__drain(heap, third) == 0);
	assert_ptr_equal(heap->tlsf.fault_at, &lost);
	heap->tlsf.lost = lost + (count - 2u) * NH_SPAN_MIN;
	heap->tlsf.fault_at = payload;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	nh__heap_unlock(heap, 0, &note);
	assert_true(rest == 0);
	assert_int_equal(note.code, NH_FAULT_LINK);
	assert_ptr_equal(note.address, payload);
	assert_int_equal(heap->tlsf.lost - lost, (count - 2u) * NH_SPAN_MIN);
	assert_int_equal(nh__load_relaxed(&top->owner), NH__OWNER_TLSF);
#else
	unit_skip("links are checked from NH_HARDENING_MODERATE on");
#endif
}

#define TEST(function) unit_case_damaged(function, set_up)
#define TEST_TWO(function) unit_case_damaged(function, set_up_two)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(barrier_first),
		TEST(quiet_waits_for_owner),
#if NH__DEPOT
		TEST(inboxes_close),
		TEST(words_are_emptied),
#endif
		TEST(drained_in_steps),
		TEST(served_on_the_way),
#if NH__DEPOT
		TEST(put_back_where_it_was),
#endif
		TEST(last_waiter_thaws),
		TEST(thaws_by_itself),
		TEST(freeze_only_if_something_was_cached),
		TEST_TWO(kept_frozen_and_checked_again),
		TEST_TWO(stale_without_freeze),
		TEST(one_cpu_is_drained),
		TEST(damaged_chain_is_cut),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

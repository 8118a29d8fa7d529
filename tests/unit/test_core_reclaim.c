/* SPDX-License-Identifier: MIT */
/*
 * core/reclaim.c, one lock hold at a time: the phases and what each leaves behind. The source is included, because
 * the steps are static there. Waiters, several heaps, draining: test_core_reclaim_waiters.c.
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

#include "frozen.h"

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

#define TEST(function) unit_case_damaged(function, set_up)

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
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

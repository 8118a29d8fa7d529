/* SPDX-License-Identifier: MIT */
/*
 * core/reclaim.c, one lock hold at a time: waiters that join, leave and are left behind, when no freeze is due, several
 * heaps, and draining. The source is included, because the steps are static there.
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
	assert_int_equal(heap->tlsf.lost - lost, (count - 2u) * NH_SPAN_MIN);
	heap->tlsf.fault_at = &lost; /* what was met first in a lock hold is told, and nothing of what follows */
	assert_true(nh__drain(heap, third) == 0);
	assert_ptr_equal(heap->tlsf.fault_at, &lost);
	assert_int_equal(heap->tlsf.lost - lost, 2u * (count - 2u) * NH_SPAN_MIN);
	heap->tlsf.fault_at = payload;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	nh__heap_unlock(heap, 0, &note);
	assert_true(rest == 0);
	assert_int_equal(note.code, NH_FAULT_LINK);
	assert_ptr_equal(note.address, payload);
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

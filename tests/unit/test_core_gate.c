/* SPDX-License-Identifier: MIT */
/*
 * core/gate.h over the host port: parity and count, who is refused, and that owner and reclaimer
 * are never both inside. test_core_gate_fences.c is the same program for a kernel without
 * membarrier.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "white.h"

#ifndef WHITE_FORCE_FENCES
#define WHITE_FORCE_FENCES 0
#endif

static struct nh__gate gate;

static uint32_t busy(void)
{
	return nh__load_relaxed(&gate.busy);
}

static int set_up(void **state)
{
	(void)state;
	memset(&gate, 0, sizeof gate);
#if NH__GATE
	nh_port_gate_open(&gate.seized);
#endif
	return 0;
}

/* As the hits do it. */
static bool try_gate(struct nh__gate *at)
{
	nh_port_cpu_begin(cpu, key);
	(void)cpu;
	return nh__gate_try(at, key);
}

/* Two per operation: half of the word is the number of operations. */
static void counts_operations(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(busy(), 2u * i);
		assert_true(nh__gate_enter(&gate, 0));
		assert_int_equal(busy(), 2u * i + 1u);
		nh__gate_leave(&gate, 0);
	}
	assert_int_equal(busy() / 2u, 1000);
}

static void cancel_does_not_count(void **state)
{
	(void)state;
	nh__store_relaxed(&gate.busy, 40);
	assert_true(nh__gate_enter(&gate, 0));
	nh__gate_cancel(&gate, 0);
	assert_int_equal(busy(), 40);
}

static void wraps_to_even(void **state)
{
	(void)state;
	nh__store_relaxed(&gate.busy, UINT32_MAX - 1u);
	assert_true(nh__gate_enter(&gate, 0));
	assert_true(busy() == UINT32_MAX);
	assert_false(nh__gate_enter(&gate, 0));
	nh__gate_leave(&gate, 0);
	assert_int_equal(busy(), 0);
	nh__store_relaxed(&gate.busy, 0);
	assert_true(nh__gate_enter(&gate, 0));
	nh__gate_cancel(&gate, 0);
	assert_int_equal(busy(), 0);
}

/* A signal handler on top of the owner is refused, and leaves no trace. */
static void no_second_entry(void **state)
{
	(void)state;
	assert_true(nh__gate_enter(&gate, 0));
	uint32_t inside = busy();
	assert_false(nh__gate_enter(&gate, 0));
	assert_false(try_gate(&gate));
	assert_int_equal(busy(), inside);
	nh__gate_leave(&gate, 0);
	assert_true(nh__gate_enter(&gate, 0));
	nh__gate_leave(&gate, 0);
}

/* With fences the hits' try goes to the slow path always, but where ThreadSanitizer must see it, or the bounds say so. */
static void try_is_enter_or_refusal(void **state)
{
	(void)state;
	bool expected = true;
#if NH__GATE
	expected = NHT_TSAN || NH_PORT_GATE_BOUNDS != 0 || nh_host_membarrier();
#endif
	assert_int_equal(try_gate(&gate), expected);
	assert_int_equal(busy(), expected ? 1 : 0);
	nh_port_cpu_begin(cpu, key);
	(void)cpu;
	(void)key;
	if (expected)
		nh__gate_undo(&gate, key);
	assert_int_equal(busy(), 0);
	if (try_gate(&gate))
		nh__gate_done(&gate, key);
	assert_int_equal(busy(), expected ? 2 : 0);
	assert_true(nh__gate_enter(&gate, 0));
	nh__gate_leave(&gate, 0);
}

#if NH__GATE

static void seized_refuses(void **state)
{
	(void)state;
	nh__store_relaxed(&gate.busy, 6);
	nh_port_gate_seize(&gate.seized);
	assert_false(nh__gate_enter(&gate, 0));
	assert_int_equal(busy(), 6);
	if (!NH_PORT_GATE_BOUNDS)
		assert_false(try_gate(&gate)); /* else the bounds refuse */
	assert_int_equal(busy(), 6);
	nh_port_gate_open(&gate.seized);
	assert_true(nh__gate_enter(&gate, 0));
	nh__gate_leave(&gate, 0);
	assert_int_equal(busy(), 8);
}

static void quiet_is_even(void **state)
{
	(void)state;
	assert_true(nh_port_gate_quiet(&gate.busy, 0));
	assert_true(nh__gate_enter(&gate, 0));
	assert_false(nh_port_gate_quiet(&gate.busy, 0));
	nh_port_gate_seize(&gate.seized); /* who is inside stays inside */
	assert_false(nh_port_gate_quiet(&gate.busy, 0));
	nh__gate_leave(&gate, 0);
	assert_true(nh_port_gate_quiet(&gate.busy, 0));
}

static void form_is_chosen(void **state)
{
	(void)state;
	assert_int_equal(nh_host_membarrier(), NH_PORT_GATE_OPEN == 0);
	if (WHITE_FORCE_FENCES)
		assert_false(nh_host_membarrier());
	assert_true(NH_PORT_GATE_OPEN != 1u); /* that is what a seized gate holds */
}

/* ---- owner against reclaimer -------------------------------------------------------------- */

/* Guarded by the gate; plain, so that a sanitizer sees both inside as well. */
static int inside;
static _Atomic unsigned entered;
static _Atomic bool stop;
static _Atomic uint32_t bound;

static void set_bound(bool open)
{
	/* as nh__bounds_close and nh__bounds_open */
	atomic_store_explicit(&bound, open && NH_PORT_GATE_OPEN == 0, memory_order_seq_cst);
}

static void guarded(int who)
{
	NHT_CHECK(inside == 0, "%d and %d are inside", inside, who);
	inside = who;
	*(volatile int *)&inside = who;
	inside = 0;
}

/* As the hits: where the port says so, a bound tells them that the gate is seized. */
static bool hit_enters(void)
{
#if NH_PORT_GATE_BOUNDS
	if (!try_gate(&gate))
		return false;
	if (nh_port_load_ordered(&bound) != 0)
		return true;
	nh__gate_cancel(&gate, 0);
	return false;
#else
	return try_gate(&gate);
#endif
}

static void *own(void *unused)
{
	(void)unused;
	while (!nh__load_relaxed(&stop)) {
		bool in = hit_enters() || nh__gate_enter(&gate, 0);
		if (!in) {
			sched_yield();
			continue;
		}
		guarded(1);
		nh__gate_leave(&gate, 0);
		atomic_fetch_add_explicit(&entered, 1u, memory_order_relaxed);
	}
	return NULL;
}

static void never_both(void **state)
{
	(void)state;
	pthread_t owner;
	size_t rounds = nht_test_operations(400);
	nh__store_relaxed(&stop, false);
	assert_int_equal(pthread_create(&owner, NULL, own, NULL), 0);
	for (size_t i = 0; i < rounds; i++) {
		set_bound(false);
		nh_port_gate_seize(&gate.seized);
		nh_port_heavy_fence();
		while (!nh_port_gate_quiet(&gate.busy, 0))
			sched_yield();
		guarded(2);
		unsigned before = nh__load_relaxed(&entered);
		nh_port_gate_open(&gate.seized);
		set_bound(true);
		while (i % 8u == 0 && nh__load_relaxed(&entered) == before)
			sched_yield(); /* it does get in again */
	}
	nh__store_relaxed(&stop, true);
	pthread_join(owner, NULL);
	assert_int_equal(busy() & 1u, 0);
	assert_true(busy() / 2u == nh__load_relaxed(&entered));
}

#endif

#if NH_CACHES
/* The cache of those who have none: refuses every form, and nobody writes to it. */
static void no_cache_refuses(void **state)
{
	(void)state;
	struct nh__cache_head *head = NH__NO_CACHE;
	assert_false(try_gate(&head->gate));
	assert_false(nh__gate_enter(&head->gate, 0));
	assert_int_equal(nh__load_relaxed(&head->gate.busy), 1);
	assert_true(head->limit == 0 && head->reach == 0);
}
#endif

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_operations),
		TEST(cancel_does_not_count),
		TEST(wraps_to_even),
		TEST(no_second_entry),
		TEST(try_is_enter_or_refusal),
#if NH__GATE
		TEST(seized_refuses),
		TEST(quiet_is_even),
		TEST(form_is_chosen),
		TEST(never_both),
#endif
#if NH_CACHES
		TEST(no_cache_refuses),
#endif
	};
	nht_start(argc, argv);
	if (WHITE_FORCE_FENCES)
		nh_host_force_fences();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

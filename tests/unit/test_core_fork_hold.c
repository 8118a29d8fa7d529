/* SPDX-License-Identifier: MIT */
/*
 * Freezes that others drive, end or begin anew while somebody is between two lock holds: what holds a heap still for a fork,
 * and who must go without. The source is included, so that the others' steps can be made where a fence is issued.
 */
#include "core/heap.h"

/* Run once, in place of the next fence. */
static void (*meanwhile)(void);

static void hooked_fence(void)
{
	void (*now)(void) = meanwhile;
	meanwhile = NULL;
	if (now != NULL)
		now();
}

#define nh_port_heavy_fence hooked_fence
#include "core/reclaim.c"
#undef nh_port_heavy_fence

#include "white.h"

#if !NH_CACHES || !NH__GATE || !NH_PORT_HEAVY || NH_CPUS < 2

int main(void)
{
	(void)hooked_fence;
	return unit_all_skipped("no freeze, no fence, or one CPU");
}

#else

static unit u;
static struct nh__heap *heap;
static struct nh__join other;
static struct nh__note note;

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 256 * KIB, 0);
	heap = u.instance->heap[0];
	other = (struct nh__join){.heap = heap};
	note = (struct nh__note){NH_FAULT_NONE, NULL};
	meanwhile = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(note.code, NH_FAULT_NONE);
	unit_end(&u);
	return 0;
}

/* To the very end, where a waiter is told the truth; it does not leave yet. */
static void other_finishes(void)
{
	unit_on_cpu(1);
	assert_null(nh__reclaim(&other, NULL, &note));
	unit_on_cpu(0);
	assert_int_equal(heap->freeze.phase, NH__DONE);
}

/* The freeze is thawed, and the other one begins the next. */
static void other_begins_anew(void)
{
	struct nh__scan scan = {0};
	enum outcome outcome;
	uint32_t before = heap->freeze.generation;
	unit_on_cpu(1);
	assert_true(nh__heap_lock(heap, 1));
	nh__freeze_recover(heap, 0);
	assert_null(advance(&other, NULL, &scan, &outcome));
	nh__heap_unlock(heap, 1, &note);
	unit_on_cpu(0);
	assert_int_equal(outcome, FENCE);
	assert_int_equal(heap->freeze.phase, NH__BARRIER);
	assert_true(heap->freeze.generation != before);
}

/* It is the other's freeze as well, and ends with whoever leaves last. */
static void assert_both_leave(void)
{
	assert_true(heap->freeze.phase >= NH__QUIET);
	assert_int_equal(heap->freeze.waiters, 2);
	nh__fork_release(heap, 0);
	assert_int_equal(heap->freeze.waiters, 1);
	assert_true(heap->freeze.phase >= NH__QUIET);
	nh__join_leave(&other, &note);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.waiters, 0);
}

static void held_in_anothers_freeze(void **state)
{
	(void)state;
	meanwhile = other_finishes;
	nh__fork_hold(heap, 0);
	assert_null(meanwhile);
	assert_int_equal(heap->freeze.phase, NH__DONE);
	assert_both_leave();
}

/* The fence of one freeze says nothing of the next. */
static void held_in_the_next_freeze(void **state)
{
	(void)state;
	meanwhile = other_begins_anew;
	nh__fork_hold(heap, 0);
	assert_null(meanwhile);
	assert_both_leave();
}

/* So many frees under the lock does a finished freeze survive, and no one more. */
static void frees_thaw(void **state)
{
	(void)state;
	other_finishes();
	assert_int_equal(heap->freeze.thaw, NH_THAW_FREES);
	for (unsigned i = 0; i < NH_THAW_FREES; i++) {
		assert_int_equal(heap->freeze.phase, NH__DONE);
		nh__freeze_tick(heap);
	}
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.waiters, 0);
	nh__freeze_tick(heap); /* and none counts where nothing is frozen */
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	nh__join_leave(&other, &note); /* was left behind: no business of another freeze's */
	assert_int_equal(heap->freeze.waiters, 0);
}

/* A handler on top of a cache operation would wait for itself. */
static void inside_its_own_gate(void **state)
{
	(void)state;
	struct nh__gate *gate = &heap->cache[0]->head.gate;
	assert_true(nh__gate_enter(gate, 0));
	assert_null(nh__reclaim(&other, NULL, &note));
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_null(nh_instance_malloc(u.instance, 512 * KIB));
	nh__gate_cancel(gate, 0);
	assert_null(nh__reclaim(&other, NULL, &note));
	assert_int_equal(heap->freeze.phase, NH__DONE);
	nh__join_leave(&other, &note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(held_in_anothers_freeze, set_up, tear_down),
		cmocka_unit_test_setup_teardown(held_in_the_next_freeze, set_up, tear_down),
		cmocka_unit_test_setup_teardown(frees_thaw, set_up, tear_down),
		cmocka_unit_test_setup_teardown(inside_its_own_gate, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Calls from where nobody may wait for a lock (an NMI, a signal handler on top of a lock hold): refused or reported, and
 * nothing changes. The context is made by beginning a lock hold and not ending it.
 */
#include "core/check.h"
#include "core/lifecycle.h"
#include "core/sweep.h"
#include "core/walk.h"

#include "white.h"

#define LARGE ((size_t)5000)

static unit u;
static struct nh__heap *heap;
static void *large, *small[8];

static int set_up(void **state)
{
	static const size_t sizes[] = { 256 * KIB };
	(void)state;
	unit_lay_out(&u, 1, sizes);
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	large = nh_instance_malloc(u.instance, LARGE);
	for (unsigned i = 0; i < 8; i++)
		small[i] = nh_instance_malloc(u.instance, 24);
	for (unsigned i = 0; i < 8; i += 2)
		nh_instance_free(u.instance, small[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nh_instance_free(u.instance, large);
	for (unsigned i = 1; i < 8; i += 2)
		nh_instance_free(u.instance, small[i]);
	unit_end(&u);
	return 0;
}

static void enter(void)
{
	assert_true(nh_port_lock_begin());
	assert_false(nh_port_lock_begin());
}

static void allocation_is_refused(void **state)
{
	(void)state;
	enter();
	void *block = nh_instance_malloc(u.instance, 2 * LARGE),
	     *moved = nh_instance_realloc(u.instance, large, 3 * LARGE);
	nh_explanation entry;
	unsigned count = nh_instance_explain(u.instance, NULL, LARGE, &entry, 1);
	nh_port_lock_end();
	assert_null(block);
	assert_null(moved);
	assert_int_equal(count, 1);
	assert_int_equal(entry.reason, NH_FULL);
	assert_true(nh_instance_usable_size(u.instance, large) >= LARGE);
}

/* A shrink may be done without the lock, or not at all. */
static void shrinking_keeps_the_block(void **state)
{
	(void)state;
	enter();
	void *block = nh_instance_realloc(u.instance, large, LARGE / 4u);
	nh_port_lock_end();
	assert_true(block == NULL || block == large);
	assert_true(nh_instance_usable_size(u.instance, large) >= LARGE / 4u);
	nht_fault_clear();
}

static void a_free_is_reported(void **state)
{
	(void)state;
	enter();
	nh_instance_free(u.instance, large);
	nh_port_lock_end();
	unit_expect_fault(NH_FAULT_CONTEXT, large);
	assert_true(nh_instance_usable_size(u.instance, large) >= LARGE);
}

static bool never(const nh_block_info *block, void *context)
{
	(void)block;
	(void)context;
	fail_msg("a walk without the lock");
	return false;
}

static void nobody_looks(void **state)
{
	(void)state;
	nh_heap_stats stats;
	nh_report report;
	enter();
	nh_status walk = nh_instance_walk(u.instance, 0, never, NULL),
		  counted = nh_instance_heap_stats_get(u.instance, 0, &stats);
	nh_status valid = nh_instance_validate(u.instance, 0, &report);
	nh_port_lock_end();
	assert_status(walk, NH_EBUSY);
	assert_status(counted, NH_EBUSY);
	assert_status(valid, NH_EBUSY);
	assert_null(report.what);
}

static void nothing_is_drained_or_swept(void **state)
{
	(void)state;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	struct nh__removal all = { .heap = heap };
	struct nh__join join = { .heap = heap };
	size_t before = unit_stats(&u, 0).cached;
	enter();
	nh__heap_drain_cpu(heap, 0, &note);
	void *block = nh__reclaim(&join, NULL, &note);
	struct nh__tally tally = nh__sweep(u.instance, &all, NH__HOLD, &note);
	nh_port_lock_end();
	assert_null(block);
	assert_true(tally.live >= 1);
	assert_int_equal(unit_stats(&u, 0).cached, before);
}

#if NH__RECOVERABLE && NH_CPUS > 1

static void a_recovery_is_put_off(void **state)
{
	(void)state;
	enter();
	nh_status status = nh_instance_cpu_recover(u.instance, 1);
	nh_port_lock_end();
	assert_status(status, NH_EBUSY);
	assert_status(nh_instance_cpu_recover(u.instance, 1), NH_OK);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(allocation_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shrinking_keeps_the_block, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_free_is_reported, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_looks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_drained_or_swept, set_up, tear_down),
#if NH__RECOVERABLE && NH_CPUS > 1
		cmocka_unit_test_setup_teardown(a_recovery_is_put_off, set_up, tear_down),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * What a stopped CPU leaves, made by hand one state at a time, and what its survivor makes of it; at the end of a removal:
 * test_core_recover_removal.c. tests/rp2040/kill stops a real one at every instruction.
 */
#include <string.h>

#include "stopped.h"

#if STOPPED_SKIPPED

static unit u;

static void nothing_to_mend(void **state)
{
	(void)state;
	unit_one(&u, 40 * KIB, 0);
	assert_status(nh_instance_cpu_recover(u.instance, NH_CPUS), NH__RECOVERABLE ? NH_ENOENT : NH_ENOTSUP);
	assert_status(nh_instance_cpu_offline(u.instance, 0), NH_OK);
	assert_status(nh_instance_cpu_online(u.instance, 0), NH_OK);
	assert_status(nh_instance_cpu_online(u.instance, NH_CPUS), NH_ENOENT);
	unit_end(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_to_mend)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void an_orderly_stop_drains(void **state)
{
	(void)state;
	assert_status(nh_instance_cpu_online(u.instance, DEAD), NH_OK);
	assert_status(nh_instance_cpu_offline(u.instance, DEAD), NH_OK);
	assert_drained();
	assert_status(nh_instance_cpu_offline(u.instance, DEAD), NH_OK);
	unit_on_cpu(DEAD);
	nh_instance_free(u.instance, nh_instance_malloc(u.instance, 40));
	assert_status(nh_instance_cpu_offline(u.instance, DEAD), NH_OK); /* by itself */
	unit_on_cpu(0);
	assert_drained();
}

static void refusals(void **state)
{
	(void)state;
	assert_status(nh_instance_cpu_recover(u.instance, 0), NH_EINVAL);
	assert_status(nh_instance_cpu_recover(u.instance, NH_CPUS), NH_ENOENT);
	assert_status(nh_instance_cpu_offline(u.instance, NH_CPUS), NH_ENOENT);
	assert_status(nh_instance_cpu_online(u.instance, NH_CPUS), NH_ENOENT);
	assert_status(nh_instance_heap_salvage(u.instance, 2, NULL), NH_ENOENT);
	assert_status(nh_instance_cpu_recover(NULL, 1), NH_ENOINIT);
	assert_status(nh_cpu_recover(1), NH_ENOINIT);
	assert_status(nh_cpu_offline(1), NH_ENOINIT);
	assert_status(nh_cpu_online(1), NH_ENOINIT);
	assert_status(nh_heap_salvage(0, NULL), NH_ENOINIT);
}

static void stopped_outside(void **state)
{
	(void)state;
	assert_recovered();
	assert_recovered(); /* a second time changes nothing */
}

static void stopped_inside_its_gate(void **state)
{
	(void)state;
	_Atomic uint32_t *busy = &cache_of_dead()->head.gate.busy;
	uint32_t before = nh__load_relaxed(busy);
	nh__store_relaxed(busy, before + 1u);
	assert_status(nh_instance_cpu_online(u.instance, DEAD), NH_EBUSY);
	assert_status(nh_instance_cpu_offline(u.instance, DEAD), NH_EBUSY);
	assert_int_equal(nh__load_relaxed(busy), before + 1u);
	assert_recovered();
}

static void stopped_while_waiting_for_the_lock(void **state)
{
	(void)state;
	nh__store_relaxed(&heap->lock.want[DEAD], 1u);
	assert_status(nh_instance_cpu_online(u.instance, DEAD), NH_EBUSY);
	assert_recovered();
}

/* The holder handed it the lock after it had stopped. */
static void stopped_and_handed_the_lock(void **state)
{
	(void)state;
	nh__store_relaxed(&heap->lock.want[DEAD], 1u);
	nh__store_relaxed(&heap->lock.word, DEAD + 1u);
	nh__store_relaxed(&u.instance->admin.word, DEAD + 1u);
	assert_recovered();
}

/* It waits for the lock itself: its flag stays, and a second time finds it inside. */
static void the_caller_may_be_waiting_itself(void **state)
{
	(void)state;
	nh__store_relaxed(&heap->lock.want[0], 1u);
	nh__store_relaxed(&heap->lock.word, DEAD + 1u);
	assert_int_equal(nh__lock_recover(&heap->lock, 0, DEAD), NH__MINE);
	assert_int_equal(nh__load_relaxed(&heap->lock.want[0]), 1);
	assert_int_equal(nh__lock_recover(&heap->lock, 0, DEAD), NH__INSIDE);
	nh__lock_release(&heap->lock, 0);
	assert_int_equal(nh__load_relaxed(&heap->lock.word), 0);
	nh__store_relaxed(&heap->lock.want[0], 0u);
	assert_recovered();
}

static void stopped_while_driving_a_freeze(void **state)
{
	(void)state;
	nh__fork_hold(heap, DEAD); /* seized, all gates quiet */
	heap->freeze.closed = 1;   /* and the first inbox closed */
	nh__store_relaxed(&heap->shared[0].inbox, NH__CLOSED);
	nh__lock_release(&heap->lock, DEAD);
	assert_int_equal(heap->freeze.waiters, 1);
	assert_recovered();
	assert_int_equal(nh__load_relaxed(&heap->shared[0].inbox), 0);
}

static void chain_between_two_words(void **state)
{
	(void)state;
	size_t found = 99;
	unsigned number = 0;
	while (*nh__chain_of(heap, DEAD, number) == 0)
		number++;
	uint32_t *chain = nh__chain_of(heap, DEAD, number);
	unsigned lost = NH__COUNT(*chain);
	assert_true(lost != 0);
	*chain = 0; /* taken from its word, not yet in the next */
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_OK);
	assert_true(unit_stats(&u, 0).cached != 0);
	assert_status(nh_instance_heap_salvage(u.instance, 0, &found), NH_OK);
	assert_int_equal(found, lost);
	assert_status(nh_instance_heap_salvage(u.instance, 0, &found), NH_OK);
	assert_int_equal(found, 0);
	assert_recovered();
}

static void stopped_inside_the_admin_lock(void **state)
{
	(void)state;
	nh__store_relaxed(&u.instance->admin.word, DEAD + 1u);
	nh__store_relaxed(&u.instance->admin.inside, (uint16_t)(DEAD + 1u));
	nh__store_relaxed(&u.instance->eligible, 0); /* half of a change */
	assert_recovered();
	assert_int_equal(nh__load_relaxed(&u.instance->eligible), 3);
}

static void stopped_while_removing(void **state)
{
	(void)state;
	/* the other heap's sets are taken back, and its free memory is held */
	struct nh__removal removal = {.heap = other, .cpu = DEAD};
	struct nh__note note = {NH_FAULT_NONE, NULL};
	nh__heap_hide(u.instance, other->id);
	u.instance->removal = removal;
	struct nh__tally tally = nh__sweep(u.instance, &removal, NH__HOLD, &note);
	assert_int_equal(tally.live + tally.cached, 0);
	assert_int_equal(other->tlsf.free, 0);
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_EBUSY);
	assert_recovered();
	assert_int_equal(nh_instance_heap_count(u.instance), 2);
	assert_int_equal(other->tlsf.free, other->tlsf.total);
}

static void stopped_inside_a_heap(void **state)
{
	(void)state;
	const nh_request first = {.heaps = 1u};
	nh__store_relaxed(&heap->lock.word, DEAD + 1u);
	nh__store_relaxed(&heap->lock.inside, (uint16_t)(DEAD + 1u));
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_ECORRUPT);
	assert_int_equal(nht_fault_count(), 1);
	nh_fault fault = nht_fault_get(0);
	assert_int_equal(fault.code, NH_FAULT_BROKEN);
	assert_int_equal(fault.cpu, DEAD);
	assert_ptr_equal(fault.address, heap);
	nht_fault_clear();
	assert_status(nh_instance_cpu_online(u.instance, DEAD), NH_OK);

	/* no request finds it, its blocks are known no more and keep their contents, the other one serves */
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
	assert_null(nh_instance_alloc(u.instance, &first, 40));
	memset(live[1], 0x3c, 40);
	nh_instance_free(u.instance, live[1]);
	unit_expect_fault(NH_FAULT_POINTER, live[1]);
	assert_int_equal(*(unsigned char *)live[1], 0x3c);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		unit_on_cpu(cpu);
		void *block = nh_instance_malloc(u.instance, 40);
		assert_int_equal(nh_instance_heap_of(u.instance, block), 1);
		nh_instance_free(u.instance, block);
	}
	unit_on_cpu(0);
	assert_sound(nht_valid(u.instance));
	assert_sound(nht_all_returned(u.instance, 1));
	/* and its memory stays in use */
	assert_status(nh_instance_heap_add(u.instance, &u.configs[0], NULL), NH_EOVERLAP);
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_OK);
}

/* Its removal ends with the heap, whose lists nobody finds blocks in, not even who had the heap's address in hand. */
static void stopped_inside_a_heap_it_was_removing(void **state)
{
	(void)state;
	/* of no class: the depot may have what belongs to nobody any more */
	struct nh__need need = nh__need_of(nh__class_table_of(u.instance), 20 * KIB, 1);
	struct nh__note note = {NH_FAULT_NONE, NULL};
	nh__heap_hide(u.instance, heap->id);
	u.instance->removal = (struct nh__removal){.heap = heap, .cpu = DEAD};
	nh__store_relaxed(&heap->lock.word, DEAD + 1u);
	nh__store_relaxed(&heap->lock.inside, (uint16_t)(DEAD + 1u));
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_ECORRUPT);
	assert_int_equal(nht_fault_count(), 1);
	assert_int_equal(nht_fault_get(0).code, NH_FAULT_BROKEN);
	nht_fault_clear();
	assert_null(u.instance->removal.heap);
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
	assert_null(nh__heap_take(heap, &need, &note));
	assert_int_equal(note.code, NH_FAULT_NONE);
	assert_int_equal(nh__load_relaxed(&heap->lock.word), 0);
}

/* It was handed the lock of a heap that its removal had hidden. */
static void stopped_at_a_hidden_heap(void **state)
{
	(void)state;
	nh__heap_hide(u.instance, other->id);
	u.instance->removal = (struct nh__removal){.heap = other, .cpu = DEAD};
	nh__store_relaxed(&other->lock.want[DEAD], 1u);
	nh__store_relaxed(&other->lock.word, DEAD + 1u);
	assert_recovered();
	assert_int_equal(nh__load_relaxed(&other->lock.word), 0);
	assert_int_equal(nh__load_relaxed(&other->lock.want[DEAD]), 0);
	assert_int_equal(nh_instance_heap_count(u.instance), 2);
}

/* A removal of a living CPU goes on. */
static void anothers_removal_goes_on(void **state)
{
	(void)state;
	u.instance->removal = (struct nh__removal){.heap = other, .cpu = 0};
	nh__heap_hide(u.instance, other->id);
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_OK);
	assert_ptr_equal(u.instance->removal.heap, other);
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
	nh__heap_restore(u.instance, other, true);
	u.instance->removal.heap = NULL;
}

/* Of the admin lock: as of a heap's. */
static void from_inside_the_admin_lock(void **state)
{
	(void)state;
	nh__lock_acquire(&u.instance->admin, 0);
	nh__store_relaxed(&heap->lock.want[DEAD], 1u);
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_EBUSY);
	assert_int_equal(nh__load_relaxed(&heap->lock.want[DEAD]), 1); /* nothing was done */
	nh__lock_release(&u.instance->admin, 0);
	assert_recovered();
}

/* The hook may be called for the CPU again when it has started. */
static void stopped_inside_the_hook(void **state)
{
	(void)state;
	nh__store_relaxed(nh_port_hook_flag(DEAD), 1u);
	assert_recovered();
	assert_int_equal(nh__load_relaxed(nh_port_hook_flag(DEAD)), 0);
}

#if NH_STATS

static void drains_are_no_hits(void **state)
{
	(void)state;
	nh_cpu_stats before, after;
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, DEAD, &before), NH_OK);
	assert_status(nh_instance_cpu_offline(u.instance, DEAD), NH_OK);
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, DEAD, &after), NH_OK);
	assert_int_equal(after.hits, before.hits);
}

#endif

static void a_salvage_ends_its_freeze(void **state)
{
	(void)state;
	size_t blocks = 77;
	assert_status(nh_instance_heap_salvage(u.instance, 5, &blocks), NH_ENOENT);
	assert_int_equal(blocks, 0);
	assert_status(nh_instance_heap_salvage(u.instance, 0, NULL), NH_OK);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.waiters, 0);
}

#if NH_HARDENING >= NH_HARDENING_MODERATE

/* What is found in its caches meanwhile is told. */
static void drain_damaged(nh_status (*call)(nh_instance *instance, unsigned cpu))
{
	for (unsigned i = 0; i < 24; i += 2)
		memset(live[i], 0x77, 4);
	assert_status(call(u.instance, DEAD), NH_OK);
	assert_true(nht_fault_count() != 0);
	assert_int_equal(nht_fault_get(0).code, NH_FAULT_LINK);
	nht_fault_clear();
	assert_drained();
}

static void damage_in_its_caches(void **state)
{
	(void)state;
	drain_damaged(nh_instance_cpu_offline);
}

static nh_status salvage(nh_instance *instance, unsigned cpu)
{
	(void)cpu;
	return nh_instance_heap_salvage(instance, 0, NULL);
}

static void damage_in_salvaged_caches(void **state)
{
	(void)state;
	drain_damaged(salvage);
}

static void damage_in_a_dead_ones_caches(void **state)
{
	(void)state;
	drain_damaged(nh_instance_cpu_recover);
}

#endif

/* The lock is held by this CPU: a hook that recovers on top of a lock hold. */
static void from_inside_a_lock(void **state)
{
	(void)state;
	nh__lock_acquire(&heap->lock, 0);
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_EBUSY);
	assert_int_equal(nh__load_relaxed(&heap->lock.word), 1);
	nh__lock_release(&heap->lock, 0);
	assert_recovered();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_orderly_stop_drains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_outside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_inside_its_gate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_while_waiting_for_the_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_and_handed_the_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_caller_may_be_waiting_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_while_driving_a_freeze, set_up, tear_down),
		cmocka_unit_test_setup_teardown(chain_between_two_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_inside_the_admin_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_while_removing, set_up, tear_down),
		unit_case_damaged(stopped_inside_a_heap, set_up),
		unit_case_damaged(stopped_inside_a_heap_it_was_removing, set_up),
		cmocka_unit_test_setup_teardown(stopped_at_a_hidden_heap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(anothers_removal_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(from_inside_a_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(from_inside_the_admin_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_inside_the_hook, set_up, tear_down),
#if NH_STATS
		cmocka_unit_test_setup_teardown(drains_are_no_hits, set_up, tear_down),
#endif
		cmocka_unit_test_setup_teardown(a_salvage_ends_its_freeze, set_up, tear_down),
#if NH_HARDENING >= NH_HARDENING_MODERATE
		unit_case_damaged(damage_in_its_caches, set_up),
		unit_case_damaged(damage_in_salvaged_caches, set_up),
		unit_case_damaged(damage_in_a_dead_ones_caches, set_up),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

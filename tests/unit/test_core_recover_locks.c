/* SPDX-License-Identifier: MIT */
/* core/recover.c: after a CPU that stopped inside a heap no lock is held, and the removals of the living are theirs. */
#include "white.h"

#if !NH_CACHES || !NH__GATE || !NH__RECOVERABLE || NH_CPUS < 3

int main(void)
{
	return unit_all_skipped("no other CPU that could be recovered");
}

#else

#define DEAD 1u
#define OTHER 2u

static unit u;

static int set_up(void **state)
{
	static const size_t sizes[] = {32 * KIB, 32 * KIB};
	*state = &u;
	unit_lay_out(&u, 2, sizes);
	unit_begin(&u, 2);
	return 0;
}

static void stop_inside(struct nh__heap *heap)
{
	nh__store_relaxed(&heap->lock.word, DEAD + 1u);
	nh__store_relaxed(&heap->lock.inside, (uint16_t)(DEAD + 1u));
}

static void assert_no_lock(void)
{
	assert_int_equal(nh__load_relaxed(&u.instance->admin.word), 0);
	for (unsigned id = 0; id < 2; id++)
		assert_int_equal(nh__load_relaxed(&u.instance->heap[id]->lock.word), 0);
	assert_true(nh_port_lock_begin());
	nh_port_lock_end();
}

static void no_lock_stays(void **state)
{
	(void)state;
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_OK);
	assert_no_lock();
	stop_inside(u.instance->heap[0]);
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_ECORRUPT);
	assert_int_equal(nht_fault_count_of(NH_FAULT_BROKEN), 1);
	assert_int_equal(nht_fault_get(0).cpu, DEAD);
	nht_fault_clear();
	assert_no_lock();
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
}

/* Of a living CPU: it will find what happened, and end it. */
static void anothers_removal_stays(void **state)
{
	(void)state;
	struct nh__removal *removal = &u.instance->removal;
	removal->heap = u.instance->heap[0];
	removal->region = u.instance->heap[0]->tlsf.regions;
	removal->cpu = OTHER;
	stop_inside(u.instance->heap[0]);
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_ECORRUPT);
	assert_ptr_equal(removal->heap, u.instance->heap[0]);
	assert_int_equal(removal->cpu, OTHER);
	removal->heap = NULL;
	assert_no_lock();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case_damaged(no_lock_stays, set_up),
		unit_case_damaged(anothers_removal_stays, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

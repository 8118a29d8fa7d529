/* SPDX-License-Identifier: MIT */
/*
 * core/admit.c and core/reserve.c: each hold of the admin lock is one, entered and left by the same CPU, and the heap's is had
 * outside. The sources are included, so that the lock can be watched: alone, nobody would miss it.
 */
#include "core/instance.h"

static struct nh__lock *held; /* NULL = none */
static unsigned holds, holder, wrong;

static void watched_acquire(struct nh__lock *lock, unsigned id)
{
	wrong += held != NULL;
	held = lock;
	holder = id;
	holds++;
	nh__lock_acquire(lock, id);
}

static void watched_release(struct nh__lock *lock, unsigned id)
{
	wrong += held != lock || holder != id;
	held = NULL;
	nh__lock_release(lock, id);
}

static bool watched_heap_lock(struct nh__heap *heap, unsigned cpu)
{
	wrong += held != NULL;
	return nh__heap_lock(heap, cpu);
}

#define nh__lock_acquire watched_acquire
#define nh__lock_release watched_release
#define nh__heap_lock watched_heap_lock
#include "core/admit.c"
#include "core/reserve.c"
#undef nh__lock_acquire
#undef nh__lock_release
#undef nh__heap_lock

#include "white.h"

static unit u;

static int set_up(void **state)
{
	static const size_t sizes[] = {64 * KIB, 64 * KIB, 64 * KIB};
	*state = &u;
	unit_lay_out(&u, 3, sizes);
	unit_begin(&u, 1);
	holds = wrong = 0;
	return 0;
}

static void expect_holds(unsigned count)
{
	assert_int_equal(holds, count);
	assert_int_equal(wrong, 0);
	assert_null(held);
	holds = 0;
}

/* One to reserve, one to publish. */
static void a_heap_is_added(void **state)
{
	(void)state;
	int number;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], &number), NH_OK);
	assert_int_equal(number, 1);
	expect_holds(2);
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], &number), NH_EOVERLAP);
	expect_holds(1);
}

/* One to reserve; the heap's, which ends it; one more if it is not there after all. */
static void a_region_is_added(void **state)
{
	(void)state;
	nht_part *part = &u.arena.parts[1];
	assert_status(nh_instance_region_add(u.instance, 0, part->base, part->size), NH_OK);
	expect_holds(1);
	assert_false(nh__heap_grows(u.instance, 0));
	assert_status(nh_instance_region_add(u.instance, 0, part->base, part->size), NH_EOVERLAP);
	expect_holds(1);
	nh__tlsf_condemn(&u.instance->heap[0]->tlsf);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[2].base, u.arena.parts[2].size), NH_ECORRUPT);
	expect_holds(2);
	assert_false(nh__heap_grows(u.instance, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(a_heap_is_added, set_up),
		unit_case_damaged(a_region_is_added, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

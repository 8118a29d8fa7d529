/* SPDX-License-Identifier: MIT */
/* core/lock.h with one thread: what is free is had at once; the look at all flags of the owner word before they are asked in turn. */
#include <string.h>

#include "core/lock.h"

#include "white.h"

/* Nobody waited, whoever it was. */
static void free_at_once(void **state)
{
	(void)state;
	struct nh__lock lock;
	nh__lock_reset(&lock);
	for (unsigned id = 0; id < NH_LOCKERS; id++) {
		nh__lock_acquire(&lock, id);
		nh__lock_release(&lock, id);
	}
	assert_int_equal(lock.waits, 0);
}

#define FLAGS (NH_LOCKERS > 1 && NH_LOCK_BACKEND == NH_LOCK_OWNER)

#if FLAGS

/* Whatever lies behind the flags is none. Where there are few, they are asked anyway. */
static void wanted_by_nobody(void **state)
{
	(void)state;
	struct nh__lock lock;
	memset(&lock, 0xff, sizeof lock);
	for (unsigned i = 0; i < NH_LOCKERS; i++)
		nh__store_relaxed(&lock.want[i], 0u);
	assert_int_equal(nh__lock_wanted(&lock), NH_LOCKERS < 4);
}

static void wanted_by_one(void **state)
{
	(void)state;
	struct nh__lock lock;
	for (unsigned one = 0; one < NH_LOCKERS; one++) {
		nh__lock_reset(&lock);
		nh__store_relaxed(&lock.want[one], 1u);
		assert_true(nh__lock_wanted(&lock));
	}
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_at_once),
#if FLAGS
		cmocka_unit_test(wanted_by_nobody),
		cmocka_unit_test(wanted_by_one),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

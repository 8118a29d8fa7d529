/* SPDX-License-Identifier: MIT */
/* core/lock.h, the owner word: the look at all flags before they are asked in turn. One thread. */
#include <string.h>

#include "core/lock.h"

#include "white.h"

#if NH_LOCKERS == 1 || NH_LOCK_BACKEND != NH_LOCK_OWNER

int main(void)
{
	return unit_all_skipped("no flags in this configuration");
}

#else

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wanted_by_nobody),
		cmocka_unit_test(wanted_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

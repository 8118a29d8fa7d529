/* SPDX-License-Identifier: MIT */
/* Which spans may become regions: nh_linker_check, at every edge. */
#include <nearheap/linker.h>

#include "tests/support/unit.h"

static char memory[1024];

/* RAM is [128, 512) and [512, 896) of the memory; [256, 320) and nothing at 600 are taken. */
static nh_status check(size_t start, size_t size)
{
	const nh_linker_span ram[] = { { memory + 128, memory + 512 }, { memory + 512, memory + 896 } };
	const nh_linker_span taken[] = { { memory + 256, memory + 320 }, { memory + 600, memory + 600 } };
	return nh_linker_check(memory + start, size, ram, 2, taken, 2);
}

static void inside(void **state)
{
	(void)state;
	assert_status(check(128, 128), NH_OK);
	assert_status(check(320, 192), NH_OK);
	assert_status(check(512, 384), NH_OK);
	assert_status(check(895, 1), NH_OK);
	assert_status(check(590, 20), NH_OK); /* an empty span takes nothing */
}

static void outside(void **state)
{
	(void)state;
	assert_status(check(127, 10), NH_ERANGE);
	assert_status(check(0, 1024), NH_ERANGE);
	assert_status(check(880, 17), NH_ERANGE);
	assert_status(check(500, 24), NH_ERANGE); /* two memories are not one */
	assert_status(check(896, 1), NH_ERANGE);
}

static void taken(void **state)
{
	(void)state;
	assert_status(check(255, 2), NH_EOVERLAP);
	assert_status(check(256, 64), NH_EOVERLAP);
	assert_status(check(270, 1), NH_EOVERLAP);
	assert_status(check(319, 10), NH_EOVERLAP);
	assert_status(check(200, 200), NH_EOVERLAP);
}

static void nonsense(void **state)
{
	(void)state;
	const nh_linker_span all = { memory, memory + sizeof memory };
	assert_status(nh_linker_check(NULL, 16, NULL, 0, NULL, 0), NH_EINVAL);
	assert_status(check(128, 0), NH_EINVAL);
	assert_status(check(128, SIZE_MAX - 64), NH_EWRAP);
	assert_status(nh_linker_check(memory, 16, NULL, 0, NULL, 0),
	              NH_OK); /* nothing known, nothing refused */
	assert_status(nh_linker_check(memory, 16, NULL, 0, &all, 1), NH_EOVERLAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inside),
		cmocka_unit_test(outside),
		cmocka_unit_test(taken),
		cmocka_unit_test(nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The fatal hook: may return, may use the heap, and a fault inside it goes to the default, which stops. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/env.h"
#include "tests/support/unit.h"

static unit u;
static unsigned calls;
static void *from_hook[4];

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 64 * KIB, 0);
	calls = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nht_fault_catch();
	unit_end(&u);
	return 0;
}

/* No gate and no lock is held: everything may be called. */
static void hook_that_allocates(const nh_fault *fault)
{
	nh_report report;
	calls++;
	assert_int_equal(fault->code, NH_FAULT_DOUBLE_FREE);
	for (unsigned i = 0; i < 4; i++)
		from_hook[i] = nh_instance_malloc(u.instance, 40 + i * 400u);
	from_hook[0] = nh_instance_realloc(u.instance, from_hook[0], 1000);
	assert_status(nh_instance_validate(u.instance, -1, &report), NH_OK);
	assert_status(nh_instance_trim(u.instance, -1), NH_OK);
	nh_instance_free(u.instance, from_hook[1]);
	from_hook[1] = NULL;
}

static void re_entered(void **state)
{
	(void)state;
	void *wall = nh_instance_malloc(u.instance, 40);
	void *block = nh_instance_malloc(u.instance, 40);
	void *wall_above = nh_instance_malloc(u.instance, 40);
	nh_instance_free(u.instance, block);
	nh_fatal_hook_set(hook_that_allocates);
	nh_instance_free(u.instance, block);
	assert_int_equal(calls, 1);
	for (unsigned i = 0; i < 4; i++) {
		assert_true((from_hook[i] == NULL) == (i == 1));
		nh_instance_free(u.instance, from_hook[i]);
	}
	nh_instance_free(u.instance, wall);
	nh_instance_free(u.instance, wall_above);
}

static void hook_that_returns(const nh_fault *fault)
{
	(void)fault;
	calls++;
}

static void returned_from_often(void **state)
{
	(void)state;
	nh_fatal_hook_set(hook_that_returns);
	unsigned char *block = nh_instance_malloc(u.instance, 100);
	for (unsigned i = 0; i < 1000; i++)
		nh_instance_free(u.instance, block + 1);
	assert_int_equal(calls, 1000);
	assert_true(nh_instance_usable_size(u.instance, block) >= 100);
	nh_instance_free(u.instance, block);
}

/* In a child process: what stops does not come back, and not with exit status 0. */
static bool stops(void (*body)(void *block), void *block)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		body(block);
		nht_leave(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void hook_with_a_fault(const nh_fault *fault)
{
	nh_instance_free(u.instance, (void *)((uintptr_t)fault->address + 1u));
}

static void fault_in_hook(void *block)
{
	nh_fatal_hook_set(hook_with_a_fault);
	nh_instance_free(u.instance, (unsigned char *)block + 1);
}

static void fault_in_default(void *block)
{
	nh_fatal_hook_set(NULL);
	nh_instance_free(u.instance, (unsigned char *)block + 1);
}

static void no_fault(void *block)
{
	nh_fatal_hook_set(NULL);
	nh_instance_free(u.instance, block);
}

static void default_stops(void **state)
{
	(void)state;
	void *block = nh_instance_malloc(u.instance, 100);
	assert_false(stops(no_fault, block));
	assert_true(stops(fault_in_default, block));
	assert_true(stops(fault_in_hook, block));
	nh_instance_free(u.instance, block);
}

/* ---- a default that comes back ------------------------------------------------------------ */

static sigjmp_buf back;

static void aborted(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

/* A program may leave by a jump from where the default stops it: nothing is held then, and the heap goes on. */
static void default_is_left(void **state)
{
	(void)state;
	void *volatile block = nh_instance_malloc(u.instance, 100);
	void (*before)(int) = signal(SIGABRT, aborted);
	volatile unsigned stops_seen = 0;
	nh_fatal_hook_set(NULL);
	if (sigsetjmp(back, 1) == 0)
		nh_instance_free(u.instance, (unsigned char *)block + 1);
	else
		stops_seen++;
	(void)signal(SIGABRT, before);
	nht_fault_catch();
	assert_int_equal(stops_seen, 1);
	nh_instance_free(u.instance, block);
	assert_int_equal(nht_fault_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(re_entered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(returned_from_often, set_up, tear_down),
		cmocka_unit_test_setup_teardown(default_stops, set_up, tear_down),
		cmocka_unit_test_setup_teardown(default_is_left, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * core/fault.c: whom a fault is told to, the hook or the port. The source is included, so that a test can be the port, which else
 * ends the program.
 */
#include <string.h>

#include "arch/port.h"

static nh_fault fatal; /* what the port was told last */
static unsigned fatals;

static void told_port(const nh_fault *fault)
{
	fatal = *fault;
	fatals++;
}

#define nh_port_fatal(fault) told_port(fault)
#include "core/fault.c"
#undef nh_port_fatal

#include "white.h"

static nh_fault told; /* what the hook was told last */
static unsigned calls;
static bool faulty; /* the hook makes a fault itself */
static const char here[4];

static void hook_of_test(const nh_fault *fault)
{
	told = *fault;
	calls++;
#if NH_HARDENING >= NH_HARDENING_EXTREME
	assert_true(nh__in_hook());
#endif
	if (faulty)
		nh__report(NH_FAULT_LINK, &here[3], 5);
}

static int set_up(void **state)
{
	(void)state;
	assert_status(nh_host_attach(0), NH_OK);
	nh_fatal_hook_set(hook_of_test);
	calls = fatals = 0;
	faulty = false;
	return 0;
}

static void assert_fault(const nh_fault *fault, nh_fault_code code, const void *address, unsigned cpu)
{
	assert_int_equal(fault->code, code);
	assert_ptr_equal(fault->address, address);
	assert_int_equal(fault->cpu, cpu);
}

static void the_hook_is_told(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		nh__report(NH_FAULT_LIST, &here[i], i);
		assert_int_equal(calls, i);
		assert_fault(&told, NH_FAULT_LIST, &here[i], i);
	}
	nh__stuck(3);
	assert_int_equal(calls, 4);
	assert_fault(&told, NH_FAULT_STUCK, NULL, 3);
	assert_int_equal(fatals, 0);
#if NH_HARDENING >= NH_HARDENING_EXTREME
	assert_false(nh__in_hook());
#endif
}

static void without_a_hook_the_port(void **state)
{
	(void)state;
	nh_fatal_hook_set(NULL);
	nh__report(NH_FAULT_POINTER, &here[1], 2);
	assert_int_equal(fatals, 1);
	assert_int_equal(calls, 0);
	assert_fault(&fatal, NH_FAULT_POINTER, &here[1], 2);
}

/* A fault of the hook is the port's; the next one is the hook's again. */
static void a_hook_that_faults(void **state)
{
	(void)state;
	faulty = true;
	for (unsigned i = 1; i <= 2; i++) {
		nh__report(NH_FAULT_POINTER, &here[1], 0);
		assert_int_equal(calls, i);
		assert_int_equal(fatals, i);
		assert_fault(&told, NH_FAULT_POINTER, &here[1], 0);
		assert_fault(&fatal, NH_FAULT_LINK, &here[3], 5);
	}
}

/* A CPU that stopped inside the hook is outside when it starts again. */
static void stopped_inside_the_hook(void **state)
{
	(void)state;
	nh__store_relaxed(nh_port_hook_flag(0), 1u);
	nh__report(NH_FAULT_POINTER, &here[1], 0);
	assert_int_equal(fatals, 1);
	nh__report_recover(0);
	nh__report(NH_FAULT_POINTER, &here[1], 0);
	assert_int_equal(fatals, 1);
	assert_int_equal(calls, 1);
}

static void the_first_of_a_note(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	nh__note_report(&note);
	assert_int_equal(calls, 0);
	nh__note_keep(&note, NH_FAULT_LINK, &here[1]);
	nh__note_keep(&note, NH_FAULT_LIST, &here[2]);
	nh__note_report(&note);
	assert_int_equal(calls, 1);
	assert_fault(&told, NH_FAULT_LINK, &here[1], nh_port_cpu());
	assert_int_equal(fatals, 0);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_hook_is_told),
		TEST(without_a_hook_the_port),
		TEST(a_hook_that_faults),
		TEST(stopped_inside_the_hook),
		TEST(the_first_of_a_note),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

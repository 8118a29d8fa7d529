/* SPDX-License-Identifier: MIT */
/* Phrases and the version: one per value, none shared, a fallback for what is no value. */
#include <stdio.h>
#include <string.h>

#include "tests/support/unit.h"

static const char *status_string(int value)
{
	return nh_status_string((nh_status)value);
}

static const char *reason_string(int value)
{
	return nh_reason_string((nh_reason)value);
}

static const char *fault_string(int value)
{
	return nh_fault_string((nh_fault_code)value);
}

static const char *retained_string(int value)
{
	return nh_retained_string((nh_retained_found)value);
}

/* Phrases of 0 .. last are non-empty, distinct, and not the one for unknown values. */
static void check_phrases(const char *(*phrase)(int value), int last)
{
	const char *unknown = phrase(last + 1);
	assert_non_null(unknown);
	assert_string_equal(phrase(last + 100), unknown);
	for (int i = 0; i <= last; i++) {
		const char *text = phrase(i);
		assert_non_null(text);
		assert_true(strlen(text) >= 2);
		assert_string_not_equal(text, unknown);
		assert_ptr_equal(text, phrase(i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(text, phrase(k));
	}
}

static void statuses(void **state)
{
	(void)state;
	check_phrases(status_string, NH_ECORRUPT);
	assert_string_equal(nh_status_string((nh_status)99), "unknown status");
}

static void reasons(void **state)
{
	(void)state;
	check_phrases(reason_string, NH_FULL);
}

static void faults(void **state)
{
	(void)state;
	check_phrases(fault_string, (NH_HARDENING >= NH_HARDENING_FULL ? NH_FAULT_CORRUPT : NH_FAULT_BROKEN));
}

static void retained(void **state)
{
	(void)state;
	check_phrases(retained_string, NH_RETAINED_DAMAGED);
}

static void version(void **state)
{
	char expected[32];
	(void)state;
	snprintf(expected, sizeof expected, "%d.%d.%d", NH_VERSION_MAJOR, NH_VERSION_MINOR, NH_VERSION_PATCH);
	assert_string_equal(nh_version(), expected);
	assert_string_equal(NH_VERSION_STRING, expected);
}

static void sizes(void **state)
{
	(void)state;
	assert_true(sizeof(nh_instance_storage) >= NH_INSTANCE_SIZE);
	assert_non_null(nh_default());
	assert_ptr_equal(nh_default(), nh_default());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses), cmocka_unit_test(reasons), cmocka_unit_test(faults),
		cmocka_unit_test(retained), cmocka_unit_test(version), cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

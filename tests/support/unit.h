/* SPDX-License-Identifier: MIT */
/*
 * What the cmocka programs share: cmocka itself, and a fixture of one instance over one guarded
 * arena.
 */
#ifndef NHT_UNIT_H
#define NHT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <nearheap/host.h>
#include <nearheap/nearheap.h>

#include "arena.h"
#include "fault.h"
#include "oracle.h"

#define KIB ((size_t)1024)

/* Asserts that an oracle holds; cmocka prints the complaint. */
#define assert_sound(complaint)                                                            \
	do {                                                                               \
		const char *complaint_ = (complaint);                                      \
		if (complaint_ != NULL)                                                    \
			fail_msg("%s", complaint_);                                        \
	} while (0)

#define assert_status(status, expected)                                                    \
	do {                                                                               \
		nh_status status_ = (status), expected_ = (expected);                      \
		if (status_ != expected_)                                                  \
			fail_msg("%s, expected %s", nh_status_string(status_), nh_status_string(expected_)); \
	} while (0)

#define UNIT_PARTS 16u

typedef struct unit {
	nh_instance_storage storage;
	nh_instance *instance;
	nht_arena arena;
	nh_heap_config configs[UNIT_PARTS];
} unit;

/* One part per size; configs[i] names part i, with the window over the whole arena. Nothing is
 * initialised yet. The thread is in slot 0 afterwards and faults are caught. */
void unit_lay_out(unit *u, unsigned count, const size_t *sizes);

/* Initialises with the first `count` configs. */
void unit_begin(unit *u, unsigned count);

/* unit_lay_out and unit_begin for one heap. */
void unit_one(unit *u, size_t size, uint32_t flags);

/* Everything must have been freed and no fault be left unread: oracles, then forgets the
 * instance. */
void unit_end(unit *u);

/* The same without the oracles, for tests that damage the heap. */
void unit_abandon(unit *u);

/* Both for cmocka, after a set-up that left the unit in *state. */
int unit_tear_down(void **state);
int unit_tear_down_damaged(void **state);
#define unit_case(function, set_up) cmocka_unit_test_setup_teardown(function, set_up, unit_tear_down)
#define unit_case_damaged(function, set_up)                                                \
	cmocka_unit_test_setup_teardown(function, set_up, unit_tear_down_damaged)

/* Leaves the test and says why, so that nobody takes it for a passed one. */
#define unit_skip(why)                                                                     \
	do {                                                                               \
		print_message("skipped: %s\n", (why));                                     \
		skip();                                                                    \
	} while (0)

/* The main() of a program that has nothing to test in this configuration: one skipped test. */
int unit_all_skipped(const char *why);

/* Adds part `part` to a heap as a region. */
void unit_add_region(unit *u, int heap, unsigned part);

nh_heap_stats unit_stats(unit *u, int heap);

/* Exactly one report since the last clear, of this code, at this address, on this CPU. Clears. */
void unit_expect_fault(nh_fault_code code, const void *address);
/* The same where either code is right. */
void unit_expect_fault_of(nh_fault_code code, nh_fault_code other, const void *address);

/* This thread is in slot `cpu` from now on, or in one of those that there are. */
void unit_on_cpu(unsigned cpu);

/* A block of one heap and no other, or NULL. */
void *unit_take(unit *u, int heap, size_t size);
/* All that a heap has, chained through the first word. */
void *unit_fill(unit *u, int heap);

/* Takes what there is in blocks of `size`, chained through their first word. */
void *unit_take_all(unit *u, size_t size, unsigned *count);
void unit_free_chain(unit *u, void *first);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * core/lock.c, the owner word: what a waiter does from poll to poll. One thread, which is the others too: the source is included,
 * and each look at the word, each attempt and each poll calls the test. Patience ends early here.
 */
#include <string.h>

#include "arch/port.h"

#define YIELDS 6u    /* polls after which a waiter may lose its CPU */
#define PATIENCE 40u

static void (*at_look)(void), (*at_poll)(void); /* before the flag comes down for a poll, and inside the poll */
static unsigned polls_seen, failures;           /* attempts that shall fail for no reason */

static bool seen_yields(uint32_t polls)
{
	if (at_look != NULL)
		at_look();
	return polls >= YIELDS;
}

static void seen_relax(uint32_t polls)
{
	(void)polls;
	polls_seen++;
	if (at_poll != NULL)
		at_poll();
}

static inline bool failing_cas(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired)
{
	if (failures == 0)
		return atomic_compare_exchange_strong_explicit(word, expected, desired, memory_order_acquire, memory_order_relaxed);
	failures--;
	*expected = atomic_load_explicit(word, memory_order_relaxed);
	return false;
}

#undef nh_port_relax_yields
#define nh_port_relax_yields(polls) seen_yields(polls)
#define nh_port_relax seen_relax
#undef nh_port_cas_acquire
#define nh_port_cas_acquire(word, expected, desired) failing_cas((word), (expected), (desired))
#undef NH_PATIENCE
#define NH_PATIENCE PATIENCE
#include "core/lock.c"
#undef nh_port_relax

#include "white.h"

#if NH_LOCKERS < 3 || NH_LOCK_BACKEND != NH_LOCK_OWNER

int main(void)
{
	(void)failing_cas;
	(void)seen_yields;
	(void)seen_relax;
	return unit_all_skipped("the owner word, with three that may want it");
}

#else

#define SELF 0u
#define OTHER 1u
#define DEAD 2u

static struct nh__lock lock;
static unsigned leave_at; /* the poll at which the other lets go */

static int set_up(void **state)
{
	(void)state;
	nh__lock_reset(&lock);
	at_look = at_poll = NULL;
	polls_seen = failures = 0;
	leave_at = 3;
	nht_fault_catch();
	return 0;
}

static void held_by(unsigned id)
{
	nh__store_relaxed(&lock.word, id + 1u);
	nh__store_relaxed(&lock.inside, (uint16_t)(id + 1u));
}

static void other_leaves(void)
{
	if (polls_seen == leave_at)
		nh__lock_release(&lock, OTHER);
}

static void assert_held(void)
{
	assert_int_equal(nh__load_relaxed(&lock.word), SELF + 1u);
	assert_int_equal(nh__load_relaxed(&lock.inside), SELF + 1u);
}

/* An attempt that fails for no reason is made again at once: nobody held the lock, nobody waited. */
static void spurious_failures_are_no_wait(void **state)
{
	(void)state;
	for (unsigned count = 0; count < 5; count++) {
		nh__lock_reset(&lock);
		failures = count;
		nh__lock_acquire(&lock, SELF);
		assert_held();
		assert_int_equal(failures, 0);
		assert_int_equal(nh__load_relaxed(&lock.want[SELF]), 0);
		failures = count;
		nh__lock_reset(&lock);
		assert_int_equal(nh__lock_recover(&lock, SELF, DEAD), NH__MINE);
		assert_held();
		assert_int_equal(failures, 0);
	}
	assert_int_equal(polls_seen, 0);
	assert_int_equal(lock.waits, 0);
}

static void flag_is_up(void)
{
	assert_int_equal(nh__load_relaxed(&lock.want[SELF]), 1);
}

static void flag_is_down_to_yield(void)
{
	assert_int_equal(nh__load_relaxed(&lock.want[SELF]), polls_seen <= YIELDS);
	other_leaves();
}

/* Nobody hands the lock to who may not be running: the flag is down for polls that give the CPU away, and up again behind each. */
static void out_of_the_line_for_a_yield(void **state)
{
	(void)state;
	held_by(OTHER);
	at_look = flag_is_up;
	at_poll = flag_is_down_to_yield;
	leave_at = 20;
	nh__lock_acquire(&lock, SELF);
	assert_held();
	assert_int_equal(polls_seen, 20);
	assert_int_equal(nh__load_relaxed(&lock.want[SELF]), 0);
	assert_int_equal(lock.waits, NH_STATS ? 1 : 0);
}

/* Patience ends once a wait, at a certain poll, and tells who is waited for. */
static void patience(void **state)
{
	(void)state;
	for (unsigned recover = 0; recover < 2; recover++) {
		for (leave_at = PATIENCE - 1u; leave_at <= PATIENCE + 3u; leave_at++) {
			polls_seen = 0;
			nh__lock_reset(&lock);
			held_by(OTHER);
			at_poll = other_leaves;
			if (recover != 0)
				assert_int_equal(nh__lock_recover(&lock, SELF, DEAD), NH__MINE);
			else
				nh__lock_acquire(&lock, SELF);
			assert_held();
			assert_int_equal(polls_seen, leave_at);
			assert_int_equal(nht_fault_count(), leave_at >= PATIENCE);
			if (leave_at >= PATIENCE) {
				assert_int_equal(nht_fault_get(0).code, NH_FAULT_STUCK);
				assert_int_equal(nht_fault_get(0).cpu, OTHER);
				assert_null(nht_fault_get(0).address);
			}
			nht_fault_clear();
		}
	}
}

/* ---- recovery ----------------------------------------------------------------------------- */

/* Whatever the dead one had of the lock, it has not any more; the caller's own flag is as it was. */
static void recovery(void **state)
{
	(void)state;
	for (unsigned wanted = 0; wanted < 2; wanted++) {
		for (unsigned had = 0; had < 4; had++) {
			nh__lock_reset(&lock);
			nh__store_relaxed(&lock.want[SELF], (uint8_t)wanted);
			nh__store_relaxed(&lock.want[DEAD], (uint8_t)(had == 1));
			if (had >= 2)
				held_by(DEAD);
			if (had == 2)
				nh__store_relaxed(&lock.inside, 0); /* handed over, not yet inside */
			assert_int_equal(nh__lock_names(&lock, DEAD), had != 0);
			assert_int_equal(nh__lock_recover(&lock, SELF, DEAD), had == 3 ? NH__TORN : NH__MINE);
			assert_held();
			assert_int_equal(nh__load_relaxed(&lock.want[SELF]), wanted);
			assert_false(nh__lock_names(&lock, DEAD));
		}
	}
	assert_int_equal(polls_seen, 0);
}

/* Its own hold is not recovered; a word that was handed to it, but not taken, is. */
static void recovery_of_what_is_held(void **state)
{
	(void)state;
	held_by(SELF);
	nh__store_relaxed(&lock.want[DEAD], 1);
	assert_int_equal(nh__lock_recover(&lock, SELF, DEAD), NH__INSIDE);
	assert_held();
	assert_int_equal(nh__load_relaxed(&lock.want[DEAD]), 1);
	nh__store_relaxed(&lock.inside, 0);
	assert_int_equal(nh__lock_recover(&lock, SELF, DEAD), NH__MINE);
	assert_held();
	assert_int_equal(nh__load_relaxed(&lock.want[DEAD]), 0);
}

static void other_dies_for_it(void)
{
	flag_is_up();
	if (polls_seen == leave_at) { /* a holder that had seen the flag of the dead one before it came down */
		nh__store_relaxed(&lock.inside, 0);
		nh__store_release(&lock.word, DEAD + 1u);
	}
}

/* The lock may still be handed to the dead one, or to the caller, who waits in line. */
static void recovery_waits_in_line(void **state)
{
	(void)state;
	held_by(OTHER);
	at_poll = other_dies_for_it;
	assert_int_equal(nh__lock_recover(&lock, SELF, DEAD), NH__MINE);
	assert_held();
	assert_int_equal(polls_seen, leave_at);
	polls_seen = 0;
	held_by(OTHER);
	at_poll = other_leaves;
	assert_int_equal(nh__lock_recover(&lock, SELF, DEAD), NH__MINE);
	assert_held();
	assert_int_equal(polls_seen, leave_at);
	assert_int_equal(nh__load_relaxed(&lock.want[SELF]), 0);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(spurious_failures_are_no_wait),
		TEST(out_of_the_line_for_a_yield),
		TEST(patience),
		TEST(recovery),
		TEST(recovery_of_what_is_held),
		TEST(recovery_waits_in_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

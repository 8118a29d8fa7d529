/* SPDX-License-Identifier: MIT */
/*
 * core/lock.c, whichever backend is configured: mutual exclusion, the order of hand-over, the
 * count of waits, reset. The source is included, so that each poll of a waiter can be counted: a
 * test then knows that somebody waits and needs no clock.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "arch/port.h"

static _Atomic unsigned polls_seen;

/* Run once: in place of the next compare-and-swap, which then fails, and at the next poll. */
static void (*instead_of_cas)(void), (*at_poll)(void);

static void run_once(void (**action)(void))
{
	void (*now)(void) = *action;
	*action = NULL;
	now();
}

static void counted_relax(uint32_t polls)
{
	(void)polls;
	atomic_fetch_add_explicit(&polls_seen, 1u, memory_order_relaxed);
	if (at_poll != NULL)
		run_once(&at_poll);
	sched_yield();
}

static inline bool hooked_cas(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired)
{
	if (instead_of_cas == NULL)
		return nh_port_cas_acquire(word, expected, desired);
	run_once(&instead_of_cas);
	*expected = atomic_load_explicit(word, memory_order_relaxed);
	return false;
}

#define nh_port_relax counted_relax
#undef nh_port_cas_acquire
#define nh_port_cas_acquire(word, expected, desired) hooked_cas((word), (expected), (desired))
#include "core/lock.c"
#undef nh_port_relax

#include "white.h"

#if NH_LOCKERS == 1
static void skipped(void **state)
{
	(void)state;
	(void)counted_relax;
	(void)hooked_cas;
	struct nh__lock lock;
	nh__lock_reset(&lock);
	nh__lock_acquire(&lock, 0);
	nh__lock_release(&lock, 0);
	unit_skip("one locker: interrupts off is all it takes");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(skipped) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else

#define THREADS (NH_LOCKERS < 4 ? NH_LOCKERS : 4)

static struct nh__lock lock;
/* Guarded by the lock; plain, so that a sanitizer sees two holders as well. */
static unsigned holds;
static int holder;

static unsigned polls_now(void)
{
	return atomic_load_explicit(&polls_seen, memory_order_relaxed);
}

static pthread_t start(void *(*body)(void *), unsigned id)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, body, (void *)(uintptr_t)id), 0);
	return thread;
}

static int set_up(void **state)
{
	(void)state;
	nh__lock_reset(&lock);
	holds = 0;
	holder = -1;
	return 0;
}

/* ---- mutual exclusion --------------------------------------------------------------------- */

static unsigned rounds;

static void *compete(void *argument)
{
	unsigned id = (unsigned)(uintptr_t)argument;
	for (unsigned i = 0; i < rounds; i++) {
		nh__lock_acquire(&lock, id);
		NHT_CHECK(holder == -1, "%d and %u hold the lock", holder, id);
		holder = (int)id;
		holds++;
		if (i % 64u == 0)
			sched_yield();
		holder = -1;
		nh__lock_release(&lock, id);
	}
	return NULL;
}

static void one_holder(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	rounds = (unsigned)nht_test_operations(1000);
	/* the last identity too: that of threads without a CPU */
	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = start(compete, NH_LOCKERS - 1u - i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(holds, THREADS * rounds);
}

/* ---- order -------------------------------------------------------------------------------- */

#if NH_LOCK_BACKEND != NH_LOCK_CK
static unsigned order[NH_LOCKERS]; /* guarded by the lock */

static void *queue_once(void *argument)
{
	unsigned id = (unsigned)(uintptr_t)argument;
	nh__lock_acquire(&lock, id);
	order[holds++] = id;
	nh__lock_release(&lock, id);
	return NULL;
}

/* Starts one waiter and comes back when it has polled. The others poll too, so its mark is needed. */
static pthread_t start_waiter(unsigned id)
{
#if NH_LOCK_BACKEND == NH_LOCK_OWNER
	pthread_t thread = start(queue_once, id);
	while (!nh__load_relaxed(&lock.want[id]))
		sched_yield();
#else
	uint32_t before = nh__load_relaxed(&lock.next);
	pthread_t thread = start(queue_once, id);
	while (nh__load_relaxed(&lock.next) == before)
		sched_yield();
#endif
	return thread;
}

/* Everybody else waits, having come in descending order: each gets it once. By arrival for tickets; for the owner word
 * hand_over_table has the order of the line, which those leave who yield their CPU. */
static void everybody_waits(void **state)
{
	(void)state;
	for (unsigned first = 0; first < NH_LOCKERS; first++) {
		pthread_t threads[NH_LOCKERS];
		holds = 0;
		nh__lock_acquire(&lock, first);
		for (unsigned step = NH_LOCKERS - 1u; step > 0; step--)
			threads[step] = start_waiter((first + step) % NH_LOCKERS);
		nh__lock_release(&lock, first);
		for (unsigned step = 1; step < NH_LOCKERS; step++)
			pthread_join(threads[step], NULL);
		assert_int_equal(holds, NH_LOCKERS - 1u);
		bool seen[NH_LOCKERS] = { false };
		for (unsigned i = 0; i < holds; i++) {
			if (NH_LOCK_BACKEND == NH_LOCK_TICKET)
				assert_int_equal(order[i], (first + NH_LOCKERS - 1u - i) % NH_LOCKERS);
			assert_false(seen[order[i]]);
			seen[order[i]] = true;
		}
	}
}
#endif

#if NH_LOCK_BACKEND == NH_LOCK_OWNER
/* For every set of flags and every holder: the word goes to the next raised flag. */
static void hand_over_table(void **state)
{
	(void)state;
	unsigned lockers = NH_LOCKERS < 9 ? NH_LOCKERS : 9;
	for (unsigned set = 0; set < 1u << lockers; set++)
		for (unsigned id = 0; id < NH_LOCKERS; id++) {
			nh__lock_reset(&lock);
			nh__lock_acquire(&lock, id);
			assert_int_equal(nh__load_relaxed(&lock.inside), id + 1u);
			assert_int_equal(nh__load_relaxed(&lock.want[id]), 0);
			for (unsigned k = 0; k < lockers; k++)
				nh__store_relaxed(&lock.want[k], (uint8_t)(k != id && set >> k & 1u));
			nh__lock_release(&lock, id);
			unsigned next = (id + 1u) % NH_LOCKERS;
			while (next != id && !nh__load_relaxed(&lock.want[next]))
				next = (next + 1u) % NH_LOCKERS;
			assert_int_equal(nh__load_relaxed(&lock.word), next == id ? 0 : next + 1u);
			assert_int_equal(nh__load_relaxed(&lock.inside), 0);
		}
}

/* The word handed over is taken without a fight, and the flag goes down. */
static void handed_word_is_taken(void **state)
{
	(void)state;
	unsigned last = NH_LOCKERS - 1u;
	nh__lock_acquire(&lock, 0);
	nh__store_relaxed(&lock.want[last], 1);
	nh__lock_release(&lock, 0);
	assert_int_equal(nh__load_relaxed(&lock.word), last + 1u);
	assert_int_equal(nh__load_relaxed(&lock.inside), 0); /* granted, not in the section yet */
	nh__lock_acquire(&lock, last);
	assert_int_equal(nh__load_relaxed(&lock.inside), last + 1u);
	assert_int_equal(nh__load_relaxed(&lock.want[last]), 0);
	nh__lock_release(&lock, last);
	assert_int_equal(nh__load_relaxed(&lock.word), 0);
}
#endif

/* Somebody else takes the lock between the look at it and the attempt, and gives it back later. */
#if NH_LOCK_BACKEND != NH_LOCK_CK
static void other_takes(void)
{
#if NH_LOCK_BACKEND == NH_LOCK_OWNER
	nh__store_relaxed(&lock.word, 2);
	nh__store_relaxed(&lock.inside, 2);
#else
	nh__store_relaxed(&lock.next, nh__load_relaxed(&lock.next) + 1u);
#endif
	holder = 1;
}

static void other_releases(void)
{
	holder = -1;
	nh__lock_release(&lock, 1);
}

static void lost_race_waits(void **state)
{
	(void)state;
	unsigned before = polls_now();
	instead_of_cas = other_takes;
	at_poll = other_releases;
	nh__lock_acquire(&lock, 0);
	assert_true(instead_of_cas == NULL && at_poll == NULL);
	assert_true(polls_now() > before);
	assert_int_equal(holder, -1);
	nh__lock_release(&lock, 0);
	assert_int_equal(lock.waits, NH_STATS ? 1 : 0);
}
#endif

/* ---- recovery ----------------------------------------------------------------------------- */

#if NH__RECOVERABLE && NH_LOCKERS > 2

#define GONE 2u

/* Who recovers another may be waiting for the lock itself, and be handed it, but not yet be inside. */
static void recovering_while_handed_the_lock(void **state)
{
	(void)state;
	nh__store_relaxed(&lock.want[0], 1);
	nh__store_relaxed(&lock.word, 1);
	nh__store_relaxed(&lock.want[GONE], 1);
	assert_int_equal(nh__lock_recover(&lock, 0, GONE), NH__MINE);
	assert_int_equal(nh__load_relaxed(&lock.word), 1);
	assert_int_equal(nh__load_relaxed(&lock.inside), 1);
	assert_int_equal(nh__load_relaxed(&lock.want[0]), 1); /* it will be waiting again */
	assert_int_equal(nh__load_relaxed(&lock.want[GONE]), 0);
}

/* A living holder is waited for; it goes on, though somebody takes the free word first. */
static void recovering_after_others(void **state)
{
	(void)state;
	unsigned before = polls_now();
	nh__lock_acquire(&lock, 1);
	holder = 1;
	at_poll = other_releases;
	assert_int_equal(nh__lock_recover(&lock, 0, GONE), NH__MINE);
	assert_int_equal(polls_now(), before + 1u);
	nh__lock_release(&lock, 0);

	instead_of_cas = other_takes;
	at_poll = other_releases;
	assert_int_equal(nh__lock_recover(&lock, 0, GONE), NH__MINE);
	assert_int_equal(polls_now(), before + 2u);
	assert_true(instead_of_cas == NULL);
	nh__lock_release(&lock, 0);
	assert_int_equal(nh__load_relaxed(&lock.word), 0);
}

static void naming_the_dead(void **state)
{
	(void)state;
	assert_false(nh__lock_names(&lock, GONE));
	nh__store_relaxed(&lock.word, GONE); /* another CPU's, by one */
	assert_false(nh__lock_names(&lock, GONE));
	nh__store_relaxed(&lock.word, GONE + 1u);
	assert_true(nh__lock_names(&lock, GONE));
	nh__store_relaxed(&lock.word, 0);
	nh__store_relaxed(&lock.want[GONE], 1);
	assert_true(nh__lock_names(&lock, GONE));
}

#endif

/* ---- waits, reset ------------------------------------------------------------------------- */

static void *take_once(void *argument)
{
	unsigned id = (unsigned)(uintptr_t)argument;
	nh__lock_acquire(&lock, id);
	holds++;
	nh__lock_release(&lock, id);
	return NULL;
}

static void waits_are_counted(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		nh__lock_acquire(&lock, i % NH_LOCKERS);
		nh__lock_release(&lock, i % NH_LOCKERS);
	}
	assert_int_equal(lock.waits, 0);
	for (unsigned i = 1; i <= 3; i++) {
		nh__lock_acquire(&lock, 0);
		unsigned before = polls_now();
		pthread_t thread = start(take_once, 1);
		while (polls_now() == before)
			sched_yield();
		nh__lock_release(&lock, 0);
		pthread_join(thread, NULL);
		assert_int_equal(holds, i);
		assert_int_equal(lock.waits, NH_STATS ? i : 0);
	}
}

/* A holder and a waiter that no longer exist are forgotten. */
static void reset_frees(void **state)
{
	(void)state;
	nh__lock_acquire(&lock, 1);
#if NH_LOCK_BACKEND == NH_LOCK_OWNER
	nh__store_relaxed(&lock.want[0], 1);
#elif NH_LOCK_BACKEND == NH_LOCK_TICKET
	nh__store_relaxed(&lock.next, nh__load_relaxed(&lock.next) + 1u);
#endif
	nh__lock_reset(&lock);
	unsigned before = polls_now();
	for (unsigned id = 0; id < NH_LOCKERS; id++) {
		nh__lock_acquire(&lock, id);
		nh__lock_release(&lock, id);
	}
	assert_int_equal(polls_now(), before);
	assert_int_equal(lock.waits, 0);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(one_holder),
#if NH_LOCK_BACKEND != NH_LOCK_CK
		TEST(everybody_waits),
		TEST(lost_race_waits),
#endif
#if NH_LOCK_BACKEND == NH_LOCK_OWNER
		TEST(hand_over_table),
		TEST(handed_word_is_taken),
#endif
#if NH__RECOVERABLE && NH_LOCKERS > 2
		TEST(recovering_while_handed_the_lock),
		TEST(recovering_after_others),
		TEST(naming_the_dead),
#endif
		TEST(waits_are_counted),
		TEST(reset_frees),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * core/cache.c against others who always come first: each compare-and-swap of an inbox or a depot fails as often as the test
 * wants. So many attempts as promised, then the caller is told; and what was not handed over is as it was but for its link. The
 * source is included, so that attempts can be counted.
 */
#include <string.h>

#include "arch/port.h"

static unsigned attempts, failures;

/* Somebody took the word's chain after it was looked at. */
static bool taken_before;

static inline uint32_t late_exchange(_Atomic uint32_t *word, uint32_t value)
{
	if (taken_before)
		atomic_store_explicit(word, 0, memory_order_relaxed);
	return atomic_exchange_explicit(word, value, memory_order_acquire);
}

/* Somebody else was first, but what he put there has been taken out again: the word is as before. */
static inline bool counted_cas(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired)
{
	attempts++;
	if (failures == 0)
		return atomic_compare_exchange_strong_explicit(word, expected, desired, memory_order_release,
		                                               memory_order_relaxed);
	failures--;
	*expected = atomic_load_explicit(word, memory_order_relaxed);
	return false;
}

#undef nh_port_cas_release
#define nh_port_cas_release(word, expected, desired) counted_cas((word), (expected), (desired))
#undef nh_port_exchange_acquire
#define nh_port_exchange_acquire(word, value) late_exchange((word), (value))
#include "core/cache.c"

#include "white.h"

#if NH_CACHES && NH__DEPOT

#define SECRET WHITE_SECRET

static _Alignas(16) unsigned char memory[64 * NH_GRANULE];

static struct nh__block *block_at(uint32_t granule)
{
	return (struct nh__block *)(void *)(memory + granule * NH_GRANULE + NH_GRANULE - NH_HEADER);
}

static void start(unsigned fail)
{
	attempts = 0;
	failures = fail;
}

static void inbox_tries(void **state)
{
	(void)state;
	for (unsigned fail = 0; fail <= NH_INBOX_TRIES + 2u; fail++) {
		struct nh__shared shared;
		memset(&shared, 0, sizeof shared);
		nh__store_relaxed(&shared.inbox_limit, NH_INBOX_LIMIT);
		start(fail);
		bool handed = nh__inbox_push(&shared, SECRET, block_at(3), 3);
		assert_true(handed == (fail < NH_INBOX_TRIES));
		assert_int_equal(attempts, handed ? fail + 1u : NH_INBOX_TRIES);
		assert_true((nh__load_relaxed(&shared.inbox) != 0) == handed);
	}
}

/* Each slot is tried once, and only if it looks empty. */
static void depot_tries(void **state)
{
	(void)state;
	for (unsigned fail = 0; fail <= NH_DEPOT_SLOTS + 1u; fail++) {
		struct nh__shared shared;
		memset(&shared, 0, sizeof shared);
		start(fail);
		bool put = nh__depot_put(&shared, 7u);
		assert_true(put == (fail < NH_DEPOT_SLOTS));
		assert_int_equal(attempts, put ? fail + 1u : NH_DEPOT_SLOTS);
		for (unsigned full = put; full < NH_DEPOT_SLOTS; full++)
			assert_true(nh__depot_put(&shared, 7u));
		start(0);
		assert_false(nh__depot_put(&shared, 7u));
		assert_int_equal(attempts, 0);
	}
}

/* A chain that another took is nobody else's: the next slot is tried, and after the last one there is nothing. */
static void taken_by_another(void **state)
{
	(void)state;
	struct nh__shared shared;
	memset(&shared, 0, sizeof shared);
	start(0);
	assert_true(nh__depot_put(&shared, 7u));
	taken_before = true;
	assert_int_equal(nh__depot_get(&shared), 0);
	taken_before = false;
	assert_true(nh__depot_put(&shared, 9u));
	assert_int_equal(nh__depot_get(&shared), 9);
	assert_int_equal(nh__depot_get(&shared), 0);
	nh__store_relaxed(&shared.inbox, 5u);
	taken_before = true;
	assert_int_equal(nh__inbox_take(&shared), 0);
	taken_before = false;
}

#else

static void skipped(void **state)
{
	(void)state;
	(void)late_exchange;
	(void)counted_cas;
	(void)failures;
	unit_skip("one CPU, or no caches: no inbox and no depot");
}

#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#if NH_CACHES && NH__DEPOT
		cmocka_unit_test(inbox_tries),
		cmocka_unit_test(depot_tries),
		cmocka_unit_test(taken_by_another),
#else
		cmocka_unit_test(skipped),
#endif
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

#if NH_HARDENING < NH_HARDENING_FULL /* else a free that cannot wait for a lock does not get that far */

/* A handler's free that was written into the block already, and has nowhere to go then: all of the block is as before. */
static void a_push_that_is_taken_back(void **state)
{
	(void)state;
	unit u;
	const size_t size = 256 * KIB;
	unit_lay_out(&u, 1, &size);
	u.configs[0].affinity = NH_CPU(1);
	unit_begin(&u, 1);
	unsigned char *block = nh_instance_malloc(u.instance, 40);
	uint8_t owner = nh__load_relaxed(&nh__block_at(block)->owner);
	memset(block, 0x6c, 40);
	nh__store_relaxed(&u.instance->heap[0]->shared[owner - NH__OWNER_LIVE].inbox_limit, 4);
	start(NH_INBOX_TRIES);
	assert_true(nh_port_lock_begin());
	nh_instance_free(u.instance, block);
	nh_port_lock_end();
	assert_int_equal(attempts, NH_INBOX_TRIES);
	unit_expect_fault(NH_FAULT_CONTEXT, block);
	assert_int_equal(nh__load_relaxed(&nh__block_at(block)->owner), owner);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(block[i], 0x6c);
	nh_instance_free(u.instance, block);
	assert_int_equal(nht_fault_count(), 0);
	unit_abandon(&u);
}

#endif

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
#if NH_HARDENING < NH_HARDENING_FULL
		cmocka_unit_test(a_push_that_is_taken_back),
#endif
#else
		cmocka_unit_test(skipped),
#endif
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

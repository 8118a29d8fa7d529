/* SPDX-License-Identifier: MIT */
/*
 * What caches may not do: keep memory from others. And what happens when memory is out: NULL, the
 * state as before, for every call that can be the one that fails.
 */
#include <string.h>

#include "tests/support/env.h"
#include "tests/support/unit.h"

static unit u;

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 128 * KIB, 0);
	return 0;
}

/* Fills this CPU's caches in all small classes, as far as the budget lets it. */
static void fill_caches(void)
{
	for (size_t size = 8; size <= 128; size += 8) {
		void *blocks[64];
		for (unsigned i = 0; i < 64; i++)
			blocks[i] = nh_instance_malloc(u.instance, size);
		for (unsigned i = 0; i < 64; i += 2)
			nh_instance_free(u.instance, blocks[i]);
		for (unsigned i = 1; i < 64; i += 2)
			nh_instance_free(u.instance, blocks[i]);
	}
}

/* The caches of idle CPUs are full; another takes all memory in one block, which needs every one
 * of their blocks back and merged. */
static void idle_cpu_is_reclaimed(void **state)
{
	(void)state;
	size_t largest = unit_stats(&u, 0).largest_free;
	for (unsigned cpu = 1; cpu < NH_CPUS && cpu < 5; cpu++) {
		unit_on_cpu(cpu);
		fill_caches();
	}
	unit_on_cpu(0);
	nh_heap_stats stats = unit_stats(&u, 0);
	if (NH_CACHES && NH_CPUS > 1) {
		assert_true(stats.cached > 0);
		assert_true(stats.largest_free < largest);
	}
	void *all = nh_instance_malloc(u.instance, largest);
	assert_non_null(all);
	stats = unit_stats(&u, 0);
	assert_int_equal(stats.cached, 0);
	assert_true(!NH_STATS || !NH_CACHES || NH_CPUS == 1 || stats.reclaims > 0);
	assert_null(nh_instance_malloc(u.instance, 1));
	nh_instance_free(u.instance, all);
}

/* The same, one cell at a time. */
static void idle_cpu_gives_every_cell(void **state)
{
	(void)state;
	unsigned cells, again;
	unit_free_chain(&u, unit_take_all(&u, 56, &cells));
	for (unsigned cpu = 1; cpu < NH_CPUS && cpu < 5; cpu++) {
		unit_on_cpu(cpu);
		unit_free_chain(&u, unit_take_all(&u, 56, &again));
		assert_int_equal(again, cells);
	}
	unit_on_cpu(0);
	void *chain = unit_take_all(&u, 56, &again);
	assert_int_equal(again, cells);
	unit_free_chain(&u, chain);
}

/* After a reclaim the caches are open again. */
static void caches_open_after_reclaim(void **state)
{
	(void)state;
	size_t largest = unit_stats(&u, 0).largest_free;
	for (unsigned round = 0; round < 5; round++) {
		fill_caches();
		void *all = nh_instance_malloc(u.instance, largest);
		assert_non_null(all);
		assert_null(nh_instance_malloc(u.instance, 8));
		nh_instance_free(u.instance, all);
		fill_caches();
		if (NH_CACHES)
			assert_true(unit_stats(&u, 0).cached > 0);
	}
}

static void hits_are_counted(void **state)
{
	(void)state;
	nh_cpu_stats before, after;
	void *blocks[4];
	for (unsigned i = 0; i < 4; i++)
		blocks[i] = nh_instance_malloc(u.instance, 32);
	nh_instance_free(u.instance, blocks[1]);
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, 0, &before), NH_OK);
	for (unsigned i = 0; i < 1000; i++) {
		void *block = nh_instance_malloc(u.instance, 32);
		assert_ptr_equal(block, blocks[1]);
		nh_instance_free(u.instance, block);
	}
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, 0, &after), NH_OK);
	if (NH_CACHES)
		assert_int_equal(after.hits - before.hits, 2000);
	if (NH_CACHES && NH_STATS)
		assert_int_equal(after.misses, before.misses);
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, NH_CPUS, &after), NH_ENOENT);
	assert_status(nh_instance_cpu_stats_get(u.instance, 1, 0, &after), NH_ENOENT);
	for (unsigned i = 0; i < 4; i++)
		if (i != 1)
			nh_instance_free(u.instance, blocks[i]);
}

static void trim_empties_caches(void **state)
{
	(void)state;
	fill_caches();
	unit_on_cpu(1);
	fill_caches();
	assert_status(nh_instance_trim(u.instance, 0), NH_OK);
	assert_int_equal(unit_stats(&u, 0).cached, 0);
	assert_status(nh_instance_trim(u.instance, 1), NH_ENOENT);
	assert_status(nh_instance_trim(u.instance, -2), NH_ENOENT);
	assert_status(nh_instance_trim(u.instance, -1), NH_OK);
}

/* A thread that gives its slot back leaves nothing there. (In a heap near to one CPU: what full
 * magazines went to a depot stays for others.) */
static void detach_drains(void **state)
{
	(void)state;
	if (!NHT_THREADS)
		unit_skip("one thread, which keeps the only slot");
	unit_abandon(&u);
	size_t size = 128 * KIB;
	unit_lay_out(&u, 1, &size);
	u.configs[0].affinity = NH_CPU(0);
	unit_begin(&u, 1);
	fill_caches();
	nh_host_detach();
	assert_int_equal(nh_host_cpu(), NH_CPUS);
	assert_int_equal(unit_stats(&u, 0).cached, 0);
	unit_on_cpu(0);
}

static void budget_holds(void **state)
{
	(void)state;
	for (unsigned cpu = 0; cpu < NH_CPUS && cpu < 8; cpu++) {
		unit_on_cpu(cpu);
		fill_caches();
		nh_heap_stats stats = unit_stats(&u, 0);
		assert_sound(nht_accounts_balance(u.instance, 0)); /* cached against the limit among others */
		assert_true(stats.cache_limit <= (stats.size >> NH_CACHE_SHARE) + 1024u);
	}
	unit_on_cpu(0);
}

/* ---- out of memory at the k-th call ------------------------------------------------------- */

/* A fixed program of calls; from call k on `limit` bytes are all there is. */
enum { STEPS = 40 };

static void *step(unsigned i, void *previous)
{
	switch (i % 5u) {
	case 0:
		return nh_instance_malloc(u.instance, 300 + i * 8u);
	case 1:
		return nh_instance_calloc(u.instance, 10 + i, 24);
	case 2:
		return nh_instance_aligned_alloc(u.instance, 128, 200);
	case 3:
		return nh_instance_realloc(u.instance, previous, 2000);
	default:
		return nh_instance_malloc(u.instance, 40);
	}
}

static void *exhaust(void)
{
	void *first = NULL;
	for (size_t size = 64 * KIB; size >= 8; size /= 2)
		for (;;) {
			void **block = nh_instance_malloc(u.instance, size);
			if (block == NULL)
				break;
			*block = first;
			first = block;
		}
	return first;
}

/* Before call k all memory is taken: it must fail, leave what is live alone, and the program must
 * succeed from there once memory is back. */
static void every_call_may_fail(void **state)
{
	(void)state;
	for (unsigned k = 0; k < STEPS; k++) {
		void *blocks[STEPS] = {NULL};
		for (unsigned i = 0; i < STEPS; i++) {
			void *previous = i > 0 ? blocks[i - 1u] : NULL;
			if (i == k) {
				void *rest = exhaust();
				nh_heap_stats before = unit_stats(&u, 0);
				if (previous != NULL)
					memset(previous, 0x42, 30);
				assert_null(step(i, previous));
				nh_heap_stats after = unit_stats(&u, 0);
				assert_int_equal(after.live, before.live);
				assert_int_equal(after.peak, before.peak);
				if (previous != NULL)
					for (unsigned b = 0; b < 30; b++)
						assert_int_equal(((unsigned char *)previous)[b], 0x42);
				assert_sound(nht_valid(u.instance));
				unit_free_chain(&u, rest);
			}
			blocks[i] = step(i, previous);
			assert_non_null(blocks[i]);
			if (i % 5u == 3u)
				blocks[i - 1u] = NULL; /* realloc took it */
		}
		for (unsigned i = 0; i < STEPS; i++)
			nh_instance_free(u.instance, blocks[i]);
		assert_sound(nht_all_heaps_returned(u.instance));
	}
}

/* Every step as memory shrinks cell by cell: no state in which a call does anything but succeed or
 * leave things as they were. */
static void memory_runs_out_anywhere(void **state)
{
	(void)state;
	unit_abandon(&u);
	unit_one(&u, 3 * KIB, 0);
	size_t largest = unit_stats(&u, 0).largest_free;
	for (size_t hold = 8; hold + NHT_LEAST_SPAN < largest; hold += NHT_ALIGNMENT) {
		void *held = nh_instance_malloc(u.instance, hold);
		assert_non_null(held);
		void *blocks[STEPS] = {NULL};
		for (unsigned i = 0; i < STEPS; i++) {
			void *previous = i > 0 ? blocks[i - 1u] : NULL;
			nh_heap_stats before = unit_stats(&u, 0);
			blocks[i] = step(i, previous);
			if (blocks[i] == NULL)
				assert_int_equal(unit_stats(&u, 0).live, before.live);
			else if (i % 5u == 3u)
				blocks[i - 1u] = NULL;
			assert_sound(nht_accounts_balance(u.instance, 0));
		}
		for (unsigned i = 0; i < STEPS; i++)
			nh_instance_free(u.instance, blocks[i]);
		nh_instance_free(u.instance, held);
		assert_sound(nht_all_heaps_returned(u.instance));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(idle_cpu_is_reclaimed, set_up),
		unit_case(idle_cpu_gives_every_cell, set_up),
		unit_case(caches_open_after_reclaim, set_up),
		unit_case(hits_are_counted, set_up),
		unit_case(trim_empties_caches, set_up),
		unit_case(detach_drains, set_up),
		unit_case(budget_holds, set_up),
		unit_case(every_call_may_fail, set_up),
		unit_case(memory_runs_out_anywhere, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

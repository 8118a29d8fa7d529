/* SPDX-License-Identifier: MIT */
/* Instances do not see each other; heaps and regions may come while others are at work. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/support/env.h"
#include "tests/support/unit.h"

static unit u;

static int set_up(void **state)
{
	static const size_t sizes[] = {32 * KIB, 32 * KIB, 32 * KIB, 8 * KIB, 8 * KIB, 8 * KIB, 8 * KIB};
	*state = &u;
	unit_lay_out(&u, sizeof sizes / sizeof sizes[0], sizes);
	unit_begin(&u, 1);
	return 0;
}

static void isolated(void **state)
{
	static nh_instance_storage storage;
	nh_instance *other;
	(void)state;
	assert_status(nh_init(&u.configs[1], 1, NULL), NH_OK);
	assert_status(nh_instance_init(&storage, &u.configs[2], 1, NULL, &other), NH_OK);
	nh_instance *const instances[3] = {u.instance, nh_default(), other};
	void *blocks[3][20];
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 20; k++) {
			blocks[i][k] = nh_instance_malloc(instances[i], 24);
			assert_int_equal(nht_arena_find(&u.arena, blocks[i][k], 24), i);
		}
	/* one runs full: the others do not notice */
	unsigned count;
	void *chain = unit_take_all(&u, 64, &count);
	assert_true(count > 100);
	assert_null(nh_instance_malloc(u.instance, 64));
	void *block = nh_malloc(64);
	assert_non_null(block);
	assert_int_equal(nh_heap_of(block), 0);
	assert_int_equal(nh_instance_heap_of(other, block), -1);
	assert_int_equal(nh_instance_usable_size(other, block), 0);
	nh_free(block);
	unit_free_chain(&u, chain);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 20; k++)
			nh_instance_free(instances[i], blocks[i][k]);
	assert_int_equal(nht_fault_count(), 0);
	assert_sound(nht_all_heaps_returned(nh_default()));
	assert_sound(nht_all_heaps_returned(other));
	assert_status(nh_deinit(), NH_OK);
	assert_status(nh_instance_deinit(other), NH_OK);
	block = nh_instance_malloc(u.instance, 10);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
}

/* Memory of another instance is refused as long as it has it. */
static void no_shared_memory(void **state)
{
	static nh_instance_storage storage;
	nh_instance *other;
	(void)state;
	assert_status(nh_instance_init(&storage, &u.configs[1], 1, NULL, &other), NH_OK);
	assert_status(nh_instance_deinit(other), NH_OK);
	/* and given back it is anybody's */
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], NULL), NH_OK);
	void *block = nh_instance_malloc(u.instance, 100);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
}

/* ---- in use ------------------------------------------------------------------------------- */

static void heap_added_in_use(void **state)
{
	(void)state;
	unsigned count;
	void *chain = unit_take_all(&u, 100, &count);
	assert_null(nh_instance_malloc(u.instance, 100));
	int number = -1;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], &number), NH_OK);
	assert_int_equal(number, 1);
	void *block = nh_instance_malloc(u.instance, 100);
	assert_int_equal(nh_instance_heap_of(u.instance, block), 1);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[3].base, 8 * KIB), NH_OK);
	void *more = nh_instance_malloc(u.instance, 100);
	assert_int_equal(nh_instance_heap_of(u.instance, more), 0);
	assert_int_equal(nht_arena_find(&u.arena, more, 100), 3);
	nh_instance_free(u.instance, more);
	nh_instance_free(u.instance, block);
	unit_free_chain(&u, chain);
}

typedef struct adder {
	unsigned first; /* adds parts first and first + 2 */
	nh_status status[2];
	nh_status duplicate;
	atomic_uint *start;
} adder;

/* Waits so that two of these call at once, and adds the other's parts a second time. */
static void *add(void *argument)
{
	adder *a = argument;
	atomic_fetch_add(a->start, 1u);
	while (atomic_load(a->start) < 2u)
		continue;
	for (unsigned i = 0; i < 2; i++)
		a->status[i] = nh_instance_region_add(u.instance, 0, u.arena.parts[a->first + 2u * i].base, 8 * KIB);
	a->duplicate = nh_instance_region_add(u.instance, 0, u.arena.parts[a->first].base, 8 * KIB);
	return NULL;
}

/* Both at once: each waits in `work` until the other is there. */
static void run_two(void *(*work)(void *), adder adders[2])
{
	atomic_uint start = 0;
	pthread_t threads[2];
	for (unsigned i = 0; i < 2; i++) {
		adders[i] = (adder){.first = 3u + i, .start = &start};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &adders[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void two_threads_add(void **state)
{
	(void)state;
	if (!NHT_THREADS)
		unit_skip("one thread, which keeps the only slot");
	for (unsigned round = 0; round < 60; round++) {
		adder adders[2];
		run_two(add, adders);
		for (unsigned i = 0; i < 2; i++) {
			assert_status(adders[i].status[0], NH_OK);
			assert_status(adders[i].status[1], NH_OK);
			assert_status(adders[i].duplicate, NH_EOVERLAP);
		}
		assert_int_equal(unit_stats(&u, 0).regions, 5);
		assert_sound(nht_all_heaps_returned(u.instance));
		unit_abandon(&u);
		set_up(state);
	}
}

/* Both want the same memory: one gets it. */
static void *add_same(void *argument)
{
	adder *a = argument;
	atomic_fetch_add(a->start, 1u);
	while (atomic_load(a->start) < 2u)
		continue;
	a->status[0] = nh_instance_region_add(u.instance, 0, u.arena.parts[3].base + (a->first & 1u) * 64u, 4 * KIB);
	return NULL;
}

static void two_threads_add_the_same(void **state)
{
	(void)state;
	if (!NHT_THREADS)
		unit_skip("one thread, which keeps the only slot");
	for (unsigned round = 0; round < 60; round++) {
		adder adders[2];
		run_two(add_same, adders);
		bool first = adders[0].status[0] == NH_OK;
		assert_status(adders[first ? 0 : 1].status[0], NH_OK);
		assert_status(adders[first ? 1 : 0].status[0], NH_EOVERLAP);
		assert_int_equal(unit_stats(&u, 0).regions, 2);
		assert_sound(nht_all_heaps_returned(u.instance));
		unit_abandon(&u);
		set_up(state);
	}
}

/* ---- slots -------------------------------------------------------------------------------- */

static void slots(void **state)
{
	(void)state;
	if (!NHT_THREADS)
		unit_skip("one thread, which keeps the only slot");
	assert_status(nh_host_attach(0), NH_OK);
	assert_int_equal(nh_host_cpu(), 0);
	assert_status(nh_host_attach(NH_CPUS), NH_ENOENT);
	assert_status(nh_host_attach(-2), NH_ENOENT);
	assert_int_equal(nh_host_cpu(), 0);
	assert_status(nh_host_attach(NH_CPUS - 1), NH_OK);
	assert_int_equal(nh_host_cpu(), NH_CPUS - 1);
	nh_host_detach();
	assert_int_equal(nh_host_cpu(), NH_CPUS);
	nh_host_detach();
	/* the first allocation takes one again */
	void *block = nh_instance_malloc(u.instance, 8);
	assert_true(nh_host_cpu() < NH_CPUS);
	nh_instance_free(u.instance, block);
	assert_status(nh_host_attach(-1), NH_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(isolated, set_up),
		unit_case(no_shared_memory, set_up),
		unit_case(heap_added_in_use, set_up),
		unit_case(two_threads_add, set_up),
		unit_case(two_threads_add_the_same, set_up),
		unit_case(slots, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

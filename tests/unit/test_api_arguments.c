/* SPDX-License-Identifier: MIT */
/* What is missing, or cannot be: a status, and nothing happens. */
#include "tests/support/unit.h"

static unit u;

static int set_up(void **state)
{
	static const size_t sizes[] = { 64 * KIB, 8 * KIB, 4 * KIB };
	*state = &u;
	unit_lay_out(&u, 3, sizes);
	u.configs[0].affinity = NH_CPU(0);
	unit_begin(&u, 1);
	return 0;
}

static void nothing_to_work_on(void **state)
{
	nh_instance *instance;
	nh_instance_storage storage;
	(void)state;
	assert_status(nh_instance_init(NULL, u.configs, 1, NULL, &instance), NH_EINVAL);
	assert_status(nh_instance_init(&storage, NULL, 1, NULL, &instance), NH_EINVAL);
	assert_status(nh_instance_init(&storage, u.configs, 1, NULL, NULL), NH_EINVAL);
	assert_status(nh_init(NULL, 1, NULL), NH_EINVAL);
	unsigned failed = 9;
	assert_status(nh_init(NULL, 1, &failed), NH_EINVAL);
	assert_status(nh_instance_init(&storage, NULL, 1, &failed, &instance), NH_EINVAL);
	assert_int_equal(failed, 9); /* no entry is at fault */
	assert_status(nh_instance_deinit(NULL), NH_ENOINIT);
	assert_status(nh_deinit(), NH_ENOINIT);
	assert_status(nh_instance_heap_add(NULL, &u.configs[1], NULL), NH_EINVAL);
	assert_status(nh_instance_heap_add(u.instance, NULL, NULL), NH_EINVAL);
	assert_status(nh_instance_region_add(NULL, 0, u.configs[1].base, 100), NH_EINVAL);
	assert_status(nh_instance_region_add(u.instance, 0, NULL, 100), NH_EINVAL);
	assert_status(nh_instance_region_add(u.instance, 0, u.configs[1].base, 0), NH_EINVAL);
	assert_status(nh_instance_region_remove(NULL, 0, u.configs[1].base, NULL), NH_ENOINIT);
	assert_status(nh_instance_region_remove(u.instance, 0, NULL, NULL), NH_EINVAL);
	assert_status(nh_instance_heap_remove(NULL, 0, NULL), NH_ENOINIT);
	assert_status(nh_instance_cpu_offline(NULL, 0), NH_ENOINIT);
	assert_status(nh_instance_cpu_recover(NULL, 0), NH_ENOINIT);
	assert_status(nh_instance_heap_salvage(NULL, 0, NULL), NH_ENOINIT);
	assert_int_equal(nh_heap_control_size(NULL), 0);
}

static void nowhere_to_answer(void **state)
{
	(void)state;
	assert_status(nh_instance_heap_stats_get(u.instance, 0, NULL), NH_EINVAL);
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, 0, NULL), NH_EINVAL);
	assert_status(nh_instance_walk(u.instance, 0, NULL, NULL), NH_EINVAL);
	assert_status(nh_instance_validate(u.instance, 0, NULL), NH_OK);
	assert_status(nh_instance_heap_salvage(u.instance, 0, NULL), NH_OK);
	void *block = nh_instance_malloc(u.instance, 100);
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_EBUSY);
	nh_instance_free(u.instance, block);
}

static void no_such_heap_or_cpu(void **state)
{
	nh_cpu_stats stats;
	nh_report report;
	(void)state;
	assert_status(nh_instance_validate(u.instance, 1, &report), NH_ENOENT);
	assert_status(nh_instance_cpu_stats_get(u.instance, 1, 0, &stats), NH_ENOENT);
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, NH_CPUS, &stats), NH_ENOENT);
	assert_status(nh_instance_heap_salvage(u.instance, 1, NULL), NH_ENOENT);
	if (NH_CPUS > 1) { /* the heap is not local to it */
		stats.hits = 1;
		assert_status(nh_instance_cpu_stats_get(u.instance, 0, 1, &stats), NH_OK);
		assert_int_equal(stats.hits, 0);
	}
}

static void sizes_that_cannot_be(void **state)
{
	nh_heap_config config = u.configs[1];
	(void)state;
#if NH_64BIT
	const size_t huge = (size_t)1 << 42;
	assert_status(nh_instance_region_add(u.instance, 0, config.base, huge), NH_ERANGE);
	config.size = huge;
	assert_int_equal(nh_heap_control_size(&config), 0);
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_ERANGE);
#endif
	config = u.configs[1];
	config.base = (void *)(UINTPTR_MAX - 6u);
	config.size = 4; /* the next aligned address is 0 */
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_ESMALL);
	config.base = (void *)(UINTPTR_MAX - 63u);
	config.size = 32; /* control memory would wrap */
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_ESMALL);
	config.base = u.configs[1].base;
	config.size = 8;
	config.control = u.configs[2].base;
	config.control_size = u.configs[2].size;
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_ESMALL);
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
}

/* A request that is not there is a plain one. */
static void plain_requests(void **state)
{
	nh_explanation entry;
	(void)state;
	void *block = nh_instance_alloc(u.instance, NULL, 100);
	assert_non_null(block);
	block = nh_instance_realloc_request(u.instance, NULL, block, 1000);
	assert_true(nh_instance_usable_size(u.instance, block) >= 1000);
	void *other = nh_instance_realloc_request(u.instance, NULL, NULL, 50), *third;
	nh_request request = { .alignment = 64 };
	third = nh_instance_realloc_request(u.instance, &request, NULL, 50);
	assert_non_null(third);
	assert_int_equal((uintptr_t)third % 64u, 0);
	assert_null(nh_instance_realloc_request(u.instance, NULL, other, 0));
	nh_instance_free(u.instance, third);
	nh_instance_free(u.instance, block);
	assert_int_equal(nh_instance_explain(u.instance, NULL, 0, &entry, 1), 1);
	assert_int_equal(entry.reason, NH_FULL);
	request.alignment = 24;
	assert_int_equal(nh_instance_explain(u.instance, &request, 8, &entry, 1), 1);
	assert_int_equal(entry.reason, NH_FULL);
	assert_int_equal(nh_instance_explain(u.instance, NULL, 8, NULL, 0), 1);
}

/* Instances are forgotten in any order. */
static void instances_go_in_any_order(void **state)
{
	static nh_instance_storage storage[2];
	nh_instance *instances[2];
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		assert_status(nh_instance_init(&storage[i], &u.configs[1u + i], 1, NULL, &instances[i]),
		              NH_OK);
	assert_status(nh_instance_deinit(instances[0]), NH_OK);
	assert_status(nh_instance_deinit(instances[0]), NH_ENOINIT);
	assert_status(nh_instance_deinit(instances[1]), NH_OK);
	assert_status(nh_instance_validate(instances[1], -1, NULL), NH_ENOINIT);
	assert_null(nh_instance_malloc(instances[1], 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(nothing_to_work_on, set_up),
		unit_case(nowhere_to_answer, set_up),
		unit_case(no_such_heap_or_cpu, set_up),
		unit_case(sizes_that_cannot_be, set_up),
		unit_case(plain_requests, set_up),
		unit_case(instances_go_in_any_order, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

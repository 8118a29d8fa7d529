/* SPDX-License-Identifier: MIT */
/* Each function without nh_instance_ in its name does to the default instance what the other one does to any: both results of each. */
#include <string.h>

#include "tests/support/env.h"
#include "tests/support/unit.h"

static unit u;

/* Heap 0: plain. Heap 1: only by its attribute, and not near to this CPU. */
static int set_up(void **state)
{
	static const size_t sizes[] = {64 * KIB, 32 * KIB, 8 * KIB, 8 * KIB};
	(void)state;
	unit_lay_out(&u, 4, sizes);
	unit_begin(&u, 0);
	u.configs[1].attributes = NH_ATTR_DMA;
	u.configs[1].flags = NH_HEAP_NOT_DEFAULT;
	u.configs[1].affinity = NH_CPU(NH_CPUS > 1 ? 1 : 0);
	assert_status(nh_init(u.configs, 2, NULL), NH_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_sound(nht_all_heaps_returned(nh_default()));
	assert_status(nh_deinit(), NH_OK);
	unit_end(&u);
	return 0;
}

static void assert_zero(const unsigned char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(block[i], 0);
}

static void blocks(void **state)
{
	(void)state;
	unsigned char *plain = nh_malloc(40), *zero, *aligned, *large = nh_malloc(5000);
	assert_int_equal(nh_heap_of(plain), 0);
	assert_int_equal(nh_heap_of(large), 0);
	memset(plain, 0x5a, 40);
	nh_free(plain);
	plain = nh_malloc(40); /* where there are caches, from there */
	assert_int_equal(nh_heap_of(plain), 0);
	memset(plain, 0x5a, 40);
	nh_free(plain);
	zero = nh_calloc(10, 4);
	assert_non_null(zero);
	assert_zero(zero, 40);
	assert_null(nh_calloc(SIZE_MAX, 2));
	aligned = nh_aligned_alloc(256, 10);
	assert_non_null(aligned);
	assert_int_equal((uintptr_t)aligned % 256u, 0);
	memcpy(zero, "kept", 5);
	zero = nh_realloc(zero, 3000);
	assert_string_equal((char *)zero, "kept");
	assert_true(nh_usable_size(zero) >= 3000);
	assert_int_equal(nh_usable_size(zero + 1), 0);
	nh_free(zero);
	nh_free(aligned);
	nh_free(large);
	nh_free(large);
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, large);
}

static void blocks_by_attribute(void **state)
{
	(void)state;
	const nh_request request = {.require = NH_ATTR_DMA, .flags = NH_ZERO};
	unsigned char *all[4];
	all[0] = nh_alloc(&request, 100);
	all[1] = nh_malloc_attr(NH_ATTR_DMA, 100);
	all[2] = nh_calloc_attr(NH_ATTR_DMA, 25, 4);
	all[3] = nh_aligned_alloc_attr(NH_ATTR_DMA, 512, 100);
	assert_int_equal((uintptr_t)all[3] % 512u, 0);
	assert_zero(all[0], 100);
	assert_zero(all[2], 100);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(nh_heap_of(all[i]), 1);
		memset(all[i], 'x', 100);
	}
	all[0] = nh_realloc_attr(NH_ATTR_DMA, all[0], 2000);
	all[1] = nh_realloc_request(&request, all[1], 3000);
	assert_null(nh_realloc_attr(NH_ATTR_EXEC, all[2], 32 * KIB));
	assert_null(nh_realloc_attr(0, all[2], 40 * KIB)); /* as nh_realloc: not to memory of other attributes */
	assert_null(nh_malloc_attr(NH_ATTR_EXEC, 1));
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(nh_heap_of(all[i]), 1);
		assert_true(all[i][0] == 'x' && all[i][99] == 'x');
		nh_free(all[i]);
	}
}

static bool count_live(const nh_block_info *block, void *context)
{
	*(unsigned *)context += block->state == NH_BLOCK_LIVE;
	return true;
}

static void looking(void **state)
{
	(void)state;
	nh_explanation entries[2];
	nh_heap_stats stats;
	nh_cpu_stats cpu;
	nh_report report;
	unsigned live = 0;
	void *block = nh_malloc(40);
	assert_int_equal(nh_heap_count(), 2);
	assert_int_equal(nh_heap_of(&u), -1);
	assert_int_equal(nh_explain(NULL, 100, entries, 2), 2);
	assert_int_equal(entries[0].reason, NH_TAKEN);
	assert_status(nh_heap_stats_get(0, &stats), NH_OK);
	assert_true(stats.live > 40 && stats.regions == 1);
	assert_status(nh_heap_stats_get(2, &stats), NH_ENOENT);
	assert_status(nh_cpu_stats_get(0, 0, &cpu), NH_OK);
	assert_int_equal(cpu.misses + cpu.hits != 0, NH_CACHES);
	assert_status(nh_cpu_stats_get(2, 0, &cpu), NH_ENOENT);
	assert_status(nh_walk(0, count_live, &live), NH_OK);
	assert_int_equal(live, 1);
	assert_status(nh_walk(2, count_live, &live), NH_ENOENT);
	assert_status(nh_validate(-1, &report), NH_OK);
	assert_int_equal(report.heap, -1);
	assert_status(nh_validate(2, &report), NH_ENOENT);
	assert_status(nh_trim(2), NH_ENOENT);
	nh_free(block);
	assert_status(nh_trim(0), NH_OK);
	assert_status(nh_heap_stats_get(0, &stats), NH_OK);
	assert_int_equal(stats.cached, 0);
}

/* To an explanation that has no room for all: the first so many, and how many there are. */
static void explained_in_part(void **state)
{
	(void)state;
	nh_explanation entries[2] = {{-5, NH_FULL}, {-5, NH_FULL}};
	const nh_request second = {.heaps = 2};
	assert_int_equal(nh_explain(NULL, 100, entries, 1), 2);
	assert_int_equal(entries[0].heap, 0);
	assert_int_equal(entries[1].heap, -5);
	assert_int_equal(nh_explain(&second, 100, entries, 1), 2);
	assert_int_equal(entries[0].heap, 1);
	assert_int_equal(entries[1].heap, -5);
	assert_int_equal(nh_explain(&second, 100, entries, 2), 2);
	assert_true(entries[1].heap == 0 && entries[1].reason == NH_NOT_IN_HEAPS);
}

static void heaps_and_regions(void **state)
{
	(void)state;
	int heap = -1;
	size_t live = 1;
	void *base = u.configs[2].base;
	assert_status(nh_heap_add(NULL, &heap), NH_EINVAL);
	assert_status(nh_heap_add(&u.configs[2], &heap), NH_OK);
	assert_int_equal(heap, 2);
	assert_status(nh_region_add(0, base, 4 * KIB), NH_EOVERLAP);
	assert_status(nh_region_remove(2, base, &live), NH_ENOTSUP);
	assert_status(nh_heap_remove(3, &live), NH_ENOENT);
	assert_status(nh_heap_remove(2, &live), NH_OK);
	assert_int_equal(nh_heap_count(), 2);
	assert_status(nh_region_add(0, base, 4 * KIB), NH_OK);
	assert_status(nh_region_remove(0, base, &live), NH_OK);
	assert_status(nh_init(NULL, 0, NULL), NH_EALREADY);
}

static void retained(void **state)
{
	(void)state;
	nh_retained report;
	int heap = -1;
	u.configs[3].flags = NH_HEAP_NOT_DEFAULT;
	assert_status(nh_heap_add_retained(NULL, &heap, &report), NH_EINVAL);
	assert_status(nh_heap_add_retained(&u.configs[3], &heap, &report), NH_OK);
	assert_int_equal(heap, 2);
	void *block = nh_malloc_attr(NH_ATTR_RETAINED, 100);
	assert_null(nh_retained_root(2));
	assert_status(nh_retained_root_set(0, block), NH_ENOTSUP);
	assert_status(nh_retained_root_set(2, block), NH_OK);
	assert_ptr_equal(nh_retained_root(2), block);
	assert_status(nh_retained_root_set(2, NULL), NH_OK);
	nh_free(block);
	assert_status(nh_heap_remove(2, NULL), NH_OK);
}

static void cpus(void **state)
{
	(void)state;
	size_t lost = 1;
	assert_status(nh_cpu_online(NH_CPUS), NH_ENOENT);
	assert_status(nh_cpu_online(0), NH_OK);
	assert_status(nh_cpu_offline(NH_CPUS), NH_ENOENT);
	assert_status(nh_cpu_offline(0), NH_OK);
	assert_true(nh_cpu_recover(0) != NH_OK); /* one's own */
	assert_status(nh_heap_salvage(2, &lost), NH_ENOENT);
	assert_status(nh_heap_salvage(0, &lost), NH_OK);
	assert_int_equal(lost, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(blocks_by_attribute, set_up, tear_down),
		cmocka_unit_test_setup_teardown(looking, set_up, tear_down),
		cmocka_unit_test_setup_teardown(explained_in_part, set_up, tear_down),
		cmocka_unit_test_setup_teardown(heaps_and_regions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retained, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cpus, set_up, tear_down),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

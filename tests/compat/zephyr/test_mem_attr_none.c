/* SPDX-License-Identifier: MIT */
/* A program without a generated table, and tables given at run time: refused ones, then a good one. */
#include <zephyr/dt-bindings/memory-attr/memory-attr-sw.h>
#include <zephyr/mem_mgmt/mem_attr_heap.h>

#include "tests/support/unit.h"

#include <nearheap/zephyr.h>

#include <errno.h>

#define BANK 2048u
#define MOST (NH_MAX_HEAPS < 8u ? NH_MAX_HEAPS : 8u)

static uint64_t memory[9][BANK / 8];
static struct mem_attr_region_t table[10];

static void fill(size_t count)
{
	for (size_t i = 0; i < count; i++)
		table[i] = (struct mem_attr_region_t){ "bank", (uintptr_t)memory[i], BANK, DT_MEM_SW_ALLOC_CACHE };
}

static void test_no_table(void **state)
{
	(void)state;
	const struct mem_attr_region_t *regions = NULL;
	assert_int_equal(mem_attr_get_regions(&regions), 0);
	assert_non_null(regions);
	assert_int_equal(mem_attr_check_buf(memory, 8, 0), -ENOBUFS);
}

static void test_refused(void **state)
{
	(void)state;
	fill(MOST + 1u);
	nh_mem_attr_use(table, MOST + 1u);
	assert_int_equal(mem_attr_get_regions(NULL), MOST + 1u);
	assert_int_equal(mem_attr_heap_pool_init(), -ENOMEM);
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_CACHE, 16)); /* nothing is half done */
	table[1].dt_addr = table[0].dt_addr + 1000u;
	nh_mem_attr_use(table, 2);
	assert_int_equal(mem_attr_heap_pool_init(), -EINVAL); /* overlap */
	fill(2);
	table[1].dt_size = 20;
	assert_int_equal(mem_attr_heap_pool_init(), -EINVAL); /* too small */
	table[1].dt_size = SIZE_MAX;
	assert_int_equal(mem_attr_heap_pool_init(), -EINVAL); /* wraps */
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_CACHE, 16));
}

static void test_most(void **state)
{
	(void)state;
	fill(MOST);
	table[MOST] = (struct mem_attr_region_t){ "other", (uintptr_t)memory[8], BANK, DT_MEM_CACHEABLE };
	nh_mem_attr_use(table, MOST + 1u); /* one without a software bit does not count */
	assert_int_equal(mem_attr_heap_pool_init(), 0);
	assert_int_equal(mem_attr_heap_pool_init(), -EALREADY);
	void *blocks[MOST];
	for (unsigned i = 0; i < MOST; i++) {
		blocks[i] = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_CACHE, 1100);
		assert_ptr_equal(mem_attr_heap_get_region(blocks[i]), &table[i]);
	}
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_CACHE, 1100));
	for (unsigned i = 0; i < MOST; i++)
		mem_attr_heap_free(blocks[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

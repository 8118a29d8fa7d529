/* SPDX-License-Identifier: MIT */
/* The older user-heap form, with the trailing commas of real configurations, and a prior index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CONFIG_MM_REGIONS 6
#define CONFIG_MM_NHEAPS 4
#define CONFIG_RAM_REGIONx_START "0x1000,0x1400,0x3000,0x3800,0x7000,0x7100,"
#define CONFIG_RAM_REGIONx_SIZE "1024,512,2048,512,256,4096,"
#define CONFIG_RAM_REGIONx_HEAP_INDEX "2,1,1,0,0,3,"
#define CONFIG_RAM_MALLOC_PRIOR_INDEX 2

#include <tinyara/mm/mm.h>

#include "logged.h"

static int begin(void **state)
{
	logged_set_up(state);
	up_addregion();
	return 0;
}

/* In the original region 0 is always heap 0's. */
static void test_region_0_has_its_index(void **state)
{
	(void)state;
	assert_nothing_logged();
	unsigned char *block = malloc_at(2, 600);
	assert_true(block >= ram_at(0x1000) && block < ram_at(0x1400));
	assert_null(malloc_at(2, 600));
	assert_null(malloc_at(0, 600));
}

/* Which heaps blocks of `size` come from, until there are no more. */
static unsigned order_of(void *(*allocate)(size_t), size_t size, int *order)
{
	unsigned count = 0;
	for (void *block; (block = allocate(size)) != NULL;) {
		int index = mm_get_index_of_heap(block);
		if (count == 0 || order[count - 1] != index)
			order[count++] = index;
		assert_true(count <= 4);
	}
	return count;
}

static void *take_malloc(size_t size)
{
	return malloc(size);
}

static void *take_zalloc(size_t size)
{
	unsigned char *block = zalloc(size);
	for (size_t i = 0; block != NULL && i < size; i++)
		assert_int_equal(block[i], 0);
	return block;
}

static void *take_calloc(size_t size)
{
	return calloc(size / 8, 8);
}

static void *take_memalign(size_t size)
{
	return memalign(32, size);
}

/* realloc of what heap 3 has no room to enlarge. */
static void *take_realloc(size_t size)
{
	void *small = malloc_at(3, 8), *block = realloc(small, size);
	if (block == NULL)
		free(small);
	return block;
}

static void test_prior_index_wraps(void **state)
{
	(void)state;
	static const int wrapped[] = { 2, 3, 0, 1 };
	static void *(*const from_prior[])(size_t) = { take_malloc, take_zalloc, take_calloc };
	for (unsigned i = 0; i < 3; i++) {
		int order[5];
		assert_int_equal(order_of(from_prior[i], 88, order), 4);
		assert_memory_equal(order, wrapped, sizeof wrapped);
		logged_end();
		logged_begin();
		up_addregion();
	}
}

static void test_memalign_goes_from_0(void **state)
{
	(void)state;
	static const int expected[] = { 0, 1, 2, 3 };
	int order[5];
	assert_int_equal(order_of(take_memalign, 64, order), 4);
	assert_memory_equal(order, expected, sizeof expected);
}

static void test_realloc_falls_back_from_0(void **state)
{
	(void)state;
	/* 384 fits into the block's own heap several times, then from 0 up. */
	static const int expected[] = { 3, 0, 1, 2 };
	int order[5];
	assert_int_equal(order_of(take_realloc, 384, order), 4);
	assert_memory_equal(order, expected, sizeof expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_region_0_has_its_index, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_prior_index_wraps, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_memalign_goes_from_0, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_realloc_falls_back_from_0, begin, logged_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

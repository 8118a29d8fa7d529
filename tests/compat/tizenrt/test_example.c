/* SPDX-License-Identifier: MIT */
/*
 * TizenRT's documented configuration, as written: six regions, four heaps, one of 256 bytes. Each block
 * must be where its heap has memory, each heap must use all it has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CONFIG_KMM_REGIONS 6
#define CONFIG_KMM_NHEAPS 4
#define CONFIG_RAM_KREGIONx_START "0x1000,0x1400,0x3000,0x3800,0x7000,0x7100"
#define CONFIG_RAM_KREGIONx_SIZE "1024,512,2048,512,256,4096"
#define CONFIG_RAM_KREGIONx_HEAP_INDEX "0,1,1,2,2,3"

#include <tinyara/arch.h>
#include <tinyara/mm/mm.h>

#include "logged.h"

static const struct {
	unsigned start, size;
	int index;
} regions[CONFIG_KMM_REGIONS] = {
	{ 0x1000, 1024, 0 }, { 0x1400, 512, 1 }, { 0x3000, 2048, 1 },
	{ 0x3800, 512, 2 },  { 0x7000, 256, 2 }, { 0x7100, 4096, 3 },
};

static int begin(void **state)
{
	logged_set_up(state);
	up_add_kregion();
	return 0;
}

/* The region that all of a block is in, or -1. */
static int region_of(const void *block, size_t size)
{
	const unsigned char *bytes = block;
	for (int i = 0; i < CONFIG_KMM_REGIONS; i++)
		if (bytes >= ram_at(regions[i].start) &&
		    bytes + size <= ram_at(regions[i].start) + regions[i].size)
			return i;
	return -1;
}

static void test_every_region_serves_its_heap(void **state)
{
	(void)state;
	assert_nothing_logged();
	for (int index = 0; index < CONFIG_KMM_NHEAPS; index++) {
		unsigned served[CONFIG_KMM_REGIONS] = { 0 };
		void *first = NULL, *block;
		while ((block = malloc_at(index, 40)) != NULL) {
			int region = region_of(block, 40);
			assert_true(region >= 0);
			assert_int_equal(regions[region].index, index);
			assert_int_equal(mm_get_index_of_heap(block), index);
			assert_ptr_equal(mm_get_heap(block), mm_get_heap_with_index(index));
			served[region] += 40;
			memset(block, index, 40);
			memcpy(block, &first, sizeof first);
			first = block;
		}
		/* 40 bytes take 48 or 64; a region has a fence: half of each at least can be had. */
		for (int i = 0; i < CONFIG_KMM_REGIONS; i++)
			if (regions[i].index == index)
				assert_true(served[i] >= regions[i].size / 2);
		while (first != NULL) {
			block = first;
			memcpy(&first, block, sizeof first);
			free(block);
		}
	}
	assert_nothing_logged();
}

static void test_a_region_is_one_block(void **state)
{
	(void)state;
	struct mallinfo info;
	for (int index = 0; index < CONFIG_KMM_NHEAPS; index++) {
		int total = 0, count = 0;
		for (int i = 0; i < CONFIG_KMM_REGIONS; i++) {
			total += regions[i].index == index ? (int)regions[i].size : 0;
			count += regions[i].index == index;
		}
		assert_int_equal(mm_mallinfo(mm_get_heap_with_index(index), &info), OK);
		assert_int_equal(info.ordblks, count);
		assert_int_equal(info.uordblks, 0);
		assert_int_equal(info.fordblks, info.arena);
		/* All but the fence and what alignment costs. */
		assert_in_range(info.arena, total - 48 * count, total);
	}
}

static void test_plain_malloc_goes_up(void **state)
{
	(void)state;
	/* Too large for heaps 0 to 2. */
	void *block = malloc(3000);
	assert_int_equal(mm_get_index_of_heap(block), 3);
	free(block);
	/* As many as there are: heap 0 to the last, none skipped, in order. */
	int reached = 0;
	while ((block = malloc(100)) != NULL) {
		int index = mm_get_index_of_heap(block);
		assert_in_range(index, reached, reached + 1);
		reached = index;
	}
	assert_int_equal(reached, 3);
	assert_nothing_logged();
}

static void test_again_is_refused(void **state)
{
	(void)state;
	up_add_kregion();
	assert_logged("mm: CONFIG_RAM_KREGIONx: there are heaps already");
	assert_non_null(malloc_at(3, 8));
}

static void test_heap_by_index(void **state)
{
	(void)state;
	assert_null(mm_get_heap_with_index(-1));
	assert_logged("mm: mm_get_heap_with_index: heap index -1 is out of range, there are 4 heaps");
	assert_null(mm_get_heap_with_index(4));
	assert_logged("mm: mm_get_heap_with_index: heap index 4 is out of range, there are 4 heaps");
	assert_null(mm_get_heap_with_index(1 << 30));
	assert_logged_with("heap index 1073741824 is out of range");
	assert_int_equal(mm_get_index_of_heap(NULL), 0);
	int local;
	assert_int_equal(mm_get_index_of_heap(&local), -1);
	assert_int_equal(mm_get_index_of_heap(ram_at(0x2000)), -1); /* between two regions */
	assert_nothing_logged();
	assert_null(mm_get_heap(NULL));
	assert_logged_with("mm_get_heap: 0x0 is in no heap");
	assert_null(mm_get_heap(ram_at(0x2000)));
	assert_logged_with("is in no heap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_region_serves_its_heap, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_a_region_is_one_block, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_plain_malloc_goes_up, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_again_is_refused, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_heap_by_index, begin, logged_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

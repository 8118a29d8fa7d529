/* SPDX-License-Identifier: MIT */
/* nh_single: one region without an instance. */
#include "core/size.h"
#include "tests/support/env.h"
#include "tests/support/random.h"
#include "tests/support/single.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static void expect(nh_fault_code code, const void *address)
{
	assert_int_equal(nht_fault_count(), 1);
	assert_int_equal(nht_fault_get(0).code, code);
	assert_ptr_equal(nht_fault_get(0).address, address);
	nht_fault_clear();
}

static void test_init_refuses(void **state)
{
	(void)state;
	nh_single *other = NULL;
	assert_status(nh_single_init(NULL, 1000, &other), NH_EINVAL);
	assert_status(nh_single_init(nht_single_memory, 1000, NULL), NH_EINVAL);
	assert_status(nh_single_init((void *)(UINTPTR_MAX - 99u), 1000, &other), NH_EWRAP);
	for (size_t size = 0; size < 56; size++)
		assert_status(nh_single_init(nht_single_memory, size, &other), NH_ESMALL);
#if NH_64BIT || !NH_WIDE_HEADER
	/* refused before anything is written */
	size_t beyond = NH_64BIT ? SIZE_MAX / 4u : SIZE_MAX / 16u;
	assert_status(nh_single_init((void *)4096, beyond, &other), NH_ERANGE);
#endif
	assert_null(other);
}

/* From the least size on every size and misalignment works, and nothing outside is written. */
static void test_edges(void **state)
{
	(void)state;
	unsigned served = 0;
	for (size_t size = 56; size < 400; size++) {
		for (size_t offset = 100; offset < 117; offset += 3) {
			nh_single *small;
			memset(nht_single_memory, 0x99, 600);
			if (nh_single_init(nht_single_memory + offset, size, &small) != NH_OK) {
				assert_true(size < 128); /* never at 128, wherever it begins */
				continue;
			}
			served++;
			void *block = nh_single_alloc(small, 0, 0, 1);
			assert_non_null(block);
			memset(block, 0, nh_single_usable_size(small, block));
			assert_status(nh_single_validate(small, NULL), NH_OK);
			nh_single_free(small, block);
			for (size_t i = 0; i < 600; i++)
				if (i < offset || i >= offset + size)
					assert_int_equal(nht_single_memory[i], 0x99);
		}
	}
	assert_true(served > 1000);
}

static void test_numbers(void **state)
{
	(void)state;
	nh_heap_stats empty = nht_single_stats();
	assert_true(empty.free == empty.size && empty.taken == 0 && empty.peak == 0 && empty.regions == 1);
	void *a = nh_single_alloc(nht_single, 0, 0, 500), *b = nh_single_alloc(nht_single, 0, 0, 100);
	nh_heap_stats full = nht_single_stats();
	assert_true(full.taken >= 600 && full.free + full.taken == empty.size && full.peak == full.taken);
	assert_int_equal(full.live, full.taken);
	nh_single_free(nht_single, a);
	assert_int_equal(nht_single_stats().peak, full.peak);
	nh_single_peak_reset(nht_single);
	assert_int_equal(nht_single_stats().peak, nht_single_stats().taken);
	assert_true(nh_single_contains(nht_single, b));
	assert_false(nh_single_contains(nht_single, nht_single));
	assert_false(nh_single_contains(nht_single, nht_single_memory + sizeof nht_single_memory));
	assert_false(nh_single_contains(nht_single, NULL));
	nh_single_free(nht_single, b);
	assert_int_equal(nht_single_stats().free, empty.free);
}

static void test_resize(void **state)
{
	(void)state;
	void *a = nh_single_alloc(nht_single, 0, 0, 100);
	assert_false(nh_single_resize(nht_single, a, 0));
	assert_false(nh_single_resize(nht_single, a, sizeof nht_single_memory));
	assert_false(nh_single_resize(nht_single, a, SIZE_MAX));
	assert_true(nh_single_resize(nht_single, a, 2000));
	assert_true(nh_single_usable_size(nht_single, a) >= 2000);
	assert_true(nh_single_resize(nht_single, a, 10));
	assert_true(nh_single_usable_size(nht_single, a) < 60);
	void *b = nh_single_alloc(nht_single, 0, 0, 10);
	assert_false(nh_single_resize(nht_single, a, 200));
	nh_single_free(nht_single, a);
	assert_false(nh_single_resize(nht_single, a, 10));
	expect(NH_FAULT_DOUBLE_FREE, a);
	assert_false(nh_single_resize(nht_single, NULL, 10));
	expect(NH_FAULT_POINTER, NULL);
	nh_single_free(nht_single, b);
	nh_single_free(nht_single, NULL);
}

static void test_rewind(void **state)
{
	(void)state;
	assert_null(nh_single_alloc(nht_single, 24, 0, 10));
	assert_null(nh_single_alloc(nht_single, 32, 32, 10));
	assert_null(nh_single_alloc(nht_single, 0, 8, 10));
	assert_null(nh_single_alloc(nht_single, (size_t)1 << (sizeof(size_t) * 8u - 1u), 8, 10));
	/* a size that could be, and with what lies before it cannot */
	size_t granule = NH_GRANULE, most = NH_USABLE(NH_SPAN_MAX);
	for (size_t less = 0; less < 8u * granule; less += granule)
		assert_null(nh_single_alloc(nht_single, 2u * granule, granule, most - less));
	for (size_t rewind = 0; rewind < 64; rewind++) {
		unsigned char *block = nh_single_alloc(nht_single, 64, rewind, 30);
		assert_int_equal(((uintptr_t)block + rewind) % 64, 0);
		memset(block, 0, nh_single_usable_size(nht_single, block));
		assert_status(nh_single_validate(nht_single, NULL), NH_OK);
		nh_single_free(nht_single, block);
		assert_int_equal(nht_single_stats().taken, 0);
	}
}

struct seen {
	unsigned blocks, live, stop;
};

static bool see(const nh_block_info *block, void *context)
{
	struct seen *seen = context;
	assert_int_equal(block->heap, 0);
	seen->live += block->state == NH_BLOCK_LIVE;
	return ++seen->blocks != seen->stop;
}

static void test_walk(void **state)
{
	(void)state;
	void *a = nh_single_alloc(nht_single, 0, 0, 100), *b = nh_single_alloc(nht_single, 0, 0, 100);
	struct seen all = {0, 0, 0}, some = {0, 0, 2};
	assert_status(nh_single_walk(nht_single, NULL, NULL), NH_EINVAL);
	assert_status(nh_single_walk(nht_single, see, &all), NH_OK);
	assert_true(all.blocks == 3 && all.live == 2);
	assert_status(nh_single_walk(nht_single, see, &some), NH_OK);
	assert_int_equal(some.blocks, 2);
	/* damage is reported, not followed */
	nh_report report = {0, NULL, NULL};
	assert_status(nh_single_validate(nht_single, &report), NH_OK);
	assert_true(report.heap == -1 && report.what == NULL);
	unsigned char saved[8];
	memcpy(saved, (unsigned char *)b - NHT_HEADER, NHT_HEADER);
	memset((unsigned char *)b - NHT_HEADER, 0xff, NHT_HEADER);
	assert_status(nh_single_validate(nht_single, &report), NH_ECORRUPT);
	assert_ptr_equal(report.address, (unsigned char *)b - NHT_HEADER);
	assert_non_null(report.what);
	assert_status(nh_single_walk(nht_single, see, &all), NH_ECORRUPT);
	memcpy((unsigned char *)b - NHT_HEADER, saved, NHT_HEADER);
	nh_single_free(nht_single, a);
	nh_single_free(nht_single, b);
	nh_single_free(nht_single, &report);
	expect(NH_FAULT_POINTER, &report);
}

/* Above a mebibyte lists are wide; a heap of several must serve all of it. */
static void test_large(void **state)
{
	(void)state;
	const size_t size = (size_t)3 << 20;
	unsigned char *region = malloc(size);
	nh_single *large;
	nht_random random;
	void *blocks[64] = {NULL};
	assert_non_null(region);
	assert_status(nh_single_init(region, size, &large), NH_OK);
	nht_random_seed(&random, nht_seed());
	for (size_t i = nht_test_operations(20000); i > 0; i--) {
		size_t at = nht_below(&random, 64);
		nh_single_free(large, blocks[at]);
		blocks[at] = nh_single_alloc(large, 0, 0, nht_between(&random, 1, 120000));
	}
	assert_status(nh_single_validate(large, NULL), NH_OK);
	for (unsigned i = 0; i < 64; i++)
		nh_single_free(large, blocks[i]);
	void *all = nh_single_alloc(large, 0, 0, size - 2048 - (NHT_EXACT ? size / NHT_ALIGNMENT / 8u : 0u));
	assert_non_null(all);
	nh_single_free(large, all);
	free(region);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, nht_single_set_up, nht_single_tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_init_refuses), TEST(test_edges), TEST(test_numbers), TEST(test_resize),
		TEST(test_rewind),       TEST(test_walk), TEST(test_large),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

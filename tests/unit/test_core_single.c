/* SPDX-License-Identifier: MIT */
/* core/single.c at its bounds: where it lies, what fits to the byte, blocks that begin inside a granule, headers that are not believed. The source is included. */
#include <stdlib.h>

#include "core/single.c"

#include "tests/support/single.h"
#include "tests/support/unit.h"

#define single nht_single
#define stats nht_single_stats

static void expect(nh_fault_code code, const void *address)
{
	assert_int_equal(nht_fault_count(), 1);
	assert_int_equal(nht_fault_get(0).code, code);
	assert_ptr_equal(nht_fault_get(0).address, address);
	nht_fault_clear();
}

/* Takes all that there is. */
static void fill(void)
{
	for (size_t size = NHT_SINGLE_SIZE; size > 0; size--)
		while (nh_single_alloc(single, 0, 0, size) != NULL)
			continue;
	assert_int_equal(stats().free, 0);
}

/* ---- beginning ---------------------------------------------------------------------------- */

static void at_the_first_word(void **state)
{
	(void)state;
	for (uintptr_t offset = 0; offset < 9; offset++) {
		uintptr_t base = (uintptr_t)nht_single_memory + offset;
		assert_status(nh_single_init((void *)base, 1000, &single), NH_OK);
		assert_int_equal((uintptr_t)single, (base + 3u) / 4u * 4u);
		void *first = nh_single_alloc(single, 0, 0, 1);
		assert_true(nh_single_contains(single, first));
		assert_false(nh_single_contains(single, (unsigned char *)first - 1));
		nh_single_free(single, first);
	}
}

/* Lists fit what is left when they are there: of 1026 granules fewer than 1024. */
static void lists_for_what_is_left(void **state)
{
	(void)state;
	void *region = malloc((size_t)1026 * NH_GRANULE);
	nh_single *small;
	assert_non_null(region);
	assert_status(nh_single_init(region, (size_t)1026 * NH_GRANULE, &small), NH_OK);
	assert_true(small->total < 1024 && small->total > 980);
	assert_int_equal(small->lists, 64);
	struct nh__region blocks = region_of(small);
	uintptr_t behind = (uintptr_t)(small + 1) + nh__tlsf_lists_size(1000, false);
	assert_in_range(nh__region_base(&blocks) - behind, 0, NH_GRANULE - 1u + (NH__STARTS ? sizeof(uint32_t) : 0u));
	assert_status(nh_single_validate(small, NULL), NH_OK);
	free(region);
}

static void width_of_heads(void **state)
{
	(void)state;
	unsigned char *region = malloc((size_t)(UINT16_MAX + 2u) * NH_GRANULE);
	assert_non_null(region);
	for (size_t granules = UINT16_MAX - 2u; granules < UINT16_MAX + 2u; granules++) {
		nh_single *large;
		assert_status(nh_single_init(region, granules * NH_GRANULE, &large), NH_OK);
		assert_int_equal(large->wide, granules >= UINT16_MAX);
	}
	free(region);
}

/* ---- what fits ---------------------------------------------------------------------------- */

/* A free block of `granules`, alone, at a multiple of 64; all else is taken. */
static void *only_hole(uint32_t granules)
{
	void *hole = nh_single_alloc(single, 64, 0, NH_USABLE(granules));
	assert_non_null(nh_single_alloc(single, 0, 0, 1));
	fill();
	assert_int_equal((uintptr_t)hole % 64u, 0);
	nh_single_free(single, hole);
	assert_int_equal(stats().free, granules * NH_GRANULE);
	return hole;
}

static void aligned_in_the_only_hole(void **state)
{
	(void)state;
	void *hole = only_hole(4);
	assert_null(nh_single_alloc(single, 0, 0, NH_USABLE(4) + 1u));
	assert_ptr_equal(nh_single_alloc(single, 64, 0, NH_USABLE(4)), hole);
	assert_int_equal(stats().free, 0);
}

/* What lies before the block is just a block. */
static void rewound_in_the_only_hole(void **state)
{
	(void)state;
	const size_t before = NH_SPAN_MIN * NH_GRANULE, rewind = 64u - before;
	unsigned char *hole = only_hole(4u + NH_SPAN_MIN);
	unsigned char *block = nh_single_alloc(single, 64, rewind, NH_USABLE(4));
	assert_ptr_equal(block, hole + before);
	assert_int_equal(((uintptr_t)block + rewind) % 64u, 0);
	assert_int_equal(stats().free, before);
	nh_single_free(single, block);
	assert_int_equal(stats().free, (4u + NH_SPAN_MIN) * NH_GRANULE);
}

/* The one that fits lies in its list behind more than are looked at first. */
static void deep_in_its_list(void **state)
{
	(void)state;
	enum { SMALLER = NH_FIT_LOOK + 2 };
	void *smaller[SMALLER], *only = NULL;
	for (unsigned i = 0; i < SMALLER; i++) {
		smaller[i] = nh_single_alloc(single, 0, 0, NH_USABLE(16));
		assert_non_null(nh_single_alloc(single, 0, 0, 1));
		if (i != 0)
			continue;
		only = nh_single_alloc(single, 0, 0, NH_USABLE(17));
		assert_non_null(nh_single_alloc(single, 0, 0, 1));
	}
	fill();
	nh_single_free(single, only);
	for (unsigned i = 0; i < SMALLER; i++)
		nh_single_free(single, smaller[i]); /* the lowest before it, all others behind the lowest */
	assert_ptr_equal(nh_single_alloc(single, 0, 0, NH_USABLE(17)), only);
	assert_null(nh_single_alloc(single, 0, 0, NH_USABLE(17)));
}

static void requests_for_nothing(void **state)
{
	(void)state;
	assert_null(nh_single_alloc(single, 64, 3, 0));
	assert_null(nh_single_alloc(single, 0, 0, 0));
	assert_null(nh_single_alloc(single, 24, 3, 10));
	assert_null(nh_single_alloc(single, 0, 0, SIZE_MAX / 2u));
	assert_null(nh_single_alloc(single, 64, 3, SIZE_MAX / 2u));
	assert_int_equal(stats().taken, 0);
}

/* ---- resizing ----------------------------------------------------------------------------- */

/* Blocks that begin inside a granule: bytes count from there. */
static void resized_from_inside_a_granule(void **state)
{
	(void)state;
	const size_t rewind = 3, skip = NH_GRANULE - rewind;
	unsigned char *block = nh_single_alloc(single, 64, rewind, 40);
	void *first = nh_single_alloc(single, 0, 0, 1);
	assert_int_equal(((uintptr_t)block + rewind) % 64u, 0);
	assert_true(NHT_EXACT ? nh_single_usable_size(single, block) == 40 : nh_single_usable_size(single, block) >= 40);
	nh_single_free(single, first);
	assert_false(nh_single_resize(single, block, 0));
	static const size_t sizes[] = {1, 200, 333, 7, 1000, 40};
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		assert_true(nh_single_resize(single, block, sizes[i]));
		size_t usable = nh_single_usable_size(single, block);
		assert_true(NHT_EXACT ? usable == sizes[i] : usable >= sizes[i]);
		memset(block, 0x11, usable);
		assert_int_equal(stats().taken, nh__span(sizes[i] + skip) * NH_GRANULE);
		assert_status(nh_single_validate(single, NULL), NH_OK);
	}
	/* for every size the last byte is its own */
	for (size_t size = 1; size < 100; size++) {
		assert_true(nh_single_resize(single, block, size));
		assert_true(nh_single_usable_size(single, block) >= size);
		memset(block, 0x11, size);
	}
	/* nothing of it is left in what is free */
	memset(block, 0x77, nh_single_usable_size(single, block));
	assert_true(nh_single_resize(single, block, 1));
	unsigned char *other = nh_single_alloc(single, 0, 0, 900);
	assert_non_null(other);
	assert_int_equal(nht_fault_count(), 0);
	nh_single_free(single, other);
	nh_single_free(single, block);
	assert_int_equal(stats().taken, 0);
}

/* Between live blocks one can have the size it has. */
static void as_large_as_it_is(void **state)
{
	(void)state;
	void *block = nh_single_alloc(single, 0, 0, 100), *wall = nh_single_alloc(single, 0, 0, 1);
	assert_non_null(wall);
	assert_true(nh_single_resize(single, block, NH_USABLE(nh__span(100))));
	assert_false(nh_single_resize(single, block, NH_USABLE(nh__span(100)) + 1u));
	assert_true(nh_single_resize(single, block, 1));
}

/* ---- looking ------------------------------------------------------------------------------ */

static void numbers(void **state)
{
	(void)state;
	nh_heap_stats result;
	memset(&result, 0xff, sizeof result);
	nh_single_stats_get(single, &result);
	assert_null(result.name);
	assert_int_equal(result.attributes | result.affinity | result.flags, 0);
	assert_int_equal(result.cached + result.largest_free + result.cache_limit, 0);
	assert_int_equal(result.remote_frees | result.depot_puts | result.depot_gets | result.inbox_takes, 0);
	assert_int_equal(result.reclaims | result.lock_waits | result.refusals, 0);
	assert_int_equal(result.quarantined, 0);
	assert_int_equal(result.regions, 1);
	assert_true(nh_single_contains(single, (void *)region_of(single).first));
	assert_false(nh_single_contains(single, (void *)region_of(single).end));
}

static bool count(const nh_block_info *block, void *context)
{
	(void)block;
	++*(unsigned *)context;
	return true;
}

static void least_blocks_are_walked(void **state)
{
	(void)state;
	unsigned met = 0;
	assert_non_null(nh_single_alloc(single, 0, 0, 1));
	assert_status(nh_single_walk(single, count, &met), NH_OK);
	assert_int_equal(met, 2);
}

static void expect_found(const char *what)
{
	nh_report report = {7, NULL, NULL};
	assert_status(nh_single_validate(single, &report), NH_ECORRUPT);
	assert_int_equal(report.heap, 0);
	assert_string_equal(report.what, what);
	assert_non_null(report.address);
}

/* The header that ends it, and the lists of every level, though no block is in them. */
static void all_is_validated(void **state)
{
	(void)state;
	struct nh__block *fence = nh__block_at((void *)region_of(single).end);
	uint32_t *map = (uint32_t *)(void *)(lists_of(single) + nh__heads_size(single->lists, single->wide));
	fill();
	assert_status(nh_single_validate(single, NULL), NH_OK);
	nh__store_relaxed(&fence->owner, NH__OWNER_LARGE);
	expect_found("the header that ends a region was overwritten");
	nh__store_relaxed(&fence->owner, NH__OWNER_FENCE);
	for (unsigned list = 0; list < single->lists; list++) {
		map[list / 32u] ^= UINT32_C(1) << list % 32u;
		expect_found("a list's bit is wrong");
		map[list / 32u] ^= UINT32_C(1) << list % 32u;
	}
	assert_status(nh_single_validate(single, NULL), NH_OK);
}

/* ---- what is no live block ---------------------------------------------------------------- */

static void headers_not_believed(void **state)
{
	(void)state;
	void *block = nh_single_alloc(single, 0, 0, 100);
	struct nh__block *header = nh__block_at(block);
	static const uint8_t owners[] = {NH__OWNER_CACHED, NH__OWNER_LOST, NH__OWNER_FENCE, NH__OWNER_LIVE, 0};
	for (unsigned i = 0; i < sizeof owners; i++) {
		nh__store_relaxed(&header->owner, owners[i]);
		nh_single_free(single, block);
		expect(NH_FAULT_POINTER, block);
		assert_int_equal(nh_single_usable_size(single, block), 0);
	}
	nh__store_relaxed(&header->owner, NH__OWNER_LARGE);
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
	header->key ^= 1u;
	nh_single_free(single, block);
	expect(NH_FAULT_POINTER, block);
	assert_int_equal(nh_single_usable_size(single, block), 0);
	header->key ^= 1u;
#endif
	void *fence = (void *)region_of(single).end;
	nh_single_free(single, fence);
	expect(NH_FAULT_POINTER, fence);
	nh_single_free(single, block);
}

#if NH__GUARDED

/* What was written to, free or behind its end, goes to nobody any more, and is counted. */
static void quarantined(void **state)
{
	(void)state;
	unsigned char *block = nh_single_alloc(single, 0, 0, 200), *wall = nh_single_alloc(single, 0, 0, 1);
	uint32_t span = nh__block_span(nh__block_at(block));
	nh_single_free(single, block);
	block[100] ^= 1u;
	unsigned char *other = nh_single_alloc(single, 0, 0, 200);
	expect(NH_FAULT_WRITTEN, block + 100);
	assert_int_equal(nh__load_relaxed(&nh__block_at(block)->owner), NH__OWNER_LOST);
	assert_int_equal(stats().quarantined, span * NH_GRANULE);
	size_t before = stats().free;
	other[200] ^= 1u;
	nh_single_free(single, other);
	expect(NH_FAULT_OVERRUN, other + 200);
	assert_int_equal(nh__load_relaxed(&nh__block_at(other)->owner), NH__OWNER_LOST);
	assert_int_equal(stats().quarantined, 2u * span * NH_GRANULE);
	assert_int_equal(stats().free, before);
	nh_single_free(single, wall);
	assert_int_equal(nht_fault_count(), 0);
}

#endif

#define WITH(function) cmocka_unit_test_setup_teardown(function, nht_single_set_up, nht_single_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(at_the_first_word),
		WITH(lists_for_what_is_left),
		WITH(width_of_heads),
		WITH(aligned_in_the_only_hole),
		WITH(rewound_in_the_only_hole),
		WITH(deep_in_its_list),
		WITH(requests_for_nothing),
		WITH(resized_from_inside_a_granule),
		WITH(as_large_as_it_is),
		WITH(numbers),
		WITH(least_blocks_are_walked),
		WITH(all_is_validated),
		WITH(headers_not_believed),
#if NH__GUARDED
		WITH(quarantined),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

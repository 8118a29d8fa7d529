/* SPDX-License-Identifier: MIT */
/* TLSF's numbers: that whatever changes the lists is counted as a change, what lists need, and what is told at bounds. */
#include <string.h>

#include "white.h"

static white_tlsf w;

static int set_up(void **state)
{
	(void)state;
	white_one_region(&w, 400);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_sound(white_sound(&w.tlsf));
	white_tlsf_drop(&w);
	return 0;
}

static uint32_t changes_by(uint32_t *before)
{
	uint32_t changed = w.tlsf.changes - *before;
	*before = w.tlsf.changes;
	return changed;
}

/* Who looked at the lists before must see that they are others now. */
static void every_change_counts(void **state)
{
	(void)state;
	static const uint32_t spans[] = {20, 20, 20, 20};
	size_t at[4];
	uint32_t before = w.tlsf.changes;
	white_row(&w, spans, 4, at);
	assert_int_equal(changes_by(&before), 4);
	white_give(&w, at[1]);
	assert_int_equal(changes_by(&before), 1);
	assert_true(nh__tlsf_grow(&w.tlsf, white_at(&w, at[0]), 40)); /* all of it: nothing is given back */
	assert_int_equal(changes_by(&before), 1);
	nh__tlsf_shrink(&w.tlsf, white_at(&w, at[0]), 20);
	assert_true(changes_by(&before) != 0);
	struct nh__block *down = nh__tlsf_grow_back(&w.tlsf, white_at(&w, at[2]), 40);
	assert_ptr_equal(down, white_at(&w, at[1]));
	assert_int_equal(changes_by(&before), 1);
	nh__store_relaxed(&down->owner, NH__OWNER_LARGE);
	assert_true(nh__tlsf_hold(&w.tlsf, white_at(&w, at[3] + 20)));
	assert_int_equal(changes_by(&before), 1);
	nh__tlsf_give(&w.tlsf, white_at(&w, at[3] + 20));
	assert_int_equal(changes_by(&before), 1);
	white_tlsf_again(&w, 400, false);
	before = w.tlsf.changes;
	white_tlsf_region(&w, 1, 200);
	assert_int_equal(changes_by(&before), 1);
	white_tlsf_region(&w, 202, 100);
	assert_int_equal(changes_by(&before), 1);
}

/* A bit for each list, in whole words. */
static void room_for_lists(void **state)
{
	(void)state;
	for (unsigned levels = 1; levels <= 29; levels++) {
		uint32_t granules = UINT32_C(2) << levels;
		for (unsigned wide = 0; wide < 2; wide++) {
			size_t size = nh__tlsf_lists_size(granules, wide), heads = nh__heads_size(levels * 8u, wide);
			assert_true(heads >= levels * 8u * (wide ? 4u : 2u));
			assert_int_equal(size, heads + (levels + 3u) / 4u * 4u);
		}
	}
}

/* The second region goes, then the one at the origin. The most that was ever taken is not forgotten, where there still is so much. */
static void regions_go(void **state)
{
	(void)state;
	static const uint32_t taken[] = {50, 200};
	for (unsigned i = 0; i < 2; i++) {
		white_tlsf_again(&w, 400, false);
		struct nh__region *first = white_tlsf_region(&w, 1, 200), *second = white_tlsf_region(&w, 202, 100);
		assert_int_equal(w.tlsf.primary, 200);
		size_t at = white_take(&w, taken[i], 1);
		white_give(&w, at);
		assert_int_equal(w.tlsf.least_free, 300u - taken[i]);
		assert_true(nh__tlsf_hold(&w.tlsf, nh__block_at((void *)second->first)));
		assert_true(nh__tlsf_remove(&w.tlsf, second));
		assert_int_equal(w.tlsf.primary, 200);
		assert_int_equal(w.tlsf.total, 200);
		assert_int_equal(w.tlsf.free, 200);
		assert_int_equal(w.tlsf.least_free, 200u - taken[i]);
		assert_false(nh__tlsf_remove(&w.tlsf, second));
		assert_true(nh__tlsf_hold(&w.tlsf, nh__block_at((void *)first->first)));
		assert_true(nh__tlsf_remove(&w.tlsf, first));
		assert_int_equal(w.tlsf.primary, 0);
		assert_int_equal(w.tlsf.total + w.tlsf.free + w.tlsf.least_free, 0);
	}
	white_tlsf_again(&w, 400, false);
	white_tlsf_region(&w, 5, 100);
	assert_int_equal(w.tlsf.primary, 0);
}

static bool all_are(const unsigned char *bytes, size_t size, unsigned char value)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/* Nothing is in its lists, nothing in reach, and nothing behind the lists is written. */
static void condemned(void **state)
{
	(void)state;
	static _Alignas(8) unsigned char lists[29 * 8 * 4 + 64];
	for (unsigned levels = 1; levels <= 29; levels++) {
		for (unsigned wide = 0; wide < 2; wide++) {
			uint32_t granules = UINT32_C(2) << levels;
			struct nh__tlsf tlsf = {.primary = 5, .free = 4, .least_free = 3, .total = 9, .fault = NH_FAULT_LIST, .changes = 7};
			tlsf.regions = &w.region[0];
			tlsf.walk = white_at(&w, 1);
			memset(lists, 0xff, sizeof lists);
			nh__tlsf_init(&tlsf, lists, granules, wide, WHITE_SECRET);
			nh__tlsf_condemn(&tlsf);
			size_t size = nh__tlsf_lists_size(granules, wide);
			assert_true(all_are(lists, size, 0));
			assert_true(all_are(lists + size, sizeof lists - size, 0xff));
			assert_null(tlsf.regions);
			assert_null(tlsf.walk);
			assert_int_equal(tlsf.primary | tlsf.free | tlsf.least_free, 0);
			assert_int_equal(tlsf.total, 9);
			assert_int_equal(tlsf.fault, NH_FAULT_NONE);
			assert_int_not_equal(tlsf.changes, 7);
		}
	}
}

/* What its user gives back, or wants larger, goes nowhere: whatever lies beside it may be half changed. */
static void given_to_the_condemned(void **state)
{
	(void)state;
	size_t first = white_take(&w, 10, 1), second = white_take(&w, 10, 1);
	white_give(&w, first);
	nh__tlsf_condemn(&w.tlsf);
	struct nh__block *block = white_at(&w, second), *before = white_at(&w, first);
	assert_false(nh__tlsf_grow(&w.tlsf, block, 20));
	assert_null(nh__tlsf_grow_back(&w.tlsf, block, 20));
	assert_int_equal(nh__block_span(block), 10);
	nh__tlsf_give(&w.tlsf, block);
	assert_int_equal(nh__load_relaxed(&block->owner), NH__OWNER_LOST);
	assert_int_equal(nh__block_span(before), 10);
	assert_int_equal(w.tlsf.free, 0);
	white_tlsf_drop(&w);
	white_one_region(&w, 400);
}

#define WALL NH_SPAN_MIN

/* Holes of these spans between walls, in this order of address; all else is taken. The last is free first. */
static void holes(const uint32_t *spans, unsigned count, size_t *at)
{
	for (unsigned i = 0; i < count; i++) {
		at[i] = white_take(&w, spans[i], 1);
		assert_true(white_take(&w, WALL, 1) != 0);
	}
	while (w.tlsf.free != 0)
		assert_true(white_take(&w, w.tlsf.free, 1) != 0);
	for (unsigned i = count; i-- > 0;)
		white_give(&w, at[i]);
}

/* The first list that two spans share: the second block is looked at, where more than one is. */
static void second_of_the_first_shared_list(void **state)
{
	(void)state;
	static const uint32_t spans[] = {16, 17, 40};
	size_t at[3];
	holes(spans, 3, at);
	assert_int_equal(white_take(&w, 17, 1), at[NH_FIT_LOOK > 1 ? 1 : 2]);
}

/* A list whose first block is damaged is left behind, and the search ends. */
static void search_goes_on_upwards(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	static const uint32_t spans[] = {64, 72, 96};
	size_t at[3];
	holes(spans, 3, at);
	struct nh__block *damaged = white_at(&w, at[1]);
	nh__flag_clear(damaged, NH__FREE);
	assert_int_equal(white_take(&w, 70, 1), at[2]);
	assert_int_equal(w.tlsf.fault, NH_FAULT_LIST);
	assert_ptr_equal(w.tlsf.fault_at, damaged);
#else
	unit_skip("links are checked from NH_HARDENING_MODERATE on");
#endif
}

/* A scan that found only a damaged block is not at its end, whatever the caller thought. */
static void a_damaged_fit_is_not_the_end(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	static const uint32_t spans[] = {64, 71, 64};
	size_t at[3];
	struct nh__scan scan = {0};
	bool done = true;
	holes(spans, 3, at);
	uint32_t *last = nh__payload(white_at(&w, at[2]));
	last[1] ^= 4u; /* its answer to the block that fits */
	assert_null(nh__tlsf_scan(&w.tlsf, 70, 1, &scan, &done));
	assert_false(done);
	assert_int_equal(w.tlsf.fault, NH_FAULT_LIST);
	for (unsigned slices = 0; !done; slices++) {
		assert_true(slices < 4);
		assert_null(nh__tlsf_scan(&w.tlsf, 70, 1, &scan, &done));
	}
#else
	unit_skip("links are checked from NH_HARDENING_MODERATE on");
#endif
}

/* Two blocks of 20, a third and a wall, the first and the third free. */
static struct nh__block *between_free_ones(size_t *at, uint32_t third)
{
	const uint32_t spans[] = {20, 20, third, 20};
	white_row(&w, spans, 4, at);
	for (unsigned i = 0; i < 4; i++)
		nh__store_relaxed(&white_at(&w, at[i])->owner, NH__OWNER_LARGE);
	white_give(&w, at[0]);
	white_give(&w, at[2]);
	return white_at(&w, at[1]);
}

static void growing_back_takes_memory(void **state)
{
	(void)state;
	size_t at[4];
	struct nh__block *block = between_free_ones(at, 20);
	w.tlsf.least_free = w.tlsf.free;
	assert_ptr_equal(nh__tlsf_grow_back(&w.tlsf, block, 60), white_at(&w, at[0]));
	assert_int_equal(nh__block_span(white_at(&w, at[0])), 60);
	assert_int_equal(w.tlsf.least_free, w.tlsf.free);
#if NH__GUARDED
	for (unsigned i = 0; i < NH_HEADER; i++)
		assert_int_equal(((const unsigned char *)block)[i], (unsigned char)NH__FILL);
#endif
	nh__store_relaxed(&white_at(&w, at[0])->owner, NH__OWNER_LARGE);
}

#if NH_HARDENING >= NH_HARDENING_MODERATE

/* Neither neighbour is touched when something is wrong with one, and the block is what it was. */
static void damaged_neighbours_are_not_taken(void **state)
{
	(void)state;
	size_t at[4];
	struct nh__block *block = between_free_ones(at, 40), *next = white_at(&w, at[2]);
	uint32_t *links = nh__payload(next), answer = links[1], free = w.tlsf.free;
	links[1] ^= 8u;
	assert_null(nh__tlsf_grow_back(&w.tlsf, block, 80));
	assert_int_equal(w.tlsf.fault, NH_FAULT_LIST);
	assert_int_equal(nh__block_span(block), 20);
	assert_int_equal(w.tlsf.free, free);
	assert_true(nh__flags(white_at(&w, at[0])) & NH__FREE);
	links[1] = answer;
	w.tlsf.fault = NH_FAULT_NONE;
	nh__flag_set(next, NH__PREV_FREE);
	assert_false(nh__tlsf_grow(&w.tlsf, block, 40));
	assert_int_equal(w.tlsf.fault, NH_FAULT_NEIGHBOUR);
	assert_int_equal(nh__block_span(block), 20);
	assert_int_equal(w.tlsf.free, free);
}

#endif

static void expect_bad(struct nh__block *block, const char *what, const void *where)
{
	const void *bad = NULL;
	const char *said = nh__tlsf_check_block(&w.tlsf, &w.region[0], block, false, &bad);
	assert_non_null(said);
	assert_string_equal(said, what);
	assert_ptr_equal(bad, where);
}

/* The word that is wrong is told, not just the block. */
static void where_it_is_wrong(void **state)
{
	(void)state;
	size_t at[4];
	struct nh__block *block = between_free_ones(at, 20), *first = white_at(&w, at[0]);
	uint32_t *footer = (uint32_t *)(void *)block - 1, *links = nh__payload(first), next = links[0];
	uint16_t *heads = w.tlsf.heads;
	*footer ^= 4u;
	expect_bad(first, "a free block's footer differs from its header", footer);
	*footer ^= 4u;
	assert_int_equal(next, nh__offset(&w.tlsf, white_at(&w, at[2])));
	links[0] = nh__offset(&w.tlsf, block);
	expect_bad(first, "a list link leads to no free block", &links[0]);
	links[0] = next;
	((uint32_t *)nh__payload(white_at(&w, at[2])))[1] ^= 8u;
	expect_bad(first, "a list link is not answered", &links[0]);
	((uint32_t *)nh__payload(white_at(&w, at[2])))[1] ^= 8u;
	for (unsigned list = 0; list < w.tlsf.lists; list++) {
		uint16_t head = heads[list];
		if (head != nh__offset(&w.tlsf, first))
			continue;
		heads[list] = 0;
		expect_bad(first, "a free block is in no list", first);
		heads[list] = head;
	}
}

/* A live block, of the list's size and with words that are links of a first one. */
static void head_that_is_not_free(void **state)
{
	(void)state;
	size_t at[4];
	struct nh__block *block = between_free_ones(at, 40);
	uint16_t *heads = w.tlsf.heads, self = (uint16_t)nh__offset(&w.tlsf, block);
	unsigned list = 0;
	const void *bad = NULL;
	while (list < w.tlsf.lists && heads[list] != nh__offset(&w.tlsf, white_at(&w, at[0])))
		list++;
	assert_true(list < w.tlsf.lists);
	memset(nh__payload(block), 0, 2u * sizeof(uint32_t));
	assert_null(nh__tlsf_check_level(&w.tlsf, list / 8u, &bad));
	heads[list] = self;
	assert_non_null(nh__tlsf_check_level(&w.tlsf, list / 8u, &bad));
	heads[list] = (uint16_t)nh__offset(&w.tlsf, white_at(&w, at[0]));
}

/* Each bit of the map, in each word, and those behind the last list. */
static void where_the_map_is_wrong(void **state)
{
	(void)state;
	const unsigned words = (w.tlsf.lists + 31u) / 32u;
	assert_true(words == 2 && w.tlsf.lists < 64);
	for (unsigned list = 0; list < 32u * words; list++) {
		const void *bad = NULL;
		bool beyond = list >= w.tlsf.lists;
		w.tlsf.map[list / 32u] ^= UINT32_C(1) << list % 32u;
		const char *what = nh__tlsf_check_level(&w.tlsf, beyond ? 0 : list / 8u, &bad);
		assert_non_null(what);
		assert_string_equal(what, beyond ? "a bit is set for a list that does not exist" : "a list's bit is wrong");
		assert_ptr_equal(bad, &w.tlsf.map[list / 32u]);
		w.tlsf.map[list / 32u] ^= UINT32_C(1) << list % 32u;
	}
}

#if NH__STARTS

static void a_start_that_is_not_known(void **state)
{
	(void)state;
	size_t at[4];
	struct nh__block *block = between_free_ones(at, 20);
	const void *bad = NULL;
	assert_null(nh__tlsf_check_block(&w.tlsf, &w.region[0], block, true, &bad));
	nh__start_put(&w.region[0], block, false);
	const char *what = nh__tlsf_check_block(&w.tlsf, &w.region[0], block, true, &bad);
	assert_non_null(what);
	assert_string_equal(what, "a header is where none is known to be");
	assert_ptr_equal(bad, block);
	nh__start_put(&w.region[0], block, true);
}

#endif

static int tear_down_damaged(void **state)
{
	(void)state;
	white_tlsf_drop(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_change_counts, set_up, tear_down),
		cmocka_unit_test(room_for_lists),
		cmocka_unit_test_setup_teardown(second_of_the_first_shared_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(search_goes_on_upwards, set_up, tear_down_damaged),
		cmocka_unit_test_setup_teardown(growing_back_takes_memory, set_up, tear_down),
#if NH_HARDENING >= NH_HARDENING_MODERATE
		cmocka_unit_test_setup_teardown(damaged_neighbours_are_not_taken, set_up, tear_down_damaged),
#endif
		cmocka_unit_test_setup_teardown(head_that_is_not_free, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_the_map_is_wrong, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_it_is_wrong, set_up, tear_down),
#if NH__STARTS
		cmocka_unit_test_setup_teardown(a_start_that_is_not_known, set_up, tear_down),
#endif
		cmocka_unit_test_setup_teardown(a_damaged_fit_is_not_the_end, set_up, tear_down_damaged),
		cmocka_unit_test_setup_teardown(regions_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(condemned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(given_to_the_condemned, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* core/tlsf.c without a heap around it: merging, gaps, blocks in hand that are cut and grow, accounts, heads, regions. */
#include "core/tlsf_lists.h"
#include "tests/support/random.h"
#include "white.h"

#include <string.h>

static white_tlsf w;

#define SOUND() assert_sound(white_sound(&w.tlsf))

/* ---- merging, gaps ------------------------------------------------------------------------ */

static void four_neighbours(void **state)
{
	(void)state;
	for (unsigned free_ones = 0; free_ones < 4; free_ones++) {
		const uint32_t spans[] = { 5, 7, 9, 11, 3 };
		size_t at[5];
		bool before = (free_ones & 1u) != 0, after = (free_ones & 2u) != 0;
		white_one_region(&w, 35);
		white_row(&w, spans, 5, at);
		if (before)
			white_give(&w, at[1]);
		if (after)
			white_give(&w, at[3]);
		white_give(&w, at[2]);
		SOUND();
		size_t whole = before ? at[1] : at[2];
		assert_true(white_free(&w, whole));
		assert_int_equal(white_span(&w, whole), 9u + (before ? 7u : 0u) + (after ? 11u : 0u));
		assert_int_equal(w.tlsf.free, white_span(&w, whole));
		assert_int_equal(nh__load_relaxed(&white_at(&w, whole)->owner), NH__OWNER_TLSF);
		assert_int_equal(white_blocks(&w.tlsf), 5u - before - after);
		for (unsigned i = 0; i < 5; i++)
			if (i == 0 || i == 4 || (i == 1 && !before) || (i == 3 && !after))
				white_give(&w, at[i]);
		assert_int_equal(white_blocks(&w.tlsf), 1);
		assert_int_equal(white_span(&w, 1), 35);
		SOUND();
		white_tlsf_drop(&w);
	}
}

/* A rest too small for a block stays with what was taken; one granule more is split off. */
static void split_or_not(void **state)
{
	(void)state;
	for (uint32_t rest = 0; rest < 2u * NH_SPAN_MIN; rest++) {
		white_one_region(&w, 10u + rest);
		assert_int_equal(white_take(&w, 10, 1), 1);
		assert_int_equal(white_span(&w, 1), rest < NH_SPAN_MIN ? 10u + rest : 10u);
		assert_int_equal(w.tlsf.free, rest < NH_SPAN_MIN ? 0 : rest);
		SOUND();
		white_give(&w, 1);
		assert_int_equal(white_span(&w, 1), 10u + rest);
		white_tlsf_drop(&w);
	}
}

static void gaps(void **state)
{
	(void)state;
	for (uint32_t align = 2; align <= 64; align *= 2)
		for (size_t at = 1; at <= align + 3u; at++) {
			white_tlsf_make(&w, 300, 200, false);
			white_tlsf_region(&w, at, 200);
			size_t got = white_take(&w, 10, align);
			assert_true(got >= at && got % align == 0);
			assert_true(got == at || got - at >= NH_SPAN_MIN);
			assert_true(got - at < align + NH_SPAN_MIN); /* the first place that will do */
			assert_int_equal(white_span(&w, got), 10);
			assert_true(got == at || (white_free(&w, at) && white_span(&w, at) == got - at));
			SOUND();
			white_give(&w, got);
			assert_int_equal(white_blocks(&w.tlsf), 1);
			white_tlsf_drop(&w);
		}
}

/* ---- blocks in hand ----------------------------------------------------------------------- */

static void cutting(void **state)
{
	(void)state;
	white_one_region(&w, 50);
	size_t at = white_take(&w, 20, 1);
	struct nh__block *rest = nh__tlsf_cut(&w.tlsf, white_at(&w, at), 6);
	assert_int_equal(white_granule(&w, rest), at + 6u);
	assert_int_equal(nh__block_span(rest), 14);
	assert_int_equal(nh__flags(rest) & 3u, 0);
	assert_int_equal(white_span(&w, at), 6);
	assert_int_equal(w.tlsf.free, 30);
	SOUND();
	white_give(&w, at);
	struct nh__block *third = nh__tlsf_cut(&w.tlsf, rest, 4); /* keeps that its predecessor is free */
	assert_int_equal(nh__flags(rest) & 3u, NH__PREV_FREE);
	SOUND();
	nh__tlsf_give(&w.tlsf, rest);
	nh__tlsf_give(&w.tlsf, third);
	assert_int_equal(white_blocks(&w.tlsf), 1);
	SOUND();
	white_tlsf_drop(&w);
}

static void shrinking(void **state)
{
	(void)state;
	for (uint32_t span = NH_SPAN_MIN; span <= 12; span++)
		for (unsigned next_free = 0; next_free < 2; next_free++) {
			const uint32_t spans[] = { 12, 8, 30 };
			size_t at[3];
			white_one_region(&w, 50);
			white_row(&w, spans, 3, at);
			if (next_free)
				white_give(&w, at[1]);
			nh__tlsf_shrink(&w.tlsf, white_at(&w, at[0]), span);
			bool cut = 12u - span >= NH_SPAN_MIN;
			assert_int_equal(white_span(&w, at[0]), cut ? span : 12);
			assert_int_equal(w.tlsf.free, (cut ? 12u - span : 0u) + (next_free ? 8u : 0u));
			assert_int_equal(white_blocks(&w.tlsf), cut && !next_free ? 4 : 3);
			SOUND();
			white_tlsf_drop(&w);
		}
}

static void growing(void **state)
{
	(void)state;
	for (uint32_t span = 7; span <= 20; span++) {
		const uint32_t spans[] = { 3, 6, 12, 4 };
		size_t at[4];
		white_one_region(&w, 25);
		white_row(&w, spans, 4, at);
		assert_false(nh__tlsf_grow(&w.tlsf, white_at(&w, at[1]), span)); /* not free */
		assert_int_equal(white_span(&w, at[1]), 6);
		white_give(&w, at[2]);
		white_give(&w, at[0]);
		uint32_t changes = w.tlsf.changes;
		bool grown = nh__tlsf_grow(&w.tlsf, white_at(&w, at[1]), span);
		assert_int_equal(grown, span <= 18);
		if (!grown)
			assert_true(w.tlsf.changes == changes);
		uint32_t expected = !grown ? 6u : 18u - span < NH_SPAN_MIN ? 18u : span;
		assert_int_equal(white_span(&w, at[1]), expected);
		assert_int_equal(w.tlsf.free, 3u + 18u - expected);
		assert_int_equal(nh__flags(white_at(&w, at[1])) & 3u, NH__PREV_FREE);
		SOUND();
		white_give(&w, at[1]);
		assert_int_equal(white_blocks(&w.tlsf), 2);
		white_tlsf_drop(&w);
	}
}

/* Over the predecessor; over the successor too only if that is needed. */
static void growing_back(void **state)
{
	(void)state;
	for (uint32_t span = 5; span <= 30; span++) {
		const uint32_t spans[] = { 4, 8, 4, 10, 4 };
		size_t at[5];
		white_one_region(&w, 30);
		white_row(&w, spans, 5, at);
		assert_null(nh__tlsf_grow_back(&w.tlsf, white_at(&w, at[2]), span)); /* not free */
		white_give(&w, at[1]);
		white_give(&w, at[3]);
		struct nh__block *block = nh__tlsf_grow_back(&w.tlsf, white_at(&w, at[2]), span);
		if (span > 22) {
			assert_null(block);
			assert_int_equal(white_span(&w, at[2]), 4);
			assert_int_equal(w.tlsf.free, 18);
		} else {
			assert_int_equal(white_granule(&w, block), at[1]);
			assert_int_equal(nh__block_span(block), span <= 12 ? 12 : 22);
			assert_int_equal(w.tlsf.free, span <= 12 ? 10 : 0);
			nh__store_relaxed(&block->owner, NH__OWNER_LARGE);
		}
		SOUND();
		white_tlsf_drop(&w);
	}
}

/* ---- accounts, heads, regions ------------------------------------------------------------- */

static void accounts(void **state)
{
	(void)state;
	white_tlsf_make(&w, 400, 100, false);
	white_tlsf_region(&w, 1, 100);
	assert_int_equal(w.tlsf.total, 100);
	assert_int_equal(w.tlsf.free, 100);
	assert_int_equal(w.tlsf.least_free, 100);
	size_t a = white_take(&w, 30, 1), b = white_take(&w, 20, 16);
	assert_int_equal(w.tlsf.free, 50);
	assert_int_equal(w.tlsf.least_free, 50);
	white_give(&w, a);
	assert_int_equal(w.tlsf.free, 80);
	assert_int_equal(w.tlsf.least_free, 50); /* the peak stays */
	white_tlsf_region(&w, 200, 60);
	assert_int_equal(w.tlsf.total, 160);
	assert_int_equal(w.tlsf.free, 140);
	assert_int_equal(w.tlsf.least_free, 110); /* 50 were taken at most */
	uint32_t changes = w.tlsf.changes;
	assert_int_equal(white_take(&w, 61, 1), 0);
	assert_true(w.tlsf.changes == changes);
	a = white_take(&w, 60, 1);
	assert_true(w.tlsf.changes != changes);
	changes = w.tlsf.changes;
	white_give(&w, a);
	assert_true(w.tlsf.changes != changes);
	assert_int_equal(w.tlsf.least_free, 80);
	assert_true(nh__tlsf_grow(&w.tlsf, white_at(&w, b), 30));
	assert_int_equal(w.tlsf.free, 130);
	SOUND();
	assert_int_equal(w.tlsf.lost, 0);
	white_tlsf_drop(&w);
}

/* The peak counts also what grew. */
static void least_free_of_growth(void **state)
{
	(void)state;
	const uint32_t spans[] = { 10, 10, 10, 10 };
	size_t at[4];
	white_one_region(&w, 100);
	white_row(&w, spans, 4, at);
	assert_int_equal(w.tlsf.least_free, 60);
	assert_true(nh__tlsf_grow(&w.tlsf, white_at(&w, at[3]), 40));
	assert_int_equal(w.tlsf.least_free, 30);
	white_give(&w, at[0]);
	assert_non_null(nh__tlsf_grow_back(&w.tlsf, white_at(&w, at[1]), 20));
	assert_int_equal(w.tlsf.least_free, 30);
	assert_int_equal(w.tlsf.free, 30);
	white_tlsf_drop(&w);
}

/* One fixed script of takes and gives; its addresses do not depend on the width of the heads. */
static uint32_t script(bool wide)
{
	nht_random random;
	uint32_t hash = 0;
	size_t live[64] = { 0 };
	nht_random_seed(&random, 99);
	white_tlsf_make(&w, 5000, 3000, wide);
	white_tlsf_region(&w, 1, 3000);
	white_tlsf_region(&w, 3500, 1400);
	assert_int_equal(w.tlsf.wide, wide);
	for (unsigned i = 0; i < 3000; i++) {
		size_t *slot = &live[nht_below(&random, 64)];
		if (*slot != 0)
			white_give(&w, *slot);
		*slot = white_take(&w, (uint32_t)nht_between(&random, NH_SPAN_MIN, 90),
		             UINT32_C(1) << nht_below(&random, 3));
		hash = hash * 31u + (uint32_t)*slot;
	}
	SOUND();
	for (unsigned i = 0; i < 64; i++)
		if (live[i] != 0)
			white_give(&w, live[i]);
	assert_int_equal(white_blocks(&w.tlsf), 2);
	SOUND();
	white_tlsf_drop(&w);
	return hash;
}

static void heads_of_both_widths(void **state)
{
	(void)state;
	assert_true(script(false) == script(true));
	for (uint32_t granules = 2; granules < 70000; granules = granules * 2u + 1u) {
		size_t lists = levels_for(granules) * 8u;
		assert_int_equal(nh__tlsf_lists_size(granules, false), lists * 2u + (lists + 31u) / 32u * 4u);
		assert_int_equal(nh__tlsf_lists_size(granules, true), lists * 4u + (lists + 31u) / 32u * 4u);
		assert_int_equal(nh__tlsf_lists_size(granules, true) % 4u, 0);
	}
	/* the farthest block of 16-bit heads */
	white_tlsf_make(&w, 65540, 100, false);
	white_tlsf_region(&w, 65536u - NH_SPAN_MIN, NH_SPAN_MIN);
	assert_int_equal(white_take(&w, NH_SPAN_MIN, 1), 65536u - NH_SPAN_MIN);
	white_give(&w, 65536u - NH_SPAN_MIN);
	SOUND();
	white_tlsf_drop(&w);
}

/* Adjacent regions do not merge; regions lie on both sides of the origin. */
static void several_regions(void **state)
{
	(void)state;
	white_tlsf_make(&w, 1000, 100, true);
	w.tlsf.origin = (uintptr_t)(w.memory + 500u * NH_GRANULE);
	white_tlsf_region(&w, 501, 100);
	white_tlsf_region(&w, 602, 50); /* one granule for the fence */
	white_tlsf_region(&w, 20, 300);
	SOUND();
	assert_int_equal(white_take(&w, 300, 1), 20);
	assert_int_equal(white_take(&w, 100, 1), 501);
	assert_int_equal(white_take(&w, 50, 1), 602);
	assert_int_equal(white_take(&w, 2, 1), 0);
	white_give(&w, 501);
	white_give(&w, 602);
	white_give(&w, 20);
	assert_int_equal(white_blocks(&w.tlsf), 3);
	SOUND();
	assert_ptr_equal(nh__tlsf_region_of(&w.tlsf, (uintptr_t)(w.memory + 20u * NH_GRANULE)), &w.region[2]);
	assert_ptr_equal(nh__tlsf_region_of(&w.tlsf, (uintptr_t)(w.memory + 319u * NH_GRANULE)),
	                 &w.region[2]);
	assert_null(nh__tlsf_region_of(&w.tlsf, (uintptr_t)(w.memory + 320u * NH_GRANULE)));
	assert_null(nh__tlsf_region_of(&w.tlsf, (uintptr_t)(w.memory + 19u * NH_GRANULE)));
	white_tlsf_drop(&w);
}

/* Every base and size: all of it is used that can be, and nothing outside. */
static void layouts(void **state)
{
	(void)state;
	for (uintptr_t base = 4096; base < 4096 + 3u * NH_GRANULE; base++)
		for (size_t size = 0; size < 12u * NH_GRANULE; size++) {
			uintptr_t first = 0, end = 0;
			uint32_t granules = nh__region_layout(base, size, &first, &end);
			if (granules == 0) {
				assert_true(size < (NH_SPAN_MIN + 2u) * NH_GRANULE + NH_HEADER + nh__starts_size(12));
				continue;
			}
			assert_true(granules >= NH_SPAN_MIN && granules == (end - first) / NH_GRANULE);
			assert_true(first % NH_GRANULE == 0 && end % NH_GRANULE == 0);
			uintptr_t low = first - NH_HEADER - nh__starts_size(granules);
			assert_true(low >= base && low < base + NH_GRANULE);
			assert_true(end <= base + size && end + NH_GRANULE > base + size);
		}
	uintptr_t first, end;
	assert_int_equal(nh__region_layout(UINTPTR_MAX - 100u, 200, &first, &end), 0);
	assert_int_equal(nh__region_layout(UINTPTR_MAX - 2u, 1, &first, &end), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_neighbours),
		cmocka_unit_test(split_or_not),
		cmocka_unit_test(gaps),
		cmocka_unit_test(cutting),
		cmocka_unit_test(shrinking),
		cmocka_unit_test(growing),
		cmocka_unit_test(growing_back),
		cmocka_unit_test(accounts),
		cmocka_unit_test(least_free_of_growth),
		cmocka_unit_test(heads_of_both_widths),
		cmocka_unit_test(several_regions),
		cmocka_unit_test(layouts),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

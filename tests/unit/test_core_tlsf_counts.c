/* SPDX-License-Identifier: MIT */
/* TLSF's numbers: that whatever changes the lists is counted as a change, what lists need, and what is told at bounds. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_change_counts, set_up, tear_down),
		cmocka_unit_test(room_for_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

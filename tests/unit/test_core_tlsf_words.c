/* SPDX-License-Identifier: MIT */
/*
 * TLSF beside single damaged words: a link that leads nowhere, a footer larger than any block, a fence that says it is free. What is
 * beside them is told and left alone; what was looked for elsewhere is found.
 */
#include "white.h"

static white_tlsf w;

static int tear_down(void **state)
{
	(void)state;
	white_tlsf_drop(&w);
	return 0;
}

/* A search to the end of the lists ends where each block of a list fits: those were looked at before. */
static void a_seek_ends_at_lists_that_fit(void **state)
{
	(void)state;
	struct nh__scan scan = { 0 };
	bool done = false;
	white_one_region(&w, 500);
	assert_null(nh__tlsf_seek(&w.tlsf, 4, 1, &scan, &done));
	assert_true(done);
	assert_int_equal(white_granule(&w, nh__tlsf_find(&w.tlsf, 4, 1)), 1);
}

#if NH_HARDENING >= NH_HARDENING_MODERATE

static uint32_t *word_of(size_t at)
{
	return nh__payload(white_at(&w, at));
}

/* Live blocks of 64 granules, to the end; a list of theirs has spans up to 71. */
#define SPAN 64u
#define AT(number) (1u + (number)*SPAN)

static void five_live(void)
{
	static const uint32_t spans[] = { SPAN, SPAN, SPAN, SPAN, SPAN };
	size_t at[5];
	white_one_region(&w, 5u * SPAN);
	white_row(&w, spans, 5, at);
	for (unsigned i = 0; i < 5; i++)
		nh__store_relaxed(&white_at(&w, at[i])->owner, NH__OWNER_LARGE);
}

static void expect_fault(nh_fault_code code, size_t at)
{
	assert_int_equal(w.tlsf.fault, code);
	assert_int_equal(white_granule(&w, (struct nh__block *)w.tlsf.fault_at), at);
	w.tlsf.fault = NH_FAULT_NONE;
}

/* The list ends there, as far as it can be followed. */
static void a_seek_meets_a_wild_link(void **state)
{
	(void)state;
	struct nh__scan scan = { 0 };
	bool done = false;
	five_live();
	white_give(&w, AT(1));
	white_give(&w, AT(3));
	word_of(AT(1))[0] = AT(2); /* live */
	assert_null(nh__tlsf_seek(&w.tlsf, SPAN + 7u, 1, &scan, &done));
	assert_true(done);
	expect_fault(NH_FAULT_LIST, AT(2));
}

static bool refuses(size_t at, nh_fault_code code)
{
	uint32_t free_before = w.tlsf.free, lost_before = w.tlsf.lost;
	white_give(&w, at);
	bool refused = w.tlsf.fault == code && w.tlsf.free == free_before && w.tlsf.lost > lost_before;
	w.tlsf.fault = NH_FAULT_NONE;
	return refused;
}

static void a_fence_that_says_free(void **state)
{
	(void)state;
	five_live();
	struct nh__block *fence = white_at(&w, AT(5));
	nh__block_set(fence, nh__block_span(fence), nh__flags(fence) | NH__FREE);
	nh__store_relaxed(&fence->owner, NH__OWNER_TLSF);
	assert_true(refuses(AT(4), NH_FAULT_NEIGHBOUR));
}

static void a_footer_larger_than_any_block(void **state)
{
	static const uint32_t wrong[] = { UINT32_MAX, NH_SPAN_MAX + UINT32_C(1), 0, 1, SPAN - 1u, SPAN + 1u };
	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		five_live();
		white_give(&w, AT(1));
		((uint32_t *)(void *)white_at(&w, AT(2)))[-1] = wrong[i];
		assert_true(refuses(AT(2), NH_FAULT_NEIGHBOUR));
		if (i + 1u < sizeof wrong / sizeof wrong[0])
			white_tlsf_drop(&w);
	}
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_seek_ends_at_lists_that_fit, tear_down),
#if NH_HARDENING >= NH_HARDENING_MODERATE
		cmocka_unit_test_teardown(a_seek_meets_a_wild_link, tear_down),
		cmocka_unit_test_teardown(a_fence_that_says_free, tear_down),
		cmocka_unit_test_teardown(a_footer_larger_than_any_block, tear_down),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * core/tlsf.c without a heap around it: which list a span belongs to, what the bounded search
 * chooses, what the last chance finds. Blocks in hand: test_core_tlsf_blocks.c. Damage: test_core_tlsf_damage.c.
 */
#include "core/tlsf_lists.h"
#include "tests/support/random.h"
#include "white.h"

#include <string.h>

static white_tlsf w;

#define SOUND() assert_sound(white_sound(&w.tlsf))

/* The last chance to its end, as a caller would do it; *slices counts lock holds. */
static size_t scan(uint32_t span, uint32_t align, unsigned *slices)
{
	struct nh__scan position = { 0 };
	struct nh__block *block = NULL;
	bool done = false;
	for (*slices = 0; block == NULL && !done; ++*slices)
		block = nh__tlsf_scan(&w.tlsf, span, align, &position, &done);
	return white_granule(&w, block);
}

static size_t take_or_scan(uint32_t span, uint32_t align)
{
	unsigned slices;
	size_t at = white_take(&w, span, align);
	return at != 0 ? at : scan(span, align, &slices);
}

/* ---- mapping ------------------------------------------------------------------------------ */

/* The least span of a list, from the table at the top of core/tlsf_lists.h. */
static uint64_t least_of(unsigned list)
{
	return list < 8 ? list : (uint64_t)(8u + list % 8u) << (list / 8u - 1u);
}

static void check_mapping(struct nh__tlsf *tlsf, uint32_t span)
{
	unsigned lists = tlsf->lists, own = 0, above = 0;
	while (own + 1u < lists && least_of(own + 1u) <= span)
		own++;
	while (above < lists && least_of(above) < span)
		above++;
	unsigned got = list_above(tlsf, span);
	if (list_of(tlsf, span) != own || (got < lists ? got : lists) != above)
		fail_msg("span %u of %u lists: list %u, above %u", (unsigned)span, (unsigned)tlsf->lists,
		         list_of(tlsf, span), got);
}

static void list_of_every_span(void **state)
{
	(void)state;
	static const uint32_t fitted[] = { 2, 7, 8, 15, 16, 200, 4000, 100000, NH_SPAN_MAX };
	for (unsigned i = 0; i < sizeof fitted / sizeof *fitted; i++) {
		struct nh__tlsf tlsf = { .lists = (uint8_t)(levels_for(fitted[i]) * 8u) };
		/* no level too many, and none missing: the last list begins at or below what it is fitted to */
		assert_true(tlsf.lists == 8 || least_of(tlsf.lists - 8u) <= fitted[i]);
		assert_true(least_of(tlsf.lists) > fitted[i]);
		for (uint32_t span = NH_SPAN_MIN; span <= 100000; span += span < 600 ? 1 : WHITE_STRIDE)
			check_mapping(&tlsf, span);
		for (uint32_t bit = 16; bit < NH_SPAN_MAX && bit != 0; bit *= 2)
			for (uint32_t k = 0; k < 3; k++)
				check_mapping(&tlsf, bit + k - 1u);
		check_mapping(&tlsf, NH_SPAN_MAX);
	}
}

/* A region of one free block of every span is found by whatever fits, and by nothing larger. */
static void every_span_is_found(void **state)
{
	(void)state;
	enum { MOST = 100000 };
	white_tlsf_make(&w, MOST + 2, MOST, true);
	for (uint32_t span = NH_SPAN_MIN; span <= MOST; span += span < 2000 ? 1 : 3u * WHITE_STRIDE) {
		const uint32_t asked[] = { span, span - 1u, span - span / 16u, span / 2u + 1u, NH_SPAN_MIN };
		unsigned slices;
		w.tlsf.regions = NULL;
		w.regions = 0;
		memset(w.lists, 0, w.lists_size);
		white_tlsf_region(&w, 1, span);
		assert_int_equal(white_take(&w, span + 1u, 1), 0);
		assert_int_equal(scan(span + 1u, 1, &slices), 0);
		for (unsigned i = 0; i < 5; i++) {
			if (asked[i] < NH_SPAN_MIN)
				continue;
			if (white_take(&w, asked[i], 1) != 1)
				fail_msg("a block of %u is not found by %u", (unsigned)span,
				         (unsigned)asked[i]);
			uint32_t left = span - asked[i];
			assert_int_equal(white_span(&w, 1), left < NH_SPAN_MIN ? span : asked[i]);
			white_give(&w, 1);
			assert_int_equal(white_span(&w, 1), span);
		}
	}
	white_tlsf_drop(&w);
}

/* Lists fitted to a small region; a larger one comes later and shares the last list. */
static void clamp_list(void **state)
{
	(void)state;
	for (uint32_t small = NH_SPAN_MIN; small <= 40; small++) {
		white_tlsf_make(&w, 4000, small, false);
		white_tlsf_region(&w, 1, small);
		white_tlsf_region(&w, 100, 900);
		white_tlsf_region(&w, 1500, 2000);
		SOUND();
		assert_int_equal(take_or_scan(2001, 1), 0);
		assert_int_equal(take_or_scan(2000, 1), 1500);
		assert_int_equal(take_or_scan(900, 1), 100);
		assert_int_equal(take_or_scan(small, 1), 1);
		assert_int_equal(w.tlsf.free, 0);
		white_give(&w, 100);
		size_t at[30];
		for (unsigned i = 0; i < 30; i++)
			assert_int_equal(at[i] = take_or_scan(30, 1), 100u + 30u * i);
		for (unsigned i = 0; i < 30; i++)
			white_give(&w, at[(i * 7u) % 30u]);
		white_give(&w, 1500);
		white_give(&w, 1);
		SOUND();
		assert_int_equal(white_blocks(&w.tlsf), 3);
		white_tlsf_drop(&w);
	}
}

/* ---- choice ------------------------------------------------------------------------------- */

#define HOLES 6u

/* Frees HOLES blocks in a given order: each goes before a higher first, or behind a lower one. `expected`: the lowest of
 * the first `looks`. */
static void check_choice(const unsigned *order, uint32_t hole, uint32_t asked, unsigned looks)
{
	uint32_t spans[2 * HOLES];
	size_t at[2 * HOLES], list[HOLES], expected = SIZE_MAX;
	for (unsigned i = 0; i < HOLES; i++) {
		spans[2u * i] = hole;
		spans[2u * i + 1u] = NH_SPAN_MIN;
	}
	white_one_region(&w, 1000);
	white_row(&w, spans, 2 * HOLES, at);
	for (unsigned i = 0; i < HOLES; i++) {
		size_t one = at[2u * order[i]];
		unsigned place = i == 0 || one < list[0] ? 0 : 1;
		white_give(&w, one);
		memmove(list + place + 1, list + place, (i - place) * sizeof list[0]);
		list[place] = one;
	}
	for (unsigned i = 0; i < HOLES && i < looks; i++)
		expected = list[i] < expected ? list[i] : expected;
	assert_int_equal(white_take(&w, asked, 1), expected);
	SOUND();
	white_tlsf_drop(&w);
}

static void permute(unsigned *order, unsigned fixed, uint32_t hole, uint32_t asked, unsigned looks)
{
	if (fixed == HOLES) {
		check_choice(order, hole, asked, looks);
		return;
	}
	for (unsigned i = fixed; i < HOLES; i++) {
		unsigned kept = order[fixed];
		order[fixed] = order[i];
		order[i] = kept;
		permute(order, fixed + 1u, hole, asked, looks);
		order[i] = order[fixed];
		order[fixed] = kept;
	}
}

static void lowest_of_first_looked_at(void **state)
{
	(void)state;
	unsigned order[HOLES] = { 0, 1, 2, 3, 4, 5 };
	permute(order, 0, 12, 12, 1); /* in its own list, all of which is of one size */
	permute(order, 0, 12, 9, 1);  /* in a list above */
	permute(order, 0, 20, 20, NH_FIT_LOOK); /* 20 and 21 share a list */
	permute(order, 0, 20, 17, 1);
}

/* Own list: what does not fit is passed over; an exact fit beats the larger lists. */
static void own_list_without_rounding(void **state)
{
	(void)state;
	/* 64 to 71 share a list */
	const uint32_t spans[] = { 69, NH_SPAN_MIN, 64, NH_SPAN_MIN, 70, NH_SPAN_MIN, 200, NH_SPAN_MIN };
	size_t at[8];
	white_one_region(&w, 1000);
	white_row(&w, spans, 8, at);
	white_give(&w, at[6]);
	white_give(&w, at[4]);
	white_give(&w, at[2]);
	white_give(&w, at[0]); /* the list: 69, 64, 70 */
	assert_int_equal(white_take(&w, 69, 1), at[0]);
	assert_int_equal(white_take(&w, 65, 1), NH_FIT_LOOK > 1 ? at[4] : at[6]); /* 64 does not fit */
	assert_int_equal(white_take(&w, 64, 1), at[2]);
	SOUND();
	white_tlsf_drop(&w);
}

/* ---- last chance -------------------------------------------------------------------------- */

static size_t long_list(unsigned count)
{
	return white_long_list(&w, count);
}

static void scan_finds_the_last(void **state)
{
	(void)state;
	for (unsigned count = NH_FIT_LOOK; count <= 40; count++) {
		unsigned slices;
		size_t at = long_list(count);
		assert_int_equal(white_take(&w, 71, 1), 0);
		assert_int_equal(scan(71, 1, &slices), at);
		assert_int_equal(slices, (count + 1u + NH_SLICE - 1u) / NH_SLICE);
		uint32_t changes = w.tlsf.changes;
		assert_int_equal(white_take(&w, 71, 1), 0);
		assert_int_equal(scan(71, 1, &slices), 0);
		assert_int_equal(slices, count / NH_SLICE + 1u); /* one more look if the end is just there */
		assert_true(w.tlsf.changes == changes);
		SOUND();
		white_tlsf_drop(&w);
	}
}

/* A fitting block that comes to the front after the scan has passed there. */
static void scan_begins_again(void **state)
{
	(void)state;
	size_t at = long_list(40);
	unsigned slices;
	struct nh__scan position = { 0 };
	bool done = true;
	assert_int_equal(scan(71, 1, &slices), at);
	assert_null(nh__tlsf_scan(&w.tlsf, 71, 1, &position, &done));
	assert_false(done);
	white_give(&w, at);
	struct nh__block *block = nh__tlsf_scan(&w.tlsf, 71, 1, &position, &done);
	assert_int_equal(white_granule(&w, block), at);
	/* and the node where it stood may be gone altogether */
	memset(&position, 0, sizeof position);
	assert_null(nh__tlsf_scan(&w.tlsf, 71, 1, &position, &done));
	size_t node = white_granule(&w, position.node);
	while (white_free(&w, node))
		assert_true(white_take(&w, 64, 1) != 0);
	for (done = false; !done;)
		assert_null(nh__tlsf_scan(&w.tlsf, 71, 1, &position, &done));
	SOUND();
	white_tlsf_drop(&w);
}

/* Whether any free block holds the request, from the definition of a gap. */
static bool exists(uint32_t span, uint32_t align)
{
	for (struct nh__region *region = w.tlsf.regions; region != NULL; region = region->next) {
		struct nh__block *block = nh__block_at((void *)region->first);
		for (; (uintptr_t)nh__payload(block) != region->end;
		     block = nh__block_after(block, nh__block_span(block))) {
			size_t gap = 0, address = (uintptr_t)nh__payload(block) / NH_GRANULE;
			while ((address + gap) % align != 0 || (gap != 0 && gap < NH_SPAN_MIN))
				gap++;
			if ((nh__flags(block) & NH__FREE) && nh__block_span(block) >= gap + span)
				return true;
		}
	}
	return false;
}

/* A request is refused only if nothing fits, however the free blocks lie. Bounded and reproducible. */
static void never_refused_wrongly(void **state)
{
	(void)state;
	nht_random random;
	nht_random_seed(&random, nht_seed());
	white_tlsf_make(&w, 3000, 700, false);
	white_tlsf_region(&w, 3, 700);
	white_tlsf_region(&w, 801, 1900);
	size_t live[400], operations = nht_test_operations(20000);
	unsigned count = 0;
	for (size_t i = 0; i < operations; i++) {
		if (count > 0 && (count == 400 || nht_chance(&random, 45))) {
			unsigned victim = (unsigned)nht_below(&random, count);
			white_give(&w, live[victim]);
			live[victim] = live[--count];
			continue;
		}
		uint32_t span =
			(uint32_t)nht_between(&random, NH_SPAN_MIN, nht_chance(&random, 70) ? 20 : 150);
		uint32_t align = UINT32_C(1) << (nht_chance(&random, 60) ? 0 : nht_below(&random, 7));
		bool expected = exists(span, align);
		size_t at = take_or_scan(span, align);
		if (expected != (at != 0))
			fail_msg("span %u align %u: exists %d, got %zu", (unsigned)span, (unsigned)align,
			         expected, at);
		if (at != 0) {
			assert_true((uintptr_t)(w.memory + at * NH_GRANULE) / NH_GRANULE % align == 0);
			assert_true(white_span(&w, at) >= span && white_span(&w, at) < span + NH_SPAN_MIN);
			live[count++] = at;
		}
		if (i % 64u == 0)
			SOUND();
	}
	while (count > 0)
		white_give(&w, live[--count]);
	SOUND();
	assert_int_equal(white_blocks(&w.tlsf), 2);
	white_tlsf_drop(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_of_every_span),
		cmocka_unit_test(every_span_is_found),
		cmocka_unit_test(clamp_list),
		cmocka_unit_test(lowest_of_first_looked_at),
		cmocka_unit_test(own_list_without_rounding),
		cmocka_unit_test(scan_finds_the_last),
		cmocka_unit_test(scan_begins_again),
		cmocka_unit_test(never_refused_wrongly),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

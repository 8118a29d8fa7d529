/* SPDX-License-Identifier: MIT */
/*
 * core/tlsf.c without a heap around it: which list a span belongs to, what the bounded search
 * chooses, what the last chance finds, merging, resizing, accounts. The source is included for the table of
 * levels, which is private to it. Damage: test_core_tlsf_damage.c.
 */
#include "core/tlsf.c"

#include "tests/support/random.h"
#include "white.h"

#include <string.h>

static white_tlsf w;

#define SOUND() assert_sound(white_sound(&w.tlsf))

static size_t take(uint32_t span, uint32_t align)
{
	return white_take(&w, span, align);
}

static void give(size_t at)
{
	white_give(&w, at);
}

static uint32_t span_at(size_t at)
{
	return nh__block_span(white_at(&w, at));
}

static bool free_at(size_t at)
{
	return (nh__flags(white_at(&w, at)) & NH__FREE) != 0;
}

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
	size_t at = take(span, align);
	return at != 0 ? at : scan(span, align, &slices);
}

static void one_region(uint32_t span)
{
	white_one_region(&w, span);
}

static void row(const uint32_t *spans, unsigned count, size_t *at)
{
	white_row(&w, spans, count, at);
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
		assert_int_equal(take(span + 1u, 1), 0);
		assert_int_equal(scan(span + 1u, 1, &slices), 0);
		for (unsigned i = 0; i < 5; i++) {
			if (asked[i] < NH_SPAN_MIN)
				continue;
			if (take(asked[i], 1) != 1)
				fail_msg("a block of %u is not found by %u", (unsigned)span,
				         (unsigned)asked[i]);
			uint32_t left = span - asked[i];
			assert_int_equal(span_at(1), left < NH_SPAN_MIN ? span : asked[i]);
			give(1);
			assert_int_equal(span_at(1), span);
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
		give(100);
		size_t at[30];
		for (unsigned i = 0; i < 30; i++)
			assert_int_equal(at[i] = take_or_scan(30, 1), 100u + 30u * i);
		for (unsigned i = 0; i < 30; i++)
			give(at[(i * 7u) % 30u]);
		give(1500);
		give(1);
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
	one_region(1000);
	row(spans, 2 * HOLES, at);
	for (unsigned i = 0; i < HOLES; i++) {
		size_t one = at[2u * order[i]];
		unsigned place = i == 0 || one < list[0] ? 0 : 1;
		give(one);
		memmove(list + place + 1, list + place, (i - place) * sizeof list[0]);
		list[place] = one;
	}
	for (unsigned i = 0; i < HOLES && i < looks; i++)
		expected = list[i] < expected ? list[i] : expected;
	assert_int_equal(take(asked, 1), expected);
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
	one_region(1000);
	row(spans, 8, at);
	give(at[6]);
	give(at[4]);
	give(at[2]);
	give(at[0]); /* the list: 69, 64, 70 */
	assert_int_equal(take(69, 1), at[0]);
	assert_int_equal(take(65, 1), NH_FIT_LOOK > 1 ? at[4] : at[6]); /* 64 does not fit */
	assert_int_equal(take(64, 1), at[2]);
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
		assert_int_equal(take(71, 1), 0);
		assert_int_equal(scan(71, 1, &slices), at);
		assert_int_equal(slices, (count + 1u + NH_SLICE - 1u) / NH_SLICE);
		uint32_t changes = w.tlsf.changes;
		assert_int_equal(take(71, 1), 0);
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
	give(at);
	struct nh__block *block = nh__tlsf_scan(&w.tlsf, 71, 1, &position, &done);
	assert_int_equal(white_granule(&w, block), at);
	/* and the node where it stood may be gone altogether */
	memset(&position, 0, sizeof position);
	assert_null(nh__tlsf_scan(&w.tlsf, 71, 1, &position, &done));
	size_t node = white_granule(&w, position.node);
	while (free_at(node))
		assert_true(take(64, 1) != 0);
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
			give(live[victim]);
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
			assert_true(span_at(at) >= span && span_at(at) < span + NH_SPAN_MIN);
			live[count++] = at;
		}
		if (i % 64u == 0)
			SOUND();
	}
	while (count > 0)
		give(live[--count]);
	SOUND();
	assert_int_equal(white_blocks(&w.tlsf), 2);
	white_tlsf_drop(&w);
}

/* ---- merging, gaps ------------------------------------------------------------------------ */

static void four_neighbours(void **state)
{
	(void)state;
	for (unsigned free_ones = 0; free_ones < 4; free_ones++) {
		const uint32_t spans[] = { 5, 7, 9, 11, 3 };
		size_t at[5];
		bool before = (free_ones & 1u) != 0, after = (free_ones & 2u) != 0;
		one_region(35);
		row(spans, 5, at);
		if (before)
			give(at[1]);
		if (after)
			give(at[3]);
		give(at[2]);
		SOUND();
		size_t whole = before ? at[1] : at[2];
		assert_true(free_at(whole));
		assert_int_equal(span_at(whole), 9u + (before ? 7u : 0u) + (after ? 11u : 0u));
		assert_int_equal(w.tlsf.free, span_at(whole));
		assert_int_equal(nh__load_relaxed(&white_at(&w, whole)->owner), NH__OWNER_TLSF);
		assert_int_equal(white_blocks(&w.tlsf), 5u - before - after);
		for (unsigned i = 0; i < 5; i++)
			if (i == 0 || i == 4 || (i == 1 && !before) || (i == 3 && !after))
				give(at[i]);
		assert_int_equal(white_blocks(&w.tlsf), 1);
		assert_int_equal(span_at(1), 35);
		SOUND();
		white_tlsf_drop(&w);
	}
}

/* A rest too small for a block stays with what was taken; one granule more is split off. */
static void split_or_not(void **state)
{
	(void)state;
	for (uint32_t rest = 0; rest < 2u * NH_SPAN_MIN; rest++) {
		one_region(10u + rest);
		assert_int_equal(take(10, 1), 1);
		assert_int_equal(span_at(1), rest < NH_SPAN_MIN ? 10u + rest : 10u);
		assert_int_equal(w.tlsf.free, rest < NH_SPAN_MIN ? 0 : rest);
		SOUND();
		give(1);
		assert_int_equal(span_at(1), 10u + rest);
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
			size_t got = take(10, align);
			assert_true(got >= at && got % align == 0);
			assert_true(got == at || got - at >= NH_SPAN_MIN);
			assert_true(got - at < align + NH_SPAN_MIN); /* the first place that will do */
			assert_int_equal(span_at(got), 10);
			assert_true(got == at || (free_at(at) && span_at(at) == got - at));
			SOUND();
			give(got);
			assert_int_equal(white_blocks(&w.tlsf), 1);
			white_tlsf_drop(&w);
		}
}

/* ---- blocks in hand ----------------------------------------------------------------------- */

static void cutting(void **state)
{
	(void)state;
	one_region(50);
	size_t at = take(20, 1);
	struct nh__block *rest = nh__tlsf_cut(&w.tlsf, white_at(&w, at), 6);
	assert_int_equal(white_granule(&w, rest), at + 6u);
	assert_int_equal(nh__block_span(rest), 14);
	assert_int_equal(nh__flags(rest) & 3u, 0);
	assert_int_equal(span_at(at), 6);
	assert_int_equal(w.tlsf.free, 30);
	SOUND();
	give(at);
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
			one_region(50);
			row(spans, 3, at);
			if (next_free)
				give(at[1]);
			nh__tlsf_shrink(&w.tlsf, white_at(&w, at[0]), span);
			bool cut = 12u - span >= NH_SPAN_MIN;
			assert_int_equal(span_at(at[0]), cut ? span : 12);
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
		one_region(25);
		row(spans, 4, at);
		assert_false(nh__tlsf_grow(&w.tlsf, white_at(&w, at[1]), span)); /* not free */
		assert_int_equal(span_at(at[1]), 6);
		give(at[2]);
		give(at[0]);
		uint32_t changes = w.tlsf.changes;
		bool grown = nh__tlsf_grow(&w.tlsf, white_at(&w, at[1]), span);
		assert_int_equal(grown, span <= 18);
		if (!grown)
			assert_true(w.tlsf.changes == changes);
		uint32_t expected = !grown ? 6u : 18u - span < NH_SPAN_MIN ? 18u : span;
		assert_int_equal(span_at(at[1]), expected);
		assert_int_equal(w.tlsf.free, 3u + 18u - expected);
		assert_int_equal(nh__flags(white_at(&w, at[1])) & 3u, NH__PREV_FREE);
		SOUND();
		give(at[1]);
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
		one_region(30);
		row(spans, 5, at);
		assert_null(nh__tlsf_grow_back(&w.tlsf, white_at(&w, at[2]), span)); /* not free */
		give(at[1]);
		give(at[3]);
		struct nh__block *block = nh__tlsf_grow_back(&w.tlsf, white_at(&w, at[2]), span);
		if (span > 22) {
			assert_null(block);
			assert_int_equal(span_at(at[2]), 4);
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
	size_t a = take(30, 1), b = take(20, 16);
	assert_int_equal(w.tlsf.free, 50);
	assert_int_equal(w.tlsf.least_free, 50);
	give(a);
	assert_int_equal(w.tlsf.free, 80);
	assert_int_equal(w.tlsf.least_free, 50); /* the peak stays */
	white_tlsf_region(&w, 200, 60);
	assert_int_equal(w.tlsf.total, 160);
	assert_int_equal(w.tlsf.free, 140);
	assert_int_equal(w.tlsf.least_free, 110); /* 50 were taken at most */
	uint32_t changes = w.tlsf.changes;
	assert_int_equal(take(61, 1), 0);
	assert_true(w.tlsf.changes == changes);
	a = take(60, 1);
	assert_true(w.tlsf.changes != changes);
	changes = w.tlsf.changes;
	give(a);
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
	one_region(100);
	row(spans, 4, at);
	assert_int_equal(w.tlsf.least_free, 60);
	assert_true(nh__tlsf_grow(&w.tlsf, white_at(&w, at[3]), 40));
	assert_int_equal(w.tlsf.least_free, 30);
	give(at[0]);
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
			give(*slot);
		*slot = take((uint32_t)nht_between(&random, NH_SPAN_MIN, 90),
		             UINT32_C(1) << nht_below(&random, 3));
		hash = hash * 31u + (uint32_t)*slot;
	}
	SOUND();
	for (unsigned i = 0; i < 64; i++)
		if (live[i] != 0)
			give(live[i]);
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
	assert_int_equal(take(NH_SPAN_MIN, 1), 65536u - NH_SPAN_MIN);
	give(65536u - NH_SPAN_MIN);
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
	assert_int_equal(take(300, 1), 20);
	assert_int_equal(take(100, 1), 501);
	assert_int_equal(take(50, 1), 602);
	assert_int_equal(take(2, 1), 0);
	give(501);
	give(602);
	give(20);
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
		cmocka_unit_test(list_of_every_span),
		cmocka_unit_test(every_span_is_found),
		cmocka_unit_test(clamp_list),
		cmocka_unit_test(lowest_of_first_looked_at),
		cmocka_unit_test(own_list_without_rounding),
		cmocka_unit_test(scan_finds_the_last),
		cmocka_unit_test(scan_begins_again),
		cmocka_unit_test(never_refused_wrongly),
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

/* SPDX-License-Identifier: MIT */
#include "white.h"

#include <stdlib.h>
#include <string.h>

#define PATTERN 0xa5

static void forget_starts(white_tlsf *w)
{
#if NH__STARTS
	for (unsigned i = 0; i < w->regions; i++)
		free((void *)w->region[i].starts);
#endif
	w->regions = 0;
}

void white_tlsf_again(white_tlsf *w, uint32_t fitted, bool wide)
{
	forget_starts(w);
	free(w->lists);
	w->lists_size = nh__tlsf_lists_size(fitted, wide);
	w->lists = calloc(1, w->lists_size);
	assert_non_null(w->lists);
	memset(&w->tlsf, 0, sizeof w->tlsf);
	nh__tlsf_init(&w->tlsf, w->lists, fitted, wide, WHITE_SECRET);
	w->tlsf.origin = (uintptr_t)w->memory;
}

void white_tlsf_make(white_tlsf *w, size_t granules, uint32_t fitted, bool wide)
{
	memset(w, 0, sizeof *w);
	w->granules = granules + 2u;
	size_t bytes = (w->granules * NH_GRANULE + 4095u) & ~(size_t)4095u;
	w->memory = aligned_alloc(4096, bytes);
	assert_non_null(w->memory);
	memset(w->memory, PATTERN, bytes);
	white_tlsf_again(w, fitted, wide);
}

struct nh__region *white_tlsf_region(white_tlsf *w, size_t at, uint32_t span)
{
	assert_true(at >= 1 && at + span <= w->granules && w->regions < WHITE_REGIONS);
	struct nh__region *region = &w->region[w->regions++];
	region->first = (uintptr_t)w->memory + at * NH_GRANULE;
	region->end = region->first + (uintptr_t)span * NH_GRANULE;
#if NH__STARTS
	region->starts = calloc(nh__starts_size(span) / 4u, 4u);
	assert_non_null(region->starts);
	nh__region_prepare(region);
#endif
	nh__tlsf_add(&w->tlsf, region);
	return region;
}

void white_tlsf_drop(white_tlsf *w)
{
	forget_starts(w);
	free(w->lists);
	free(w->memory);
	w->lists = NULL;
	w->memory = NULL;
}

struct nh__block *white_at(white_tlsf *w, size_t at)
{
	return nh__block_at(w->memory + at * NH_GRANULE);
}

size_t white_granule(white_tlsf *w, struct nh__block *block)
{
	return block == NULL ? 0 : ((uintptr_t)nh__payload(block) - (uintptr_t)w->memory) / NH_GRANULE;
}

uint32_t white_span(white_tlsf *w, size_t at)
{
	return nh__block_span(white_at(w, at));
}

bool white_free(white_tlsf *w, size_t at)
{
	return (nh__flags(white_at(w, at)) & NH__FREE) != 0;
}

size_t white_take(white_tlsf *w, uint32_t span, uint32_t align)
{
	return white_granule(w, nh__tlsf_take(&w->tlsf, span, align));
}

void white_blank(struct nh__block *block)
{
#if NH__GUARDED
	nh__fill(nh__payload(block), NH_ROOM(nh__block_span(block)));
#else
	(void)block;
#endif
}

void white_give(white_tlsf *w, size_t at)
{
	white_blank(white_at(w, at));
	nh__tlsf_give(&w->tlsf, white_at(w, at));
}

void white_one_region(white_tlsf *w, uint32_t span)
{
	white_tlsf_make(w, span + 1u, span, false);
	white_tlsf_region(w, 1, span);
}

void white_row(white_tlsf *w, const uint32_t *spans, unsigned count, size_t *at)
{
	for (unsigned i = 0; i < count; i++)
		at[i] = white_take(w, spans[i], 1);
	for (unsigned i = 1; i < count; i++)
		assert_int_equal(at[i], at[i - 1u] + spans[i - 1u]);
}

size_t white_long_list(white_tlsf *w, unsigned count)
{
	const uint32_t first[] = { 64, NH_SPAN_MIN, 71, NH_SPAN_MIN }; /* 64 to 71 share a list */
	size_t at[4], low[100];
	assert_true(count >= 1 && count <= 100);
	white_one_region(w, 71u + NH_SPAN_MIN + count * (64u + NH_SPAN_MIN));
	white_row(w, first, 4, at);
	low[0] = at[0];
	for (unsigned i = 1; i < count; i++) {
		low[i] = white_take(w, 64, 1);
		assert_true(white_take(w, NH_SPAN_MIN, 1) != 0);
	}
	assert_int_equal(w->tlsf.free, 0);
	white_give(w, at[2]);
	for (unsigned i = 0; i < count; i++)
		white_give(w, low[i]); /* the lowest goes before it, all others behind the lowest */
	return at[2];
}

const char *white_sound(struct nh__tlsf *tlsf)
{
	uint32_t free_span = 0, total = 0;
	const void *bad;
	for (struct nh__region *region = tlsf->regions; region != NULL; region = region->next) {
		struct nh__block *block = nh__block_at((void *)region->first);
		bool previous_free = false;
		while ((uintptr_t)nh__payload(block) != region->end) {
			const char *what = nh__tlsf_check_block(tlsf, region, block, previous_free, &bad);
			if (what != NULL)
				return what;
			if (previous_free && (nh__flags(block) & NH__FREE))
				return "two free blocks in a row";
			previous_free = (nh__flags(block) & NH__FREE) != 0;
			total += nh__block_span(block);
			free_span += previous_free ? nh__block_span(block) : 0;
			block = nh__block_after(block, nh__block_span(block));
		}
		if (((nh__flags(block) & NH__PREV_FREE) != 0) != previous_free)
			return "a fence disagrees with its predecessor";
		if (nh__load_relaxed(&block->owner) != NH__OWNER_FENCE)
			return "a region does not end with a fence";
	}
	for (unsigned level = 0; level < tlsf->lists / 8u; level++) {
		const char *what = nh__tlsf_check_level(tlsf, level, &bad);
		if (what != NULL)
			return what;
	}
	if (free_span != tlsf->free)
		return "tlsf.free is not the sum of the free blocks";
	if (total != tlsf->total)
		return "tlsf.total is not the sum of the blocks";
	return tlsf->least_free > tlsf->free ? "tlsf.least_free is above tlsf.free" : NULL;
}

unsigned white_blocks(struct nh__tlsf *tlsf)
{
	unsigned count = 0;
	for (struct nh__region *region = tlsf->regions; region != NULL; region = region->next) {
		struct nh__block *block = nh__block_at((void *)region->first);
		for (; (uintptr_t)nh__payload(block) != region->end; count++)
			block = nh__block_after(block, nh__block_span(block));
	}
	return count;
}

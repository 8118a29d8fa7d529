/* SPDX-License-Identifier: MIT */
/*
 * Two-level segregated fit: see core/tlsf.h.
 *
 *   list(span), span in granules:   level 0   0 1 2 3 4 5 6 7          one list per span
 *                                   level 1   8 9 10 ... 15            one list per span
 *                                   level 2   16-17 18-19 ... 30-31    two spans per list
 *                                   level l   8 lists for 2^(l+2) ... 2^(l+3) - 1
 *
 * The last list also takes every larger block, so lists fitted to the first region stay correct when
 * a larger one is added. `map` has a bit per non-empty list: with 8 lists a level, four levels to a word,
 * one bitmap in place of two is both smaller and faster.
 *
 * Search: of the span's own list the first block if all there are of one size, else the fitting one with the lowest address
 * among the first NH_FIT_LOOK; if there is none, the first of the next list in which every block fits. A list's first
 * is mostly its lowest: what comes to it goes behind a lower one. Cost: bounded, O(1): at most 8 words of the map. What
 * it can miss (a fitting block deeper in the own list, or an aligned fit below the padded span) nh__tlsf_scan() finds, in
 * slices.
 */
#include "core/tlsf.h"
#include "core/guard.h"
#include "core/starts.h"
#include "arch/port.h"

#include <string.h>

/* Lists whose blocks are all of one size. */
#define EXACT_LISTS 16u

#define CHECKED (NH_HARDENING >= NH_HARDENING_MODERATE)

/* ---- a free block's own words ------------------------------------------------------------- */

static uint32_t *links(struct nh__block *block) /* [0] next, [1] previous */
{
	return nh__payload(block);
}

static uint32_t *footer_before(struct nh__block *block)
{
	return (uint32_t *)((uintptr_t)block - sizeof(uint32_t));
}

/* From NH_HARDENING_FULL on: a header is there from now on, or no more. */
static void mark(struct nh__tlsf *tlsf, struct nh__block *block, bool start)
{
#if NH__STARTS
	nh__start_put(nh__tlsf_region_of(tlsf, (uintptr_t)nh__payload(block)), block, start);
#else
	(void)tlsf;
	(void)block;
	(void)start;
#endif
}

/* What was metadata becomes part of a block: a fixed number of bytes. */
static void efface(void *at, size_t bytes)
{
#if NH__GUARDED
	nh__fill(at, bytes);
#else
	(void)at;
	(void)bytes;
#endif
}

static void set_key(const struct nh__tlsf *tlsf, struct nh__block *block)
{
#if NH_WIDE
	block->key = nh__block_key(tlsf->secret, block);
#else
	(void)tlsf;
	(void)block;
#endif
}

static void set_header(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span, uint8_t flags)
{
	mark(tlsf, block, true);
	nh__block_set(block, span, flags);
	set_key(tlsf, block);
}

/* The same for a block that is TLSF's. */
static void put_header(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span, uint8_t flags)
{
	mark(tlsf, block, true);
	nh__block_put(block, NH__OWNER_TLSF, span, flags);
	set_key(tlsf, block);
}

static bool is_free(struct nh__block *block)
{
	return (nh__flags(block) & NH__FREE) != 0;
}

static void fault(struct nh__tlsf *tlsf, nh_fault_code code, const void *at)
{
	if (tlsf->fault == NH_FAULT_NONE) {
		tlsf->fault = code;
		tlsf->fault_at = at;
	}
}

/* `block` is part of `whole` from now on. The walk must not go on inside. Its header is effaced when that of `whole` says so. */
static void absorbed(struct nh__tlsf *tlsf, struct nh__block *block, struct nh__block *whole, uint32_t span)
{
	mark(tlsf, block, false);
	if (tlsf->walk == block)
		tlsf->walk = nh__block_after(whole, span);
#if NH_HARDENING >= NH_HARDENING_EXTREME
	if (tlsf->call_walk == block)
		tlsf->call_walk = nh__block_after(whole, span);
#endif
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Each level above the second halves the resolution: list = 8 * shift + (span >> shift), where what is left
 * of span has four bits. The first levels need no logarithm, which is slow where there is no CLZ. */
static unsigned shift_of(uint32_t span)
{
	if (span < 64)
		return span < 16 ? 0 : span < 32 ? 1u : 2u;
	return nh_port_log2(span) - 3u;
}

static unsigned list_of(const struct nh__tlsf *tlsf, uint32_t span)
{
	unsigned shift = shift_of(span);
	unsigned list = shift * 8u + (span >> shift);
	return list < tlsf->lists ? list : tlsf->lists - 1u;
}

/* The first list all of whose blocks have at least `span`; may be one past the last. */
static unsigned list_above(const struct nh__tlsf *tlsf, uint32_t span)
{
	unsigned shift = shift_of(span);
	unsigned list = shift * 8u + ((span + (UINT32_C(1) << shift) - 1u) >> shift);
	return list < tlsf->lists ? list : tlsf->lists;
}

static uint32_t head_get(const struct nh__tlsf *tlsf, unsigned list)
{
	return tlsf->wide ? ((const uint32_t *)tlsf->heads)[list] : ((const uint16_t *)tlsf->heads)[list];
}

static void head_put(struct nh__tlsf *tlsf, unsigned list, uint32_t offset)
{
	if (tlsf->wide != 0)
		((uint32_t *)tlsf->heads)[list] = offset;
	else
		((uint16_t *)tlsf->heads)[list] = (uint16_t)offset;
}

static void head_set(struct nh__tlsf *tlsf, unsigned list, uint32_t offset)
{
	uint32_t *word = &tlsf->map[list >> 5], bit = UINT32_C(1) << (list & 31u);
	head_put(tlsf, list, offset);
	*word = offset != 0 ? *word | bit : *word & ~bit;
}

/* The first non-empty list from `list` on, or at least tlsf->lists. */
static unsigned list_next(const struct nh__tlsf *tlsf, unsigned list)
{
	uint32_t mask = UINT32_MAX << (list & 31u);
	for (unsigned word = list >> 5; word * 32u < tlsf->lists; word++) {
		uint32_t here = tlsf->map[word] & mask;
		if (here != 0)
			return word * 32u + nh_port_ctz(here);
		mask = UINT32_MAX;
	}
	return tlsf->lists;
}

struct nh__region *nh__tlsf_region_of(const struct nh__tlsf *tlsf, uintptr_t payload)
{
	struct nh__region *region = tlsf->regions;
	while (region != NULL && (payload < region->first || payload >= region->end))
		region = region->next;
	return region;
}

NH__NOINLINE static uint32_t room_beyond(const struct nh__tlsf *tlsf, uint32_t offset)
{
	struct nh__block *block = nh__at_offset(tlsf, offset);
	const struct nh__region *region = nh__tlsf_region_of(tlsf, (uintptr_t)nh__payload(block));
	return region == NULL ? 0 : (uint32_t)nh__span_to_end(region, block);
}

/* Granules from a block's header to the end of its region; 0 = it is in none. Most heaps have one region, which
 * takes one comparison. */
NH__FLAT uint32_t room_at(const struct nh__tlsf *tlsf, uint32_t offset)
{
	return NH__LIKELY(offset - 1u < tlsf->primary) ? tlsf->primary - (offset - 1u) : room_beyond(tlsf, offset);
}

/* Nothing may be read there. */
NH__FLAT bool outside(const struct nh__tlsf *tlsf, uint32_t offset)
{
	return NH__UNLIKELY(offset - 1u >= tlsf->primary) && room_at(tlsf, offset) == 0;
}

/* A link may be followed if it names a granule inside a region and the block there says FREE. */
NH__FLAT bool leads_to_free(struct nh__tlsf *tlsf, uint32_t offset)
{
	struct nh__block *block = nh__at_offset(tlsf, offset);
	if (!CHECKED || NH__LIKELY(!outside(tlsf, offset) && is_free(block)))
		return true;
	fault(tlsf, NH_FAULT_LIST, block);
	return false;
}

static struct nh__block *follow(struct nh__tlsf *tlsf, uint32_t offset)
{
	return leads_to_free(tlsf, offset) ? nh__at_offset(tlsf, offset) : NULL;
}

/* What the header of a block that leaves its list says of its length, before anybody goes where that leads: it is in the
 * region, and its footer is as it was made. */
NH__FLAT bool length_true(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	if (!CHECKED || NH__LIKELY(span >= NH_SPAN_MIN && span <= room_at(tlsf, nh__offset(tlsf, block)) &&
	                           *footer_before(nh__block_after(block, span)) == span))
		return true;
	fault(tlsf, NH_FAULT_LIST, block);
	return false;
}

/* From NH_HARDENING_FULL on. Of a block that joins a list, the word where its footer will be is fill: the last look at it. */
static void check_fill(struct nh__tlsf *tlsf, const uint32_t *word)
{
#if NH__GUARDED
	if (*word != NH__FILL_WORD)
		fault(tlsf, NH_FAULT_WRITTEN, word);
#else
	(void)tlsf;
	(void)word;
#endif
}

/* What made it a free block is fill again. */
static void blank(struct nh__block *block)
{
#if NH__GUARDED
	efface(links(block), 2u * sizeof(uint32_t));
	efface(footer_before(nh__block_after(block, nh__block_span(block))), sizeof(uint32_t));
#else
	(void)block;
#endif
}

/* Links a block in behind the first of its list. */
NH__FLAT void list_in_second(struct nh__tlsf *tlsf, struct nh__block *first, struct nh__block *block, uint32_t self)
{
	uint32_t next = links(first)[0];
	links(block)[1] = nh__offset(tlsf, first);
	if (next != 0) {
		if (leads_to_free(tlsf, next))
			links(nh__at_offset(tlsf, next))[1] = self;
		else
			next = 0; /* the damaged rest is cut off */
	}
	links(block)[0] = next;
	links(first)[0] = self;
}

/* Into its list, and all that a free block says of itself. The next one's PREV_FREE is the caller's. The lower of the
 * first and the new one comes first, so that low addresses are used again before high ones. */
NH__FLAT void list_in(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	unsigned list = list_of(tlsf, span);
	uint32_t head = head_get(tlsf, list), self = nh__offset(tlsf, block);
	put_header(tlsf, block, span, NH__FREE);
	check_fill(tlsf, footer_before(nh__block_after(block, span)));
	*footer_before(nh__block_after(block, span)) = span;
	if (head != 0) {
		if (NH__UNLIKELY(!leads_to_free(tlsf, head))) {
			head = 0; /* the damaged rest is cut off */
		} else if (head < self) {
			list_in_second(tlsf, nh__at_offset(tlsf, head), block, self);
			return;
		} else {
			links(nh__at_offset(tlsf, head))[1] = self;
		}
	} else {
		tlsf->map[list >> 5] |= UINT32_C(1) << (list & 31u);
	}
	links(block)[0] = head;
	links(block)[1] = 0;
	head_put(tlsf, list, self);
}

/* False: its links are damaged, or are not answered. Nothing was changed then. */
NH__FLAT bool list_out(struct nh__tlsf *tlsf, struct nh__block *block, unsigned list)
{
	uint32_t next = links(block)[0], previous = links(block)[1], self = nh__offset(tlsf, block);
	struct nh__block *after = nh__at_offset(tlsf, next), *before = nh__at_offset(tlsf, previous);
	if (CHECKED) {
		bool answered = next == 0 || (!outside(tlsf, next) && links(after)[1] == self);
		if (answered)
			answered = previous == 0 ? head_get(tlsf, list) == self
			                         : !outside(tlsf, previous) && links(before)[0] == self;
		if (NH__UNLIKELY(!answered)) {
			fault(tlsf, NH_FAULT_LIST, block);
			return false;
		}
	}
	if (next != 0)
		links(after)[1] = previous;
	if (previous != 0)
		links(before)[0] = next;
	else
		head_set(tlsf, list, next);
	blank(block);
	return true;
}

/* The same for the first block of a list. */
NH__FLAT bool list_out_first(struct nh__tlsf *tlsf, struct nh__block *block, unsigned list)
{
	uint32_t next = links(block)[0];
	if (next == 0) {
		head_set(tlsf, list, 0);
		blank(block);
		return true;
	}
	struct nh__block *after = nh__at_offset(tlsf, next);
	if (CHECKED && NH__UNLIKELY(outside(tlsf, next) || links(after)[1] != nh__offset(tlsf, block))) {
		fault(tlsf, NH_FAULT_LIST, block);
		return false;
	}
	links(after)[1] = 0;
	head_put(tlsf, list, next);
	blank(block);
	return true;
}

/* The same where it need not be fast. */
NH__NOINLINE static void insert(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	nh__flag_set(nh__block_after(block, span), NH__PREV_FREE);
	list_in(tlsf, block, span);
	tlsf->free += span;
	tlsf->changes++;
}

NH__NOINLINE static bool unlink_block(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	if (!length_true(tlsf, block, span) || !list_out(tlsf, block, list_of(tlsf, span)))
		return false;
	tlsf->free -= span;
	tlsf->changes++;
	return true;
}

static void note_least(struct nh__tlsf *tlsf)
{
	if (tlsf->free < tlsf->least_free)
		tlsf->least_free = tlsf->free;
}

/* ---- regions ------------------------------------------------------------------------------ */

static unsigned levels_for(uint32_t granules)
{
	return granules < 8 ? 1u : nh_port_log2(granules) - 1u;
}

size_t nh__tlsf_lists_size(uint32_t granules, bool wide)
{
	unsigned lists = levels_for(granules) * 8u;
	return nh__heads_size(lists, wide) + (lists + 31u) / 32u * sizeof(uint32_t);
}

void nh__tlsf_init(struct nh__tlsf *tlsf, void *lists, uint32_t granules, bool wide, uint32_t secret)
{
	tlsf->lists = (uint8_t)(levels_for(granules) * 8u);
	tlsf->wide = wide;
	tlsf->heads = lists;
	tlsf->map = (uint32_t *)(void *)((unsigned char *)lists + nh__heads_size(tlsf->lists, wide));
	tlsf->secret = secret;
}

uint32_t nh__region_layout(uintptr_t base, size_t size, uintptr_t *first, uintptr_t *end)
{
	uintptr_t limit = base + size;
	uintptr_t starts = NH__STARTS ? nh__starts_size(nh__granules(size)) : 0;
	uintptr_t low = (base + starts + NH_HEADER + NH_GRANULE - 1u) & ~(uintptr_t)(NH_GRANULE - 1u);
	uintptr_t high = limit & ~(uintptr_t)(NH_GRANULE - 1u); /* the fence's header ends here */
	if (low < base || limit < base || high <= low)
		return 0;
	*first = low;
	*end = high;
	uint32_t granules = nh__granules(high - low);
	return granules < NH_SPAN_MIN ? 0 : granules;
}

void nh__tlsf_place(struct nh__tlsf *tlsf, struct nh__region *region)
{
	uint32_t span = nh__granules(region->end - region->first);
	if (tlsf->regions == NULL)
		tlsf->primary = region->first - tlsf->origin == NH_GRANULE ? span : 0;
	region->next = tlsf->regions;
	tlsf->regions = region;
	tlsf->total += span;
	tlsf->least_free += span;
}

void nh__tlsf_add(struct nh__tlsf *tlsf, struct nh__region *region)
{
	uint32_t span = nh__granules(region->end - region->first);
	struct nh__block *block = nh__block_at((void *)region->first);
	struct nh__block *fence = nh__block_after(block, span);
	nh__store_relaxed(&fence->owner, NH__OWNER_FENCE);
	set_header(tlsf, fence, 0, 0);
	nh__tlsf_place(tlsf, region);
	insert(tlsf, block, span);
}

bool nh__tlsf_hold(struct nh__tlsf *tlsf, struct nh__block *block)
{
	uint32_t span = nh__block_span(block);
	if (!unlink_block(tlsf, block, span))
		return false;
	nh__flag_clear(nh__block_after(block, span), NH__PREV_FREE);
	set_header(tlsf, block, span, 0);
	return true;
}

bool nh__tlsf_remove(struct nh__tlsf *tlsf, struct nh__region *region)
{
	uint32_t span = nh__granules(region->end - region->first);
	struct nh__region **link = &tlsf->regions;
	while (*link != NULL && *link != region)
		link = &(*link)->next;
	if (*link == NULL)
		return false;
	*link = region->next;
	tlsf->total -= span;
	/* the peak stays what it was, if there is still that much */
	tlsf->least_free = tlsf->least_free > span ? tlsf->least_free - span : 0;
	note_least(tlsf);
	if (region->first - tlsf->origin == NH_GRANULE)
		tlsf->primary = 0;
	return true;
}

void nh__tlsf_condemn(struct nh__tlsf *tlsf)
{
	memset(tlsf->heads, 0, nh__heads_size(tlsf->lists, tlsf->wide));
	memset(tlsf->map, 0, (tlsf->lists + 31u) / 32u * sizeof(uint32_t));
	tlsf->regions = NULL;
	tlsf->primary = 0;
	tlsf->free = 0;
	tlsf->least_free = 0;
	tlsf->walk = NULL;
	tlsf->fault = NH_FAULT_NONE;
	tlsf->changes++;
}

/* ---- search ------------------------------------------------------------------------------- */

/* Granules in front of the aligned payload inside `block`: 0, or a block of their own. */
static uint32_t gap_in(struct nh__block *block, uint32_t align)
{
	if (align == 1)
		return 0;
	uint32_t at = (uint32_t)((uintptr_t)nh__payload(block) >> NH_GRANULE_SHIFT);
	uint32_t gap = (0u - at) & (align - 1u);
	while (gap != 0 && gap < NH_SPAN_MIN)
		gap += align;
	return gap;
}

static bool fits(struct nh__block *block, uint32_t span, uint32_t align)
{
	uint32_t have = nh__block_span(block);
	return have >= span && have - span >= gap_in(block, align);
}

/* The fitting block with the lowest address among the first `looks` of a list. */
NH__FLAT struct nh__block *look(struct nh__tlsf *tlsf, unsigned list, uint32_t span, uint32_t align, unsigned looks)
{
	struct nh__block *best = NULL;
	uint32_t offset = head_get(tlsf, list);
	for (unsigned seen = 0; offset != 0 && seen < looks; seen++) {
		struct nh__block *block = nh__at_offset(tlsf, offset);
		if (NH__UNLIKELY(!leads_to_free(tlsf, offset))) {
			if (seen == 0)
				head_set(tlsf, list, 0); /* cut off: nothing behind a damaged link is trusted */
			break;
		}
		if (fits(block, span, align) && (best == NULL || block < best))
			best = block;
		offset = links(block)[0];
	}
	return best;
}

/* What take() will take, and its list. *first: surely the list's first. */
NH__FLAT struct nh__block *find(struct nh__tlsf *tlsf, uint32_t span, uint32_t align, unsigned *list, bool *first)
{
	*list = list_of(tlsf, span);
	*first = *list < EXACT_LISTS;
	struct nh__block *block = *first ? look(tlsf, *list, span, align, 1) : look(tlsf, *list, span, align, NH_FIT_LOOK);
	if (block != NULL)
		return block;
	/* had all of the own list fitted, one would have been found: the next list is the first that surely does, if it is sound */
	*first = true;
	for (unsigned from = align == 1 ? *list + 1u : list_above(tlsf, nh__span_padded(span, align)); block == NULL;
	     from = *list + 1u) {
		*list = list_next(tlsf, from);
		if (*list >= tlsf->lists)
			return NULL;
		block = look(tlsf, *list, span, align, 1);
	}
	return block;
}

NH__NOINLINE struct nh__block *nh__tlsf_find(struct nh__tlsf *tlsf, uint32_t span, uint32_t align)
{
	unsigned list;
	bool first;
	return find(tlsf, span, align, &list, &first);
}

/* Takes `block` out of its list and cuts it to what was asked; gap and rest go back. */
NH__FLAT struct nh__block *carve(struct nh__tlsf *tlsf, struct nh__block *block, unsigned list, uint32_t span,
                                 uint32_t align, bool first)
{
	uint32_t have = nh__block_span(block), gap = gap_in(block, align);
	if (!length_true(tlsf, block, have) ||
	    !(first ? list_out_first(tlsf, block, list) : list_out(tlsf, block, list))) {
		head_set(tlsf, list, 0);
		return NULL;
	}
	struct nh__block *taken = nh__block_after(block, gap);
	have -= gap;
	if (have - span >= NH_SPAN_MIN) {
		list_in(tlsf, nh__block_after(taken, span), have - span); /* the next one's PREV_FREE stays */
		nh_port_in_order(); /* what a header leads to is there before it does: so everywhere here, for core/retain.h */
		have = span;
	} else {
		nh__flag_clear(nh__block_after(taken, have), NH__PREV_FREE);
	}
	put_header(tlsf, taken, have, gap != 0 ? NH__PREV_FREE : 0);
	if (gap != 0) {
		nh_port_in_order();
		list_in(tlsf, block, gap);
	}
	tlsf->free -= have;
	tlsf->changes++;
	note_least(tlsf);
	return taken;
}

NH__FLAT struct nh__block *take_block(struct nh__tlsf *tlsf, uint32_t span, uint32_t align)
{
	unsigned list;
	bool first;
	struct nh__block *block, *taken = NULL;
	do { /* again if its links were damaged: the list was cut off, which ends */
		block = find(tlsf, span, align, &list, &first);
		if (block != NULL)
			taken = carve(tlsf, block, list, span, align, first || NH_FIT_LOOK == 1);
	} while (NH__UNLIKELY(taken == NULL) && block != NULL);
	return taken;
}

struct nh__block *nh__tlsf_take(struct nh__tlsf *tlsf, uint32_t span, uint32_t align)
{
	return NH__LIKELY(align == 1) ? take_block(tlsf, span, 1) : take_block(tlsf, span, align);
}

struct nh__block *nh__tlsf_seek(struct nh__tlsf *tlsf, uint32_t span, uint32_t align, struct nh__scan *scan,
                                bool *done)
{
	if (scan->list == 0 || scan->changes != tlsf->changes) { /* begin, or begin again */
		scan->list = (uint8_t)(list_of(tlsf, span) + 1u);
		uint32_t head = head_get(tlsf, scan->list - 1u);
		scan->node = head == 0 ? NULL : follow(tlsf, head);
		scan->changes = tlsf->changes;
	}
	unsigned last = list_above(tlsf, nh__span_padded(span, align));
	for (unsigned seen = 0; seen < NH_SLICE; seen++) {
		while (scan->node == NULL) {
			unsigned list = list_next(tlsf, scan->list);
			if (list >= tlsf->lists || list > last) {
				*done = true;
				return NULL;
			}
			scan->list = (uint8_t)(list + 1u);
			scan->node = follow(tlsf, head_get(tlsf, list));
		}
		struct nh__block *block = scan->node;
		if (fits(block, span, align))
			return block;
		uint32_t next = links(block)[0];
		scan->node = next == 0 ? NULL : follow(tlsf, next);
	}
	*done = false;
	return NULL;
}

struct nh__block *nh__tlsf_scan(struct nh__tlsf *tlsf, uint32_t span, uint32_t align, struct nh__scan *scan,
                                bool *done)
{
	struct nh__block *block = nh__tlsf_seek(tlsf, span, align, scan, done);
	if (block == NULL)
		return NULL;
	unsigned list = scan->list - 1u; /* not by its length, which may be damaged */
	*done = false;
	scan->list = 0; /* if it is damaged its list was cut off: look again without it */
	return carve(tlsf, block, list, span, align, false);
}

/* ---- blocks in hand ----------------------------------------------------------------------- */

/* What follows a block in hand: a block or the fence, not FREE or in the lists, and not after a free one. */
NH__FLAT bool next_is_sound(struct nh__block *next, bool fence)
{
	uint8_t owner = nh__load_relaxed(&next->owner), flags = nh__flags(next);
	if ((flags & NH__PREV_FREE) != 0)
		return false;
	if ((flags & NH__FREE) != 0)
		return owner == NH__OWNER_TLSF && !fence && nh__block_span(next) >= NH_SPAN_MIN;
	return fence ? owner == NH__OWNER_FENCE : nh__owner_is_in_hand(owner);
}

/* In the same region: there the room to the end is larger by just the span between. */
NH__FLAT bool previous_is_sound(const struct nh__tlsf *tlsf, struct nh__block *previous, uint32_t before, uint32_t offset,
                                uint32_t room)
{
	return before >= NH_SPAN_MIN && before <= NH_SPAN_MAX && room_at(tlsf, offset - before) == room + before &&
	       is_free(previous) && nh__block_span(previous) == before;
}

NH__FLAT bool sound(struct nh__tlsf *tlsf, struct nh__block *block)
{
	if (!CHECKED)
		return true;
	uint32_t span = nh__block_span(block), offset = nh__offset(tlsf, block), room = room_at(tlsf, offset);
	struct nh__block *next = nh__block_after(block, span);
	const void *bad = block;
	bool good = span >= NH_SPAN_MIN && span <= room && !is_free(block);
	if (good) {
		bad = next;
		good = next_is_sound(next, span == room);
	}
	if (good && (nh__flags(block) & NH__PREV_FREE) != 0) {
		uint32_t before = *footer_before(block);
		bad = footer_before(block);
		good = previous_is_sound(tlsf, nh__at_offset(tlsf, offset - before), before, offset, room);
	}
	if (NH__UNLIKELY(!good))
		fault(tlsf, NH_FAULT_NEIGHBOUR, bad);
	return good;
}

bool nh__tlsf_sound(struct nh__tlsf *tlsf, struct nh__block *block)
{
	return sound(tlsf, block);
}

static void quarantine(struct nh__tlsf *tlsf, struct nh__block *block)
{
	nh__store_relaxed(&block->owner, NH__OWNER_LOST);
	tlsf->lost += nh__block_span(block);
}

/* The links of the block before are damaged. What was merged from behind stays with this one, and is FREE no more. */
NH__NOINLINE static void give_up(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span, uint32_t own)
{
	nh__flag_clear(nh__block_after(block, span), NH__PREV_FREE);
	set_header(tlsf, block, span, NH__PREV_FREE);
	tlsf->free -= span - own;
	quarantine(tlsf, block);
}

void nh__tlsf_give(struct nh__tlsf *tlsf, struct nh__block *block)
{
	uint32_t own = nh__block_span(block), span = own, behind = 0;
	struct nh__block *next = nh__block_after(block, own), *given = block;
	bool good = sound(tlsf, block);
	if (good && is_free(next)) {
		behind = nh__block_span(next);
		good = length_true(tlsf, next, behind) && list_out(tlsf, next, list_of(tlsf, behind));
	}
	if (NH__UNLIKELY(!good)) {
		quarantine(tlsf, block);
		return;
	}
	nh__store_relaxed(&block->owner, NH__OWNER_TLSF); /* also where it ends inside another: for who frees it again */
	if (behind != 0) {
		span += behind;
		absorbed(tlsf, next, block, span);
	} else {
		nh__flag_set(next, NH__PREV_FREE);
	}
	if ((nh__flags(block) & NH__PREV_FREE) != 0) {
		uint32_t more = *footer_before(block);
		struct nh__block *previous = nh__at_offset(tlsf, nh__offset(tlsf, block) - more);
		if (NH__UNLIKELY(!list_out(tlsf, previous, list_of(tlsf, more)))) {
			give_up(tlsf, block, span, own);
			return;
		}
		span += more;
		efface(links(block), 2u * sizeof(uint32_t)); /* a link and its echo */
		absorbed(tlsf, block, previous, span);
		block = previous;
	}
	list_in(tlsf, block, span);
	if (NH__GUARDED) {
		nh_port_in_order();
		if (nh__block_after(block, span) != nh__block_after(given, own))
			efface(next, NH_HEADER);
		if (block != given)
			efface(given, NH_HEADER);
	}
	tlsf->free += own;
	tlsf->changes++;
}

struct nh__block *nh__tlsf_cut(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	uint32_t rest = nh__block_span(block) - span;
	struct nh__block *next = nh__block_after(block, span);
	put_header(tlsf, next, rest, 0);
	nh_port_in_order();
	set_header(tlsf, block, span, nh__flags(block) & NH__PREV_FREE);
	return next;
}

void nh__tlsf_shrink(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	if (nh__block_span(block) - span >= NH_SPAN_MIN && nh__tlsf_sound(tlsf, block))
		nh__tlsf_give(tlsf, nh__tlsf_cut(tlsf, block, span));
}

/* Takes the free successor into `block`. */
static bool join_next(struct nh__tlsf *tlsf, struct nh__block *block)
{
	uint32_t span = nh__block_span(block);
	struct nh__block *next = nh__block_after(block, span);
	uint32_t more = nh__block_span(next);
	if (!unlink_block(tlsf, next, more))
		return false;
	span += more;
	absorbed(tlsf, next, block, span);
	nh__flag_clear(nh__block_after(block, span), NH__PREV_FREE);
	set_header(tlsf, block, span, nh__flags(block) & NH__PREV_FREE);
	nh_port_in_order();
	efface(next, NH_HEADER);
	return true;
}

bool nh__tlsf_grow(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	if (!nh__tlsf_sound(tlsf, block))
		return false;
	uint32_t have = nh__block_span(block);
	struct nh__block *next = nh__block_after(block, have);
	if (!is_free(next) || have + nh__block_span(next) < span || !join_next(tlsf, block))
		return false;
	nh__tlsf_shrink(tlsf, block, span);
	note_least(tlsf);
	return true;
}

struct nh__block *nh__tlsf_grow_back(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	if (!nh__tlsf_sound(tlsf, block) || (nh__flags(block) & NH__PREV_FREE) == 0)
		return NULL;
	uint32_t have = nh__block_span(block), before = *footer_before(block);
	struct nh__block *next = nh__block_after(block, have);
	uint32_t after = is_free(next) ? nh__block_span(next) : 0;
	if (before + have + after < span)
		return NULL;
	struct nh__block *previous = nh__at_offset(tlsf, nh__offset(tlsf, block) - before);
	if (before + have < span && !join_next(tlsf, block))
		return NULL;
	if (!unlink_block(tlsf, previous, before))
		return NULL;
	have = before + nh__block_span(block);
	absorbed(tlsf, block, previous, have);
	efface(block, NH_HEADER);
	/* the old header keeps its owner byte until the payload is moved over it */
	set_header(tlsf, previous, have, 0);
	note_least(tlsf);
	return previous;
}

/* ---- checks for validate() ---------------------------------------------------------------- */

const char *nh__tlsf_check_block(struct nh__tlsf *tlsf, struct nh__region *region, struct nh__block *block,
                                 bool previous_free, const void **bad)
{
	uint32_t span = nh__block_span(block);
	uint8_t owner = nh__load_relaxed(&block->owner);
	bool fence = (uintptr_t)nh__payload(block) == region->end;
	*bad = block;
	if (fence && (span != 0 || owner != NH__OWNER_FENCE || is_free(block)))
		return "the header that ends a region was overwritten";
	if (!fence && (span < NH_SPAN_MIN || span > nh__span_to_end(region, block)))
		return "a header's size leaves the region";
#if NH__STARTS
	if (!fence && !nh__start_is(region, block))
		return "a header is where none is known to be";
	if (!fence && !nh__start_next_is(region, block, span, NH_SLICE))
		return "a header's size does not lead to the next";
#endif
	if (((nh__flags(block) & NH__PREV_FREE) != 0) != previous_free)
		return "a header disagrees with its predecessor about being free";
#if NH_WIDE
	if (block->key != nh__block_key(tlsf->secret, block) || nh__flags(block) > (NH__FREE | NH__PREV_FREE))
		return "a header's key or flags are wrong";
#endif
	if (!is_free(block))
		return nh__owner_is_known(owner) && fence == (owner == NH__OWNER_FENCE) ? NULL : "an owner byte has no known value";
	struct nh__block *next = nh__block_after(block, span);
	if (owner != NH__OWNER_TLSF)
		return "a free block's owner byte is wrong";
	if (*footer_before(next) != span) {
		*bad = footer_before(next);
		return "a free block's footer differs from its header";
	}
	for (unsigned side = 0; side < 2; side++) {
		uint32_t offset = links(block)[side];
		if (offset == 0)
			continue;
		struct nh__block *other = nh__at_offset(tlsf, offset);
		*bad = &links(block)[side];
		if (nh__tlsf_region_of(tlsf, (uintptr_t)nh__payload(other)) == NULL || !is_free(other))
			return "a list link leads to no free block";
		if (links(other)[1u - side] != nh__offset(tlsf, block))
			return "a list link is not answered";
	}
	if (links(block)[1] == 0 && head_get(tlsf, list_of(tlsf, span)) != nh__offset(tlsf, block)) {
		*bad = block;
		return "a free block is in no list";
	}
	return NULL;
}

const char *nh__tlsf_check_level(struct nh__tlsf *tlsf, unsigned level, const void **bad)
{
	unsigned words = (tlsf->lists + 31u) / 32u, beyond = words * 32u - tlsf->lists;
	*bad = &tlsf->map[words - 1u];
	if (beyond != 0 && tlsf->map[words - 1u] >> (32u - beyond) != 0)
		return "a bit is set for a list that does not exist";
	for (unsigned list = level * 8u; list < level * 8u + 8u; list++) {
		uint32_t head = head_get(tlsf, list);
		*bad = &tlsf->map[list >> 5];
		if ((tlsf->map[list >> 5] >> (list & 31u) & 1u) != (head != 0))
			return "a list's bit is wrong";
		if (head == 0)
			continue;
		struct nh__block *block = nh__at_offset(tlsf, head);
		if (nh__tlsf_region_of(tlsf, (uintptr_t)nh__payload(block)) == NULL || !is_free(block) ||
		    list_of(tlsf, nh__block_span(block)) != list || links(block)[1] != 0)
			return "a list's head is no free block of its size";
	}
	return NULL;
}

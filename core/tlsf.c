/* SPDX-License-Identifier: MIT */
/*
 * Two-level segregated fit: see core/tlsf.h; for lists and links core/tlsf_lists.h and core/tlsf_links.h.
 *
 * Search: of the span's own list the first block if all there are of one size, else the fitting one with the lowest address
 * among the first NH_FIT_LOOK; if there is none, the first of the next list in which every block fits. A list's first
 * is mostly its lowest: what comes to it goes behind a lower one. Cost: bounded, O(1): at most 8 words of the map. What
 * it can miss (a fitting block deeper in the own list, or an aligned fit below the padded span) nh__tlsf_scan() finds, in
 * slices.
 */
#include "core/tlsf_links.h"

/* Lists whose blocks are all of one size. */
#define EXACT_LISTS 16u

struct nh__region *nh__tlsf_region_of(const struct nh__tlsf *tlsf, uintptr_t payload)
{
	struct nh__region *region = tlsf->regions;
	while (region != NULL && (payload < region->first || payload >= region->end))
		region = region->next;
	return region;
}

/* ---- search ------------------------------------------------------------------------------- */

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
		return tlsf->regions != NULL; /* else out of service */
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

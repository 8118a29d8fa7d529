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
 * a larger one is added. `first` has a bit per level with a non-empty list, `second[level]`
 * a bit per list.
 *
 * Search: at most NH_FIT_LOOK blocks of the span's own list, the fitting one with the lowest
 * address; else the first non-empty list in which every block fits, the lowest of its first
 * NH_FIT_LOOK. Cost: bounded, O(1). What it can miss (a fitting block deeper in the own list, or an
 * aligned fit below the padded span) nh__tlsf_scan() finds, in slices.
 */
#include "core/tlsf.h"
#include "arch/port.h"

#include <string.h>

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

static void set_header(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span, uint8_t flags)
{
	nh__block_set(block, span, flags);
#if NH_WIDE
	block->key = nh__block_key(tlsf->secret, block);
#else
	(void)tlsf;
#endif
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

/* The walk must not go on inside a block that `whole` has swallowed. */
static void absorbed(struct nh__tlsf *tlsf, struct nh__block *block, struct nh__block *whole, uint32_t span)
{
	if (tlsf->walk == block)
		tlsf->walk = nh__block_after(whole, span);
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
	unsigned list = shift * 8u + (span >> shift), last = tlsf->levels * 8u - 1u;
	return list < last ? list : last;
}

/* The first list all of whose blocks have at least `span`; may be one past the last. */
static unsigned list_above(const struct nh__tlsf *tlsf, uint32_t span)
{
	unsigned shift = shift_of(span);
	unsigned list = shift * 8u + ((span + (UINT32_C(1) << shift) - 1u) >> shift), lists = tlsf->levels * 8u;
	return list < lists ? list : lists;
}

static uint32_t head_get(const struct nh__tlsf *tlsf, unsigned list)
{
	return tlsf->wide ? ((const uint32_t *)tlsf->heads)[list] : ((const uint16_t *)tlsf->heads)[list];
}

static void head_set(struct nh__tlsf *tlsf, unsigned list, uint32_t offset)
{
	if (tlsf->wide)
		((uint32_t *)tlsf->heads)[list] = offset;
	else
		((uint16_t *)tlsf->heads)[list] = (uint16_t)offset;
	unsigned level = list >> 3;
	uint8_t bit = (uint8_t)(1u << (list & 7u));
	if (offset != 0) {
		tlsf->second[level] |= bit;
		tlsf->first |= UINT32_C(1) << level;
	} else {
		tlsf->second[level] = (uint8_t)(tlsf->second[level] & ~(unsigned)bit);
		if (tlsf->second[level] == 0)
			tlsf->first &= ~(UINT32_C(1) << level);
	}
}

/* The first non-empty list from `list` on, or the number of lists. */
static unsigned list_next(const struct nh__tlsf *tlsf, unsigned list)
{
	unsigned level = list >> 3;
	if (level < tlsf->levels) {
		uint32_t here = tlsf->second[level] & (0xffu << (list & 7u));
		if (here != 0)
			return level * 8u + nh_port_ctz(here);
		uint32_t above = level < 31 ? tlsf->first & (UINT32_MAX << (level + 1u)) : 0;
		if (above != 0) {
			level = nh_port_ctz(above);
			/* the tests fail for damaged bitmaps only */
			if (level < tlsf->levels && tlsf->second[level] != 0)
				return level * 8u + nh_port_ctz(tlsf->second[level]);
		}
	}
	return tlsf->levels * 8u;
}

struct nh__region *nh__tlsf_region_of(const struct nh__tlsf *tlsf, uintptr_t payload)
{
	struct nh__region *region = tlsf->regions;
	while (region != NULL && (payload < region->first || payload >= region->end))
		region = region->next;
	return region;
}

/* Most heaps have one region, and most blocks lie in the one added last. */
static inline bool in_a_region(const struct nh__tlsf *tlsf, uintptr_t payload)
{
	const struct nh__region *region = tlsf->regions;
	return payload - region->first < region->end - region->first || nh__tlsf_region_of(tlsf, payload) != NULL;
}

/* A link may be followed if it names a granule inside a region and the block there says FREE. */
static struct nh__block *follow(struct nh__tlsf *tlsf, uint32_t offset)
{
	struct nh__block *block = nh__at_offset(tlsf, offset);
	if (CHECKED) {
		if (!in_a_region(tlsf, (uintptr_t)nh__payload(block)) || !is_free(block)) {
			fault(tlsf, NH_FAULT_LIST, block);
			return NULL;
		}
	}
	return block;
}

static void insert(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	struct nh__block *next = nh__block_after(block, span);
	nh__store_relaxed(&block->owner, NH__OWNER_TLSF);
	set_header(tlsf, block, span, NH__FREE);
	nh__flag_set(next, NH__PREV_FREE);
	*footer_before(next) = span;

	unsigned list = list_of(tlsf, span);
	uint32_t head = head_get(tlsf, list), self = nh__offset(tlsf, block);
	links(block)[0] = head;
	links(block)[1] = 0;
	if (head != 0) {
		struct nh__block *second = follow(tlsf, head);
		if (second != NULL)
			links(second)[1] = self;
		else
			links(block)[0] = 0; /* the damaged rest is cut off */
	}
	head_set(tlsf, list, self);
	tlsf->free += span;
	tlsf->changes++;
}

/* False: its links are damaged. Nothing was changed then. */
static bool unlink_block(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	uint32_t next = links(block)[0], previous = links(block)[1];
	uint32_t self = nh__offset(tlsf, block);
	unsigned list = list_of(tlsf, span);
	struct nh__block *after = NULL, *before = NULL;
	if (next != 0)
		after = follow(tlsf, next);
	if (previous != 0)
		before = follow(tlsf, previous);
	if (CHECKED) {
		bool sound = (next == 0 || (after != NULL && links(after)[1] == self)) &&
		             (previous == 0 ? head_get(tlsf, list) == self
		                            : before != NULL && links(before)[0] == self);
		if (!sound) {
			fault(tlsf, NH_FAULT_LIST, block);
			return false;
		}
	}
	if (after != NULL)
		links(after)[1] = previous;
	if (before != NULL)
		links(before)[0] = next;
	else
		head_set(tlsf, list, next);
	tlsf->free -= span;
	tlsf->changes++;
	return true;
}

/* ---- regions ------------------------------------------------------------------------------ */

static unsigned levels_for(uint32_t granules)
{
	return granules < 8 ? 1u : nh_port_log2(granules) - 1u;
}

size_t nh__tlsf_lists_size(uint32_t granules, bool wide)
{
	size_t levels = levels_for(granules);
	return (levels * 8u * (wide ? 4u : 2u) + levels + 3u) & ~(size_t)3;
}

void nh__tlsf_init(struct nh__tlsf *tlsf, void *lists, uint32_t granules, bool wide, uint32_t secret)
{
	tlsf->levels = (uint8_t)levels_for(granules);
	tlsf->wide = wide;
	tlsf->heads = lists;
	tlsf->second = (uint8_t *)lists + tlsf->levels * 8u * (wide ? 4u : 2u);
	tlsf->secret = secret;
}

uint32_t nh__region_layout(uintptr_t base, size_t size, uintptr_t *first, uintptr_t *end)
{
	uintptr_t limit = base + size;
	uintptr_t low = (base + NH_HEADER + NH_GRANULE - 1u) & ~(uintptr_t)(NH_GRANULE - 1u);
	uintptr_t high = limit & ~(uintptr_t)(NH_GRANULE - 1u); /* the fence's header ends here */
	if (low < base || limit < base || high <= low)
		return 0;
	*first = low;
	*end = high;
	uint32_t granules = nh__granules(high - low);
	return granules < NH_SPAN_MIN ? 0 : granules;
}

void nh__tlsf_add(struct nh__tlsf *tlsf, struct nh__region *region)
{
	uint32_t span = nh__granules(region->end - region->first);
	struct nh__block *block = nh__block_at((void *)region->first);
	struct nh__block *fence = nh__block_after(block, span);
	nh__store_relaxed(&fence->owner, NH__OWNER_FENCE);
	set_header(tlsf, fence, 0, 0);
	region->next = tlsf->regions;
	tlsf->regions = region;
	tlsf->total += span;
	tlsf->least_free += span;
	insert(tlsf, block, span);
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

/* The fitting block with the lowest address among the first NH_FIT_LOOK of a list. */
static struct nh__block *look(struct nh__tlsf *tlsf, unsigned list, uint32_t span, uint32_t align)
{
	struct nh__block *best = NULL;
	uint32_t offset = head_get(tlsf, list);
	for (unsigned seen = 0; offset != 0 && seen < NH_FIT_LOOK; seen++) {
		struct nh__block *block = follow(tlsf, offset);
		if (block == NULL) {
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

/* Cuts `block`, out of the lists, to what was asked; gap and rest go back. */
static struct nh__block *carve(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span, uint32_t align)
{
	uint32_t have = nh__block_span(block), gap = gap_in(block, align);
	struct nh__block *taken = nh__block_after(block, gap);
	have -= gap;
	if (have - span >= NH_SPAN_MIN) {
		insert(tlsf, nh__block_after(taken, span), have - span);
		have = span;
	} else {
		nh__flag_clear(nh__block_after(taken, have), NH__PREV_FREE);
	}
	nh__store_relaxed(&taken->owner, NH__OWNER_TLSF);
	set_header(tlsf, taken, have, 0);
	if (gap != 0)
		insert(tlsf, block, gap); /* sets PREV_FREE of `taken` */
	if (tlsf->free < tlsf->least_free)
		tlsf->least_free = tlsf->free;
	return taken;
}

static struct nh__block *take_from(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span, uint32_t align)
{
	if (!unlink_block(tlsf, block, nh__block_span(block))) {
		head_set(tlsf, list_of(tlsf, nh__block_span(block)), 0);
		return NULL;
	}
	return carve(tlsf, block, span, align);
}

struct nh__block *nh__tlsf_find(struct nh__tlsf *tlsf, uint32_t span, uint32_t align)
{
	unsigned own = list_of(tlsf, span);
	struct nh__block *block = look(tlsf, own, span, align);
	if (block == NULL) {
		unsigned list = list_next(tlsf, list_above(tlsf, nh__span_padded(span, align)));
		if (list < tlsf->levels * 8u)
			block = look(tlsf, list, span, align);
	}
	return block;
}

struct nh__block *nh__tlsf_take(struct nh__tlsf *tlsf, uint32_t span, uint32_t align)
{
	struct nh__block *block = nh__tlsf_find(tlsf, span, align);
	return block == NULL ? NULL : take_from(tlsf, block, span, align);
}

struct nh__block *nh__tlsf_seek(struct nh__tlsf *tlsf, uint32_t span, uint32_t align, struct nh__scan *scan,
                                bool *done)
{
	unsigned lists = tlsf->levels * 8u;
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
			if (list >= lists || list > last) {
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
	*done = false;
	scan->list = 0; /* if its links are damaged its list was cut off: look again without it */
	return take_from(tlsf, block, span, align);
}

/* ---- blocks in hand ----------------------------------------------------------------------- */

bool nh__tlsf_sound(struct nh__tlsf *tlsf, struct nh__block *block)
{
	if (!CHECKED)
		return true;
	uint32_t span = nh__block_span(block);
	struct nh__region *region = nh__tlsf_region_of(tlsf, (uintptr_t)nh__payload(block));
	const void *bad = block;
	bool sound = region != NULL && span >= NH_SPAN_MIN && !is_free(block) &&
	             span <= nh__span_to_end(region, block);
	if (sound) {
		struct nh__block *next = nh__block_after(block, span);
		uint8_t owner = nh__load_relaxed(&next->owner);
		bool fence = (uintptr_t)nh__payload(next) == region->end;
		bad = next;
		sound = (nh__flags(next) & NH__PREV_FREE) == 0 && fence == (owner == NH__OWNER_FENCE) &&
		        nh__owner_is_known(owner) && is_free(next) <= (owner == NH__OWNER_TLSF) && (fence || nh__block_span(next) >= NH_SPAN_MIN);
	}
	if (sound && (nh__flags(block) & NH__PREV_FREE)) {
		uint32_t before = *footer_before(block);
		bad = footer_before(block);
		sound = before >= NH_SPAN_MIN &&
		        before <= ((uintptr_t)nh__payload(block) - region->first) >> NH_GRANULE_SHIFT;
		if (sound) {
			struct nh__block *previous = nh__at_offset(tlsf, nh__offset(tlsf, block) - before);
			sound = is_free(previous) && nh__block_span(previous) == before;
		}
	}
	if (!sound)
		fault(tlsf, NH_FAULT_NEIGHBOUR, bad);
	return sound;
}

static void quarantine(struct nh__tlsf *tlsf, struct nh__block *block)
{
	nh__store_relaxed(&block->owner, NH__OWNER_LOST);
	tlsf->lost += nh__block_span(block);
}

void nh__tlsf_give(struct nh__tlsf *tlsf, struct nh__block *block)
{
	if (!nh__tlsf_sound(tlsf, block)) {
		quarantine(tlsf, block);
		return;
	}
	uint32_t span = nh__block_span(block);
	struct nh__block *next = nh__block_after(block, span);
	nh__store_relaxed(&block->owner, NH__OWNER_TLSF);
	if (is_free(next)) {
		uint32_t more = nh__block_span(next);
		if (!unlink_block(tlsf, next, more)) {
			quarantine(tlsf, block);
			return;
		}
		span += more;
		absorbed(tlsf, next, block, span);
	}
	if (nh__flags(block) & NH__PREV_FREE) {
		uint32_t more = *footer_before(block);
		struct nh__block *previous = nh__at_offset(tlsf, nh__offset(tlsf, block) - more);
		if (unlink_block(tlsf, previous, more)) {
			span += more;
			absorbed(tlsf, block, previous, span);
			block = previous;
		} else {
			/* what was merged from behind stays with it, and is FREE no more */
			nh__flag_clear(nh__block_after(block, span), NH__PREV_FREE);
			set_header(tlsf, block, span, NH__PREV_FREE);
			quarantine(tlsf, block);
			return;
		}
	}
	insert(tlsf, block, span);
}

struct nh__block *nh__tlsf_cut(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span)
{
	uint32_t rest = nh__block_span(block) - span;
	struct nh__block *next = nh__block_after(block, span);
	set_header(tlsf, block, span, nh__flags(block) & NH__PREV_FREE);
	nh__store_relaxed(&next->owner, NH__OWNER_TLSF);
	set_header(tlsf, next, rest, 0);
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
	return true;
}

static void note_least(struct nh__tlsf *tlsf)
{
	if (tlsf->free < tlsf->least_free)
		tlsf->least_free = tlsf->free;
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
	*bad = &tlsf->first;
	if (tlsf->levels < 32 && tlsf->first >> tlsf->levels != 0)
		return "a bit is set for a level that does not exist";
	*bad = &tlsf->second[level];
	if (((tlsf->first >> level & 1u) != 0) != (tlsf->second[level] != 0))
		return "a level's bit is wrong";
	for (unsigned list = level * 8u; list < level * 8u + 8u; list++) {
		uint32_t head = head_get(tlsf, list);
		if ((((unsigned)tlsf->second[level] >> (list & 7u) & 1u) != 0) != (head != 0))
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

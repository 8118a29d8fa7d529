/* SPDX-License-Identifier: MIT */
/*
 * Private to core/tlsf.c: blocks come into a list and leave it, with all that a block says of itself on the way.
 *
 * From NH_HARDENING_MODERATE on nothing is believed that memory says: a link is followed to a granule of a region whose block
 * is FREE, and two blocks are parted only if each names the other. What is damaged is left where it is and the fault noted.
 * A header, and not a source, since all of this is part of the paths whose worst case counts. Every function is O(1).
 */
#ifndef NH_CORE_TLSF_LINKS_H
#define NH_CORE_TLSF_LINKS_H

#include "core/guard.h"
#include "core/starts.h"
#include "core/tlsf_lists.h"

#define CHECKED (NH_HARDENING >= NH_HARDENING_MODERATE)

/* ---- headers and fill --------------------------------------------------------------------- */

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

static void fault(struct nh__tlsf *tlsf, nh_fault_code code, const void *at)
{
	if (tlsf->fault == NH_FAULT_NONE) {
		tlsf->fault = code;
		tlsf->fault_at = at;
	}
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

/* ---- what may be followed ----------------------------------------------------------------- */

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

/* ---- in and out --------------------------------------------------------------------------- */

static void head_set(struct nh__tlsf *tlsf, unsigned list, uint32_t offset)
{
	uint32_t *word = &tlsf->map[list >> 5], bit = UINT32_C(1) << (list & 31u);
	head_put(tlsf, list, offset);
	*word = offset != 0 ? *word | bit : *word & ~bit;
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

#endif

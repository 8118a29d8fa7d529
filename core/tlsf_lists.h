/* SPDX-License-Identifier: MIT */
/*
 * Private to core/tlsf.c and core/tlsf_region.c: which list a free block belongs to, where the lists begin, and what a free block holds.
 *
 *   list(span), span in granules:   level 0   0 1 2 3 4 5 6 7          one list per span
 *                                   level 1   8 9 10 ... 15            one list per span
 *                                   level 2   16-17 18-19 ... 30-31    two spans per list
 *                                   level l   8 lists for 2^(l+2) ... 2^(l+3) - 1
 *
 * The last list also takes every larger block, so lists fitted to the first region stay correct when
 * a larger one is added. `map` has a bit per non-empty list: with 8 lists a level, four levels to a word,
 * one bitmap in place of two is both smaller and faster. All of it is O(1).
 */
#ifndef NH_CORE_TLSF_LISTS_H
#define NH_CORE_TLSF_LISTS_H

#include "core/tlsf.h"
#include "arch/port.h"

/* ---- a free block's own words ------------------------------------------------------------- */

static inline uint32_t *links(struct nh__block *block) /* [0] next, [1] previous */
{
	return nh__payload(block);
}

static inline uint32_t *footer_before(struct nh__block *block)
{
	return (uint32_t *)((uintptr_t)block - sizeof(uint32_t));
}

static inline bool is_free(struct nh__block *block)
{
	return (nh__flags(block) & NH__FREE) != 0;
}

/* ---- levels and lists --------------------------------------------------------------------- */

static inline unsigned levels_for(uint32_t granules)
{
	return granules < 8 ? 1u : nh_port_log2(granules) - 1u;
}

/* Each level above the second halves the resolution: list = 8 * shift + (span >> shift), where what is left
 * of span has four bits. The first levels need no logarithm, which is slow where there is no CLZ. */
static inline unsigned shift_of(uint32_t span)
{
	if (span < 64)
		return span < 16 ? 0 : span < 32 ? 1u : 2u;
	return nh_port_log2(span) - 3u;
}

static inline unsigned list_of(const struct nh__tlsf *tlsf, uint32_t span)
{
	unsigned shift = shift_of(span);
	unsigned list = shift * 8u + (span >> shift);
	return list < tlsf->lists ? list : tlsf->lists - 1u;
}

/* The first list all of whose blocks have at least `span`; may be one past the last. */
static inline unsigned list_above(const struct nh__tlsf *tlsf, uint32_t span)
{
	unsigned shift = shift_of(span);
	unsigned list = shift * 8u + ((span + (UINT32_C(1) << shift) - 1u) >> shift);
	return list < tlsf->lists ? list : tlsf->lists;
}

/* ---- heads -------------------------------------------------------------------------------- */

static inline uint32_t head_get(const struct nh__tlsf *tlsf, unsigned list)
{
	return tlsf->wide ? ((const uint32_t *)tlsf->heads)[list] : ((const uint16_t *)tlsf->heads)[list];
}

static inline void head_put(struct nh__tlsf *tlsf, unsigned list, uint32_t offset)
{
	if (tlsf->wide != 0)
		((uint32_t *)tlsf->heads)[list] = offset;
	else
		((uint16_t *)tlsf->heads)[list] = (uint16_t)offset;
}

/* ---- peak --------------------------------------------------------------------------------- */

static inline void note_least(struct nh__tlsf *tlsf)
{
	if (tlsf->free < tlsf->least_free)
		tlsf->least_free = tlsf->free;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Where blocks start, from NH_HARDENING_FULL on: a bit per granule, in front of each region's first block.
 *
 *   | bitmap | header, payload | ... | fence |        1 bit for 8 bytes (16 on 64-bit): 1.6 % (0.8 %) of the region
 *
 * Written under the heap lock wherever a header is made or swallowed, read without it: the bits of a block in hand,
 * from its own to the one behind it, do not change, and its neighbours' in the same words are atomic. So a pointer
 * into a block is told from its start without a doubt, whatever its bytes look like, and a damaged span from a true one.
 */
#ifndef NH_CORE_STARTS_H
#define NH_CORE_STARTS_H

#include "core/tlsf.h"

#define NH__STARTS (NH_HARDENING >= NH_HARDENING_FULL)

/* Bytes of the bitmap of a region with so many granules. */
static inline size_t nh__starts_size(uint32_t granules)
{
	return NH__STARTS ? (granules / 32u + 1u) * sizeof(uint32_t) : 0;
}

/* The lowest address that a region uses: where its bitmap lies. */
static inline uintptr_t nh__region_base(const struct nh__region *region)
{
	return region->first - NH_HEADER - nh__starts_size(nh__granules(region->end - region->first));
}

/* Laid out in memory that begins at `base`. A bitmap is planned for the granules that it takes itself, too. */
static inline bool nh__region_is_of(const struct nh__region *region, uintptr_t base)
{
	size_t starts = nh__starts_size(nh__granules(region->end - region->first));
	return nh__region_base(region) - base < NH_GRANULE + (NH__STARTS ? starts / 32u + sizeof(uint32_t) : 0u);
}

#if NH__STARTS

/* Clears the bitmap behind `starts` and fills the memory. Before nh__tlsf_add, without locks: it takes as long as the region is large. */
void nh__region_prepare(const struct nh__region *region);

#define nh__starts_place(region) ((region)->starts = (_Atomic uint32_t *)nh__region_base(region))
#define nh__starts_placed(region) ((uintptr_t)(region)->starts == nh__region_base(region))

/* Heap lock. A block of no region (the fence) is ignored. */
void nh__start_put(const struct nh__region *region, const struct nh__block *block, bool start);

/* A block of `span` starts here, and none inside. Nobody else is there. */
void nh__start_alone(const struct nh__region *region, const struct nh__block *block, uint32_t span);

/* No lock. */
bool nh__start_is(const struct nh__region *region, const struct nh__block *block);

/* The next start behind this one, or the region's end, is `span` granules away, as far as `words` words tell (one per 32
 * granules); at that distance there is one in any case. */
bool nh__start_next_is(const struct nh__region *region, const struct nh__block *block, uint32_t span, uint32_t words);

/* The block that an address of the region lies in; it may change while one looks at it. NULL: in front of the first. */
struct nh__block *nh__start_around(const struct nh__region *region, uintptr_t address);

#else
#define nh__region_prepare(region) ((void)(region))
#define nh__starts_place(region) ((void)(region))
#define nh__starts_placed(region) ((void)(region), true)
#endif

#endif

/* SPDX-License-Identifier: MIT */
/* The bitmap of block starts: see core/starts.h. */
#include "core/starts.h"

#if NH__STARTS

#include "arch/port.h"
#include "core/guard.h"

static uint32_t granule_of(const struct nh__region *region, uintptr_t payload)
{
	return (uint32_t)((payload - region->first) >> NH_GRANULE_SHIFT);
}

void nh__region_prepare(const struct nh__region *region)
{
	uintptr_t header = region->first - NH_HEADER;
	uint32_t words = (uint32_t)(nh__starts_size(nh__granules(region->end - region->first)) / sizeof(uint32_t));
	for (uint32_t word = 0; word < words; word++)
		nh__store_relaxed(&region->starts[word], 0u);
	nh__fill((void *)header, region->end - header);
}

void nh__start_put(const struct nh__region *region, const struct nh__block *block, bool start)
{
	if (region == NULL)
		return;
	uint32_t granule = granule_of(region, (uintptr_t)block + NH_HEADER), bit = UINT32_C(1) << (granule & 31u);
	_Atomic uint32_t *word = region->starts + granule / 32u;
	uint32_t now = nh__load_relaxed(word);
	nh__store_relaxed(word, start ? now | bit : now & ~bit);
}

void nh__start_alone(const struct nh__region *region, const struct nh__block *block, uint32_t span)
{
	uint32_t granule = granule_of(region, (uintptr_t)block + NH_HEADER) + 1u, end = granule + span - 1u;
	nh__start_put(region, block, true);
	while (granule < end) {
		uint32_t low = granule & 31u, count = end - granule < 32u - low ? end - granule : 32u - low;
		_Atomic uint32_t *word = region->starts + granule / 32u;
		nh__store_relaxed(word, nh__load_relaxed(word) & ~(UINT32_MAX >> (32u - count) << low));
		granule += count;
	}
}

static bool bit_at(const struct nh__region *region, uint32_t granule)
{
	return (nh__load_relaxed(&region->starts[granule / 32u]) >> (granule & 31u) & 1u) != 0;
}

bool nh__start_is(const struct nh__region *region, const struct nh__block *block)
{
	return bit_at(region, granule_of(region, (uintptr_t)block + NH_HEADER));
}

bool nh__start_next_is(const struct nh__region *region, const struct nh__block *block, uint32_t span, uint32_t words)
{
	uint32_t from = granule_of(region, (uintptr_t)block + NH_HEADER), end = granule_of(region, region->end);
	if (span == 0 || span > end - from || (from + span != end && !bit_at(region, from + span)))
		return false;
	uint32_t mask = UINT32_MAX << (from & 31u) << 1;
	for (uint32_t word = from / 32u; words != 0 && word * 32u < from + span; word++, words--) {
		uint32_t here = nh__load_relaxed(&region->starts[word]) & mask;
		if (here != 0)
			return word * 32u + nh_port_ctz(here) >= from + span; /* behind the last, bits are nobody's */
		mask = UINT32_MAX;
	}
	return true;
}

struct nh__block *nh__start_around(const struct nh__region *region, uintptr_t address)
{
	if (address < region->first)
		return NULL;
	uint32_t granule = granule_of(region, address);
	uint32_t mask = UINT32_MAX >> (31u - (granule & 31u));
	for (uint32_t word = granule / 32u;; word--) {
		uint32_t here = nh__load_relaxed(region->starts + word) & mask;
		if (here != 0) {
			uintptr_t start = word * 32u + nh_port_log2(here);
			return nh__block_at((void *)(region->first + (start << NH_GRANULE_SHIFT)));
		}
		if (word == 0)
			return NULL;
		mask = UINT32_MAX;
	}
}

#endif

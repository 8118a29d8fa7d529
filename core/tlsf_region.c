/* SPDX-License-Identifier: MIT */
/*
 * Regions under TLSF: how many lists they need, how one is laid out, and how a heap ceases to reach into them. How it
 * comes to, with blocks, is nh__tlsf_add in core/tlsf.c. Nothing of a region's memory is touched here. A heap's regions are
 * few: to find one of them costs as many steps as it has, all else is O(1) or the clearing of the lists.
 */
#include "core/starts.h"
#include "core/tlsf_lists.h"

#include <string.h>

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

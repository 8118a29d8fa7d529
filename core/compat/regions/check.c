/* SPDX-License-Identifier: MIT */
/*
 * What must hold of regions whatever source they are from, and what is derived from them. Compares
 * each with each: at most 255, once, at start or on the machine that builds.
 */
#include "core/compat/regions/text.h"

#include <string.h>

/* Says "PLACE: ..." of an entry; `other` may be NULL, and is the entry that stands in its way. */
static nh_status refuse_at(nh_regions_error *error, nh_status status, const nh_regions_source *source,
                           const nh_region_entry *entry, const char *what, const nh_region_entry *other)
{
	char place[NH__PLACE], place_other[NH__PLACE] = "";
	if (other != NULL)
		nh__place(place_other, source, other);
	return nh__refuse(error, status, "%s: %s%s", nh__place(place, source, entry), what, place_other);
}

/* ---- numbers of heaps --------------------------------------------------------------------- */

static bool heap_named(const nh_region_entry *entries, unsigned count, unsigned heap)
{
	for (unsigned i = 0; i < count; i++)
		if (entries[i].serves && entries[i].heap == heap)
			return true;
	return false;
}

static unsigned number_heaps(nh_region_entry *entries, unsigned count)
{
	unsigned heaps = 0, own = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!entries[i].serves)
			continue;
		if (entries[i].heap == NH_REGION_OWN_HEAP) {
			while (heap_named(entries, count, own))
				own++;
			entries[i].heap = own;
		}
		if (entries[i].heap + 1u > heaps)
			heaps = entries[i].heap + 1u;
	}
	return heaps;
}

/* ---- one entry, two entries --------------------------------------------------------------- */

static nh_status check_one(const nh_regions_source *source, const nh_region_entry *entry, uint64_t last,
                           nh_regions_error *error)
{
	if (entry->size == 0)
		return refuse_at(error, NH_EINVAL, source, entry, "the size is 0", NULL);
	if (entry->base == 0)
		return refuse_at(error, NH_EINVAL, source, entry, "a heap cannot begin at address 0", NULL);
	if (entry->base > last || entry->size - 1u > last - entry->base)
		return refuse_at(error, NH_EWRAP, source, entry,
		                 "start and size reach beyond the last address", NULL);
	if (entry->heap != NH_REGION_OWN_HEAP && entry->heap >= NH_MAX_HEAPS)
		return refuse_at(error, NH_ERANGE, source, entry, "there is no such heap", NULL);
	return NH_OK;
}

static bool same_name(const nh_region_entry *a, const nh_region_entry *b)
{
	return a->name != NULL && b->name != NULL && a->name_length == b->name_length &&
	       memcmp(a->name, b->name, a->name_length) == 0;
}

static nh_status check_two(const nh_regions_source *source, const nh_region_entry *entry,
                           const nh_region_entry *before, nh_regions_error *error)
{
	if (entry->base <= before->base + (before->size - 1u) &&
	    before->base <= entry->base + (entry->size - 1u))
		return refuse_at(error, NH_EOVERLAP, source, entry, "overlaps ", before);
	if (same_name(entry, before))
		return refuse_at(error, NH_EINVAL, source, entry, "has the name of ", before);
	if (entry->heap != before->heap)
		return NH_OK;
	if (entry->attributes != before->attributes || entry->affinity != before->affinity ||
	    entry->flags != before->flags || entry->control_size != before->control_size)
		return refuse_at(error, NH_EINVAL, source, entry,
		                 "is in one heap with, and has not all properties of ", before);
	return NH_OK;
}

nh_status nh_regions_check(const nh_regions_source *source, nh_region_entry *entries, unsigned count,
                           uint64_t last, unsigned *heaps, nh_regions_error *error)
{
	for (unsigned i = 0; i < count; i++) {
		nh_status status = entries[i].serves ? check_one(source, &entries[i], last, error) : NH_OK;
		if (status != NH_OK)
			return status;
	}
	unsigned found = number_heaps(entries, count);
	for (unsigned i = 1; i < count; i++) {
		for (unsigned k = 0; k < i; k++) {
			nh_status status = NH_OK;
			if (entries[i].serves && entries[k].serves)
				status = check_two(source, &entries[i], &entries[k], error);
			if (status != NH_OK)
				return status;
		}
	}
	if (found > NH_MAX_HEAPS)
		return nh__refuse(error, NH_ENOSPC, "%s%s%u heaps, at most %u are possible",
		                  NH__FILE(source->file), (uint64_t)found, (uint64_t)NH_MAX_HEAPS);
	for (unsigned heap = 0; heap < found; heap++)
		if (!heap_named(entries, count, heap))
			return nh__refuse(error, NH_ENOENT, "%s%sheap %u has no region",
			                  NH__FILE(source->file), (uint64_t)heap);
	if (heaps != NULL)
		*heaps = found;
	return NH_OK;
}

/* ---- tables ------------------------------------------------------------------------------- */

unsigned nh_regions_first(const nh_region_entry *entries, unsigned count, unsigned heap, uint64_t *window)
{
	unsigned first = count;
	uint64_t end = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!entries[i].serves || entries[i].heap != heap)
			continue;
		if (first == count || entries[i].size > entries[first].size)
			first = i;
		if (entries[i].base + (entries[i].size - 1u) > end)
			end = entries[i].base + (entries[i].size - 1u);
	}
	*window = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!entries[i].serves || entries[i].heap != heap || i == first)
			continue;
		if (entries[i].base < entries[first].base)
			*window = UINT64_MAX; /* behind the origin: links of full width */
		else if (*window != UINT64_MAX)
			*window = end - entries[first].base + 1u;
	}
	return first;
}

static nh_heap_config heap_of(const nh_region_entry *entry, uint64_t window)
{
	nh_heap_config config = {
		.base = (void *)(uintptr_t)entry->base,
		.size = (size_t)entry->size,
		.attributes = entry->attributes,
		.affinity = entry->affinity,
		.flags = entry->flags,
		.window = window > SIZE_MAX ? SIZE_MAX : (size_t)window,
	};
	if (entry->node != NULL)
		config.name = entry->name;
	return config;
}

nh_status nh_regions_fill(const nh_region_entry *entries, unsigned count, nh_heap_config *heaps,
                          unsigned *heap_count, nh_region_config *further, unsigned *further_count)
{
	unsigned heap_room = *heap_count, further_room = *further_count;
	unsigned found = 0, others = 0;
	for (; heap_named(entries, count, found); found++) {
		uint64_t window;
		unsigned first = nh_regions_first(entries, count, found, &window);
		if (found == heap_room)
			return NH_ENOSPC;
		heaps[found] = heap_of(&entries[first], window);
		for (unsigned i = 0; i < count; i++) {
			if (!entries[i].serves || entries[i].heap != found || i == first)
				continue;
			if (others == further_room)
				return NH_ENOSPC;
			further[others++] = (nh_region_config){ found, (void *)(uintptr_t)entries[i].base,
				                                (size_t)entries[i].size };
		}
	}
	*heap_count = found;
	*further_count = others;
	return NH_OK;
}

/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <string.h>

typedef struct walk_state {
	nht_census *census;
	int heap;
	uintptr_t end; /* of the block before */
} walk_state;

static bool count_block(const nh_block_info *block, void *context)
{
	walk_state *state = context;
	nht_census *census = state->census;
	uintptr_t address = (uintptr_t)block->address;
	if (block->heap != state->heap)
		census->complaint = "walk: a block of another heap";
	else if (address % NHT_ALIGNMENT != 0)
		census->complaint = "walk: a misaligned block";
	else if ((unsigned)block->state > (unsigned)NH_BLOCK_CACHED)
		census->complaint = "walk: no such state";
	else if (block->size + NHT_OVERHEAD < NHT_LEAST_SPAN)
		census->complaint = "walk: a block smaller than the least";
	else if (address - NHT_HEADER < state->end && address + block->size > state->end)
		census->complaint = "walk: two blocks overlap";
	if (census->complaint != NULL)
		return false;
	state->end = address + block->size;
	census->blocks[block->state]++;
	census->bytes[block->state] += block->size + NHT_OVERHEAD;
	census->usable[block->state] += block->size;
	if (block->state == NH_BLOCK_FREE && block->size > census->largest_free)
		census->largest_free = block->size;
	return true;
}

const char *nht_census_take(nh_instance *instance, int heap, nht_census *census)
{
	memset(census, 0, sizeof *census);
	walk_state state = {census, heap, 0};
	nh_status status = nh_instance_walk(instance, heap, count_block, &state);
	if (census->complaint == NULL && status != NH_OK)
		census->complaint = nh_status_string(status);
	return census->complaint;
}

const char *nht_accounts_balance(nh_instance *instance, int heap)
{
	nht_census census;
	nh_heap_stats stats;
	const char *complaint = nht_census_take(instance, heap, &census);
	if (complaint != NULL)
		return complaint;
	nh_status status = nh_instance_heap_stats_get(instance, heap, &stats);
	if (status != NH_OK)
		return nh_status_string(status);
	if (stats.free + stats.taken != stats.size)
		return "stats: free + taken != size";
	if (stats.live + stats.cached != stats.taken)
		return "stats: live + cached != taken";
	if (stats.peak < stats.taken || stats.peak > stats.size)
		return "stats: peak below taken or above size";
	if (census.bytes[NH_BLOCK_FREE] != stats.free)
		return "the walk's free bytes are not the statistics'";
	if (census.bytes[NH_BLOCK_LIVE] + stats.quarantined != stats.live)
		return "the walk's live bytes are not the statistics'";
	if (census.bytes[NH_BLOCK_CACHED] != stats.cached)
		return "the walk's cached bytes are not the statistics'";
	if (census.largest_free != stats.largest_free)
		return "the walk's largest free block is not the statistics'";
	if (stats.cached > stats.cache_limit)
		return "more is cached than the limit";
	return NULL;
}

const char *nht_valid(nh_instance *instance)
{
	nh_report report = {-1, NULL, NULL};
	nh_status status = nh_instance_validate(instance, -1, &report);
	if (report.what != NULL)
		return report.what;
	if (status != NH_OK)
		return nh_status_string(status);
	return report.heap == -1 ? NULL : "validate: a heap without a phrase";
}

const char *nht_all_returned(nh_instance *instance, int heap)
{
	nht_census census;
	nh_heap_stats stats;
	nh_status status = nh_instance_trim(instance, heap);
	if (status == NH_OK)
		status = nh_instance_heap_stats_get(instance, heap, &stats);
	if (status != NH_OK)
		return nh_status_string(status);
	const char *complaint = nht_census_take(instance, heap, &census);
	if (complaint != NULL)
		return complaint;
	if (census.blocks[NH_BLOCK_LIVE] != 0)
		return "a block is still live";
	if (census.blocks[NH_BLOCK_CACHED] != 0)
		return "a block is still cached after trim";
	if (census.blocks[NH_BLOCK_FREE] != stats.regions)
		return "not one maximal free block per region";
	if (stats.free != stats.size || stats.taken != 0 || stats.live != 0 || stats.cached != 0)
		return "stats: something is taken in an empty heap";
	if (stats.quarantined != 0)
		return "stats: something is quarantined";
	return nht_accounts_balance(instance, heap);
}

const char *nht_all_heaps_returned(nh_instance *instance)
{
	unsigned count = nh_instance_heap_count(instance);
	for (unsigned heap = 0; heap < count; heap++) {
		const char *complaint = nht_all_returned(instance, (int)heap);
		if (complaint != NULL)
			return complaint;
	}
	return nht_valid(instance);
}

/* The first place in a free block that is aligned, if what is cut off before it can be a block. */
bool nht_fit_block(const nh_block_info *block, void *context)
{
	nht_fit *fit = context;
	if (block->state != NH_BLOCK_FREE)
		return true;
	uintptr_t from = (uintptr_t)block->address;
	uintptr_t end = from + block->size;
	uintptr_t at = from;
	if (at % fit->alignment != 0)
		at = (from + NHT_LEAST_SPAN + fit->alignment - 1u) / fit->alignment * fit->alignment;
	/* A remnant at the end of a free block holds a block only from the least span on. */
	if (at < end && end - at > fit->best && end - at + NHT_OVERHEAD >= NHT_LEAST_SPAN)
		fit->best = end - at;
	return true;
}

size_t nht_largest_fit(nh_instance *instance, int heap, size_t alignment)
{
	nht_fit fit = {alignment < NHT_ALIGNMENT ? NHT_ALIGNMENT : alignment, 0};
	return nh_instance_walk(instance, heap, nht_fit_block, &fit) == NH_OK ? fit.best : 0;
}

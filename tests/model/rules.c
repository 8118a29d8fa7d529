/* SPDX-License-Identifier: MIT */
#include "rules.h"

static bool has(uint32_t attributes, uint32_t wanted)
{
	return (attributes & wanted) == wanted;
}

/* A request that requires nothing and names no heap is open to the default-eligible heaps, and to
 * those that it prefers. */
static bool is_open_to(const rules_heap *heap, const nh_request *request)
{
	if (request->require != 0 || request->heaps != 0 || (heap->flags & NH_HEAP_NOT_DEFAULT) == 0)
		return true;
	for (unsigned i = 0; i < request->preference_count; i++)
		if (has(heap->attributes, request->preferences[i]))
			return true;
	return request->prefer != 0 && has(heap->attributes, request->prefer);
}

static bool is_local(const rules_heap *heap, unsigned cpu)
{
	return cpu < 32u && (heap->affinity & NH_CPU(cpu)) != 0;
}

static bool is_foreign(const rules_heap *heap, unsigned cpu)
{
	return heap->affinity != 0 && !is_local(heap, cpu);
}

static bool accepts(const rules_heap *heap, unsigned number, unsigned cpu, const nh_request *request)
{
	if (!heap->there || (request->heaps != 0 && (request->heaps & (UINT32_C(1) << number)) == 0))
		return false;
	if (!has(heap->attributes, request->require))
		return false;
	if (!is_open_to(heap, request))
		return false;
	return !(is_foreign(heap, cpu) && (request->flags & NH_NO_FOREIGN) != 0);
}

static bool in_tier(const rules_heap *heap, const nh_request *request, unsigned tier)
{
	if (tier < request->preference_count)
		return has(heap->attributes, request->preferences[tier]);
	if (tier == request->preference_count)
		return request->prefer != 0 && has(heap->attributes, request->prefer);
	return true;
}

enum nearness { LOCAL, SHARED, FOREIGN };

static enum nearness nearness(const rules_heap *heap, unsigned cpu)
{
	if (heap->affinity == 0)
		return SHARED;
	return is_local(heap, cpu) ? LOCAL : FOREIGN;
}

typedef struct ranking {
	const rules_heap *heaps;
	unsigned count, cpu;
	const nh_request *request;
	int *order;
	unsigned ranked;
	bool taken[NH_MAX_HEAPS];
} ranking;

static void rank(ranking *r, unsigned tier, enum nearness how_near)
{
	for (unsigned number = 0; number < r->count; number++) {
		const rules_heap *heap = &r->heaps[number];
		if (r->taken[number] || nearness(heap, r->cpu) != how_near)
			continue;
		if (!accepts(heap, number, r->cpu, r->request) || !in_tier(heap, r->request, tier))
			continue;
		r->taken[number] = true;
		r->order[r->ranked++] = (int)number;
	}
}

unsigned rules_order(const rules_heap *heaps, unsigned count, unsigned cpu, const nh_request *request,
                     int order[NH_MAX_HEAPS])
{
	ranking r = {heaps, count, cpu, request, order, 0, {false}};
	unsigned tiers = request->preference_count + 2u;
	for (unsigned tier = 0; tier < tiers; tier++) {
		rank(&r, tier, LOCAL);
		rank(&r, tier, SHARED);
	}
	for (unsigned tier = 0; tier < tiers; tier++)
		rank(&r, tier, FOREIGN);
	return r.ranked;
}

bool rules_reason_true(const rules_heap *heap, unsigned number, unsigned cpu, const nh_request *request,
                       nh_reason reason)
{
	switch (reason) {
	case NH_NOT_IN_HEAPS:
		return request->heaps != 0 && (request->heaps & (UINT32_C(1) << number)) == 0;
	case NH_NO_ATTRIBUTE:
		return !has(heap->attributes, request->require);
	case NH_NOT_ELIGIBLE:
		return !is_open_to(heap, request);
	case NH_FOREIGN:
		return is_foreign(heap, cpu) && (request->flags & NH_NO_FOREIGN) != 0;
	default:
		return false;
	}
}

uint32_t rules_realloc_heaps(const rules_heap *heaps, unsigned count, int from)
{
	uint32_t set = UINT32_C(1) << from;
	bool plain = (heaps[from].flags & NH_HEAP_NOT_DEFAULT) == 0;
	for (unsigned number = 0; number < count; number++) {
		bool eligible = (heaps[number].flags & NH_HEAP_NOT_DEFAULT) == 0;
		bool as_good = heaps[from].attributes != 0 && has(heaps[number].attributes, heaps[from].attributes);
		if (heaps[number].there && (plain ? eligible : as_good))
			set |= UINT32_C(1) << number;
	}
	return set;
}

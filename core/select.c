/* SPDX-License-Identifier: MIT */
/*
 * Selection: which heap serves a request.
 *
 *   candidates = published & (required attributes) & (heaps named)
 *                where neither is given: eligible | those that have a preference
 *   tiers      = preferences[0], preferences[1], ..., prefer, everything
 *   order      = tiers over (local, then shared), then the same tiers over other CPUs' heaps
 *
 * Each is an AND of 16-bit sets of heaps, one per attribute bit named, and the first heap is the lowest
 * bit: the cost depends on the request, not on the number of heaps.
 */
#include "core/instance.h"

#include <string.h>

uint16_t nh__heaps_with(nh_instance *instance, uint32_t attributes)
{
	unsigned set = UINT16_MAX;
	while (attributes != 0) {
		set &= nh__load_relaxed(&instance->has[nh_port_ctz(attributes)]);
		attributes &= attributes - 1u;
	}
	return (uint16_t)set;
}

/* Where nothing is required and no heap named: eligible heaps, and whatever has a preference. */
static unsigned open_to(nh_instance *instance, const nh_request *request)
{
	unsigned open = nh__load_relaxed(&instance->eligible);
	if (request->prefer != 0)
		open |= nh__heaps_with(instance, request->prefer);
	for (unsigned i = 0; i < request->preference_count; i++)
		open |= nh__heaps_with(instance, request->preferences[i]);
	return open;
}

void nh__choice_begin(struct nh__choice *choice, nh_instance *instance, const nh_request *request)
{
	choice->instance = instance;
	choice->request = request;
	choice->cpu = nh_port_cpu();
	choice->tier = 0;
	/* acquire: of publish() in core/instance.c; the sets read after it are complete for these heaps */
	unsigned left = nh__load_acquire(&instance->heaps);
	choice->near = (uint16_t)(nh__load_relaxed(&instance->shared) | nh__load_relaxed(&instance->local[choice->cpu]));
	if (request->require != 0)
		left &= nh__heaps_with(instance, request->require);
	if (request->heaps != 0)
		left &= request->heaps;
	if (request->require == 0 && request->heaps == 0)
		left &= open_to(instance, request);
	if ((request->flags & NH_NO_FOREIGN) != 0)
		left &= choice->near;
	choice->left = (uint16_t)left;
}

static unsigned tier_set(const struct nh__choice *choice, unsigned tier)
{
	const nh_request *request = choice->request;
	if (tier < request->preference_count)
		return nh__heaps_with(choice->instance, request->preferences[tier]);
	if (tier == request->preference_count && request->prefer != 0)
		return nh__heaps_with(choice->instance, request->prefer);
	return UINT16_MAX;
}

struct nh__heap *nh__choice_next(struct nh__choice *choice)
{
	while (choice->left != 0) {
		unsigned near = choice->left & choice->near;
		unsigned set = tier_set(choice, choice->tier) & (near != 0 ? near : choice->left);
		if (set == 0) {
			choice->tier++; /* the last one has all heaps */
			continue;
		}
		unsigned local = set & nh__load_relaxed(&choice->instance->local[choice->cpu]);
		unsigned id = nh_port_ctz(local != 0 ? local : set);
		choice->left = (uint16_t)(choice->left & ~(1u << id));
		if (near != 0 && (choice->left & choice->near) == 0)
			choice->tier = 0; /* from here on other CPUs' heaps, best tier first */
		return nh_port_load_dependent(&choice->instance->heap[id]);
	}
	return NULL;
}

struct nh__heap *nh__first_of(nh_instance *instance, unsigned cpu)
{
	unsigned set = nh__load_acquire(&instance->heaps) & nh__load_relaxed(&instance->eligible);
	unsigned local = set & nh__load_relaxed(&instance->local[cpu]);
	if (local == 0)
		local = set & nh__load_relaxed(&instance->shared);
	return local == 0 ? NULL : nh__load_relaxed(&instance->heap[nh_port_ctz(local)]);
}

/* Second pass: freeze heap after heap and keep them frozen, so that what one CPU gives back to the
 * first while the last is searched cannot be missed. NULL only after a round in which none changed. */
static void *reclaim_all(nh_instance *instance, const nh_request *request, const struct nh__need *need,
                         struct nh__note *note)
{
	struct nh__join joins[NH_MAX_HEAPS];
	struct nh__choice choice;
	struct nh__heap *heap;
	void *payload = NULL;
	unsigned count = 0;

	memset(joins, 0, sizeof joins);
	nh__choice_begin(&choice, instance, request);
	while (payload == NULL && (heap = nh__choice_next(&choice)) != NULL) {
		joins[count].heap = heap;
		payload = nh__reclaim(&joins[count++], need, note);
	}
	for (bool stale = count > 1; payload == NULL && stale;) {
		stale = false;
		for (unsigned i = 0; i + 1u < count && !stale; i++)
			stale = nh__join_stale(&joins[i], note);
		for (unsigned i = 0; stale && i < count && payload == NULL; i++)
			payload = nh__reclaim(&joins[i], need, note);
	}
	for (unsigned i = 0; i < count; i++)
		nh__join_leave(&joins[i], note);
	return payload;
}

void *nh__allocate(nh_instance *instance, const nh_request *request, const struct nh__need *need,
                   const struct nh__heap *tried)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__choice choice;
	struct nh__heap *heap;
	void *payload = NULL;

	if (need->span == 0 || need->align == 0)
		return NULL;
	nh_port_attach();
	nh__choice_begin(&choice, instance, request);
	while (payload == NULL && (heap = nh__choice_next(&choice)) != NULL)
		if (heap != tried)
			payload = nh__heap_take(heap, need, &note);
	if (payload == NULL && (request->flags & NH_NO_RECLAIM) == 0 && !nh_port_in_isr())
		payload = reclaim_all(instance, request, need, &note);
	nh__note_report(&note);
	return payload;
}

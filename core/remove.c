/* SPDX-License-Identifier: MIT */
/*
 * Removing regions and heaps while others allocate.
 *
 *   begin --> sweep: hold --> freeze --> sweep: hold --> ... --> all is held --> forget
 *     |          free blocks   caches        what came            |
 *     |          leave the     emptied       back meanwhile       +-- else --> sweep: give back --> as before
 *     heap: its sets are taken back
 *
 * Nothing is handed out from what was swept, nothing merges with it, and when a sweep met held blocks only, nobody has
 * anything of the region, for ever. What is freed meanwhile goes to the lists as always and is held by the next
 * sweep. Further sweeps are made as long as each finds fewer blocks out than the one before. core/sweep.h.
 *
 * Who dies before all is held leaves a removal that is taken back, who dies later one that is completed: by then some of it
 * may be gone, and nothing of the rest can be anybody's. Each step of the end shows whether it was made.
 */
#include "core/sweep.h"
#include "core/lifecycle.h"
#include "core/reserve.h"
#include "core/retain.h"
#include "core/starts.h"

/* Holds everything, or finds that somebody keeps some. The heap is left frozen. */
static struct nh__tally evacuate(nh_instance *instance, const struct nh__removal *removal, struct nh__join *join,
                             struct nh__note *note)
{
	struct nh__tally tally = nh__sweep(instance, removal, NH__HOLD, note), before = {SIZE_MAX, 0};
	while (tally.live + tally.cached != 0 && tally.live + tally.cached < before.live + before.cached) {
		before = tally;
		nh__reclaim(join, NULL, note);
		tally = nh__sweep(instance, removal, NH__HOLD, note);
	}
	return tally;
}

/* ---- from beginning to end ---------------------------------------------------------------- */

/* The heap's region that was added at `base`. NH_ENOTSUP: the heap's first, or where its control memory is. */
static nh_status find_region(nh_instance *instance, const struct nh__heap *heap, uintptr_t base,
                             const struct nh__region **region)
{
	struct nh__claim *control = &instance->control[heap->id];
	uintptr_t from = nh__load_relaxed(&control->base), end = nh__load_relaxed(&control->end);
	if (base < end && from - base < (NH_64BIT ? 16u : 8u)) /* the head of a region, aligned */
		return NH_ENOTSUP;
	for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++) {
		*region = &instance->regions[i].region;
		if (nh__load_relaxed(&instance->regions[i].heap) == heap && nh__region_is_of(*region, base))
			return (*region)->first - heap->tlsf.origin == NH_GRANULE ? NH_ENOTSUP : NH_OK;
	}
	return NH_ENOENT;
}

/* base NULL = the whole heap. */
static nh_status begin(nh_instance *instance, int number, const void *base, struct nh__removal *removal)
{
	unsigned cpu;
	nh_status status = NH_OK;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	*removal = (struct nh__removal){.heap = nh__heap_by_id(instance, number), .cpu = cpu};
	if (removal->heap == NULL)
		status = NH_ENOENT;
	else if (base != NULL)
		status = find_region(instance, removal->heap, (uintptr_t)base, &removal->region);
	else if (nh__heap_grows(instance, removal->heap->id))
		status = NH_EBUSY;
	if (status == NH_OK && instance->removal.heap != NULL)
		status = NH_EBUSY;
	if (status == NH_OK) {
		instance->removal.region = removal->region;
		instance->removal.cpu = cpu;
		instance->removal.decided = false;
		nh_port_in_order();
		instance->removal.heap = removal->heap;
		nh_port_in_order();
		if (base == NULL)
			nh__heap_hide(instance, removal->heap->id);
	}
	nh__admin_leave(instance, cpu, irq);
	return status;
}

/* NH_ECORRUPT: the heap was taken out of service meanwhile (core/recover.c), so that what was counted says nothing. */
static nh_status decide(nh_instance *instance, const struct nh__removal *removal, bool all_held)
{
	unsigned cpu;
	nh_status status = NH_ECORRUPT;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++)
		if (nh__concerned(removal, &instance->regions[i]))
			status = all_held ? NH_OK : NH_EBUSY;
	instance->removal.decided = status == NH_OK;
	nh__admin_leave(instance, cpu, irq);
	return status;
}

void nh__removal_settle(nh_instance *instance)
{
	struct nh__removal *removal = &instance->removal;
	if (removal->leaving != NULL) {
		nh__entry_clear(removal->leaving);
		if (removal->region != NULL) /* in the same hold: the entry may be the heap's again after it */
			removal->heap = NULL;
		nh_port_in_order();
		removal->leaving = NULL;
	}
	if (removal->heap != NULL && nh__load_relaxed(&instance->control[removal->heap->id].end) == 0) {
		nh__claim_set(instance, removal->heap->id, 0, 0);
		removal->heap = NULL;
	}
}

/* All of the region is held. The heap forgets it, if it has not yet, then the table. */
static void forget(nh_instance *instance, struct nh__heap *heap, struct nh__region_entry *entry, struct nh__note *note)
{
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) { /* never false: the same context had it for the sweep, and in a recovery to mend it */
		if (nh__tlsf_remove(&heap->tlsf, &entry->region)) {
			nh__budget_shrink(heap, nh__granules(entry->region.end - entry->region.first));
			heap->regions--;
			nh__walks_end(heap);
		}
		nh__heap_unlock(heap, cpu, note);
	}
	nh_port_irq_restore(irq);
	irq = nh__admin_enter(instance, &cpu);
	instance->removal.leaving = entry;
	nh_port_in_order();
	nh__removal_settle(instance);
	nh__admin_leave(instance, cpu, irq);
}

/* Decided: its regions, as far as they are still there. A region's removal ends with it. */
static void forget_all(nh_instance *instance, const struct nh__removal *removal, struct nh__note *note)
{
	struct nh__heap *heap = removal->heap;
	for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++) {
		if (!nh__concerned(removal, &instance->regions[i]))
			continue;
		if ((heap->flags & NH_HEAP_RETAINED) != 0) /* it has this region only */
			nh__record_void(nh__record_of(heap)); /* before the memory is anybody else's */
		forget(instance, heap, &instance->regions[i], note);
	}
}

/* No region is left: the number may be another heap's. */
static void heap_gone(nh_instance *instance, const struct nh__removal *removal)
{
	unsigned cpu;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	nh__claim_set(instance, removal->heap->id, 0, 0);
	nh_port_in_order();
	nh__removal_settle(instance);
	nh__admin_leave(instance, cpu, irq);
}

static void undo(nh_instance *instance, const struct nh__removal *removal, struct nh__note *note)
{
	unsigned cpu;
	nh__sweep(instance, removal, NH__GIVE, note);
	if (removal->region == NULL)
		nh__heap_restore(instance, removal->heap, true);
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	instance->removal.heap = NULL;
	nh__admin_leave(instance, cpu, irq);
}

#if NH__RECOVERABLE

void nh__removal_resume(nh_instance *instance, const struct nh__removal *removal, struct nh__note *note)
{
	if (!removal->decided) {
		undo(instance, removal, note);
		return;
	}
	forget_all(instance, removal, note);
	if (removal->region == NULL)
		heap_gone(instance, removal);
}

#endif

static nh_status remove_all(nh_instance *instance, int number, const void *base, size_t *live)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__removal removal;
	if (live != NULL)
		*live = 0;
	/* acquire: of instance_build */
	if (instance == NULL || !nh__load_acquire(&instance->ready))
		return NH_ENOINIT;
	nh_status status = begin(instance, number, base, &removal);
	if (status != NH_OK)
		return status;
	struct nh__join join = {.heap = removal.heap};
	struct nh__tally tally = evacuate(instance, &removal, &join, &note);
	status = decide(instance, &removal, tally.live + tally.cached == 0);
	if (status == NH_OK) {
		forget_all(instance, &removal, &note);
		nh__join_leave(&join, &note);
		if (removal.region == NULL)
			heap_gone(instance, &removal);
	} else {
		nh__join_leave(&join, &note);
		undo(instance, &removal, &note);
		if (live != NULL && status == NH_EBUSY)
			*live = tally.live;
	}
	nh__note_report(&note);
	return status;
}

nh_status nh_instance_region_remove(nh_instance *instance, int number, const void *base, size_t *live)
{
	if (base == NULL) {
		if (live != NULL)
			*live = 0;
		return NH_EINVAL;
	}
	return remove_all(instance, number, base, live);
}

nh_status nh_instance_heap_remove(nh_instance *instance, int number, size_t *live)
{
	return remove_all(instance, number, NULL, live);
}

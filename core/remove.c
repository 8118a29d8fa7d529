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
 */
#include "core/sweep.h"
#include "core/lifecycle.h"
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
	*removal = (struct nh__removal){nh__heap_by_id(instance, number), NULL, cpu};
	if (removal->heap == NULL)
		status = NH_ENOENT;
	else if (base != NULL)
		status = find_region(instance, removal->heap, (uintptr_t)base, &removal->region);
	else if (removal->heap->adding != 0)
		status = NH_EBUSY;
	if (status == NH_OK && instance->removal.heap != NULL)
		status = NH_EBUSY;
	if (status == NH_OK) {
		instance->removal = *removal;
		if (base == NULL)
			nh__heap_hide(instance, removal->heap);
	}
	nh__admin_leave(instance, cpu, irq);
	return status;
}

/* The entry is nobody's: first without a heap, then without bounds. */
static void entry_clear(struct nh__region_entry *entry)
{
	/* release: to entry_heap() in core/instance.c */
	nh__store_release(&entry->heap, NULL);
	nh__store_release(&entry->end, 0);
	nh__store_release(&entry->first, 0);
	entry->region = (struct nh__region){.first = 0};
}

/* All of the region is held. The heap forgets it, then the table. */
static void forget(nh_instance *instance, struct nh__heap *heap, struct nh__region_entry *entry, struct nh__note *note)
{
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) {
		nh__tlsf_remove(&heap->tlsf, &entry->region);
		nh__budget_shrink(heap, nh__granules(entry->region.end - entry->region.first));
		heap->regions--;
		heap->walk_turn++; /* of a walk that stands in it */
		heap->tlsf.walk = NULL;
#if NH_HARDENING >= NH_HARDENING_EXTREME
		heap->call_turn++;
		heap->tlsf.call_walk = NULL;
#endif
		nh__heap_unlock(heap, cpu, note);
	}
	nh_port_irq_restore(irq);
	irq = nh__admin_enter(instance, &cpu);
	entry_clear(entry);
	nh__admin_leave(instance, cpu, irq);
}

static void finish(nh_instance *instance, const struct nh__removal *removal, bool removed)
{
	unsigned cpu;
	if (removal->region == NULL && !removed)
		nh__heap_restore(instance, removal->heap);
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	if (removal->region == NULL && removed)
		nh__claim_set(instance, removal->heap->id, 0, 0);
	instance->removal.heap = NULL;
	nh__admin_leave(instance, cpu, irq);
}

void nh__removal_undo(nh_instance *instance, const struct nh__removal *removal, struct nh__note *note)
{
	nh__sweep(instance, removal, NH__GIVE, note);
	finish(instance, removal, false);
}

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
	if (tally.live + tally.cached == 0) {
		if (removal.region == NULL && removal.heap->flags & NH_HEAP_RETAINED)
			nh__record_void(nh__record_of(removal.heap)); /* before the memory is anybody else's */
		for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++)
			if (nh__concerned(&removal, &instance->regions[i]))
				forget(instance, removal.heap, &instance->regions[i], &note);
		nh__join_leave(&join, &note);
		finish(instance, &removal, true);
	} else {
		nh__join_leave(&join, &note);
		nh__removal_undo(instance, &removal, &note);
		status = NH_EBUSY;
		if (live != NULL)
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

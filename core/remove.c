/* SPDX-License-Identifier: MIT */
/*
 * Removing regions and heaps while others allocate.
 *
 *   begin --> sweep: hold --> freeze --> sweep: hold --> ... --> all is held --> forget
 *     |          free blocks   caches        what came            |
 *     |          leave the     emptied       back meanwhile       +-- else --> sweep: give back --> as before
 *     heap: its sets are taken back
 *
 * A sweep walks a region by address, NH_SLICE blocks a lock hold, and takes each FREE block out of the lists:
 * it is `held`, its owner byte says TLSF and it is not FREE. So nothing is handed out from what was swept,
 * nothing merges with it, and when a sweep met held blocks only, nobody has anything of the region, for ever.
 * What is freed meanwhile goes to the lists as always and is held by the next sweep. Further sweeps are made as
 * long as each finds fewer blocks out than the one before.
 *
 * A sweep uses the heap's one position for walks, which merges keep on a header. A walk that takes it over
 * is finished or refused before long; then the sweep begins again, over blocks that are held already.
 */
#include "core/instance.h"
#include "core/lifecycle.h"

struct tally {
	size_t live, cached;
};

enum way { HOLD, GIVE };

/* A sweep of one region between lock holds. */
struct sweep {
	struct nh__heap *heap;
	const struct nh__region *region;
	enum way way;
	uint32_t turn; /* of the heap's walks; 0 = not begun */
	struct tally tally;
};

/* ---- sweeps ------------------------------------------------------------------------------- */

static bool is_free(struct nh__block *block)
{
	return (nh__flags(block) & NH__FREE) != 0;
}

static void visit(struct sweep *sweep, struct nh__block *block)
{
	struct nh__tlsf *tlsf = &sweep->heap->tlsf;
	uint8_t owner = nh__load_relaxed(&block->owner);
	bool held = owner == NH__OWNER_TLSF && !is_free(block);
	if (sweep->way == GIVE) {
		if (held)
			nh__tlsf_give(tlsf, block);
	} else if (owner == NH__OWNER_CACHED) {
		sweep->tally.cached++;
	} else if (!held && (!is_free(block) || !nh__tlsf_hold(tlsf, block))) {
		sweep->tally.live++; /* quarantined ones too: somebody may be writing there */
	}
}

/* Under the lock. True at the region's end. */
static bool slice(struct sweep *sweep)
{
	struct nh__tlsf *tlsf = &sweep->heap->tlsf;
	if (sweep->turn == 0 || sweep->turn != sweep->heap->walk_turn) {
		sweep->turn = ++sweep->heap->walk_turn;
		sweep->tally = (struct tally){0, 0};
		tlsf->walk = nh__block_at((void *)sweep->region->first);
	}
	for (unsigned i = 0; i < NH_SLICE; i++) {
		struct nh__block *block = tlsf->walk;
		uint32_t span = nh__block_span(block);
		if ((uintptr_t)nh__payload(block) == sweep->region->end) {
			tlsf->walk = NULL;
			return true;
		}
		if (span == 0 || span > nh__span_to_end(sweep->region, block)) { /* damaged: no way on */
			sweep->tally.live++;
			return true;
		}
		tlsf->walk = nh__block_after(block, span); /* before the visit: a merge moves it */
		visit(sweep, block);
	}
	return false;
}

static void sweep_region(struct sweep *sweep, struct nh__note *note)
{
	bool done = false;
	sweep->turn = 0;
	while (!done) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		done = !nh__heap_lock(sweep->heap, cpu);
		if (done) {
			sweep->tally.live++; /* not from here */
		} else {
			done = slice(sweep);
			nh__heap_unlock(sweep->heap, cpu, note);
		}
		nh_port_irq_restore(irq);
	}
}

/* Is this entry's region to go? Its heap is stored by additions and removals only, which are not this entry's now. */
static bool concerned(const struct nh__removal *removal, const struct nh__region_entry *entry)
{
	return nh__load_relaxed(&entry->heap) == removal->heap && (removal->region == NULL || removal->region == &entry->region);
}

static struct tally sweep_all(nh_instance *instance, const struct nh__removal *removal, enum way way, struct nh__note *note)
{
	struct tally sum = {0, 0};
	/* acquire: of region_reserve */
	unsigned regions = nh__load_acquire(&instance->regions_reserved);
	for (unsigned i = 0; i < regions; i++) {
		struct sweep sweep = {.heap = removal->heap, .region = &instance->regions[i].region, .way = way};
		if (!concerned(removal, &instance->regions[i]))
			continue;
		sweep_region(&sweep, note);
		sum.live += sweep.tally.live;
		sum.cached += sweep.tally.cached;
	}
	return sum;
}

/* Holds everything, or finds that somebody keeps some. The heap is left frozen. */
static struct tally evacuate(nh_instance *instance, const struct nh__removal *removal, struct nh__join *join,
                             struct nh__note *note)
{
	struct tally tally = sweep_all(instance, removal, HOLD, note), before = {SIZE_MAX, 0};
	while (tally.live + tally.cached != 0 && tally.live + tally.cached < before.live + before.cached) {
		before = tally;
		nh__reclaim(join, NULL, note);
		tally = sweep_all(instance, removal, HOLD, note);
	}
	return tally;
}

/* ---- from beginning to end ---------------------------------------------------------------- */

/* The heap's region that was added at `base`. NH_ENOTSUP: the heap's first, or where its control memory is. */
static nh_status find_region(nh_instance *instance, const struct nh__heap *heap, uintptr_t base,
                             const struct nh__region **region)
{
	const struct nh__claim *control = &instance->control[heap->id];
	if (base < control->end && control->base - base < (NH_64BIT ? 16u : 8u)) /* the head of a region, aligned */
		return NH_ENOTSUP;
	for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++) {
		*region = &instance->regions[i].region;
		if (nh__load_relaxed(&instance->regions[i].heap) == heap && (*region)->first - base - NH_HEADER < NH_GRANULE)
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
			nh__heap_sets(instance, removal->heap, false);
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
	entry->region = (struct nh__region){0, 0, NULL};
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
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	if (removal->region == NULL && removed)
		instance->control[removal->heap->id] = (struct nh__claim){0, 0};
	else if (removal->region == NULL)
		nh__heap_sets(instance, removal->heap, true);
	instance->removal.heap = NULL;
	nh__admin_leave(instance, cpu, irq);
}

void nh__removal_undo(nh_instance *instance, const struct nh__removal *removal, struct nh__note *note)
{
	sweep_all(instance, removal, GIVE, note);
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
	struct tally tally = evacuate(instance, &removal, &join, &note);
	if (tally.live + tally.cached == 0) {
		for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++)
			if (concerned(&removal, &instance->regions[i]))
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

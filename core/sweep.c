/* SPDX-License-Identifier: MIT */
/* Sweeps: see core/sweep.h. */
#include "core/sweep.h"
#include "core/lifecycle.h"

static void set_drop(nh__heap_set *set, unsigned id)
{
	nh__store_relaxed(set, (uint16_t)(nh__load_relaxed(set) & ~(1u << id)));
}

void nh__heap_hide(nh_instance *instance, unsigned id)
{
	set_drop(&instance->heaps, id); /* first, as it was added last */
	set_drop(&instance->eligible, id);
	set_drop(&instance->shared, id);
	for (unsigned bit = 0; bit < 32; bit++)
		set_drop(&instance->has[bit], id);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		set_drop(&instance->local[cpu], id);
	nh__first_update(instance);
}

void nh__heap_restore(nh_instance *instance, struct nh__heap *heap, bool hidden)
{
	unsigned cpu;
	struct nh__region_entry *entry = NULL;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++)
		if (nh__load_relaxed(&instance->regions[i].heap) == heap)
			entry = &instance->regions[i];
	if (entry != NULL && (hidden || nh__heap_by_id(instance, heap->id) == heap))
		nh__heap_show(instance, heap, entry);
	nh__admin_leave(instance, cpu, irq);
}

/* A sweep of one region between lock holds. */
struct sweep {
	struct nh__heap *heap;
	const struct nh__region *region;
	enum nh__way way;
	uint32_t turn; /* of the heap's walks; 0 = not begun */
	struct nh__tally tally;
};

static bool is_free(struct nh__block *block)
{
	return (nh__flags(block) & NH__FREE) != 0;
}

static void visit(struct sweep *sweep, struct nh__block *block)
{
	struct nh__tlsf *tlsf = &sweep->heap->tlsf;
	uint8_t owner = nh__load_relaxed(&block->owner);
	bool held = owner == NH__OWNER_TLSF && !is_free(block);
	if (sweep->way == NH__GIVE) {
		if (held)
			nh__tlsf_give(tlsf, block);
	} else if (owner == NH__OWNER_CACHED) {
		sweep->tally.cached++;
		if (sweep->way == NH__SALVAGE)
			nh__tlsf_give(tlsf, block);
	} else if (sweep->way == NH__HOLD && !held && (!is_free(block) || !nh__tlsf_hold(tlsf, block))) {
		sweep->tally.live++; /* quarantined ones too: somebody may be writing there */
	}
}

void nh__walks_end(struct nh__heap *heap)
{
	heap->walk_turn++;
	heap->tlsf.walk = NULL;
#if NH_HARDENING >= NH_HARDENING_EXTREME
	heap->call_turn++;
	heap->tlsf.call_walk = NULL;
#endif
}

/* Under the lock. True at the region's end. */
static bool slice(struct sweep *sweep)
{
	struct nh__tlsf *tlsf = &sweep->heap->tlsf;
	if (tlsf->regions == NULL) { /* out of service */
		sweep->tally.live++;
		return true;
	}
	if (sweep->turn == 0 || sweep->turn != sweep->heap->walk_turn) {
		sweep->turn = ++sweep->heap->walk_turn;
		sweep->tally = (struct nh__tally){0, 0};
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

/* An entry's heap is stored by additions and removals only, which are not this entry's now. */
bool nh__concerned(const struct nh__removal *removal, const struct nh__region_entry *entry)
{
	return nh__load_relaxed(&entry->heap) == removal->heap && (removal->region == NULL || removal->region == &entry->region);
}

struct nh__tally nh__sweep(nh_instance *instance, const struct nh__removal *removal, enum nh__way way, struct nh__note *note)
{
	struct nh__tally sum = {0, 0};
	/* acquire: of nh__region_reserve */
	unsigned regions = nh__load_acquire(&instance->regions_reserved);
	for (unsigned i = 0; i < regions; i++) {
		struct sweep sweep = {.heap = removal->heap, .region = &instance->regions[i].region, .way = way};
		if (!nh__concerned(removal, &instance->regions[i]))
			continue;
		sweep_region(&sweep, note);
		sum.live += sweep.tally.live;
		sum.cached += sweep.tally.cached;
	}
	return sum;
}

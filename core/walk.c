/* SPDX-License-Identifier: MIT */
/* Walks: see core/walk.h. */
#include "core/walk.h"

static void begin(struct nh__walk *walk, struct nh__heap *heap, struct nh__note *note)
{
	walk->heap = heap;
	walk->region = NULL;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) {
		walk->turn = ++nh__walk_turn(walk);
		walk->region = heap->tlsf.regions; /* NULL: the heap was removed */
		nh__walk_position(walk) = walk->region == NULL ? NULL : nh__block_at((void *)walk->region->first);
		walk->previous_free = false;
		walk->certain = true;
		walk->changes = heap->tlsf.changes;
		nh__heap_unlock(heap, cpu, note);
	}
	nh_port_irq_restore(irq);
}

/* Moves over the fence to the next region. */
static void next_region(struct nh__walk *walk)
{
	walk->region = walk->region->next;
	nh__walk_position(walk) = walk->region == NULL ? NULL : nh__block_at((void *)walk->region->first);
	walk->previous_free = false;
	walk->certain = true;
}

static nh_status slice_locked(struct nh__walk *walk, struct nh__step *steps, unsigned *count,
                              struct nh__visitor *visitor)
{
	struct nh__tlsf *tlsf = &walk->heap->tlsf;
	if (walk->turn != nh__walk_turn(walk))
		return NH_EBUSY;
	walk->certain &= walk->changes == tlsf->changes;
	for (*count = 0; walk->region != NULL && *count < NH_SLICE;) {
		struct nh__block *block = nh__walk_position(walk);
		bool fence = (uintptr_t)nh__payload(block) == walk->region->end;
		uint32_t span = nh__block_span(block);
		if (visitor->check != NULL)
			visitor->what = visitor->check(walk, block, &visitor->bad);
		if (visitor->what == NULL && !fence && (span == 0 || span > nh__span_to_end(walk->region, block))) {
			visitor->what = "a header's size leaves the region";
			visitor->bad = block;
		}
		if (visitor->what != NULL)
			return NH_ECORRUPT;
		if (fence) {
			next_region(walk);
			continue;
		}
		steps[(*count)++] = (struct nh__step){block, span, nh__flags(block), nh__load_relaxed(&block->owner)};
		walk->previous_free = (nh__flags(block) & NH__FREE) != 0;
		walk->certain = true;
		nh__walk_position(walk) = nh__block_after(block, span);
	}
	walk->changes = tlsf->changes;
	return NH_OK;
}

static nh_status slice(struct nh__walk *walk, struct nh__step *steps, unsigned *count, struct nh__visitor *visitor,
                       struct nh__note *note)
{
	nh_status status = NH_EBUSY;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	*count = 0;
	if (nh__heap_lock(walk->heap, cpu)) {
		status = slice_locked(walk, steps, count, visitor);
		nh__heap_unlock(walk->heap, cpu, note);
	}
	nh_port_irq_restore(irq);
	return status;
}

nh_status nh__walk(struct nh__heap *heap, struct nh__visitor *visitor, struct nh__note *note)
{
	struct nh__walk walk = {.heap = NULL}; /* begin() may be refused its lock */
	struct nh__step steps[NH_SLICE];
	unsigned count = 0;
	nh_status status;
	bool more = true;
	visitor->what = NULL;
	visitor->bad = NULL;
#if NH_HARDENING >= NH_HARDENING_EXTREME
	walk.before_call = visitor->before_call;
#endif
	begin(&walk, heap, note);
	do {
		status = slice(&walk, steps, &count, visitor, note);
		for (unsigned i = 0; i < count && more && visitor->visit != NULL; i++)
			more = visitor->visit(heap, &steps[i], visitor->context);
	} while (status == NH_OK && count != 0 && more);
	return status;
}

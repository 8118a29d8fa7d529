/* SPDX-License-Identifier: MIT */
/*
 * Emptying caches: a chain, a CPU's cache, and, where there is only one CPU and no gate, reclaim.
 */
#include "core/heap.h"

#if NH_CACHES

uint32_t nh__drain(struct nh__heap *heap, uint32_t chain)
{
	struct nh__cache_head head = {.first = (uintptr_t)nh__at_offset(&heap->tlsf, 1), .secret = heap->tlsf.secret};
	nh__store_relaxed(&head.reach, nh__chain_bound(heap->reach));
	for (unsigned i = 0; i < NH_SLICE && chain != 0; i++) {
		struct nh__block *block = nh__chain_pop(&head, &chain);
		if (block == NULL) {
			if (heap->tlsf.fault == NH_FAULT_NONE) {
				heap->tlsf.fault = NH_FAULT_LINK;
				heap->tlsf.fault_at = nh__payload(nh__chain_top(&head, chain));
			}
			heap->tlsf.lost += NH__COUNT(chain) * NH_SPAN_MIN;
			return 0;
		}
		nh__tlsf_give(&heap->tlsf, block);
	}
	return chain;
}

uint32_t *nh__chain_of(struct nh__heap *heap, unsigned cpu, unsigned number)
{
	struct nh__cache *cache = heap->cache[cpu];
	if (cache == NULL)
		return NULL;
	if (number < NH_CLASSES)
		return &cache->slot[number].cur;
	return heap->two ? &cache->prev[number - NH_CLASSES] : NULL;
}

/* Inside the gate, under the lock: at most NH_SLICE blocks. False when all chains are empty. */
static bool drain_cpu_slice(struct nh__heap *heap, unsigned cpu)
{
	for (unsigned number = 0; number < NH__CHAINS; number++) {
		uint32_t *chain = nh__chain_of(heap, cpu, number);
		if (chain != NULL && *chain != 0) {
			*chain = nh__drain(heap, *chain);
			return true;
		}
	}
	return false;
}

void nh__heap_drain_cpu(struct nh__heap *heap, unsigned cpu, struct nh__note *note)
{
	struct nh__cache *cache = heap->cache[cpu];
	bool more = cache != NULL;
	while (more) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned self = nh_port_cpu();
		more = nh__gate_enter(&cache->head.gate, cpu); /* seized: a reclaim takes it all */
		if (more) {
			nh__count(cache, NH__SLOW, 1);
			nh__count(cache, NH__BARREN, 1);
			more = nh__heap_lock(heap, self);
			if (more) {
				more = drain_cpu_slice(heap, cpu);
				nh__heap_unlock(heap, self, note);
			}
			nh__gate_leave(&cache->head.gate, cpu);
		}
		nh_port_irq_restore(irq);
	}
}

#else

void nh__heap_drain_cpu(struct nh__heap *heap, unsigned cpu, struct nh__note *note)
{
	(void)heap;
	(void)cpu;
	(void)note;
}

#endif

#if !(NH_CACHES && NH__GATE)

/* ---- reclaim without gates ---------------------------------------------------------------- */

/* Nobody else can park anything between two lock holds, but interrupts: it ends in one in which nothing
 * is parked. */
#if NH_CACHES

void nh__freeze_tick(struct nh__heap *heap)
{
	(void)heap;
}

static bool drain_one(struct nh__heap *heap)
{
	return heap->shared != NULL && drain_cpu_slice(heap, 0);
}

#else

static bool drain_one(struct nh__heap *heap)
{
	(void)heap;
	return false;
}

#endif

void *nh__reclaim(struct nh__join *join_, const struct nh__need *need, struct nh__note *note)
{
	struct nh__heap *heap = join_->heap;
	struct nh__scan scan = {0};
	for (bool more = true; more;) {
		void *payload = NULL;
		bool done = true;
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		more = false;
		if (nh__heap_lock(heap, cpu)) {
			more = drain_one(heap);
			if (need != NULL)
				payload = nh__take_locked(heap, need);
			if (payload == NULL && need != NULL && !more)
				payload = nh__scan_locked(heap, need, &scan, &done);
			join_->changes = heap->tlsf.changes;
#if NH_STATS
			heap->refusals += payload == NULL && need != NULL && !more && done;
#endif
			nh__heap_unlock(heap, cpu, note);
		}
		nh_port_irq_restore(irq);
		if (payload != NULL)
			return payload;
		more |= !done;
	}
	return NULL;
}

bool nh__join_stale(struct nh__join *join_, struct nh__note *note)
{
	bool stale = false;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(join_->heap, cpu)) {
		stale = join_->changes != join_->heap->tlsf.changes;
		nh__heap_unlock(join_->heap, cpu, note);
	}
	nh_port_irq_restore(irq);
	return stale;
}

void nh__join_leave(struct nh__join *join_, struct nh__note *note)
{
	(void)join_;
	(void)note;
}

bool nh__gate_left_open(struct nh__heap *heap, unsigned dead)
{
	(void)heap;
	(void)dead;
	return false;
}

void nh__freeze_recover(struct nh__heap *heap, unsigned dead)
{
	(void)heap;
	(void)dead;
}

void nh__fork_hold(struct nh__heap *heap, unsigned cpu)
{
	nh__lock_acquire(&heap->lock, cpu);
}

void nh__fork_release(struct nh__heap *heap, unsigned cpu)
{
	nh__lock_release(&heap->lock, cpu);
}

void nh__fork_alone(struct nh__heap *heap)
{
	nh__lock_reset(&heap->lock);
}

#endif

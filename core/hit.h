/* SPDX-License-Identifier: MIT */
/*
 * The hits: malloc and free served by this CPU's own magazine in its first heap. Inlined into the
 * public functions. Interrupts are off from before the CPU number is read until after the pop
 * or push, so that at most one free per CPU is ever under way.
 */
#ifndef NH_CORE_HIT_H
#define NH_CORE_HIT_H

#include "core/instance.h"

/* How a malloc goes on. */
enum nh__outcome {
	NH__HIT,  /* *block is the caller's */
	NH__MISS, /* by class: nh__malloc_miss */
	NH__SIZE  /* by size: nh__malloc_slow */
};

/* A class alone says all of a request if every class is exact; then the size need not be kept in a register. */
#define NH__MISSED (NH_CLASS_DOUBLINGS ? NH__SIZE : NH__MISS)

NH__INLINE enum nh__outcome nh__malloc_hit(nh_instance *instance, size_t size, struct nh__block **block, unsigned *klass)
{
#if NH_CACHES
	size_t index = (size - 1u) >> NH__CLASS_STEP;
	NH_PORT_ONCE(index);
	if (NH__UNLIKELY(index >= NH__CLASS_TABLE))
		return NH__SIZE;
	nh_port_irq_begin(irq);
	nh_port_cpu_begin(cpu, key);
	struct nh__cache *cache = nh__first_cache(instance, cpu);
	unsigned code = nh__load_relaxed(&instance->class_of[index]);
	struct nh__slot *slot = &nh__cache_view(cache, code * NH__CODE_UNIT)->slot[0];
	if (NH__LIKELY(nh__gate_try(&cache->head.gate, key))) {
		uint32_t bound = nh__hit_bound(&cache->head);
		if (NH__LIKELY(!nh__hit_closed(bound) && nh__chain_take(&cache->head, bound, &slot->cur, block))) {
			nh__store_relaxed(&(*block)->owner, (uint8_t)nh__slot_live(slot, nh__code_klass(code)));
			nh__gate_done(&cache->head.gate, key);
			nh_port_irq_restore(irq);
			NH_PORT_ONCE(*block); /* else its payload's address occupies a register from the link on */
			return NH__HIT;
		}
		nh__gate_undo(&cache->head.gate, key);
	}
	nh_port_irq_restore(irq);
	*klass = (unsigned)(slot - cache->slot); /* not from `code`, which would be one more live value */
	return NH__MISSED;
#else
	(void)instance;
	(void)size;
	(void)block;
	(void)klass;
	return NH__SIZE;
#endif
}

#if NH_CACHES

/* Inside the gate. Everything that must hold for a push without another look: else false, and nothing was done. Works
 * on the block's header address alone: on Thumb-1 every further live value costs more than its sum. */
NH__INLINE bool nh__push_hit(struct nh__cache *cache, struct nh__block *block)
{
	uintptr_t offset = nh__rotated_offset(&cache->head, block);
	if (NH__UNLIKELY(offset >= nh__load_bound(&cache->head.limit)))
		return false;
	unsigned klass = (unsigned)nh__load_relaxed(&block->owner) - NH__OWNER_LIVE;
	NH_PORT_OPAQUE(klass);
	if (NH__UNLIKELY(klass >= NH_CLASSES))
		return false;
	size_t step = klass * sizeof(struct nh__slot);
	NH_PORT_OPAQUE(step);
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
	if (NH__UNLIKELY(block->key != nh__block_key(cache->head.secret, block)))
		return false;
#endif
	struct nh__cache *view = nh__cache_view(cache, step);
	struct nh__slot *slot = &view->slot[0];
	if (nh__should_merge(block, nh__step_after(block, slot, step)) && !nh__scarce(slot->cur))
		return false;
	NH_PORT_OPAQUE(view);
	slot = &view->slot[0];
	uint32_t chain = slot->cur, count = NH__COUNT(chain);
	if (NH__UNLIKELY(count >= slot->cap))
		return false;
	nh_port_retire(nh__payload(block), NH_USABLE(nh__slot_span(slot, klass)));
	slot->cur = nh__chain_link(cache->head.secret, chain, count, block, (uint32_t)offset);
	return true;
}

#endif

/* False: take the slow path. */
NH__INLINE bool nh__free_hit(nh_instance *instance, struct nh__block *block)
{
#if NH_CACHES && NH_HARDENING < NH_HARDENING_FULL
	nh_port_irq_begin(irq);
	nh_port_cpu_begin(cpu, key);
	struct nh__cache *cache = nh__first_cache(instance, cpu);
	bool done = false;
	if (NH__LIKELY(nh__gate_try(&cache->head.gate, key))) {
		done = nh__push_hit(cache, block);
		if (NH__LIKELY(done))
			nh__gate_done(&cache->head.gate, key);
		else
			nh__gate_undo(&cache->head.gate, key);
	}
	nh_port_irq_restore(irq);
	return done;
#else
	(void)instance;
	(void)block;
	return false;
#endif
}

#endif

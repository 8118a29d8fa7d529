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
	if (NH__UNLIKELY(index >= NH__CLASS_TABLE))
		return NH__SIZE;
	*klass = nh__load_relaxed(&instance->class_of[index]);
	nh_port_irq_begin(irq);
	unsigned cpu = nh_port_cpu();
	/* acquire, or dependency: of the release in core/instance.c */
	struct nh__cache *cache = (struct nh__cache *)nh_port_load_dependent(&instance->first[cpu]);
	if (NH__LIKELY(nh__gate_try(&cache->head.gate, cpu))) {
		struct nh__slot *slot = &cache->slot[*klass];
		NH_PORT_OPAQUE(slot);
		if (NH__LIKELY(nh__chain_take(&cache->head, &slot->cur, block))) {
			nh__store_relaxed(&(*block)->owner, (uint8_t)nh__slot_live(slot, *klass));
			nh__gate_leave(&cache->head.gate, cpu);
			nh_port_irq_restore(irq);
			return NH__HIT;
		}
		nh__gate_cancel(&cache->head.gate, cpu);
		*klass = nh__slot_klass(slot, *klass);
	}
	nh_port_irq_restore(irq);
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

/* Everything that must hold for a push without another look: else false, and nothing was done. Works on
 * the block's header address alone: on Thumb-1 every further live value costs more than its sum. */
NH__INLINE bool nh__push_hit(struct nh__cache *cache, unsigned cpu, struct nh__block *block)
{
	uintptr_t offset = nh__rotated_offset(&cache->head, block);
	if (NH__UNLIKELY(offset >= cache->head.limit))
		return false;
	unsigned klass = (unsigned)nh__load_relaxed(&block->owner) - NH__OWNER_LIVE;
	NH_PORT_OPAQUE(klass);
	if (NH__UNLIKELY(klass >= NH_CLASSES))
		return false;
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
	if (NH__UNLIKELY(block->key != nh__block_key(cache->head.secret, block)))
		return false;
#endif
	if (NH__UNLIKELY(!nh__gate_try(&cache->head.gate, cpu)))
		return false;
	struct nh__slot *slot = &cache->slot[klass];
	NH_PORT_OPAQUE(slot);
	uint32_t count = NH__COUNT(slot->cur);
	/* an empty magazine takes what comes: else a block at the edge of free memory would be cut off and merged in turn */
	if (NH__UNLIKELY(count >= slot->cap || (count != 0 && nh__should_merge(block, nh__slot_span(slot, klass))))) {
		nh__gate_cancel(&cache->head.gate, cpu);
		return false;
	}
	nh_port_retire(nh__payload(block), NH_USABLE(nh__slot_span(slot, klass)));
	NH_PORT_OPAQUE(slot);
	slot->cur = nh__chain_link(cache->head.secret, slot->cur, block, (uint32_t)offset + 1u);
	nh__gate_leave(&cache->head.gate, cpu);
	return true;
}

#endif

/* False: take the slow path. */
NH__INLINE bool nh__free_hit(nh_instance *instance, void *payload)
{
#if NH_CACHES
	nh_port_irq_begin(irq);
	unsigned cpu = nh_port_cpu();
	struct nh__cache *cache = (struct nh__cache *)nh_port_load_dependent(&instance->first[cpu]);
	bool done = nh__push_hit(cache, cpu, nh__block_at(payload));
	nh_port_irq_restore(irq);
	return done;
#else
	(void)instance;
	(void)payload;
	return false;
#endif
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The hits: malloc and free served by this CPU's own magazine in its first heap. Inlined into the
 * public functions. Interrupts are off from before the CPU number is read until after the pop
 * or push, so that at most one free per CPU is ever under way.
 */
#ifndef NH_CORE_HIT_H
#define NH_CORE_HIT_H

#include "core/instance.h"

NH__INLINE void *nh__malloc(nh_instance *instance, size_t size)
{
#if NH_CACHES
	size_t index = (size - 1u) >> NH__CLASS_STEP;
	if (NH__UNLIKELY(index >= NH__CLASS_TABLE))
		return nh__malloc_slow(instance, size);
	unsigned klass = instance->class_of[index];
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	/* acquire, or dependency: of the release in core/instance.c */
	struct nh__cache *cache = (struct nh__cache *)nh_port_load_dependent(&instance->first[cpu]);
	if (NH__LIKELY(nh__gate_enter(&cache->head.gate, cpu))) {
		void *payload = nh__chain_pop(&cache->head, &cache->slot[klass].cur);
		if (NH__LIKELY(payload != NULL)) {
			nh__store_relaxed(&nh__block_at(payload)->owner, (uint8_t)(NH__OWNER_LIVE + klass));
			nh__gate_leave(&cache->head.gate, cpu);
			nh_port_irq_restore(irq);
			return payload;
		}
		nh__gate_cancel(&cache->head.gate, cpu);
	}
	nh_port_irq_restore(irq);
#endif
	return nh__malloc_slow(instance, size);
}

#if NH_CACHES

/* Everything that must hold for a push without another look: else false, and nothing was done. */
NH__INLINE bool nh__free_hit(struct nh__cache *cache, unsigned cpu, void *payload)
{
	uintptr_t offset = nh__rotated_offset(&cache->head, payload);
	if (NH__UNLIKELY(offset >= cache->head.limit))
		return false;
	struct nh__block *block = nh__block_at(payload);
	unsigned klass = (unsigned)nh__load_relaxed(&block->owner) - NH__OWNER_LIVE;
	if (NH__UNLIKELY(klass >= NH_CLASSES))
		return false;
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
	if (NH__UNLIKELY(block->key != nh__block_key(cache->head.secret, block)))
		return false;
#endif
	if (NH__UNLIKELY(!nh__gate_enter(&cache->head.gate, cpu)))
		return false;
	struct nh__slot *slot = &cache->slot[klass];
	uint32_t chain = slot->cur;
	if (NH__UNLIKELY(NH__COUNT(chain) >= slot->cap || nh__should_merge(block, slot->span))) {
		nh__gate_cancel(&cache->head.gate, cpu);
		return false;
	}
	nh_port_retire(payload, NH_USABLE(slot->span));
	slot->cur = nh__chain_link(cache->head.secret, chain, payload, (uint32_t)offset + 1u);
	nh__gate_leave(&cache->head.gate, cpu);
	return true;
}

#endif

NH__INLINE void nh__free(nh_instance *instance, void *payload)
{
#if NH_CACHES
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	struct nh__cache *cache = (struct nh__cache *)nh_port_load_dependent(&instance->first[cpu]);
	bool done = nh__free_hit(cache, cpu, payload);
	nh_port_irq_restore(irq);
	if (NH__LIKELY(done))
		return;
#endif
	nh__free_slow(instance, payload);
}

#endif

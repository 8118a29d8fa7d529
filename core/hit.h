/* SPDX-License-Identifier: MIT */
/*
 * The hits: malloc and free served by this CPU's own magazine in its first heap. Inlined into the
 * public functions. Interrupts are off from before the CPU number is read until after the pop
 * or push, so that at most one free per CPU is ever under way.
 */
#ifndef NH_CORE_HIT_H
#define NH_CORE_HIT_H

#include "core/instance.h"

/* NULL: take the slow path, with *size, which may have become that of the class (all classes exact: it asks
 * for the same span, and the original need not be kept all the way). */
NH__INLINE void *nh__malloc_hit(nh_instance *instance, size_t *size)
{
#if NH_CACHES
	size_t index = (*size - 1u) >> NH__CLASS_STEP;
	if (NH__UNLIKELY(index >= NH__CLASS_TABLE))
		return NULL;
	unsigned klass = instance->class_of[index];
	nh_port_irq_begin(irq);
	unsigned cpu = nh_port_cpu();
	/* acquire, or dependency: of the release in core/instance.c */
	struct nh__cache *cache = (struct nh__cache *)nh_port_load_dependent(&instance->first[cpu]);
	if (NH__LIKELY(nh__gate_try(&cache->head.gate, cpu))) {
		struct nh__slot *slot = &cache->slot[klass];
		NH_PORT_OPAQUE(slot);
		void *payload = nh__chain_pop(&cache->head, &slot->cur);
		if (NH__LIKELY(payload != NULL)) {
			nh__store_relaxed(&nh__block_at(payload)->owner, (uint8_t)(NH__OWNER_LIVE + klass));
			nh__gate_leave(&cache->head.gate, cpu);
			nh_port_irq_restore(irq);
			return payload;
		}
		nh__gate_cancel(&cache->head.gate, cpu);
	}
	nh_port_irq_restore(irq);
	if (!NH_CLASS_DOUBLINGS)
		*size = NH_USABLE(NH_SPAN_MIN + klass);
#else
	(void)instance;
	(void)size;
#endif
	return NULL;
}

#if NH_CACHES

/* Everything that must hold for a push without another look: else false, and nothing was done. Works on
 * the block's header address alone: on Thumb-1 every further live value costs more than its sum. */
NH__INLINE bool nh__push_hit(struct nh__cache *cache, unsigned cpu, struct nh__block *block)
{
	uintptr_t offset = nh__rotated_offset(&cache->head, nh__payload(block));
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
	uint32_t chain = slot->cur;
	if (NH__UNLIKELY(NH__COUNT(chain) >= slot->cap || nh__should_merge(block, slot->span))) {
		nh__gate_cancel(&cache->head.gate, cpu);
		return false;
	}
	nh_port_retire(nh__payload(block), NH_USABLE(slot->span));
	slot->cur = nh__chain_link(cache->head.secret, chain, nh__payload(block), (uint32_t)offset + 1u);
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

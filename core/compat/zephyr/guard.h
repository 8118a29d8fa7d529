/* SPDX-License-Identifier: MIT */
/*
 * A lock for the few lists of this layer: interrupts off, one word. Holds are short and bounded
 * by the length of the list, so fairness is not worth more words. Not for signal handlers on hosts.
 */
#ifndef NH_COMPAT_ZEPHYR_GUARD_H
#define NH_COMPAT_ZEPHYR_GUARD_H

#include "arch/port.h"

typedef _Atomic uint32_t nh_zephyr_guard; /* 0 = free */

static inline nh_port_irq nh_zephyr_enter(nh_zephyr_guard *guard)
{
	nh_port_irq irq = nh_port_irq_save();
	uint32_t expected = 0;
	for (uint32_t polls = 0; !nh_port_cas_acquire(guard, &expected, 1u); polls++) {
		expected = 0;
		nh_port_relax(polls);
	}
	return irq;
}

static inline void nh_zephyr_leave(nh_zephyr_guard *guard, nh_port_irq irq)
{
	/* release: to the acquire of the next nh_zephyr_enter */
	atomic_store_explicit(guard, 0, memory_order_release);
	nh_port_irq_restore(irq);
}

/* Once only: 0 = untouched, busy while one caller is at it, then ready. */
enum nh_zephyr_stage { NH_ZEPHYR_NONE, NH_ZEPHYR_BUSY, NH_ZEPHYR_READY };

/* True for the one caller that may go on; it ends with nh_zephyr_settle(). */
static inline bool nh_zephyr_claim(_Atomic uint32_t *stage)
{
	uint32_t expected;
	do
		expected = NH_ZEPHYR_NONE;
	while (!nh_port_cas_acquire(stage, &expected, (uint32_t)NH_ZEPHYR_BUSY) && expected == NH_ZEPHYR_NONE);
	return expected == NH_ZEPHYR_NONE;
}

static inline void nh_zephyr_settle(_Atomic uint32_t *stage, enum nh_zephyr_stage to)
{
	/* release: to nh_zephyr_is_ready */
	atomic_store_explicit(stage, (uint32_t)to, memory_order_release);
}

static inline bool nh_zephyr_is_ready(_Atomic uint32_t *stage)
{
	/* acquire: of nh_zephyr_settle */
	return atomic_load_explicit(stage, memory_order_acquire) == NH_ZEPHYR_READY;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Port to ARMv7-A with several CPUs: Cortex-A5, A7, A9, A15, A17. LDREX and STREX by C11 atomics, CPSR
 * masks, MPIDR numbers.
 *
 * What must hold before nh_init, on every CPU that calls the heap: a privileged mode; MMU and data
 * cache on, all memory of the heap and of the instance Normal, cacheable and shareable; ACTLR.SMP
 * (bit 6; Cortex-A9 also FW, bit 0) and on the A9 the SCU on. Exclusives are not promised elsewhere,
 * and without the SMP bit caches differ.
 */
#ifndef NH_PORT_ARMV7A_H
#define NH_PORT_ARMV7A_H

#include "arch/cortex_a.h"

static inline unsigned nh_cortex_a__affinity0(void)
{
	uint32_t mpidr;
	/* volatile: a task may be moved between two reads */
	__asm volatile("mrc p15, 0, %0, c0, c0, 5" : "=r"(mpidr));
	return mpidr & 0xffu;
}

typedef uint32_t nh_port_irq;

static inline nh_port_irq nh_port_irq_save(void)
{
	uint32_t cpsr;
#if NH_CORTEX_A_MASK_FIQ
	__asm volatile("mrs %0, cpsr\n\tcpsid if" : "=r"(cpsr)::"memory");
#else
	__asm volatile("mrs %0, cpsr\n\tcpsid i" : "=r"(cpsr)::"memory");
#endif
	return cpsr;
}

#define nh_port_irq_begin(name) nh_port_irq name = nh_port_irq_save()

/* The control byte: masks, and the mode that it is in anyway. */
static inline void nh_port_irq_restore(nh_port_irq cpsr)
{
	__asm volatile("msr cpsr_c, %0" ::"r"(cpsr) : "memory");
}

#endif

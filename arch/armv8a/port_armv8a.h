/* SPDX-License-Identifier: MIT */
/*
 * Port to ARMv8-A and later in AArch64 state: Cortex-A35, A53, A72 and newer. C11 atomics become LDXR and
 * STXR, or CAS and SWP where the compiler may use LSE (-march=armv8.1-a and later); DAIF masks, MPIDR
 * numbers.
 *
 * What must hold before nh_init, on every CPU that calls the heap: EL1 or higher; MMU and data cache
 * on, all memory of the heap and of the instance Normal, write-back cacheable and shareable; where the
 * core has CPUECTLR.SMPEN (A35, A53, A57, A72), that bit. In AArch32 state use the ARMv7-A port.
 */
#ifndef NH_PORT_ARMV8A_H
#define NH_PORT_ARMV8A_H

#include "arch/cortex_a.h"

static inline unsigned nh_cortex_a__affinity0(void)
{
	uint64_t mpidr;
	/* volatile: a task may be moved between two reads */
	__asm volatile("mrs %0, mpidr_el1" : "=r"(mpidr));
	return (unsigned)mpidr & 0xffu;
}

typedef uint64_t nh_port_irq;

static inline nh_port_irq nh_port_irq_save(void)
{
	uint64_t daif;
#if NH_CORTEX_A_MASK_FIQ
	__asm volatile("mrs %0, daif\n\tmsr daifset, #3" : "=r"(daif)::"memory");
#else
	__asm volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(daif)::"memory");
#endif
	return daif;
}

#define nh_port_irq_begin(name) nh_port_irq name = nh_port_irq_save()

static inline void nh_port_irq_restore(nh_port_irq daif)
{
	__asm volatile("msr daif, %0" ::"r"(daif) : "memory");
}

#endif

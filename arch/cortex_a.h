/* SPDX-License-Identifier: MIT */
/*
 * What ARMv7-A and ARMv8-A share. The port's header defines nh_cortex_a__affinity0() and masks
 * interrupts, its source defines nh_cortex_a__timer().
 */
#ifndef NH_ARCH_CORTEX_A_H
#define NH_ARCH_CORTEX_A_H

#include <nearheap/cortex_a.h>
#include "arch/c11.h"

#define NH_PORT_LINE 64u
#define NH_PORT_VOLATILE_RELAXED

#ifndef NH_CORTEX_A_MASK_FIQ
#define NH_CORTEX_A_MASK_FIQ 0
#endif
#if NH_CORTEX_A_MASK_FIQ != 0 && NH_CORTEX_A_MASK_FIQ != 1
#error "NH_CORTEX_A_MASK_FIQ: 0 or 1"
#endif

#ifndef NH_CORTEX_A_CPU
#define NH_CORTEX_A_CPU() nh_cortex_a__affinity0()
#endif

/* Anything that counts; 0 where nothing does. */
uint32_t nh_cortex_a__timer(void);

static inline unsigned nh_cortex_a__affinity0(void);

/* A CPU beyond NH_CPUS is told as one without a number: it has no caches, and nh_port_attach stops it. */
static inline unsigned nh_port_cpu(void)
{
#if NH_CPUS == 1 && NH_HARDENING == NH_HARDENING_NONE
	return 0; /* taken on trust */
#else
	unsigned cpu = NH_CORTEX_A_CPU();
	return cpu < NH_CPUS ? cpu : NH_CPUS;
#endif
}

unsigned nh_port_attach(void);

static inline bool nh_port_in_isr(void)
{
	return nh_cortex_a_context_get() != NH_CORTEX_A_TASK;
}

static inline bool nh_port_lock_begin(void)
{
	return nh_cortex_a_context_get() != NH_CORTEX_A_FAULT;
}

static inline void nh_port_lock_end(void)
{
}

/* A hint for hardware threads and simulators. Not WFE: the holder's store need not be an event. */
static inline void nh_port_relax(uint32_t polls)
{
	(void)polls;
	__asm volatile("yield" ::: "memory");
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Port to ARMv8-M Mainline with one or more CPUs: Cortex-M33 as in the RP2350. Everything is C11 atomics,
 * which the compiler makes of LDAEX, STREX, LDA and STL: the gate's sequentially consistent pair is an STL
 * and an LDA, which keep their order without a fence. Hardware spinlocks are not used (those of the RP2350
 * release each other, erratum E2). No 64-bit atomics are needed.
 *
 * Precondition: nh_armv8m_cpu_init() (nearheap/armv8m.h) has run on every CPU, and the heaps lie in memory
 * that has a global exclusive monitor: internal SRAM, not PSRAM or flash windows.
 *
 * One security state only: what the other one's interrupts do is not masked.
 */
#ifndef NH_PORT_ARMV8M_H
#define NH_PORT_ARMV8M_H

#include "arch/c11.h"

#define NH_PORT_VOLATILE_RELAXED

/* How many CPUs there are. Numbers beyond NH_CPUS are told as NH_CPUS; where there are none such that costs nothing. */
#ifndef NH_ARMV8M_CPUS
#if defined(NH_ARMV8M_CPU_REGISTER) || defined(NH_ARMV8M_CPU)
#define NH_ARMV8M_CPUS 256
#else
#define NH_ARMV8M_CPUS 2
#endif
#endif

/* Address of the word that reads as the number of the CPU that asks. 0: there is none, with one CPU. */
#ifndef NH_ARMV8M_CPU_REGISTER
#define NH_ARMV8M_CPU_REGISTER (NH_CPUS > 1 ? 0xd0000000u : 0u) /* RP2350: SIO CPUID */
#endif
/* Or any expression; it is evaluated in every call, with interrupts off. */
#ifndef NH_ARMV8M_CPU
#define NH_ARMV8M_CPU() (*(const volatile uint32_t *)(uintptr_t)(NH_ARMV8M_CPU_REGISTER))
#endif

/* 0: the heap masks all interrupts (PRIMASK). Else the value for BASEPRI: interrupts of this priority and
 * of less urgent ones (numerically higher) are masked and may call the heap; calls from more urgent ones
 * that need a lock are refused. In the register's own form: level << (8 - implemented bits), a group
 * priority. */
#ifndef NH_ARMV8M_BASEPRI
#define NH_ARMV8M_BASEPRI 0
#endif
#if NH_ARMV8M_BASEPRI < 0 || NH_ARMV8M_BASEPRI > 255
#error "NH_ARMV8M_BASEPRI: 0 (PRIMASK) or a value of BASEPRI, 1 to 255"
#endif

/* A CPU beyond NH_CPUS has no caches, and nh_port_attach stops it. */
static inline unsigned nh_port_cpu(void)
{
#if NH_CPUS == 1 && NH_HARDENING == NH_HARDENING_NONE
	return 0; /* taken on trust */
#else
	unsigned cpu = NH_CPUS > 1 || NH_ARMV8M_CPU_REGISTER != 0 ? (unsigned)NH_ARMV8M_CPU() : 0;
	return NH_ARMV8M_CPUS <= NH_CPUS + 1 || cpu < NH_CPUS ? cpu : NH_CPUS;
#endif
}

/* Stops a CPU that has no caches and no place in the locks; see the .c file. */
unsigned nh_port_attach(void);

typedef uint32_t nh_port_irq;

static inline nh_port_irq nh_port_irq_save(void)
{
	uint32_t state;
#if NH_ARMV8M_BASEPRI
	/* BASEPRI_MAX never lowers a mask that is stronger already */
	__asm volatile("mrs %0, basepri\n\tmsr basepri_max, %1\n\tisb"
	               : "=&r"(state)
	               : "r"((uint32_t)NH_ARMV8M_BASEPRI)
	               : "memory");
#else
	__asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(state)::"memory");
#endif
	return state;
}

#define nh_port_irq_begin(name) nh_port_irq name = nh_port_irq_save()

static inline void nh_port_irq_restore(nh_port_irq state)
{
#if NH_ARMV8M_BASEPRI
	__asm volatile("msr basepri, %0" ::"r"(state) : "memory");
#else
	__asm volatile("msr primask, %0" ::"r"(state) : "memory");
#endif
}

static inline uint32_t nh_armv8m__exception(void)
{
	uint32_t ipsr;
	__asm volatile("mrs %0, ipsr" : "=r"(ipsr));
	return ipsr & 0x1ffu;
}

static inline bool nh_port_in_isr(void)
{
	return nh_armv8m__exception() != 0;
}

/* NMI (2) and HardFault (3) are above every mask. What PRIMASK masks includes all others; faults that
 * happen under it become HardFaults. */
#if NH_ARMV8M_BASEPRI
bool nh_port_lock_begin(void);
#else
static inline bool nh_port_lock_begin(void)
{
	uint32_t exception = nh_armv8m__exception();
	return exception != 2 && exception != 3;
}
#endif

static inline void nh_port_lock_end(void)
{
}

static inline void nh_port_relax(uint32_t polls)
{
	(void)polls;
	__asm volatile("yield" ::: "memory");
}

uint32_t nh_port_entropy(void);
void nh_port_fatal(const nh_fault *fault);

#endif

/* SPDX-License-Identifier: MIT
 *
 * ARMv8-A in AArch64 state as the boards see it.
 */
#ifndef NH_ARMA_CPU_H
#define NH_ARMA_CPU_H

#include <stddef.h>
#include <stdint.h>

static inline unsigned cpu_number(void)
{
	uint64_t mpidr;
	__asm volatile("mrs %0, mpidr_el1" : "=r"(mpidr));
	return (unsigned)mpidr & 3u;
}

#if NH_ARMA_FIQ
#define CPU_MASKS "#3"
#else
#define CPU_MASKS "#2"
#endif

static inline void cpu_irq_off(void)
{
	__asm volatile("msr daifset, " CPU_MASKS ::: "memory");
}

static inline void cpu_irq_on(void)
{
	__asm volatile("msr daifclr, " CPU_MASKS ::: "memory");
}

/* An instruction that no CPU knows. */
static inline void cpu_undefined(void)
{
	__asm volatile(".inst 0x00000000");
}

/* Writes the line back to memory. */
static inline void cpu_clean(const volatile void *address)
{
	__asm volatile("dc cvac, %0\n\tdsb sy" ::"r"(address) : "memory");
}

static inline uintptr_t cpu_semihosting(unsigned operation, void *argument)
{
	register uintptr_t x0 __asm("x0") = operation;
	register void *x1 __asm("x1") = argument;
	__asm volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
	return x0;
}

static inline long cpu_psci_on(unsigned cpu, uintptr_t entry)
{
	register uint64_t x0 __asm("x0") = 0xc4000003u; /* CPU_ON */
	register uint64_t x1 __asm("x1") = cpu;
	register uint64_t x2 __asm("x2") = entry;
	register uint64_t x3 __asm("x3") = 0;
	__asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
	return (long)x0;
}

/* ---- the generic timer's virtual half ------------------------------------------------------- */

static inline uint32_t cpu_timer_frequency(void)
{
	uint64_t hertz;
	__asm volatile("mrs %0, cntfrq_el0" : "=r"(hertz));
	return (uint32_t)hertz;
}

/* 0: off */
static inline void cpu_timer_set(uint32_t ticks)
{
	__asm volatile("msr cntv_tval_el0, %0\n\tmsr cntv_ctl_el0, %1\n\tisb" ::"r"((uint64_t)ticks),
	               "r"((uint64_t)(ticks != 0))
	               : "memory");
}

/* ---- the cycle counter ---------------------------------------------------------------------- */

static inline void cpu_count_start(void)
{
	__asm volatile("msr pmcr_el0, %0\n\tmsr pmcntenset_el0, %1\n\tisb" ::"r"(UINT64_C(0x45)),
	               "r"(UINT64_C(1) << 31));
}

static inline uint32_t cpu_count(void)
{
	uint64_t count;
	__asm volatile("isb\n\tmrs %0, pmccntr_el0" : "=r"(count)::"memory");
	return (uint32_t)count;
}

#endif

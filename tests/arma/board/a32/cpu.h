/* SPDX-License-Identifier: MIT
 *
 * ARMv7-A as the boards see it.
 */
#ifndef NH_ARMA_CPU_H
#define NH_ARMA_CPU_H

#include <stddef.h>
#include <stdint.h>

static inline unsigned cpu_number(void)
{
	uint32_t mpidr;
	__asm volatile("mrc p15, 0, %0, c0, c0, 5" : "=r"(mpidr));
	return mpidr & 3u;
}

#if NH_ARMA_FIQ
#define CPU_MASKS "if"
#else
#define CPU_MASKS "i"
#endif

static inline void cpu_irq_off(void)
{
	__asm volatile("cpsid " CPU_MASKS ::: "memory");
}

static inline void cpu_irq_on(void)
{
	__asm volatile("cpsie " CPU_MASKS ::: "memory");
}

/* An instruction that no CPU knows. */
static inline void cpu_undefined(void)
{
	__asm volatile(".inst 0xe7f000f0");
}

/* Writes the line back to memory. */
static inline void cpu_clean(const volatile void *address)
{
	__asm volatile("mcr p15, 0, %0, c7, c10, 1\n\tdsb" ::"r"(address) : "memory");
}

/* lr: the call is a supervisor call to the CPU. */
static inline uintptr_t cpu_semihosting(unsigned operation, void *argument)
{
	register uintptr_t r0 __asm("r0") = operation;
	register void *r1 __asm("r1") = argument;
	__asm volatile("svc #0x123456" : "+r"(r0) : "r"(r1) : "memory", "lr");
	return r0;
}

static inline long cpu_psci_on(unsigned cpu, uintptr_t entry)
{
	register uint32_t r0 __asm("r0") = 0x84000003u; /* CPU_ON */
	register uint32_t r1 __asm("r1") = cpu;
	register uint32_t r2 __asm("r2") = entry;
	register uint32_t r3 __asm("r3") = 0;
	__asm volatile(".arch_extension virt\n\thvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)::"memory");
	return (long)r0;
}

/* ---- the generic timer's virtual half ------------------------------------------------------- */

static inline uint32_t cpu_timer_frequency(void)
{
	uint32_t hertz;
	__asm volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(hertz));
	return hertz;
}

/* 0: off */
static inline void cpu_timer_set(uint32_t ticks)
{
	__asm volatile("mcr p15, 0, %0, c14, c3, 0\n\tmcr p15, 0, %1, c14, c3, 1\n\tisb" ::"r"(ticks),
	               "r"(ticks != 0)
	               : "memory");
}

/* ---- the cycle counter; a Cortex-A9 under QEMU has none ---------------------------------------- */

static inline void cpu_count_start(void)
{
	__asm volatile("mcr p15, 0, %0, c9, c12, 0\n\tmcr p15, 0, %1, c9, c12, 1\n\tisb" ::"r"(5u),
	               "r"(UINT32_C(1) << 31));
}

static inline uint32_t cpu_count(void)
{
	uint32_t count;
	__asm volatile("isb\n\tmrc p15, 0, %0, c9, c13, 0" : "=r"(count)::"memory");
	return count;
}

#endif

/* SPDX-License-Identifier: MIT */
/* Port to ARMv8-M: the parts that are not worth inlining. */
#include "arch/port.h"

/* Every slow path begins here, and a CPU without a number never gets further: its first cache is the empty
 * one. So the hits need not look. With one CPU configured they take its caches unseen; then this is
 * the only look there is, and only if there is a register. */
unsigned nh_port_attach(void)
{
	const bool numbered = NH_CPUS > 1 || NH_ARMV8M_CPU_REGISTER != 0;
	const unsigned cpu = numbered ? (unsigned)NH_ARMV8M_CPU() : 0;
	const nh_fault fault = { NH_FAULT_CONTEXT, NULL, cpu };
	while (cpu >= NH_CPUS)
		nh_port_fatal(&fault);
	return cpu;
}

#if NH_ARMV8M_BASEPRI

/* The priority of the handler that runs now; of the system's handlers 4 to 15 and of the interrupts, each
 * is a byte. */
bool nh_port_lock_begin(void)
{
	const volatile uint8_t *system = (const volatile uint8_t *)UINT32_C(0xe000ed18);
	const volatile uint8_t *interrupt = (const volatile uint8_t *)UINT32_C(0xe000e400);
	uint32_t exception = nh_armv8m__exception();
	if (exception == 0)
		return true;
	if (exception < 4)
		return false;
	uint8_t priority = exception < 16 ? system[exception - 4u] : interrupt[exception - 16u];
	return priority >= NH_ARMV8M_BASEPRI;
}

#endif

/* What differs a little from boot to boot: the counters that run. Where none does, links are encoded with the
 * same words in every run; override it with the chip's random number generator. */
__attribute__((weak)) uint32_t nh_port_entropy(void)
{
	static _Atomic uint32_t calls;
	const volatile uint32_t *systick = (const volatile uint32_t *)UINT32_C(0xe000e018);
	const volatile uint32_t *cycles = (const volatile uint32_t *)UINT32_C(0xe0001004);
	uint32_t word = atomic_fetch_add_explicit(&calls, 1u, memory_order_relaxed);
	word = (word + UINT32_C(0x9e3779b9)) * UINT32_C(0x85ebca6b);
	word = (word ^ *systick ^ word >> 13) * UINT32_C(0xc2b2ae35);
	return word ^ *cycles ^ word >> 16;
}

/* Stops this CPU where a debugger shows the fault; the others go on. */
__attribute__((weak)) void nh_port_fatal(const nh_fault *fault)
{
	register const nh_fault *shown __asm("r0") = fault;
	for (;;)
		__asm volatile("bkpt #0xfa" ::"r"(shown) : "memory");
}

/* Where RAM is, and what of it is taken, the board knows. */
__attribute__((weak)) nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	(void)base;
	(void)size;
	(void)attributes;
	return NH_OK;
}

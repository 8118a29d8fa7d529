/* SPDX-License-Identifier: MIT */
/* What ARMv7-A and ARMv8-A share and a program may replace, see nearheap/cortex_a.h. */
#include "arch/port.h"

/* Every slow path begins here, and a CPU beyond NH_CPUS has no other: it would have no place in the locks. */
unsigned nh_port_attach(void)
{
	unsigned cpu = NH_CORTEX_A_CPU();
	const nh_fault fault = { NH_FAULT_CONTEXT, NULL, cpu };
	while (cpu >= NH_CPUS)
		nh_port_fatal(&fault);
	return cpu;
}

__attribute__((weak)) uint32_t nh_port_entropy(void)
{
	static _Atomic uint32_t calls;
	uint32_t call = atomic_fetch_add_explicit(&calls, 1u, memory_order_relaxed) + 1u;
	uint32_t word = nh_cortex_a__timer() ^ (uint32_t)(uintptr_t)&call ^ call * UINT32_C(0x9e3779b9);
	word = (word ^ word >> 15) * UINT32_C(0x2c1b3c6d);
	return word ^ word >> 13;
}

/* Where RAM is, and what of it is taken, the board knows. */
__attribute__((weak)) nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	(void)base;
	(void)size;
	(void)attributes;
	return NH_OK;
}

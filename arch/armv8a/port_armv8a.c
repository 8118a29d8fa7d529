/* SPDX-License-Identifier: MIT */
/* Port to ARMv8-A: the parts that are not worth inlining. */
#include "arch/port.h"

/* The exception level does not say whether an interrupt is being served: see nearheap/cortex_a.h. */
__attribute__((weak)) nh_cortex_a_context nh_cortex_a_context_get(void)
{
	return NH_CORTEX_A_TASK;
}

/* The virtual count: no hypervisor traps it. */
uint32_t nh_cortex_a__timer(void)
{
	uint64_t count;
	__asm volatile("mrs %0, cntvct_el0" : "=r"(count));
	return (uint32_t)count ^ (uint32_t)(count >> 32);
}

/* Stops this CPU where a debugger, or the system's exception handler, shows the fault. */
__attribute__((weak)) void nh_port_fatal(const nh_fault *fault)
{
	register const nh_fault *shown __asm("x0") = fault;
	for (;;)
		__asm volatile("brk #0xfa" ::"r"(shown) : "memory");
}

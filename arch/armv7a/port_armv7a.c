/* SPDX-License-Identifier: MIT */
/* Port to ARMv7-A: the parts that are not worth inlining. */
#include "arch/port.h"

enum mode { MODE_FIQ = 0x11, MODE_IRQ = 0x12, MODE_MONITOR = 0x16, MODE_ABORT = 0x17, MODE_UNDEFINED = 0x1b };

__attribute__((weak)) nh_cortex_a_context nh_cortex_a_context_get(void)
{
	uint32_t cpsr;
	__asm volatile("mrs %0, cpsr" : "=r"(cpsr));
	switch (cpsr & 0x1fu) {
	case MODE_IRQ:
		return NH_CORTEX_A_HANDLER;
	case MODE_FIQ:
		return NH_CORTEX_A_MASK_FIQ ? NH_CORTEX_A_HANDLER : NH_CORTEX_A_FAULT;
	case MODE_MONITOR:
	case MODE_ABORT:
	case MODE_UNDEFINED:
		return NH_CORTEX_A_FAULT;
	default:
		return NH_CORTEX_A_TASK;
	}
}

/* The generic timer's virtual count, which no hypervisor traps. The Cortex-A9 has none. */
uint32_t nh_cortex_a__timer(void)
{
	uint32_t features, low = 0, high = 0;
	__asm volatile("mrc p15, 0, %0, c0, c1, 1" : "=r"(features)); /* ID_PFR1 */
	if ((features >> 16 & 0xfu) != 0)
		__asm volatile("mrrc p15, 1, %0, %1, c14" : "=r"(low), "=r"(high)); /* CNTVCT */
	return low ^ high;
}

/* Stops this CPU where a debugger, or the system's abort handler, shows the fault. */
__attribute__((weak)) void nh_port_fatal(const nh_fault *fault)
{
	register const nh_fault *shown __asm("r0") = fault;
	for (;;)
		__asm volatile("bkpt #0xfa" ::"r"(shown) : "memory");
}

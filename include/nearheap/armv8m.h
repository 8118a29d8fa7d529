/* SPDX-License-Identifier: MIT */
/* What programs on ARMv8-M microcontrollers with two CPUs (RP2350, MPS2-AN521) call besides nearheap.h. */
#ifndef NEARHEAP_ARMV8M_H
#define NEARHEAP_ARMV8M_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes exclusive accesses of this CPU known to the others (ACTLR.EXTEXCLALL). Without it each CPU of a
 * multi-core Cortex-M33 asks its own monitor only, and two of them may take one lock. Start-up code calls
 * it once on every CPU before that CPU's first call of the heap; privileged, from a task. */
static inline void nh_armv8m_cpu_init(void)
{
	volatile uint32_t *actlr = (volatile uint32_t *)UINT32_C(0xe000e008);
	*actlr |= UINT32_C(1) << 29;
	__asm volatile("dsb\n\tisb" ::: "memory");
}

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/* What boards with Cortex-M have in common, for their board_port.h: barriers, events, the interrupt mask. */
#ifndef NH_BOARD_CORTEX_M_H
#define NH_BOARD_CORTEX_M_H

static inline void board_barrier(void)
{
	__asm volatile("dmb" ::: "memory");
}

static inline void board_send_event(void)
{
	__asm volatile("sev" ::: "memory");
}

static inline void board_wait_event(void)
{
	__asm volatile("wfe" ::: "memory");
}

static inline void board_wait_interrupt(void)
{
	__asm volatile("wfi" ::: "memory");
}

static inline void board_irq_off(void)
{
	__asm volatile("cpsid i" ::: "memory");
}

static inline void board_irq_on(void)
{
	__asm volatile("cpsie i" ::: "memory");
}

#endif

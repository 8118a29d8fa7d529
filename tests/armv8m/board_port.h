/* SPDX-License-Identifier: MIT
 *
 * MPS2-AN521 under QEMU, two Cortex-M33, as a board for images: see tests/firmware/board.h.
 *
 * A and B are IRQs 30 and 31, which have no source on the SSE-200: SysTick pends them at random times. The
 * inter-CPU interrupt is the message handling unit, MHU0.
 */
#ifndef NH_BOARD_PORT_H
#define NH_BOARD_PORT_H

#define BOARD_REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define BOARD_CPU_IDENTITY 0x5001f000u

/* QEMU takes WFE for a NOP. */
#define BOARD_WAIT_EVENT_SLEEPS 0

static inline unsigned board_cpu(void)
{
	return (unsigned)BOARD_REG(BOARD_CPU_IDENTITY);
}

#include "cortex_m.h"

/* DWT CYCCNT reads as 0 here; the runner counts instructions instead. */
#define BOARD_COUNT_MASK 0u

static inline uint32_t board_count(void)
{
	return 0;
}

static inline uint32_t board_count_since(uint32_t start)
{
	return start;
}

static inline uintptr_t board_semihosting(unsigned operation, void *argument)
{
	register uintptr_t r0 __asm("r0") = operation;
	register void *r1 __asm("r1") = argument;
	__asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
	return r0;
}

/** Of tests/firmware/semihosting.c: takes the seed from the runner. */
void board_read_seed(void);

#endif

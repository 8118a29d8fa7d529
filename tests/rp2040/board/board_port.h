/* SPDX-License-Identifier: MIT
 *
 * The RP2040 as a board for images: see tests/firmware/board.h. It runs on the two-core emulator
 * and on a Pico (UART on GPIO 0 and 1, 115200 baud, 12 MHz crystal clock).
 *
 * A and B are IRQs 26 and 27, which have no source on the chip: they occur by board_irq_pend() or by
 * the runner's --irq-mean. The inter-CPU interrupt is the mailbox (SIO FIFO).
 */
#ifndef NH_BOARD_PORT_H
#define NH_BOARD_PORT_H

#include "rp2040_regs.h"

#define BOARD_WAIT_EVENT_SLEEPS 1

static inline unsigned board_cpu(void)
{
	return (unsigned)RP_REG(SIO_CPUID);
}

#include "cortex_m.h"

/* SysTick, modulo 2^24: 1.4 s at 12 MHz. */
#define BOARD_COUNT_MASK SYST_MASK

static inline uint32_t board_count(void)
{
	return (0u - RP_REG(SYST_CVR)) & BOARD_COUNT_MASK;
}

static inline uint32_t board_count_since(uint32_t start)
{
	return (board_count() - start) & BOARD_COUNT_MASK;
}

#endif

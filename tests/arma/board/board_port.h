/* SPDX-License-Identifier: MIT
 *
 * The Cortex-A boards' inline half of tests/firmware/board.h. a32/cpu.h or a64/cpu.h, by the include
 * path, has what differs between the instruction sets; vexpress_a9/ or virt/ what differs between machines.
 * They run under QEMU; where a chip needs more (cache invalidation before the first use), it is said there.
 */
#ifndef NH_ARMA_BOARD_PORT_H
#define NH_ARMA_BOARD_PORT_H

#include "cpu.h"

/* QEMU's WFE does not wait. */
#define BOARD_WAIT_EVENT_SLEEPS 0

static inline unsigned board_cpu(void)
{
	return cpu_number();
}

static inline void board_barrier(void)
{
	__asm volatile("dmb ish" ::: "memory");
}

static inline void board_send_event(void)
{
	__asm volatile("dsb ish\n\tsev" ::: "memory");
}

static inline void board_wait_event(void)
{
	__asm volatile("wfe" ::: "memory");
}

static inline void board_wait_interrupt(void)
{
	__asm volatile("dsb ish\n\twfi" ::: "memory");
}

static inline void board_irq_off(void)
{
	cpu_irq_off();
}

static inline void board_irq_on(void)
{
	cpu_irq_on();
}

#define BOARD_COUNT_MASK UINT32_MAX

/* Instructions if the machine runs under -icount shift=0; elsewhere a time. */
static inline uint32_t board_count(void)
{
	return cpu_count();
}

static inline uint32_t board_count_since(uint32_t start)
{
	return cpu_count() - start;
}

/** For tests/firmware/semihosting.c. */
static inline uintptr_t board_semihosting(unsigned operation, void *argument)
{
	return cpu_semihosting(operation, argument);
}

/** Of tests/firmware/semihosting.c: takes the seed from the runner. */
void board_read_seed(void);

#endif

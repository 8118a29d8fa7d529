/* SPDX-License-Identifier: MIT
 *
 * The calling core's interrupt controller.
 */
#include "board.h"

/* An interrupt that was just masked may still be taken without these. */
static inline void finish_write(void)
{
	__asm volatile("dsb\n\tisb" ::: "memory");
}

void board_irq_enable(unsigned irq)
{
	RP_REG(NVIC_ICPR) = 1u << irq;
	RP_REG(NVIC_ISER) = 1u << irq;
}

void board_irq_disable(unsigned irq)
{
	RP_REG(NVIC_ICER) = 1u << irq;
	finish_write();
}

void board_irq_pend(unsigned irq)
{
	RP_REG(NVIC_ISPR) = 1u << irq;
	finish_write();
}

void board_irq_clear(unsigned irq)
{
	RP_REG(NVIC_ICPR) = 1u << irq;
}

void board_irq_set_priority(unsigned irq, unsigned priority)
{
	const unsigned shift = 8u * (irq % 4u) + 6u; /* two bits, at the top of a byte */
	volatile uint32_t *const word = &RP_REG(NVIC_IPR + (irq & ~3u));
	*word = (*word & ~(3u << shift)) | ((priority & 3u) << shift);
}

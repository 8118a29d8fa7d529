/* SPDX-License-Identifier: MIT
 *
 * The calling core's interrupt controller, and the handlers. The vector table is shared by both cores.
 */
#include "board.h"

#include "board_internal.h"

#define IRQ_FIFO 15u /* of core 0; core 1 has the next one */
#define IRQ_A 26u
#define IRQ_B 27u

void isr_irq15(void);
void isr_irq16(void);
void isr_irq26(void);
void isr_irq27(void);

/* An interrupt that was just masked may still be taken without these. */
static inline void finish_write(void)
{
	__asm volatile("dsb\n\tisb" ::: "memory");
}

unsigned board_irq_number(unsigned irq)
{
	return irq == BOARD_IRQ_IPI ? IRQ_FIFO + board_cpu() : irq == BOARD_IRQ_A ? IRQ_A : IRQ_B;
}

void board_irq_forget(unsigned number)
{
	RP_REG(NVIC_ICPR) = 1u << number;
}

void board_irq_enable(enum board_irq irq)
{
	const unsigned number = board_irq_number(irq);
	board_irq_forget(number);
	if (irq == BOARD_IRQ_IPI && board_ipi_pending()) {
		RP_REG(NVIC_ISPR) = 1u << number;
	}
	RP_REG(NVIC_ISER) = 1u << number;
}

void board_irq_disable(enum board_irq irq)
{
	RP_REG(NVIC_ICER) = 1u << board_irq_number(irq);
	finish_write();
}

void board_irq_pend(enum board_irq irq)
{
	RP_REG(NVIC_ISPR) = 1u << board_irq_number(irq);
	finish_write();
}

/* The emulator's injector does it; on a Pico nobody. */
void board_disturb(uint32_t mean)
{
	(void)mean;
}

static void mailbox_interrupt(void)
{
	board_ipi_clear();
	board_handler(BOARD_IRQ_IPI);
}

void isr_irq15(void)
{
	mailbox_interrupt();
}

void isr_irq16(void)
{
	mailbox_interrupt();
}

void isr_irq26(void)
{
	board_handler(BOARD_IRQ_A);
}

void isr_irq27(void)
{
	board_handler(BOARD_IRQ_B);
}

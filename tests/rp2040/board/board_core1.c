/* SPDX-License-Identifier: MIT
 *
 * The mailbox between the cores, and starting core 1 through it.
 */
#include "board.h"

#include "board_internal.h"

extern uint32_t __nh_stack1_top[];
extern const uint32_t vectors[]; /* startup.c; only its address matters here */

/* Written by core 0 before the handshake, read by core 1 after it: the mailbox
 * orders the two, with the barriers in push and entry. */
static void (*core1_function)(void);

static inline void memory_barrier(void)
{
	__asm volatile("dmb" ::: "memory");
}

void board_fifo_push(uint32_t word)
{
	while ((RP_REG(SIO_FIFO_ST) & SIO_FIFO_RDY) == 0u) {
	}
	memory_barrier();
	RP_REG(SIO_FIFO_WR) = word;
	board_send_event();
}

uint32_t board_fifo_pop(void)
{
	while (!board_fifo_ready()) {
		board_wait_event();
	}
	const uint32_t word = RP_REG(SIO_FIFO_RD);
	memory_barrier();
	return word;
}

void board_fifo_drain(void)
{
	while (board_fifo_ready()) {
		(void)RP_REG(SIO_FIFO_RD);
	}
	RP_REG(SIO_FIFO_ST) = 0u;
}

static void core1_entry(void)
{
	memory_barrier();
	board_irq_clear(BOARD_IRQ_FIFO_CORE1); /* the handshake's words pended it */
	board_start_cycle_counter();
	core1_function();
	for (;;) {
		board_wait_interrupt();
	}
}

/* The boot ROM echoes each word; on a wrong echo the sequence starts again. */
static void handshake(const uint32_t *words, unsigned count)
{
	unsigned sent = 0;
	while (sent < count) {
		if (words[sent] == 0u) {
			board_fifo_drain();
			board_send_event(); /* core 1 may be asleep in the ROM */
		}
		board_fifo_push(words[sent]);
		sent = board_fifo_pop() == words[sent] ? sent + 1u : 0u;
	}
}

void board_launch_core1(void (*fn)(void))
{
	const uint32_t words[] = {
		0u, 0u, 1u, (uint32_t)vectors, (uint32_t)__nh_stack1_top, (uint32_t)core1_entry,
	};
	const bool enabled = (RP_REG(NVIC_ISER) & (1u << BOARD_IRQ_FIFO_CORE0)) != 0u;
	core1_function = fn;
	board_irq_disable(BOARD_IRQ_FIFO_CORE0); /* a handler would eat the echoes */
	handshake(words, sizeof words / sizeof words[0]);
	board_irq_clear(BOARD_IRQ_FIFO_CORE0);
	if (enabled) {
		board_irq_enable(BOARD_IRQ_FIFO_CORE0);
	}
}

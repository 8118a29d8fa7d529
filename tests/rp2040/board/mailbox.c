/* SPDX-License-Identifier: MIT
 *
 * The mailbox between the cores: starting core 1 through it, and interrupts from one core to the other.
 */
#include "board.h"

#include "board_internal.h"

extern uint32_t __nh_stack1_top[];
extern const uint32_t vectors[]; /* startup.c; only its address matters here */

/* Written by core 0 before the handshake, read by core 1 after it: the mailbox
 * orders the two, with the barriers in push and entry. */
static void (*core1_function)(void);

static bool has_word(void)
{
	return (RP_REG(SIO_FIFO_ST) & SIO_FIFO_VLD) != 0u;
}

static bool has_room(void)
{
	return (RP_REG(SIO_FIFO_ST) & SIO_FIFO_RDY) != 0u;
}

/* The other core gets its FIFO interrupt and an event. */
static void push(uint32_t word)
{
	board_barrier();
	RP_REG(SIO_FIFO_WR) = word;
	board_send_event();
}

static uint32_t pop(void)
{
	while (!has_word()) {
		board_wait_event();
	}
	const uint32_t word = RP_REG(SIO_FIFO_RD);
	board_barrier();
	return word;
}

static void drain(void)
{
	while (has_word()) {
		(void)RP_REG(SIO_FIFO_RD);
	}
}

void board_ipi_send(void)
{
	if (has_room()) { /* else one is pending already */
		push(0u);
	}
}

bool board_ipi_pending(void)
{
	return has_word();
}

/* Not the error flags: board_strange_touched() wants them. */
void board_ipi_clear(void)
{
	drain();
	board_irq_forget(board_irq_number(BOARD_IRQ_IPI));
}

/* A read of the empty mailbox leaves a mark, of the full one it takes a word. */
void *board_strange_address(void)
{
	drain();
	RP_REG(SIO_FIFO_ST) = 0u;
	return (void *)(uintptr_t)SIO_FIFO_RD;
}

bool board_strange_touched(void)
{
	return (RP_REG(SIO_FIFO_ST) & SIO_FIFO_ROE) != 0u;
}

static void core1_entry(void)
{
	board_barrier();
	board_irq_forget(board_irq_number(BOARD_IRQ_IPI)); /* the handshake's words pended it */
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
			drain();
			RP_REG(SIO_FIFO_ST) = 0u;
			board_send_event(); /* core 1 may be asleep in the ROM */
		}
		while (!has_room()) {
		}
		push(words[sent]);
		sent = pop() == words[sent] ? sent + 1u : 0u;
	}
}

void board_start_cpu1(void (*fn)(void))
{
	const uint32_t words[] = {
		0u, 0u, 1u, (uint32_t)vectors, (uint32_t)__nh_stack1_top, (uint32_t)core1_entry,
	};
	const unsigned number = board_irq_number(BOARD_IRQ_IPI);
	const bool enabled = (RP_REG(NVIC_ISER) & (1u << number)) != 0u;
	core1_function = fn;
	board_irq_disable(BOARD_IRQ_IPI); /* a handler would eat the echoes */
	handshake(words, sizeof words / sizeof words[0]);
	board_irq_forget(number);
	if (enabled) {
		board_irq_enable(BOARD_IRQ_IPI);
	}
}

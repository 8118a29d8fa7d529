/* SPDX-License-Identifier: MIT
 *
 * The bare RP2040 for test and demo images: console, cores, interrupts, cycles.
 * It runs on the two-core emulator and on a Pico (UART on GPIO 0 and 1, 115200
 * baud, 12 MHz crystal clock). Nothing here uses the heap or masks interrupts.
 *
 * Unless a function says otherwise it may be called on either core, from threads
 * and interrupt handlers. "Own core" means it acts on the calling core only.
 */
#ifndef NH_BOARD_H
#define NH_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "rp2040_regs.h"

/* ---- start and end ------------------------------------------------------ */

/** Seed of the test. The runner stores its --seed here before the start; on real
 *  hardware it keeps the value that the image was built with. */
extern volatile uint32_t nh_board_seed;

/** Clocks, console, spinlocks and core 0's cycle counter. First call of main(),
 *  on core 0, before core 1 is launched. */
void board_init(void);

/** Ends the image: 0 is success (bkpt #0x2a), anything else failure (bkpt #0x2b,
 *  the runner prints the code). Waits until the console has sent everything. */
_Noreturn void board_exit(int code);

/** Prints where a check failed, then board_exit(1). Used by BOARD_CHECK. */
_Noreturn void board_check_failed(const char *file, int line, const char *what);

/** Ends the image unless the condition holds. Always compiled in. */
#define BOARD_CHECK(condition)                                                                               \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			board_check_failed(__FILE__, __LINE__, #condition);                                  \
		}                                                                                            \
	} while (0)

/* ---- console ------------------------------------------------------------ */

/* Not locked: two cores, or a handler and a thread, that print at the same time
 * mix their characters. Each call waits for room in the UART's FIFO. */

void board_putc(char c);
void board_puts(const char *text);

/** Decimal, right-justified in at least width characters, padded with pad. */
void board_put_u32(uint32_t value, unsigned width, char pad);

/** %s %c %d %u %x %%, each with '-' (left-justify), '0' (pad with zeros), a width
 *  and an 'l' that changes nothing, int and long being 32 bits here. */
void board_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- cores -------------------------------------------------------------- */

/** 0 or 1. One cycle. */
static inline unsigned board_core(void)
{
	return (unsigned)RP_REG(SIO_CPUID);
}

/** Starts core 1 with fn on its own stack in SCRATCH_X, its cycle counter running
 *  and no interrupt enabled. Returns when core 1 has accepted; it sleeps for ever
 *  if fn returns. On core 0, once per reset of core 1. What waits in core 0's
 *  mailbox is lost. */
void board_launch_core1(void (*fn)(void));

/** Has the other core sent something? Own core's mailbox, 8 words deep. */
static inline bool board_fifo_ready(void)
{
	return (RP_REG(SIO_FIFO_ST) & SIO_FIFO_VLD) != 0u;
}

/** Sends a word to the other core; waits while its mailbox is full. The other
 *  core gets its FIFO interrupt (15 on core 0, 16 on core 1) and an event. */
void board_fifo_push(uint32_t word);

/** Takes a word from the mailbox; sleeps until there is one. */
uint32_t board_fifo_pop(void);

/** Empties the mailbox and clears its error flags, which hold its interrupt. */
void board_fifo_drain(void);

static inline void board_send_event(void)
{
	__asm volatile("sev" ::: "memory");
}

/** Sleeps until an event or an interrupt; may return at once. Call it in a loop
 *  that tests the condition. With interrupts masked, only events wake. */
static inline void board_wait_event(void)
{
	__asm volatile("wfe" ::: "memory");
}

/** Sleeps until an interrupt is pending, also when interrupts are masked. */
static inline void board_wait_interrupt(void)
{
	__asm volatile("wfi" ::: "memory");
}

/* ---- interrupts, own core ----------------------------------------------- */

/* Numbers 0..31. Handlers are the functions isr_irq0 .. isr_irq31, which are
 * shared by both cores: ask board_core(). 26..31 have no source on the chip and
 * only occur by board_irq_pend() or by the runner's --irq-mean. */

#define BOARD_IRQ_FIFO_CORE0 15u
#define BOARD_IRQ_FIFO_CORE1 16u

/** Forgets an interrupt that is already pending, then enables it. */
void board_irq_enable(unsigned irq);
void board_irq_disable(unsigned irq);
void board_irq_pend(unsigned irq);
void board_irq_clear(unsigned irq);

/** 0 (highest, the reset value) .. 3. */
void board_irq_set_priority(unsigned irq, unsigned priority);

/* ---- cycles, own core --------------------------------------------------- */

/** Processor cycles of this core, modulo 2^24 (1.4 s at 12 MHz). */
static inline uint32_t board_cycles(void)
{
	return (0u - RP_REG(SYST_CVR)) & SYST_MASK;
}

/** Cycles since an earlier board_cycles() of this core, right across one wrap.
 *  Includes a few cycles for reading the counter: time an empty call, subtract. */
static inline uint32_t board_cycles_since(uint32_t start)
{
	return (board_cycles() - start) & SYST_MASK;
}

#endif

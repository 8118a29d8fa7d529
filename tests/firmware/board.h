/* SPDX-License-Identifier: MIT
 *
 * tests/firmware/board.h - what an image for tests, demos and benchmarks has of a bare board
 * with two CPUs: console, the second CPU, interrupts, memory banks, counters.
 *
 * Each board is one folder with a board_port.h (found by the include path) that defines what is
 * marked "board_port.h" below as macros or static inline functions, and sources for the rest. The
 * images know this file only. Nothing here uses the heap or masks interrupts.
 *
 * Unless a function says otherwise it may be called on either CPU, from threads and interrupt
 * handlers. "Own CPU" means that it acts on the calling CPU only.
 */
#ifndef NH_BOARD_H
#define NH_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_CPUS 2u

/* ---- start and end ------------------------------------------------------ */

/** Seed of the test, given by the runner (RP2040: written into the image; the others: the
 *  semihosting command line); without one, what the image was built with. */
extern volatile uint32_t nh_board_seed;

/** Name of the board, for the log. */
extern const char board_name[];

/** Clocks, console, counters of CPU 0. First call of main(), on CPU 0, before CPU 1 is started. */
void board_init(void);

/** Ends the image on all CPUs: 0 is success, anything else failure; the runner exits non-zero and
 *  prints the code. Waits until the console has sent everything. */
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

/* Not locked: two CPUs, or a handler and a thread, that print at the same time mix their characters. */

void board_putc(char c);
void board_puts(const char *text);

/** %s %c %d %u %x %%, each with '-' (left-justify), '0' (pad with zeros), a width
 *  and an 'l' that changes nothing: 32 bits are printed. */
void board_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- CPUs --------------------------------------------------------------- */

/* board_port.h: unsigned board_cpu(void)             0 or 1 */

/** Starts CPU 1 with fn on its own stack, counters running, caches and MMU as on CPU 0, no
 *  interrupt enabled. Returns when CPU 1 runs; it sleeps for ever if fn returns. On CPU 0, once. */
void board_start_cpu1(void (*fn)(void));

/* board_port.h: void board_barrier(void)             all earlier accesses before all later ones
 *               void board_send_event(void)          wakes board_wait_event() of both CPUs
 *               void board_wait_event(void)          sleeps until an event or interrupt; may return at once
 *               BOARD_WAIT_EVENT_SLEEPS              1 if it returns for a reason only, 0 if it polls
 *               void board_wait_interrupt(void)      sleeps until one is pending, also when masked
 *               void board_irq_off(void)             masks interrupts, own CPU
 *               void board_irq_on(void)              unmasks them */

/* ---- interrupts, own CPU ------------------------------------------------ */

/* Three sources: two that programs pend and that also come at times nobody chose (the emulator's
 * injector, or a timer with random periods, see board_disturb), and the inter-CPU interrupt. */
enum board_irq { BOARD_IRQ_A, BOARD_IRQ_B, BOARD_IRQ_IPI, BOARD_IRQS };

/** Defined by the image: a handler runs. One level: none of them interrupts another. An inter-CPU
 *  interrupt has been taken back already. */
void board_handler(enum board_irq irq);

/** Forgets an A or B that is already pending, then enables it. */
void board_irq_enable(enum board_irq irq);
void board_irq_disable(enum board_irq irq);
/** Own CPU, A or B only. */
void board_irq_pend(enum board_irq irq);

/** Interrupts the other CPU (BOARD_IRQ_IPI), and sends it an event: enabled there, masked or not, it
 *  ends both kinds of waiting. */
void board_ipi_send(void);
/** Is one pending on this CPU? */
bool board_ipi_pending(void);
/** Takes it back. */
void board_ipi_clear(void);

/** From now on A or B occur at random times on this CPU, on average every `mean` cycles or
 *  instructions; 0 = no more. A board whose runner injects them does nothing here. */
void board_disturb(uint32_t mean);

/* ---- memory ------------------------------------------------------------- */

/* LOCAL0, LOCAL1 near one CPU each; SHARED; two small fast ones that also hold the stacks of CPU 0
 * (SCRATCH0) and CPU 1 (SCRATCH1). On boards without such banks they are parts of one RAM. */
enum board_bank { BOARD_LOCAL0, BOARD_LOCAL1, BOARD_SHARED, BOARD_SCRATCH0, BOARD_SCRATCH1, BOARD_BANKS };

/** What of a bank is free for a heap. */
void board_bank_memory(enum board_bank bank, void **base, size_t *size);

/** The stack of a CPU: lowest and one past its highest byte. */
void board_stack(unsigned cpu, void **low, void **top);

/** An address that no heap owns and nobody may touch: reading it has a side effect that
 *  board_strange_touched() sees until the next board_strange_address(), or aborts the image. Own CPU,
 *  with no inter-CPU interrupt under way. */
void *board_strange_address(void);
bool board_strange_touched(void);

/* ---- cost, own CPU ------------------------------------------------------ */

/** What board_count() counts: "cycles" or "instructions"; NULL if nothing can be counted. */
extern const char *const board_count_unit;

/* board_port.h: uint32_t board_count(void)                  wraps at BOARD_COUNT_MASK
 *               uint32_t board_count_since(uint32_t start)  right across one wrap */

#include "board_port.h"

/* How many times the usual amount of random operations an image does: defined by whoever builds it. */
#ifndef BOARD_SCALE
#define BOARD_SCALE 1u
#endif

#endif

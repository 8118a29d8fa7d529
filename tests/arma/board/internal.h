/* SPDX-License-Identifier: MIT
 *
 * Between the files of the Cortex-A boards.
 */
#ifndef NH_ARMA_INTERNAL_H
#define NH_ARMA_INTERNAL_H

#include "board.h"

/* ---- a32/ or a64/: start.S, mmu.c ------------------------------------------------------------ */

/** The tables, once, on CPU 0. */
void cpu_tables(void);

/** MMU, caches and coherence of the calling CPU on. */
void cpu_mmu_on(void);

/** Where CPU 1 begins, from reset or from the firmware: waits for board_pen, then cpu1_main(). */
void cpu1_start(void);
extern volatile uint32_t board_pen;

/** From start.S. */
_Noreturn void cpu0_main(void);
_Noreturn void cpu1_main(void);
void cpu_interrupt(void);
_Noreturn void cpu_exception(const char *what, uintptr_t pc, uintptr_t address, uintptr_t status);

/* ---- the machine's folder ---------------------------------------------------------------- */

/** MiB from start that are RAM; and one or two MiB of registers, mapped as device memory. */
struct machine_span {
	uint32_t first; /* MiB */
	uint32_t count; /* MiB */
	bool device;
};
extern const struct machine_span machine_map[];
extern const unsigned machine_map_spans;

extern const uintptr_t machine_gicd, machine_gicc;
/** First of six shared interrupts that no device uses: two per source, one for each CPU. */
extern const unsigned machine_free_spi;

/** What makes caches coherent beyond the CPU's own bit; before cpu_mmu_on() of CPU 0. */
void machine_coherence_on(void);
/** board_pen is open: brings CPU 1 to cpu1_start(), if it is not there since reset. */
void machine_start_cpu1(void);

/** Own CPU's private timer: its interrupt, once, after so many ns; 0 = never. Either also withdraws one
 *  that is pending. */
extern const unsigned machine_timer_irq;
void machine_timer(uint32_t nanoseconds);

/* ---- gic.c ------------------------------------------------------------------------------- */

/** Shared part once, on CPU 0; own part on each. */
void gic_start(void);
void gic_start_cpu(void);

#define NH_REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

#endif

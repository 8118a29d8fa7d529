/* SPDX-License-Identifier: MIT
 *
 * Between the files of the board layer.
 */
#ifndef NH_BOARD_INTERNAL_H
#define NH_BOARD_INTERNAL_H

#include <stdint.h>

/** Starts the calling core's SysTick as a free-running 24-bit counter. */
void board_start_cycle_counter(void);

void board_start_console(void);

/** Waits until the last character has left. */
void board_flush_console(void);

/** NVIC number of a source on the calling core. */
unsigned board_irq_number(unsigned irq);

/** Takes back what is pending in the calling core's interrupt controller. */
void board_irq_forget(unsigned number);

#endif

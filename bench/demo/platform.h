/* SPDX-License-Identifier: MIT */
/*
 * What the demo needs of a machine with two cores. platform_board.c has a chip, platform_host.c
 * has threads that play the cores and signals that play their interrupts.
 */
#ifndef DEMO_PLATFORM_H
#define DEMO_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes %s %c %d %u %x, '-', '0' and a width. Core 0 only. */
#ifdef NH_PORT_HOST
#include <stdio.h>
#define demo_print printf
#else
#include "board.h"
#define demo_print board_printf
#endif

/* ---- what the machine is ---------------------------------------------------------------- */

#define DEMO_CORES 2u

/* Heaps in the order in which they are added, so also their numbers. */
enum demo_bank { DEMO_LOCAL0, DEMO_LOCAL1, DEMO_SHARED, DEMO_SCRATCH_Y, DEMO_SCRATCH_X, DEMO_BANKS };

/* The memory of a bank. Scratch Y is core 0's, scratch X core 1's. */
void demo_bank_memory(enum demo_bank bank, void **base, size_t *size);

/* Unit of demo_time(): "cycles" or "ns". */
extern const char demo_time_unit[];

/* How many times as much work as on a 12 MHz microcontroller. */
extern const uint32_t demo_scale;

/* True if something outside, the emulator, measures how long interrupts are off. */
extern const bool demo_irq_off_measured;

/* ---- running ---------------------------------------------------------------------------- */

/* Runs fn on core 1; it may return. Core 0 only. */
void demo_start_core1(void (*fn)(void));

/* Own core's clock, modulo 2^24 or more. */
uint32_t demo_time(void);
uint32_t demo_time_since(uint32_t start);

/* Time that handlers took from this core's program so far, entry and exit included. */
uint32_t demo_time_stolen(void);

/* Nothing to do: sleeps until demo_wake() or an interrupt, or gives the processor away. May return at once. */
void demo_wait(void);
void demo_wake(void);

/* Has handler `source` run on this core soon. Besides these there are handler runs at times that
 * nobody chose: the emulator's injector, or a timer thread. */
void demo_pend(unsigned source);

/* ---- called by the platform ------------------------------------------------------------- */

#define DEMO_SOURCES 2u

/* On a core's interrupt; never two at a time on one core. */
void demo_handler(unsigned core, unsigned source);

/* The whole demo, on core 0. Returns true if every check held. */
bool demo_run(uint32_t seed);

#endif

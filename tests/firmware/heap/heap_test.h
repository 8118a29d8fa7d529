/* SPDX-License-Identifier: MIT */
/*
 * Shared parts of the heap's test image. Both cores run the same phases in step; a phase does its
 * work on both, or on one while the other sleeps. Any failed check ends the image.
 */
#ifndef HEAP_TEST_H
#define HEAP_TEST_H

#include <nearheap/nearheap.h>

#include "board.h"
#include "pattern.h"
#include "ring.h"

#define CORES BOARD_CPUS

/* In the order of the banks. */
enum heap_number { LOCAL0, LOCAL1, SHARED, SCRATCH0, SCRATCH1, HEAPS };

/* Mean distance of the interrupts that a board makes itself; where the runner does, it decides. */
#define DISTURBANCE 6000u

/* One per CPU, and one more for its handlers. */
struct actor {
	unsigned core;
	uint32_t random;
	uint32_t allocations;
	uint32_t refusals; /* judged */
};

extern struct actor actors[CORES], handlers[CORES];

/* ---- sync.c: the cores in step ---------------------------------------------------------- */

/* Waits until both cores are here. Serves stop_other() meanwhile. */
void barrier(const struct actor *me);

/* Between two operations: stands still if the other core wants that. */
void safe_point(const struct actor *me);

/* From the return until resume_other() nothing but this core's program touches the heap. */
void stop_other(const struct actor *me);
void resume_other(const struct actor *me);

/* Interrupts A and B of this core. */
void interrupts(bool on);

/* Handlers must keep off the heap. */
bool handlers_silenced(void);
void silence_handlers(bool silent);

/* ---- blocks ----------------------------------------------------------------------------- */

/* Frees; the contents must be what they were. */
void drop(struct demo_block *block);

/* ---- phases; both cores call them ------------------------------------------------------- */

/* Random operations on 1 to 1500 bytes, blocks passing between cores and handlers. `crowded`: half of
 * them large, so that small heaps run out. */
void hammer(struct actor *me, uint32_t operations, bool crowded);
void hammer_handler(struct actor *me, enum board_irq irq);

/* Core 1 sleeps with full caches, `deep` in WFI with interrupts masked; core 0 gets what is in them. */
void idle_reclaim(struct actor *me, bool deep);

/* One core lives on its magazines while the other, `reclaimer`, empties them again and again. */
void reclaim_storm(struct actor *me, unsigned reclaimer, uint32_t operations);

/* With N credits for a heap of N blocks no allocation fails. */
void credit(struct actor *me, uint32_t operations);

/* Freed here and freed again there; addresses that are no blocks. */
void faults(struct actor *me);

#endif

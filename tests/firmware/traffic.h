/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs and their handlers that make blocks, pass them to each other and drop what the other made: the
 * load of images for interfaces on top of the heap. The image says what making, moving and dropping are.
 */
#ifndef NH_TRAFFIC_H
#define NH_TRAFFIC_H

#include "board.h"
#include "pattern.h"
#include "ring.h"

/* A CPU's program, or its handlers: they count apart, since they interrupt only it. */
struct traffic_actor {
	uint32_t random;
	uint32_t allocations, refusals, moves;
};

/* ---- the image's ------------------------------------------------------------------------ */

/* A filled block of 1 to `longest` bytes, or none (address NULL). Counts both. */
struct demo_block traffic_make(struct traffic_actor *me, uint32_t longest);

/* Resizes, perhaps to elsewhere; the contents stay. */
void traffic_move(struct traffic_actor *me, struct demo_block *block);

/* Checks and frees; nothing if the address is NULL. */
void traffic_drop(const struct demo_block *block);

/* ---- the load --------------------------------------------------------------------------- */

/* First of all, on CPU 0: board, console, random numbers from the board's seed. `title` for the log. */
void traffic_begin(const char *title);

/* Last of all, on CPU 0: enough was done, and how much. */
void traffic_end(void);

/* On both CPUs: interrupts on; then blocks to the other until `operations` were made, and until
 * the other's are dropped. Handlers make and drop blocks of their own meanwhile. */
void traffic_interrupts_on(void);
void traffic_work(unsigned self, uint32_t operations, uint32_t longest);

/* ---- in step ---------------------------------------------------------------------------- */

uint32_t traffic_get(_Atomic uint32_t *word);                 /* acquire: of traffic_set */
void traffic_set(_Atomic uint32_t *word, uint32_t value);     /* release; wakes the other CPU */

/* Both CPUs leave here together. */
void traffic_meet(unsigned self);

#endif

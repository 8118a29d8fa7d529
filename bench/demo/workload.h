/* SPDX-License-Identifier: MIT */
/*
 * The two-core workload.
 *
 *   core 0, a control loop                        core 1, a packet worker
 *     sensor records, state, commands               parses what arrives into sessions,
 *     descriptor + DMA buffer  ------ to_core1 ---> frees descriptor, buffer and command there
 *     checks and frees answers <----- to_core0 ---- answers with a buffer of its own
 *     ^ events[0]   | returns[0]                    ^ events[1]   | returns[1]
 *     |             v                               |             v
 *   handlers of core 0: allocate, free            handlers of core 1: the same
 *
 * The script (workload.c) takes them through calm work, full local banks and the very limit.
 */
#ifndef DEMO_WORKLOAD_H
#define DEMO_WORKLOAD_H

#include "meter.h"

/* ---- what both cores hold and hand over: work.c ----------------------------------------- */

/* True while handlers work; else they do nothing. */
extern _Atomic uint32_t work_handlers_on;

/* Interrupts per core, while handlers work. */
extern uint32_t work_interrupts[DEMO_CORES];

/* Answers that found the way to core 0 full. */
extern uint32_t work_dropped;

/* The first exchange of messages, before anything else fills the caches: inboxes and magazines share
 * one budget, first come, first served. Waits for the answers. */
void work_greet(struct meter *me);

/* Core 1's part. False if there was nothing to do. */
bool work_greeted(struct meter *me);

/* One period of the control loop. Waits while core 1 is behind. */
void work_control(struct meter *me);

/* One message, if there is one, and some housekeeping. False if there was nothing to do. */
bool work_packets(struct meter *me);

/* Frees whatever this core holds, and what waits in its queues. Own handlers must be off. */
void work_clear(struct meter *me);

/* ---- pressure: hoard.c ------------------------------------------------------------------ */

/* Keeps records until `fallbacks` more of them had to go elsewhere than into the core's own bank. */
void hoard_fill_local(struct meter *me, uint32_t fallbacks);

/* Takes all memory that plain requests can have without a reclaim, in ever smaller pieces. */
void hoard_everything(struct meter *me);

/* Then asks for more, blocks that can only come out of the other core's caches. Returns how many came. */
uint32_t hoard_beyond(struct meter *me);

/* Parks as many blocks in this core's caches as they take. */
void hoard_stock_caches(struct meter *me);

/* Frees `part` of 4 of what was kept, picked at random. */
void hoard_release(struct meter *me, uint32_t part);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The heap, seen through a meter: every call of the demo goes through here, and is counted, timed and
 * judged. Four contexts call: the program and the handlers of each core. Each has a tally
 * of its own, so that nothing is counted under a lock and no increment is lost.
 */
#ifndef DEMO_METER_H
#define DEMO_METER_H

#include <stdatomic.h>

#include <nearheap/nearheap.h>

#include "platform.h"
#include "ring.h"

/* Values below are counted exactly, above in 16 steps per doubling: percentiles to 6 %. */
#define METER_EXACT_LOG 7u
#define METER_EXACT (1u << METER_EXACT_LOG)
#define METER_STEPS 16u
#define METER_BUCKETS (METER_EXACT + (31u - METER_EXACT_LOG) * METER_STEPS)

struct meter_times {
	uint32_t bucket[METER_BUCKETS];
	uint32_t count;
	uint32_t max;
};

enum meter_kind {
	METER_PLAIN, /* nh_malloc */
	METER_DMA,   /* memory that a DMA engine reaches */
	METER_FAST,  /* preferably the core's own scratch bank, else as plain */
};

struct meter_tally {
	uint32_t allocations;
	uint32_t landed[DEMO_BANKS];
	uint32_t frees;
	uint32_t remote;      /* of these: of blocks out of the other core's bank */
	uint32_t cacheable;   /* calls that magazines could have served */
	uint32_t plain;       /* plain requests that were served ... */
	uint32_t plain_local; /* ... and where from: the core's own bank */
	uint32_t calm;        /* the same while no bank is near full, programs only */
	uint32_t calm_local;
	uint32_t misplaced;                     /* a block without an attribute it was asked to have */
	uint32_t damaged;                       /* contents that did not survive */
	uint32_t refused;                       /* NULL where it may be: handlers and NH_NO_RECLAIM */
	uint32_t judged;                        /* NULL, and no free block was large enough */
	uint32_t unjudged;                      /* NULL, but somebody freed meanwhile: nothing can be said */
	uint32_t refused_wrongly;               /* NULL, and a free block was large enough */
	_Atomic uint32_t free_begun, free_done; /* read by the other contexts */
};

struct meter {
	unsigned core;
	bool handler;
	uint32_t random;
	struct meter_tally tally;
	struct meter_times *malloc_times, *free_times; /* NULL: not recorded */
};

/* [core][1] is the handler's. */
extern struct meter meters[DEMO_CORES][2];

/* Faults that the heap reported, other than a call from a context that cannot be served. */
extern _Atomic uint32_t meter_faults;

/* Calm: plain requests are expected to be local. Set by core 0. */
extern _Atomic uint32_t meter_calm;

/* Before the other core runs. */
void meter_begin(uint32_t seed);

/* flags: 0 or NH_NO_RECLAIM. NULL is judged: was there a block that would have fitted? */
void *meter_alloc(struct meter *me, enum meter_kind kind, uint32_t size, unsigned flags);

void *meter_realloc(struct meter *me, void *block, uint32_t size);

/* False where a handler cannot free because of what it interrupted (hosts): the block is still the caller's. */
bool meter_free(struct meter *me, void *block);

/* A block filled with a pattern of its own; .address NULL if refused. */
struct demo_block meter_make(struct meter *me, enum meter_kind kind, uint32_t size);

/* Checks the contents and frees. False as meter_free. */
bool meter_drop(struct meter *me, struct demo_block *block);

/* The time that `permille` of the calls did not exceed, to a bucket. */
uint32_t meter_percentile(const struct meter_times *times, uint32_t permille);

/* The heaps that a request of this kind may land in on this core, as a set. */
uint32_t meter_allowed(unsigned core, enum meter_kind kind);

#endif

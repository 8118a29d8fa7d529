/* SPDX-License-Identifier: MIT */
/*
 * Scenarios: the heaps, and for each thread a line "CPU[kind]:before|explored". What stands before the bar is done by
 * that thread before the run begins, and sets up caches and blocks in hand; what follows it is explored.
 *
 *   kind   none: a task; h: above the tasks of the CPU; i: an interrupt handler
 *   k1     instead of a thread: CPU 1 is killed, once, at any moment
 *   m0>1   instead of a thread: thread 0 migrates to CPU 1, once, at any moment that interrupts are on
 *
 *   a b l  malloc: first class, second class, of no class       A  aligned to 64
 *   n      malloc of the first class without reclaim            z  calloc, second class
 *   f F    free the oldest, the newest block in hand            r R  realloc the oldest to the second, first class
 *   p c    hand the oldest to the mailbox; take one from there
 *   t v w s  trim, validate, walk, statistics                   G H  add the spare region, the spare heap
 *   g h                                                         remove them again, if nobody has a block there
 *   e      adds a region to the spare heap, if that is there
 *   q Q    whose is an address in the spare region, in the spare heap?
 *   P D    sets the oldest apart; frees what was set apart, as another thread does, too (from NH_HARDENING_FULL on)
 *   K M    waits until a CPU was killed; recovers it, and ends if its heap is broken
 *   S      salvages what lies in no cache; after M
 *   O      this CPU goes off-line, and comes again
 */
#ifndef EXPLORER_SCENARIO_H
#define EXPLORER_SCENARIO_H

#include "explorer.h"

#include <nearheap/nearheap.h>

#define EX_HEAPS 2

struct ex_heap_plan {
	unsigned granules; /* of the region, exactly */
	uint32_t affinity;
};

struct ex_scenario {
	const char *name, *about;
	struct ex_heap_plan heap[EX_HEAPS]; /* granules 0: none */
	const char *threads[EX_THREADS];
	/* Blocks in hand at most; then no malloc may return NULL. 0: no limit, and NULL is allowed. */
	unsigned credits;
	unsigned cap;       /* of a magazine; 0: it starts at nothing and grows */
	bool stuck;         /* with NH_PATIENCE: who is waited for in vain is reset and recovered from the hook */
	unsigned long runs; /* at most, in the short test */
};

extern const struct ex_scenario ex_scenarios[];
extern const unsigned ex_scenario_count;

/* ops.c: the state of the program that uses the heap. */
struct ex_block {
	void *address;
	size_t size;
	uint32_t tag;
};
void ex_ops_reset(const struct ex_scenario *scenario);
void ex_ops_before(void); /* what stands before the bars */
void ex_ops_save(void);
void ex_ops_restore(void);
void ex_ops_each(void (*visit)(uintptr_t address, size_t size)); /* blocks in hand */
void ex_ops_finish(void);                                        /* checks and frees what is in hand */
bool ex_ops_recovered(void);                                     /* in this run a CPU was, and its heaps go on */
bool ex_ops_broken(void);                                        /* or a heap is out of service */
bool ex_ops_died_in(const char *ops);                            /* in the middle of one of these operations */
bool ex_ops_refused(const nh_fault *fault);                      /* rightly: it was freed twice */
bool ex_ops_each_told(void);                                     /* all but one of those who freed it */
void ex_ops_stuck(unsigned cpu);                                 /* the hook: `cpu` is waited for in vain */

/* user.c: the user's accesses to a block, seen by the explorer. */
void ex_user_fill(void *address, size_t size, uint32_t tag);
bool ex_user_holds(const void *address, size_t size, uint32_t tag);

/* world.c */
extern nh_instance *ex_instance;
void ex_world_make(const struct ex_scenario *scenario);
void ex_world_save(void);
void ex_world_restore(void);
void ex_world_check(void);
nh_status ex_world_add_region(void);
nh_status ex_world_remove_region(void); /* NH_EBUSY while blocks of it are out */
nh_status ex_world_remove_heap(void);
nh_status ex_world_add_heap(void);
nh_status ex_world_extend_heap(void);
bool ex_world_knows_region(void); /* false: it takes its memory for another heap's */
bool ex_world_knows_heap(void);

#endif

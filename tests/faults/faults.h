/* SPDX-License-Identifier: MIT */
/*
 * Fault programs: each does one wrong thing to a fresh instance, and says which report would be right. Built once
 * per level of NH_HARDENING; docs/HARDENING.md has what came out.
 */
#ifndef NHT_FAULTS_H
#define NHT_FAULTS_H

#include "core/instance.h"
#include "tests/support/random.h"

#include <nearheap/host.h>

/* Heaps of a trial: local to CPUs 0 and 2, with caches (magazines and depot); local to CPU 1; without caches. */
enum { CACHED, REMOTE, PLAIN, HEAPS };

#define REPORTS 64u
#define EXPECTATIONS 4u

typedef struct trial {
	nh_instance *instance;
	nht_random random;
	struct {
		nh_fault_code code;
		uintptr_t from, to; /* of the address, inclusive */
	} expected[EXPECTATIONS];
	unsigned expectations;
	nh_fault reports[REPORTS];
	unsigned count;
	bool wrong_cpu; /* a report did not name the CPU that made it */
	bool held;      /* a report was made with a lock or gate held */
	bool validated; /* validate found it, where that is what is asked for */
} trial;

typedef struct fault_program {
	const char *name;
	/* Per level, NONE first: A(lways), P(robably: at least half), S(ometimes: no promise), N(ot), - (it cannot come to
	 * that: another fault is told before). */
	const char *verdicts;
	void (*run)(trial *t);
} fault_program;

extern const fault_program pointer_faults[], write_faults[], control_faults[];

/* A live block of a heap; leaves the program if there is none. */
unsigned char *take(trial *t, int heap, size_t size);
void give(trial *t, void *block);
/* Three adjacent blocks; the middle one is returned, its neighbours stay live. */
unsigned char *take_between(trial *t, int heap, size_t size);
void on_cpu(int cpu);
/* A block of CACHED that was freed and lies on top of a depot slot. */
unsigned char *first_in_depot(trial *t);
/* Frees a block of REMOTE into its inbox, and returns it. */
unsigned char *into_inbox(trial *t, void *block);

/* A report with one of these is right, if it is the first but for what EXTREME's validate says before a call. */
void expect(trial *t, nh_fault_code code, const void *address);
void expect_in(trial *t, nh_fault_code code, const void *from, const void *to);

/* Asks validate: right if it finds damage, at an address that is expected with NH_FAULT_CORRUPT. */
void ask_validate(trial *t);

/* A byte other than this one. */
unsigned char other_than(trial *t, unsigned char byte);

struct nh__heap *heap_of(trial *t, int heap);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The explorer: production C, compiled with -fsanitize=thread, linked with these files in place of the sanitizer's
 * runtime. Every access to the arena comes here first, so that
 *
 *   sched.c     decides which thread goes on (coroutines, CPUs, interrupts, kills, migrations)
 *   strategy.c  makes the decisions: depth first, PCT, random, replay; shrinks a failing schedule
 *   shadow.c    finds data races (vector clocks per location)
 *   weak.c      decides what an atomic load may see (histories of stores)
 *   tsan.c      is the interface to the compiled code
 *   port.c      is the machine below arch/port.h
 *   ops.c       runs the scenario's operations and checks the blocks they hold
 *   world.c     builds the heaps of a scenario, and judges them at the end of a run
 *   trace.c     prints a failing run
 *
 * A step is one access or port operation of a running thread; steps number the moments of a run whatever the options are,
 * and so name the places of decisions in a schedule.
 */
#ifndef EXPLORER_H
#define EXPLORER_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#define EX_THREADS 6
#define EX_CPUS 4
#define EX_ARENA 32768u

/* ---- options ------------------------------------------------------------------------------ */

enum ex_mode { EX_DFS, EX_PCT, EX_RANDOM, EX_REPLAY };
enum ex_points {
	EX_SHARED, /* atomics that two threads touch and one writes: complete, found out while running */
	EX_ATOMIC, /* all atomics */
	EX_ALL     /* all accesses */
};

struct ex_options {
	enum ex_mode mode;
	enum ex_points points;
	unsigned bound;    /* preemptions */
	unsigned stale;    /* loads per run that may see an old value */
	unsigned spurious; /* compare-and-swaps per run that may fail for no reason */
	unsigned long runs;
	double seconds;
	uint64_t seed; /* of the first run; each run has the next one */
	bool strong;   /* the machine performs everything in order (RP2040) */
};
extern struct ex_options ex_options;

/* ---- threads ------------------------------------------------------------------------------ */

typedef struct ex_clock {
	uint32_t at[EX_THREADS];
} ex_clock;

/* Task: preemptible by its equals. Urgent: strictly above tasks. Handler: runs to its end before any task of the CPU.
 * The others are no threads but things that happen once, at any moment: their `target` is a CPU or a thread. */
enum ex_kind { EX_TASK, EX_URGENT, EX_HANDLER, EX_KILL, EX_MOVE };
enum ex_state { EX_NEW, EX_STARTED, EX_FINISHED };

struct ex_thread {
	enum ex_kind kind;
	enum ex_state state;
	unsigned cpu, home, target; /* home: where it begins */
	const void *blocked; /* harness: what it waits for */
	bool waits_for_kill;
	unsigned yielded_to;   /* after a fruitless poll: threads that must run first */
	uint32_t yield_writes; /* writes of the run when it yielded */
	bool yielded, fresh;
	ex_clock clock;
	uint32_t priority; /* PCT */
	unsigned stack_mark;
	jmp_buf base, here;
	ucontext_t context;
};

struct ex_cpu {
	int current; /* thread, or -1 */
	bool masked, dead, several;
	ex_clock clock;
};

/* The run under way. */
struct ex_run {
	int thread; /* running, or -1: the harness, alone */
	unsigned passive_cpu;
	uint32_t steps;
	uint32_t writes; /* to the arena, by atomics */
	unsigned preemptions, stale, spurious;
	bool grown; /* a location turned out to be shared: the search begins again */
	const char *failure;
};

extern struct ex_run ex_run;
extern struct ex_thread ex_thread[EX_THREADS];
extern struct ex_cpu ex_cpu[EX_CPUS];
extern unsigned ex_threads;

void ex_thread_add(enum ex_kind kind, unsigned cpu, unsigned target);
void ex_threads_reset(void);
/* One run from the present state of the arena to the end of all threads, or to a failure. */
void ex_go(void);
/* Calls the body as the harness, alone, and survives its failure. */
void ex_guarded(void (*body)(void));
bool ex_somebody_died(void); /* in this run */
void ex_reset(unsigned cpu); /* by another one: it stops where it is */
/* The body of a thread: ops.c. */
void ex_body(unsigned thread);
/* A block is freed twice: of the two frees, one reads what the other changes. */
bool ex_ops_guilty(void);

/* A moment at which another thread may go on. `decide`: else it is only counted. */
void ex_step(bool decide);
void ex_yield(void);
_Noreturn void ex_fail(const char *what);
void ex_block(const void *on);
bool ex_wake(const void *on); /* true: somebody waited */

static inline bool ex_active(void)
{
	return ex_run.thread >= 0;
}

static inline unsigned ex_on_cpu(void)
{
	return ex_active() ? ex_thread[ex_run.thread].cpu : ex_run.passive_cpu;
}

/* The running thread's CPU has other threads, and may switch to them now. */
static inline bool ex_several(void)
{
	const struct ex_cpu *cpu = &ex_cpu[ex_on_cpu()];
	return cpu->several && !cpu->masked;
}

void ex_join(ex_clock *to, const ex_clock *from);

/* ---- decisions ---------------------------------------------------------------------------- */

enum ex_choice { EX_SWITCH = '>', EX_AGE = '~', EX_SPURIOUS = '!' };

/* Which of `count` candidates; `stay`: the first is the running thread, which could go on. */
unsigned ex_pick(const uint8_t *candidates, unsigned count, bool stay);
/* 0 .. count - 1; 0 is what an ordinary machine would do. */
unsigned ex_choose(enum ex_choice what, unsigned count);

void ex_strategy_begin(unsigned long run);
/* False: nothing is left to try. */
bool ex_strategy_next(void);
void ex_strategy_restart(void);

struct ex_decision {
	uint32_t step;
	uint8_t what, value;
};
#define EX_DECISIONS 4096
struct ex_schedule {
	unsigned count;
	struct ex_decision at[EX_DECISIONS];
};
extern struct ex_schedule ex_recorded, ex_replayed;
bool ex_schedule_parse(struct ex_schedule *schedule, const char *text);
void ex_schedule_print(const struct ex_schedule *schedule);
/* Leaves out what the failure does not need. `fails` runs ex_replayed. */
void ex_schedule_shrink(bool (*fails)(void));

/* ---- memory ------------------------------------------------------------------------------- */

extern unsigned char ex_arena[EX_ARENA];
static inline size_t ex_offset(const void *address)
{
	return (size_t)((uintptr_t)address - (uintptr_t)ex_arena);
}

/* shadow.c: one cell per four bytes, or per byte where single bytes are accessed. */
struct ex_cell {
	uint32_t run;     /* the cell is of this run, else empty */
	uint32_t same;    /* last access: thread, kind and its clock, packed: a repetition needs no look */
	uint16_t history; /* weak.c */
	uint8_t writer;
	uint32_t written;
	uint32_t read[EX_THREADS], atomic_read[EX_THREADS], atomic_written[EX_THREADS];
};
void ex_shadow_begin(void);
void ex_shadow_forget(void); /* what is shared, at the begin of a scenario */
void ex_plain(const void *address, size_t size, bool write, const void *pc);
void ex_atomic_race(const void *address, size_t size, bool write);
struct ex_cell *ex_cell_at(const void *address, size_t size);
/* Counts the access as a step, and as a decision if it matters to others. */
void ex_atomic_step(const void *address, bool write);

/* port.c: the machine. */
void ex_machine_begin(void);
bool ex_machine_idle(void);
void ex_volatile(void *address, size_t size, bool write, const void *pc);

/* weak.c */
void ex_weak_begin(void);
void ex_history_drop(struct ex_cell *cell);
uint64_t ex_load(const void *address, size_t size, int order, const void *pc);
void ex_store(void *address, size_t size, uint64_t value, int order, const void *pc);
enum ex_rmw { EX_EXCHANGE, EX_ADD, EX_SUB, EX_AND, EX_OR, EX_XOR };
uint64_t ex_update(void *address, size_t size, enum ex_rmw operation, uint64_t operand, int order,
                   const void *pc);
bool ex_compare(void *address, size_t size, uint64_t *expected, uint64_t desired, int order,
                int failure_order, bool weak, const void *pc);
uint64_t ex_peek(const void *address, size_t size);
void ex_poke(void *address, size_t size, uint64_t value);

/* ---- trace -------------------------------------------------------------------------------- */

extern bool ex_tracing;
void ex_trace(const char *what, const void *address, uint64_t value, const char *detail, const void *pc);
void ex_trace_begin(void);
void ex_trace_print(void);
/* "cpu1.seized" for an address in the arena. world.c */
const char *ex_name(const void *address, char *text, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Threads as coroutines, and who may run: CPUs, masks, priorities, handlers, kills and migrations.
 *
 * A coroutine is made once; a run that is cut short leaves it where it is, and the next run jumps back to
 * its base. The decision is made by the thread that comes to a step, so staying costs no switch.
 */
#include "explorer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STACK (64u * 1024u)
#define STEPS_MAX 60000u /* of one run: no scenario needs a tenth of it */

struct ex_run ex_run = { .thread = -1 };
struct ex_thread ex_thread[EX_THREADS];
struct ex_cpu ex_cpu[EX_CPUS];
unsigned ex_threads;

static _Alignas(64) unsigned char stacks[EX_THREADS][STACK];
static bool made[EX_THREADS];
static jmp_buf out;
static ucontext_t maker;

/* ---- clocks, small questions -------------------------------------------------------------- */

void ex_join(ex_clock *to, const ex_clock *from)
{
	for (unsigned i = 0; i < EX_THREADS; i++)
		if (from->at[i] > to->at[i])
			to->at[i] = from->at[i];
}

static bool is_event(const struct ex_thread *thread)
{
	return thread->kind == EX_KILL || thread->kind == EX_MOVE;
}

/* ---- coroutines --------------------------------------------------------------------------- */

_Noreturn static void resume(unsigned next);
static unsigned decide(bool quiet);

static void trampoline(unsigned index)
{
	made[index] = true;
	if (_setjmp(ex_thread[index].base) == 0)
		swapcontext(&ex_thread[index].context, &maker);
	ex_body(index);
	ex_thread[ex_run.thread].state = EX_FINISHED;
	ex_wake(&ex_thread[ex_run.thread]);
	resume(decide(false));
}

static void make(unsigned index)
{
	ucontext_t *context = &ex_thread[index].context;
	if (made[index])
		return;
	getcontext(context);
	context->uc_stack.ss_sp = stacks[index];
	context->uc_stack.ss_size = STACK;
	context->uc_link = NULL;
	makecontext(context, (void (*)(void))trampoline, 1, index);
	swapcontext(&maker, context);
}

void ex_threads_reset(void)
{
	ex_threads = 0;
	memset(ex_cpu, 0, sizeof ex_cpu);
}

void ex_thread_add(enum ex_kind kind, unsigned cpu, unsigned target)
{
	struct ex_thread *thread = &ex_thread[ex_threads];
	if (ex_threads == EX_THREADS || cpu >= EX_CPUS)
		abort();
	make(ex_threads++);
	thread->kind = kind;
	thread->cpu = thread->home = cpu;
	thread->target = target;
	if (kind == EX_KILL)
		return;
	if (kind == EX_MOVE)
		ex_cpu[ex_thread[target].cpu].several = ex_cpu[cpu].several = true;
	for (unsigned i = 0; i + 1u < ex_threads; i++)
		if (ex_thread[i].cpu == cpu && !is_event(&ex_thread[i]))
			ex_cpu[cpu].several = true;
}

/* ---- who may run -------------------------------------------------------------------------- */

static bool event_possible(const struct ex_thread *event)
{
	bool alive = false;
	for (unsigned i = 0; i < ex_threads; i++)
		alive |= !is_event(&ex_thread[i]) && ex_thread[i].state != EX_FINISHED;
	if (!alive)
		return false;
	if (event->kind == EX_KILL)
		return !ex_somebody_died(); /* who recovers another lives */
	const struct ex_thread *moved = &ex_thread[event->target];
	const struct ex_cpu *from = &ex_cpu[moved->cpu];
	if (moved->state != EX_STARTED || from->dead)
		return false;
	return from->current != (int)event->target || !from->masked;
}

static bool possible(unsigned index)
{
	const struct ex_thread *thread = &ex_thread[index];
	if (thread->state == EX_FINISHED)
		return false;
	if (is_event(thread))
		return event_possible(thread);
	const struct ex_cpu *cpu = &ex_cpu[thread->cpu];
	if (thread->blocked != NULL || cpu->dead)
		return false;
	if (!cpu->several || (cpu->current == (int)index && cpu->masked))
		return true;
	if (cpu->current >= 0 && cpu->current != (int)index) {
		const struct ex_thread *current = &ex_thread[cpu->current];
		if (current->state == EX_STARTED && (cpu->masked || current->kind == EX_HANDLER))
			return false;
	}
	if (thread->kind != EX_TASK)
		return true;
	for (unsigned i = 0; i < ex_threads; i++) {
		const struct ex_thread *other = &ex_thread[i];
		if (i != index && other->kind == EX_URGENT && other->cpu == thread->cpu &&
		    other->state == EX_STARTED && other->blocked == NULL)
			return false;
	}
	return true;
}

static bool eligible(unsigned index, unsigned set)
{
	const struct ex_thread *thread = &ex_thread[index];
	return !thread->yielded || ((thread->yielded_to & set) == 0 && thread->yield_writes != ex_run.writes);
}

/* Who may go on, the running thread first; who polled in vain only after the others had their turn, and something
 * was written. The events come last. `quiet`: the step matters to nobody else, but an event may happen. */
static unsigned candidates(uint8_t *list, bool *stay, bool quiet)
{
	unsigned set = 0, count = 0, chosen = 0;
	for (unsigned i = 0; i < ex_threads; i++)
		set |= possible(i) ? 1u << i : 0u;
	for (unsigned i = 0; i < ex_threads; i++)
		if ((set >> i & 1u) && !is_event(&ex_thread[i]) && eligible(i, set))
			chosen |= 1u << i;
	if (chosen == 0)
		for (unsigned i = 0; i < ex_threads; i++) {
			ex_thread[i].yielded = false;
			if ((set >> i & 1u) && !is_event(&ex_thread[i]))
				chosen |= 1u << i;
		}
	*stay = ex_run.thread >= 0 && (chosen >> ex_run.thread & 1u);
	if (*stay)
		list[count++] = (uint8_t)ex_run.thread;
	for (unsigned i = 0; i < ex_threads; i++)
		if ((chosen >> i & 1u) && (int)i != ex_run.thread && !quiet)
			list[count++] = (uint8_t)i;
	for (unsigned i = 0; i < ex_threads; i++)
		if ((set >> i & 1u) && is_event(&ex_thread[i]))
			list[count++] = (uint8_t)i;
	return count;
}

/* Something may happen to the running thread between any two of its steps, whether others see them or not. */
static bool event_due(void)
{
	for (unsigned i = 0; i < ex_threads; i++)
		if (is_event(&ex_thread[i]) && ex_thread[i].state == EX_NEW) {
			const struct ex_thread *event = &ex_thread[i];
			if (event->kind == EX_KILL
			            ? event->target == ex_on_cpu()
			            : (int)event->target == ex_run.thread && !ex_cpu[ex_on_cpu()].masked)
				return true;
		}
	return false;
}

/* ---- switching ---------------------------------------------------------------------------- */

static void leave_cpu(struct ex_cpu *cpu)
{
	if (cpu->current < 0)
		return;
	struct ex_thread *old = &ex_thread[cpu->current];
	ex_join(&cpu->clock, &old->clock);
	old->clock.at[cpu->current]++;
	cpu->current = -1;
}

void ex_reset(unsigned cpu)
{
	ex_cpu[cpu].dead = true;
	ex_trace("** the CPU is killed", NULL, cpu, "", NULL);
	for (unsigned i = 0; i < ex_threads; i++) {
		struct ex_thread *thread = &ex_thread[i];
		if (thread->waits_for_kill)
			thread->blocked = NULL;
		if (thread->cpu == cpu && !is_event(thread))
			thread->state = EX_FINISHED;
	}
}

static void happen(struct ex_thread *event)
{
	event->state = EX_FINISHED;
	ex_run.writes++; /* pollers look again */
	if (event->kind == EX_KILL) {
		ex_reset(event->target);
		return;
	}
	struct ex_thread *moved = &ex_thread[event->target];
	struct ex_cpu *from = &ex_cpu[moved->cpu];
	if (from->current == (int)event->target)
		leave_cpu(from);
	moved->cpu = event->cpu;
	ex_trace("** a task migrates", NULL, 0, "", NULL);
}

/* The thread to go on, -1 if all have finished. What only happens, happens here. */
static int choose(bool quiet)
{
	uint8_t list[EX_THREADS];
	for (;; quiet = false) {
		bool stay;
		unsigned count = candidates(list, &stay, quiet);
		if (count == 0) {
			for (unsigned i = 0; i < ex_threads; i++)
				if (!is_event(&ex_thread[i]) && ex_thread[i].state != EX_FINISHED &&
				    !ex_cpu[ex_thread[i].cpu].dead)
					ex_run.failure = "deadlock: nobody can go on";
			return -1;
		}
		unsigned next = list[count == 1 ? 0 : ex_pick(list, count, stay)];
		if (!is_event(&ex_thread[next]))
			return (int)next;
		happen(&ex_thread[next]);
		ex_run.steps++; /* the next decision is another place */
	}
}

static unsigned decide(bool quiet)
{
	int next = choose(quiet);
	if (next < 0)
		_longjmp(out, 1);
	return (unsigned)next;
}

_Noreturn static void resume(unsigned next)
{
	struct ex_thread *thread = &ex_thread[next];
	struct ex_cpu *cpu = &ex_cpu[thread->cpu];
	if (cpu->current != (int)next) {
		leave_cpu(cpu);
		ex_join(&thread->clock, &cpu->clock);
		cpu->current = (int)next;
	}
	for (unsigned i = 0; i < ex_threads; i++)
		ex_thread[i].yielded_to &= ~(1u << next);
	thread->yielded = false;
	ex_run.thread = (int)next;
	if (thread->state == EX_NEW) {
		thread->state = EX_STARTED;
		_longjmp(thread->base, 1);
	}
	_longjmp(thread->here, 1);
}

static void switch_away(bool quiet)
{
	struct ex_thread *thread = &ex_thread[ex_run.thread];
	if (ex_options.mode == EX_DFS && ex_run.preemptions >= ex_options.bound && !thread->yielded &&
	    thread->blocked == NULL)
		return; /* there is no choice */
	unsigned next = decide(quiet);
	if ((int)next == ex_run.thread && ex_cpu[thread->cpu].current == ex_run.thread) {
		thread->yielded = false;
		return;
	}
	if (_setjmp(thread->here) == 0)
		resume(next);
}

void ex_step(bool decide_here)
{
	if (++ex_run.steps > STEPS_MAX)
		ex_fail("livelock: the run does not end");
	if (decide_here || event_due())
		switch_away(!decide_here);
}

void ex_yield(void)
{
	struct ex_thread *thread = &ex_thread[ex_run.thread];
	ex_step(false);
	thread->yielded_to = 0;
	for (unsigned i = 0; i < ex_threads; i++)
		if ((int)i != ex_run.thread && !is_event(&ex_thread[i]) && possible(i))
			thread->yielded_to |= 1u << i;
	thread->yielded = true;
	thread->fresh = true;
	thread->yield_writes = ex_run.writes;
	switch_away(false);
}

void ex_block(const void *on)
{
	ex_thread[ex_run.thread].blocked = on;
	ex_step(true);
}

bool ex_wake(const void *on)
{
	bool woken = false;
	for (unsigned i = 0; i < ex_threads; i++)
		if (ex_thread[i].blocked == on) {
			ex_thread[i].blocked = NULL;
			woken = true;
		}
	return woken;
}

void ex_fail(const char *what)
{
	if (ex_run.failure == NULL)
		ex_run.failure = what;
	if (!ex_active())
		_longjmp(out, 1);
	ex_trace("** failure:", NULL, 0, what, NULL);
	_longjmp(out, 1);
}

/* ---- a run -------------------------------------------------------------------------------- */

static void begin(void)
{
	for (unsigned i = 0; i < ex_threads; i++) {
		struct ex_thread *thread = &ex_thread[i];
		thread->state = EX_NEW;
		thread->cpu = thread->home;
		thread->blocked = NULL;
		thread->waits_for_kill = false;
		thread->yielded_to = 0;
		thread->yielded = false;
		thread->fresh = false;
		memset(&thread->clock, 0, sizeof thread->clock);
		thread->clock.at[i] = 1;
	}
	for (unsigned i = 0; i < EX_CPUS; i++) {
		ex_cpu[i].current = -1;
		ex_cpu[i].masked = ex_cpu[i].dead = false;
		memset(&ex_cpu[i].clock, 0, sizeof ex_cpu[i].clock);
	}
	ex_run.steps = ex_run.writes = 0;
	ex_run.preemptions = ex_run.stale = ex_run.spurious = 0;
	ex_run.failure = NULL;
}

/* A wild pointer of the code that is explored. */
static void crashed(int signal)
{
	(void)signal;
	ex_fail("crash: a wild pointer was followed");
}

bool ex_somebody_died(void)
{
	for (unsigned i = 0; i < EX_CPUS; i++)
		if (ex_cpu[i].dead)
			return true;
	return false;
}

static void catch_crashes(void)
{
	static _Alignas(16) unsigned char stack[STACK];
	static bool done;
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_NODEFER };
	if (done)
		return;
	done = true;
	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

void ex_guarded(void (*body)(void))
{
	catch_crashes();
	if (_setjmp(out) == 0)
		body();
	ex_run.thread = -1;
}

static void run_threads(void)
{
	int first = choose(false);
	if (first >= 0)
		resume((unsigned)first);
}

void ex_go(void)
{
	begin();
	ex_shadow_begin();
	ex_weak_begin();
	ex_machine_begin();
	ex_guarded(run_threads);
}

/* SPDX-License-Identifier: MIT */
/*
 * The machine below arch/port.h: interrupts, CPU numbers and waiting for every port; the RP2040's SIO, a page at its
 * address; membarrier as what it guarantees.
 */
#define _GNU_SOURCE
#include "scenario.h"

#include <nearheap/nearheap.h>
#include <string.h>
#include <sys/mman.h>

#define CALLER __builtin_return_address(0)

/* ---- interrupts, numbers, waiting --------------------------------------------------------- */

unsigned ex_irq_save(void);
void ex_irq_restore(unsigned state);
unsigned ex_exception(void);
void ex_relax(void);
unsigned ex_cpu_number(void);

/* Others of this CPU may come in before; after, they come at the next access. */
unsigned ex_irq_save(void)
{
	if (ex_active())
		ex_step(ex_several() || ex_options.mode == EX_REPLAY);
	struct ex_cpu *cpu = &ex_cpu[ex_on_cpu()];
	unsigned state = cpu->masked;
	cpu->masked = true;
	return state;
}

void ex_irq_restore(unsigned state)
{
	ex_cpu[ex_on_cpu()].masked = state != 0;
}

unsigned ex_exception(void)
{
	return ex_active() && ex_thread[ex_run.thread].kind == EX_HANDLER ? 16u : 0u;
}

void ex_relax(void)
{
	static unsigned polls;
	if (ex_active()) {
		polls = 0;
		ex_yield();
	} else if (++polls > 1000) {
		polls = 0;
		ex_fail("after the run something is waited for that nobody will do");
	}
}

unsigned ex_cpu_number(void)
{
	return ex_on_cpu();
}

/* ---- the same, as a port's functions ------------------------------------------------------ */

unsigned nh_port_cpu(void);
unsigned nh_port_attach(void);
unsigned nh_port_irq_save(void);
void nh_port_irq_restore(unsigned state);
bool nh_port_in_isr(void);
void nh_port_relax(uint32_t polls);
uint32_t nh_port_entropy(void);
void nh_port_fatal(const nh_fault *fault);
bool nh_port_lock_begin(void);
void nh_port_lock_end(void);
void nh_port_heavy_fence(void);
nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes);

unsigned nh_port_cpu(void)
{
	return ex_on_cpu();
}

unsigned nh_port_attach(void)
{
	return ex_on_cpu();
}

unsigned nh_port_irq_save(void)
{
	return ex_irq_save();
}

void nh_port_irq_restore(unsigned state)
{
	ex_irq_restore(state);
}

bool nh_port_in_isr(void)
{
	return ex_exception() != 0;
}

void nh_port_relax(uint32_t polls)
{
	(void)polls;
	ex_relax();
}

uint32_t nh_port_entropy(void)
{
	return UINT32_C(0x5eed0bad); /* runs repeat themselves */
}

void nh_port_fatal(const nh_fault *fault)
{
	ex_trace("** fault reported", fault->address, fault->code, nh_fault_string(fault->code), CALLER);
	if (fault->code == NH_FAULT_BROKEN)
		return; /* a CPU died in the middle of a change: the recovery says so */
	if (fault->code == NH_FAULT_STUCK && ex_active()) {
		ex_ops_stuck(fault->cpu);
		return;
	}
	if (ex_cpu[ex_on_cpu()].masked && EX_MASKS && fault->code != NH_FAULT_STUCK)
		ex_fail("a fault is reported with interrupts off");
	if (ex_ops_refused(fault))
		return;
	if (NH_PATIENCE != 0 && ex_ops_broken())
		return; /* a call that waited for the heap's lock goes on in what is left of it */
	ex_fail(nh_fault_string(fault->code));
}

bool nh_port_lock_begin(void)
{
	return true;
}

void nh_port_lock_end(void)
{
}

nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	(void)base;
	(void)size;
	(void)attributes;
	return NH_OK;
}

/* ---- membarrier --------------------------------------------------------------------------- */

extern uint32_t nh_host__gate_open __attribute__((weak));

/* At some moment of the call, each thread's own, that thread has seen what the caller did before, and the caller sees
 * what it did. */
void nh_port_heavy_fence(void)
{
	if (!ex_active())
		return;
	unsigned self = (unsigned)ex_run.thread;
	ex_clock before = ex_thread[self].clock, seen;
	memset(&seen, 0, sizeof seen);
	ex_thread[self].clock.at[self]++;
	for (unsigned i = 0; i < ex_threads; i++) {
		if (i == self)
			continue;
		ex_step(true);
		ex_trace("membarrier", NULL, 0, "reaches a thread", CALLER);
		ex_join(&seen, &ex_thread[i].clock);
		ex_thread[i].clock.at[i]++;
		ex_join(&ex_thread[i].clock, &before);
	}
	ex_join(&ex_thread[self].clock, &seen);
}

/* ---- SIO ---------------------------------------------------------------------------------- */

#define SIO 0xd0000000u
#define SPINLOCKS 0x100u
#define STATES 0x5cu   /* a bit per spinlock that is held; reading claims nothing */
#define WAITED_FOR 31u /* NH_RP2040_RMW_LOCK: its claim is repeated until it succeeds */

static struct {
	bool held;
	unsigned cpu; /* that holds it */
	ex_clock clock; /* of its last release */
} spinlock[32];

/* Mapped when it is first touched. */
static void map(void)
{
	static bool done;
	if (done)
		return;
	done = true;
	if (mmap((void *)(uintptr_t)SIO, 4096, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)(uintptr_t)SIO)
		ex_fail("scenario: no place for the SIO");
}

void ex_machine_begin(void)
{
	memset(spinlock, 0, sizeof spinlock);
	if (&nh_host__gate_open != NULL)
		nh_host__gate_open = 0; /* whatever this kernel says */
}

bool ex_machine_idle(void)
{
	for (unsigned i = 0; i < 32; i++)
		if (spinlock[i].held)
			return false;
	return true;
}

static void release(unsigned number)
{
	bool others = spinlock[number].held && spinlock[number].cpu != ex_on_cpu();
	if (others ? !ex_cpu[spinlock[number].cpu].dead : !spinlock[number].held && !ex_somebody_died())
		ex_fail("a spinlock is released that the CPU does not hold"); /* but by who recovers a dead one */
	spinlock[number].held = false;
	if (!ex_active())
		return;
	spinlock[number].clock = ex_thread[ex_run.thread].clock;
	ex_thread[ex_run.thread].clock.at[ex_run.thread]++;
	ex_run.writes++;
}

static uint32_t claim(unsigned number)
{
	if (number == WAITED_FOR && spinlock[number].held)
		do
			ex_relax();
		while (spinlock[number].held && NH_PATIENCE == 0); /* else refusals are counted */
	if (spinlock[number].held)
		return 0;
	spinlock[number].held = true;
	spinlock[number].cpu = ex_on_cpu();
	if (ex_active())
		ex_join(&ex_thread[ex_run.thread].clock, &spinlock[number].clock);
	return UINT32_C(1) << number;
}

static uint32_t states(void)
{
	uint32_t held = 0;
	for (unsigned i = 0; i < 32; i++) {
		held |= spinlock[i].held ? UINT32_C(1) << i : 0u;
		if (!spinlock[i].held && ex_active())
			ex_join(&ex_thread[ex_run.thread].clock, &spinlock[i].clock);
	}
	return held;
}

/* A read gets what is put into the page here; no other thread runs in between. */
void ex_volatile(void *address, size_t size, bool write, const void *pc)
{
	uintptr_t offset = (uintptr_t)address - SIO;
	unsigned number = (unsigned)(offset - SPINLOCKS) / 4u;
	if (offset >= 4096u) {
		ex_plain(address, size, write, pc);
		return;
	}
	map();
	if (offset == 0) {
		*(uint32_t *)address = ex_on_cpu();
		return;
	}
	if (ex_active())
		ex_step(true);
	if (offset == STATES) {
		*(uint32_t *)address = states();
		if (ex_tracing)
			ex_trace("look", NULL, 0, "at the spinlocks", pc);
		return;
	}
	if (write)
		release(number);
	else
		*(uint32_t *)address = claim(number);
	if (ex_tracing)
		ex_trace(write                       ? "unlock"
		         : *(uint32_t *)address != 0 ? "claim"
		                                     : "refused",
		         NULL, number, "spinlock", pc);
}

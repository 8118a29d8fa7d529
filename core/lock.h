/* SPDX-License-Identifier: MIT */
/*
 * The heap lock. Interrupts are off while it is wanted or held, so a holder is never preempted by
 * somebody who wants it on the same CPU (on hosts, waiters yield).
 *
 * NH_LOCK_OWNER: `word` names the holder (id + 1, 0 = free). Everybody who waits raises a flag; the
 * holder hands the word to the next raised flag in cyclic order. So it is fair: at most
 * NH_LOCKERS - 1 holds pass before one's own. And it is recoverable: `inside` tells whether a
 * stopped CPU was in the section or had merely been handed the word (docs/DESIGN.md). A ticket
 * lock is smaller, but cannot be mended when a waiter dies.
 *
 *                 word = id+1            inside = id+1
 *   want[id] = 1 ------------> granted --------------> in the section --> inside = 0, word = next
 */
#ifndef NH_CORE_LOCK_H
#define NH_CORE_LOCK_H

#include "arch/port.h"
#include "core/atomic.h"

#if NH_LOCK_BACKEND == NH_LOCK_CK
#include "arch/host/lock_ck.h"
#endif

/* Lock order: registry of instances, an instance's admin lock, heap locks. Only a fork holds more than one of
 * them at a time (all, in that order, heaps by number); everybody else lets go of one before the next. */

struct nh__lock {
#if NH_LOCKERS == 1
	uint8_t unused; /* interrupts off is all it takes */
#elif NH_LOCK_BACKEND == NH_LOCK_OWNER
	_Atomic uint32_t word;               /* holder: hands it on; anybody: 0 -> id + 1 by CAS */
	_Atomic uint8_t want[NH_LOCKERS];    /* each its own */
	_Atomic uint16_t inside;             /* holder */
#elif NH_LOCK_BACKEND == NH_LOCK_TICKET
	_Atomic uint32_t next;    /* anybody, by CAS */
	_Atomic uint32_t serving; /* holder */
#else
	struct nh__ck_lock ck;
#endif
	uint32_t waits; /* holder: acquisitions that found it taken; NH_STATS */
};

/* Interrupts are off. `id` is the caller's CPU. Blocking; see the bound above. */
void nh__lock_acquire(struct nh__lock *lock, unsigned id);
void nh__lock_release(struct nh__lock *lock, unsigned id);

/* Forgets holder and waiters, who no longer exist (the child of a fork). */
void nh__lock_reset(struct nh__lock *lock);

/* Called each time a poll of another CPU brought nothing: relaxes, and reports when patience ends. */
void nh__wait(uint32_t *polls, unsigned cpu_waited_for);

#endif

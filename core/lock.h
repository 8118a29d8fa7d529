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

#if NH_LOCKERS > 1 && NH_LOCK_BACKEND == NH_LOCK_OWNER

/* It was taken, or the attempt failed spuriously: waits in line. */
void nh__lock_queue(struct nh__lock *lock, unsigned id);

/* 0: as functions only, which are smaller, and whose holds can be watched from outside. */
#ifndef NH__LOCK_INLINE
#ifdef __OPTIMIZE_SIZE__
#define NH__LOCK_INLINE 0
#else
#define NH__LOCK_INLINE 1
#endif
#endif

/* The same two, in line, for the paths whose worst case counts. */
static inline void nh__lock_acquire_flat(struct nh__lock *lock, unsigned id)
{
	uint32_t self = id + 1u, word = 0;
	/* acquire: of the release in nh__lock_release_flat, handed over or free */
	if (NH__UNLIKELY(!nh_port_cas_acquire(&lock->word, &word, self)))
		nh__lock_queue(lock, id);
	nh__store_relaxed(&lock->inside, (uint16_t)self);
	nh_port_in_order();
}

/* Many flags are faster looked at once before they are asked in turn; who raises one later polls the free word. */
static inline bool nh__lock_wanted(struct nh__lock *lock)
{
	if (NH_LOCKERS < 4)
		return true;
	unsigned any = 0;
	for (unsigned i = 0; i < NH_LOCKERS; i++)
		any |= nh__load_relaxed(&lock->want[i]);
	return any != 0;
}

static inline void nh__lock_release_flat(struct nh__lock *lock, unsigned id)
{
	nh_port_in_order();
	nh__store_relaxed(&lock->inside, 0u);
	for (unsigned step = nh__lock_wanted(lock) ? 1u : NH_LOCKERS; step < NH_LOCKERS; step++) {
		unsigned next = id + step < NH_LOCKERS ? id + step : id + step - NH_LOCKERS;
		if (nh__load_relaxed(&lock->want[next])) {
			/* release: to the acquire of the CPU it is handed to */
			nh__store_release(&lock->word, next + 1u);
			return;
		}
	}
	/* release: to whoever takes the free word */
	nh__store_release(&lock->word, 0u);
}

#endif

#if NH_LOCKERS == 1 || NH_LOCK_BACKEND != NH_LOCK_OWNER || !NH__LOCK_INLINE
#define nh__lock_acquire_fast nh__lock_acquire
#define nh__lock_release_fast nh__lock_release
#else
#define nh__lock_acquire_fast nh__lock_acquire_flat
#define nh__lock_release_fast nh__lock_release_flat
#endif

#define NH__RECOVERABLE (NH_LOCKERS > 1 && NH_LOCK_BACKEND == NH_LOCK_OWNER)

/* `dead` is a stopped CPU. Is it, or was it about to be, in the lock? */
bool nh__lock_names(struct nh__lock *lock, unsigned dead);

enum nh__recovery {
	NH__MINE,  /* acquired; `dead` was not in the section */
	NH__TORN,  /* acquired; `dead` was stopped inside: what the lock guards may be half changed */
	NH__INSIDE /* the caller holds it already: nothing was done */
};

/* Acquires the lock as nh__lock_acquire does, also from `dead` and whoever hands it to that. The caller may be waiting for
 * it already. Only if NH__RECOVERABLE. */
enum nh__recovery nh__lock_recover(struct nh__lock *lock, unsigned id, unsigned dead);

/* Forgets holder and waiters, who no longer exist (the child of a fork). */
void nh__lock_reset(struct nh__lock *lock);

/* Called each time a poll of another CPU brought nothing: relaxes, and reports when patience ends. */
void nh__wait(uint32_t *polls, unsigned cpu_waited_for);

#endif

/* SPDX-License-Identifier: MIT */
/* The heap lock's backends; the owner word is described in core/lock.h. */
#include "core/lock.h"
#include "core/fault.h"

#include <string.h>

void nh__wait(uint32_t *polls, unsigned cpu_waited_for)
{
	nh_port_relax(*polls);
	++*polls;
#if NH_PATIENCE
	if (*polls == NH_PATIENCE)
		nh__report(NH_FAULT_STUCK, NULL, cpu_waited_for);
#else
	(void)cpu_waited_for;
#endif
}

void nh__lock_reset(struct nh__lock *lock)
{
	memset(lock, 0, sizeof *lock);
}

#if NH_LOCKERS == 1

void nh__lock_acquire(struct nh__lock *lock, unsigned id)
{
	(void)lock;
	(void)id;
}

void nh__lock_release(struct nh__lock *lock, unsigned id)
{
	(void)lock;
	(void)id;
}

#else

static inline void count_wait(struct nh__lock *lock, uint32_t polls)
{
#if NH_STATS
	lock->waits += polls != 0;
#else
	(void)lock;
	(void)polls;
#endif
}

#if NH_LOCK_BACKEND == NH_LOCK_OWNER

/* From now on holders see the flag. */
NH__NOINLINE void nh__lock_queue(struct nh__lock *lock, unsigned id)
{
	uint32_t self = id + 1u, polls = 0;
	nh__store_relaxed(&lock->want[id], 1u);
	for (;;) {
		/* acquire: of the release in nh__lock_release_flat */
		uint32_t word = nh__load_acquire(&lock->word);
		if (word == self)
			break;
		if (word == 0) {
			if (nh_port_cas_acquire(&lock->word, &word, self))
				break;
			continue; /* lost the race or failed spuriously; the winner hands on */
		}
		/* handed to somebody who is not running, the lock would rest: whoever may lose the CPU in this poll steps out of
		 * the line for it. If it was handed over already, the next look finds that. */
		bool leaves = nh_port_relax_yields(polls);
		if (leaves)
			nh__store_relaxed(&lock->want[id], 0u);
		nh__wait(&polls, word - 1u);
		if (leaves)
			nh__store_relaxed(&lock->want[id], 1u);
	}
	nh__store_relaxed(&lock->want[id], 0u);
	count_wait(lock, polls);
}

void nh__lock_acquire(struct nh__lock *lock, unsigned id)
{
	nh__lock_acquire_flat(lock, id);
}

void nh__lock_release(struct nh__lock *lock, unsigned id)
{
	nh__lock_release_flat(lock, id);
}

/* relaxed throughout but for the acquisition: the CPU asked about has stopped, and all its stores are visible */
bool nh__lock_names(struct nh__lock *lock, unsigned dead)
{
	return nh__load_relaxed(&lock->word) == dead + 1u || nh__load_relaxed(&lock->want[dead]) != 0;
}

enum nh__recovery nh__lock_recover(struct nh__lock *lock, unsigned id, unsigned dead)
{
	uint32_t self = id + 1u, gone = dead + 1u, polls = 0;
	uint8_t wanted = nh__load_relaxed(&lock->want[id]);
	enum nh__recovery result = NH__MINE;
	if (nh__load_relaxed(&lock->word) == self && nh__load_relaxed(&lock->inside) == self)
		return NH__INSIDE;
	nh__store_relaxed(&lock->want[dead], 0u);
	nh__store_relaxed(&lock->want[id], 1u);
	for (;;) {
		/* acquire: of the release in nh__lock_release; in each turn, since a holder may still see the flag of `dead` */
		uint32_t word = nh__load_acquire(&lock->word);
		if (word == self)
			break;
		if (word == gone) {
			result = nh__load_relaxed(&lock->inside) == gone ? NH__TORN : NH__MINE;
			nh__store_relaxed(&lock->word, self);
			break;
		}
		if (word == 0) {
			/* acquire: as above */
			if (nh_port_cas_acquire(&lock->word, &word, self))
				break;
			continue;
		}
		nh__wait(&polls, word - 1u);
	}
	nh__store_relaxed(&lock->want[id], wanted);
	nh__store_relaxed(&lock->inside, (uint16_t)self);
	return result;
}

#elif NH_LOCK_BACKEND == NH_LOCK_TICKET

void nh__lock_acquire(struct nh__lock *lock, unsigned id)
{
	(void)id;
	uint32_t ticket = nh__load_relaxed(&lock->next), polls = 0;
	while (!nh_port_cas_acquire(&lock->next, &ticket, ticket + 1u)) {
	}
	/* acquire: of the release in nh__lock_release */
	while (nh__load_acquire(&lock->serving) != ticket)
		nh__wait(&polls, NH_CPUS);
	count_wait(lock, polls);
}

void nh__lock_release(struct nh__lock *lock, unsigned id)
{
	(void)id;
	/* release: to the next ticket's acquire */
	nh__store_release(&lock->serving, nh__load_relaxed(&lock->serving) + 1u);
}

#else

void nh__lock_acquire(struct nh__lock *lock, unsigned id)
{
	(void)id;
	uint32_t polls = 0;
	while (!nh__ck_trylock(&lock->ck))
		nh__wait(&polls, NH_CPUS);
	count_wait(lock, polls);
}

void nh__lock_release(struct nh__lock *lock, unsigned id)
{
	(void)id;
	nh__ck_unlock(&lock->ck);
}

#endif

#endif /* NH_LOCKERS */

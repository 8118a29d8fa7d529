/* SPDX-License-Identifier: MIT */
/*
 * ConcurrencyKit's fetch-and-store spinlock as the heap lock: the independent baseline. Not for
 * ThreadSanitizer builds, which do not see its atomics.
 */
#ifndef NH_HOST_LOCK_CK_H
#define NH_HOST_LOCK_CK_H

#include <stdbool.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#include <ck_spinlock.h>
#pragma GCC diagnostic pop

struct nh__ck_lock {
	ck_spinlock_fas_t lock;
};

static inline bool nh__ck_trylock(struct nh__ck_lock *lock)
{
	return ck_spinlock_fas_trylock(&lock->lock);
}

static inline void nh__ck_unlock(struct nh__ck_lock *lock)
{
	ck_spinlock_fas_unlock(&lock->lock);
}

#endif

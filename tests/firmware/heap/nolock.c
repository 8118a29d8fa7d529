/* SPDX-License-Identifier: MIT */
/*
 * The heap lock removed, by the linker (--wrap): an image that must fail. If it did not, the others' success
 * would say nothing about the lock.
 */
#include "heap_test.h"

struct nh__lock;

void __wrap_nh__lock_acquire(struct nh__lock *lock, unsigned id);
void __wrap_nh__lock_release(struct nh__lock *lock, unsigned id);

void __wrap_nh__lock_acquire(struct nh__lock *lock, unsigned id)
{
	(void)lock;
	(void)id;
	board_barrier();
}

void __wrap_nh__lock_release(struct nh__lock *lock, unsigned id)
{
	(void)lock;
	(void)id;
	board_barrier();
}

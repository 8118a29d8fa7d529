/* SPDX-License-Identifier: MIT */
/*
 * Found by the include path before the real one: no heap is ever locked. For an image that must fail; if it did not, the
 * others' success would say nothing about the lock.
 */
#ifndef NH_TESTS_NOLOCK_LOCK_H
#define NH_TESTS_NOLOCK_LOCK_H

#include "../../../../../core/lock.h"

#undef nh__lock_acquire_fast
#undef nh__lock_release_fast
#define nh__lock_acquire_fast(lock, id) ((void)(lock), (void)(id), atomic_signal_fence(memory_order_seq_cst))
#define nh__lock_release_fast(lock, id) ((void)(lock), (void)(id), atomic_signal_fence(memory_order_seq_cst))

#endif

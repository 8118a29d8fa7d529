/* SPDX-License-Identifier: MIT */
/*
 * ConcurrencyKit's rings, visible to ThreadSanitizer. Include before any header of ck.
 *
 * ck's own primitives are inline assembly, which the sanitizer cannot see: every hand-over through
 * a ring would be reported as a race. This header takes the place of <ck_pr.h> (its guard is
 * defined here) and gives what <ck_ring.h> uses, from compiler builtins. Where ck orders plain
 * volatile accesses by fences, the accesses here carry the order themselves: loads acquire, stores
 * release. That is at least what the fences between them ask for in a ring with one producer and
 * one consumer, and the sanitizer does not understand fences.
 */
#ifndef NHT_CK_VISIBLE_H
#define NHT_CK_VISIBLE_H

#ifdef CK_PR_H
#error "ck_visible.h must come before the headers of ck"
#endif
#define CK_PR_H

#include <ck_cc.h>
#include <ck_md.h>
#include <stdbool.h>

CK_CC_INLINE static unsigned int ck_pr_load_uint(const unsigned int *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

CK_CC_INLINE static void ck_pr_store_uint(unsigned int *word, unsigned int value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* The two below are compiled with the rings of several producers or consumers, never called. */
CK_CC_INLINE static bool ck_pr_cas_uint_value(unsigned int *word, unsigned int expected, unsigned int desired,
                                              unsigned int *found)
{
	*found = expected;
	return __atomic_compare_exchange_n(word, found, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

CK_CC_INLINE static bool ck_pr_cas_uint(unsigned int *word, unsigned int expected, unsigned int desired)
{
	return ck_pr_cas_uint_value(word, expected, desired, &expected);
}

CK_CC_INLINE static void ck_pr_fence_load(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

CK_CC_INLINE static void ck_pr_fence_store(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

CK_CC_INLINE static void ck_pr_fence_store_atomic(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

CK_CC_INLINE static void ck_pr_stall(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Atomic operations with the memory order in the name. Read-modify-write is the port's
 * (arch/port.h), since not every target has it.
 */
#ifndef NH_CORE_ATOMIC_H
#define NH_CORE_ATOMIC_H

#include "arch/port.h"

#include <stdatomic.h>

#ifdef NH_PORT_VOLATILE_RELAXED
/* See arch/port.h. The type is that of the value, which has no _Atomic. */
#define NH__VOLATILE(word) (*(volatile __typeof__(atomic_load_explicit((word), memory_order_relaxed)) *)(uintptr_t)(word))
#define nh__load_relaxed(word) NH__VOLATILE(word)
#define nh__store_relaxed(word, value) ((void)(NH__VOLATILE(word) = (value)))
#else
#define nh__load_relaxed(word) atomic_load_explicit((word), memory_order_relaxed)
#define nh__store_relaxed(word, value) atomic_store_explicit((word), (value), memory_order_relaxed)
#endif
#define nh__load_acquire(word) atomic_load_explicit((word), memory_order_acquire)
#define nh__store_release(word, value) atomic_store_explicit((word), (value), memory_order_release)

/* For counters with one writer at a time: not a read-modify-write, and none is needed. */
#define nh__bump(word, by) nh__store_relaxed((word), nh__load_relaxed(word) + (by))

#define NH__LIKELY(x) __builtin_expect(!!(x), 1)
#define NH__UNLIKELY(x) __builtin_expect(!!(x), 0)
#if defined(__GNUC__)
#define NH__NOINLINE __attribute__((noinline))
#define NH__INLINE static inline __attribute__((always_inline))
/* Parts of the paths whose worst case counts: flat, unless the program asked for little text. */
#ifdef __OPTIMIZE_SIZE__
#define NH__FLAT static
#else
#define NH__FLAT NH__INLINE
#endif
#else
#error "nearheap: gcc or clang"
#endif

#endif

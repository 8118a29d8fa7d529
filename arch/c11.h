/* SPDX-License-Identifier: MIT */
/*
 * What the ports share whose CPUs have C11 atomics and no operating system: read-modify-write by the
 * compiler, the gate as a sequentially consistent pair, bit numbers by CLZ. A port includes it and
 * adds what C11 has no word for: interrupts, the CPU's number, the context.
 */
#ifndef NH_ARCH_C11_H
#define NH_ARCH_C11_H

#include <nearheap/nearheap.h>
#include <stdatomic.h>

/* 2: always. 1 would be calls into a library that may not be atomic between CPUs. */
#if ATOMIC_INT_LOCK_FREE != 2 || ATOMIC_POINTER_LOCK_FREE != 2 || ATOMIC_CHAR_LOCK_FREE != 2
#error "this CPU has no read-modify-write instructions: give the compiler the right -mcpu"
#endif

#define NH_PORT_OUTSIDERS 0
#define NH_PORT_HEAVY 0
#define NH_PORT_GATE_OPEN 0u
#define NH_PORT_OPAQUE(variable) ((void)(variable))
#define NH_PORT_ONCE(variable) __asm("" : "+r"(variable))

#define nh_port_cas_acquire(word, expected, desired)                                                         \
	atomic_compare_exchange_weak_explicit((word), (expected), (desired), memory_order_acquire,           \
	                                      memory_order_relaxed)
#define nh_port_cas_release(word, expected, desired)                                                         \
	atomic_compare_exchange_weak_explicit((word), (expected), (desired), memory_order_release,           \
	                                      memory_order_relaxed)
#define nh_port_exchange_acquire(word, value) atomic_exchange_explicit((word), (value), memory_order_acquire)
/* Strong: false only if the byte is not `expected`. */
#define nh_port_claim(byte, expected, desired)                                                               \
	atomic_compare_exchange_strong_explicit((byte), &(uint8_t){(expected)}, (desired), memory_order_relaxed, \
	                                        memory_order_relaxed)

/* Not relaxed, though these CPUs perform a load after the load that its address comes from: the class table is read
 * after it, and its address does not. */
#define nh_port_load_dependent(word) atomic_load_explicit((word), memory_order_acquire)

/*
 * The gate. Of the owner's store and load, and the reclaimer's, all four are sequentially
 * consistent: at least one side sees the other's store. A busy word is odd on entry only for a fault
 * handler on top of the owner; everybody else is masked while the owner is inside.
 */
static inline bool nh_port__gate_try(_Atomic uint32_t *busy, uint32_t *key)
{
	uint32_t count = *key = atomic_load_explicit(busy, memory_order_relaxed);
	if (__builtin_expect((count & 1u) != 0, 0))
		return false;
	atomic_store_explicit(busy, count + 1u, memory_order_seq_cst);
	return true;
}

static inline bool nh_port_gate_enter(_Atomic uint32_t *busy, _Atomic uint32_t *seized, unsigned cpu)
{
	uint32_t count;
	(void)cpu;
	if (!nh_port__gate_try(busy, &count))
		return false;
	/* acquire: of nh_port_gate_open */
	if (__builtin_expect(atomic_load_explicit(seized, memory_order_seq_cst) == NH_PORT_GATE_OPEN, 1))
		return true;
	/* release: nothing was touched, but a reader of this word must not see less than one of the last */
	atomic_store_explicit(busy, count, memory_order_release);
	return false;
}

/* The hits read a bound where others read `seized`: that is stored and loaded just as this. */
#define NH_PORT_GATE_BOUNDS (NH_CPUS > 1 ? 2 : 0)
#define nh_port_load_ordered(word) atomic_load_explicit((word), memory_order_seq_cst)
#define nh_port_gate_try(busy, seized, key) nh_port__gate_try((busy), &(key))
#define NH_PORT_KEY_IS_COUNT 1

#include "arch/gate_pair.h"

static inline unsigned nh_port_log2(uint32_t value)
{
	return 31u - (unsigned)__builtin_clz(value);
}

static inline unsigned nh_port_ctz(uint32_t value)
{
	return (unsigned)__builtin_ctz(value);
}

static inline void nh_port_retire(void *payload, size_t size)
{
	(void)payload;
	(void)size;
}

#endif

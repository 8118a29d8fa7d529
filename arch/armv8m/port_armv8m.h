/* SPDX-License-Identifier: MIT */
/*
 * Port to ARMv8-M Mainline with one or more CPUs: Cortex-M33 as in the RP2350. Everything is C11 atomics,
 * which the compiler makes of LDAEX, STREX, LDA and STL; hardware spinlocks are not used (those of the
 * RP2350 release each other, erratum E2). No 64-bit atomics are needed.
 *
 * Precondition: nh_armv8m_cpu_init() (nearheap/armv8m.h) has run on every CPU, and the heaps lie in memory
 * that has a global exclusive monitor: internal SRAM, not PSRAM or flash windows.
 *
 * One security state only: what the other one's interrupts do is not masked.
 */
#ifndef NH_PORT_ARMV8M_H
#define NH_PORT_ARMV8M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Address of the word that reads as the number of the CPU that asks. 0: there is none, with one CPU. */
#ifndef NH_ARMV8M_CPU_REGISTER
#define NH_ARMV8M_CPU_REGISTER (NH_CPUS > 1 ? 0xd0000000u : 0u) /* RP2350: SIO CPUID */
#endif
/* Or any expression; it is evaluated in every call, with interrupts off. */
#ifndef NH_ARMV8M_CPU
#define NH_ARMV8M_CPU() (*(const volatile uint32_t *)(uintptr_t)(NH_ARMV8M_CPU_REGISTER))
#endif

/* 0: the heap masks all interrupts (PRIMASK). Else the value for BASEPRI: interrupts of this priority and
 * of less urgent ones (numerically higher) are masked and may call the heap; calls from more urgent ones
 * that need a lock are refused. In the register's own form: level << (8 - implemented bits), a group
 * priority. */
#ifndef NH_ARMV8M_BASEPRI
#define NH_ARMV8M_BASEPRI 0
#endif
#if NH_ARMV8M_BASEPRI < 0 || NH_ARMV8M_BASEPRI > 255
#error "NH_ARMV8M_BASEPRI: 0 (PRIMASK) or a value of BASEPRI, 1 to 255"
#endif

#define NH_PORT_OUTSIDERS 0
#define NH_PORT_HEAVY 0
#define NH_PORT_GATE_OPEN 0u

static inline unsigned nh_port_cpu(void)
{
#if NH_CPUS == 1
	return 0;
#else
	return (unsigned)NH_ARMV8M_CPU();
#endif
}

/* Stops a CPU that has no caches and no place in the locks; see the .c file. */
unsigned nh_port_attach(void);

typedef uint32_t nh_port_irq;

static inline nh_port_irq nh_port_irq_save(void)
{
	uint32_t state;
#if NH_ARMV8M_BASEPRI
	/* BASEPRI_MAX never lowers a mask that is stronger already */
	__asm volatile("mrs %0, basepri\n\tmsr basepri_max, %1\n\tisb"
	               : "=&r"(state)
	               : "r"((uint32_t)NH_ARMV8M_BASEPRI)
	               : "memory");
#else
	__asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(state)::"memory");
#endif
	return state;
}

#define nh_port_irq_begin(name) nh_port_irq name = nh_port_irq_save()
#define NH_PORT_OPAQUE(variable) ((void)(variable))

static inline void nh_port_irq_restore(nh_port_irq state)
{
#if NH_ARMV8M_BASEPRI
	__asm volatile("msr basepri, %0" ::"r"(state) : "memory");
#else
	__asm volatile("msr primask, %0" ::"r"(state) : "memory");
#endif
}

static inline uint32_t nh_armv8m__exception(void)
{
	uint32_t ipsr;
	__asm volatile("mrs %0, ipsr" : "=r"(ipsr));
	return ipsr & 0x1ffu;
}

static inline bool nh_port_in_isr(void)
{
	return nh_armv8m__exception() != 0;
}

/* NMI (2) and HardFault (3) are above every mask. What PRIMASK masks includes all others; faults that
 * happen under it become HardFaults. */
#if NH_ARMV8M_BASEPRI
bool nh_port_lock_begin(void);
#else
static inline bool nh_port_lock_begin(void)
{
	uint32_t exception = nh_armv8m__exception();
	return exception != 2 && exception != 3;
}
#endif

static inline void nh_port_lock_end(void) {}

static inline void nh_port_relax(uint32_t polls)
{
	(void)polls;
	__asm volatile("yield" ::: "memory");
}

#define nh_port_cas_acquire(word, expected, desired)                                            \
	atomic_compare_exchange_weak_explicit((word), (expected), (desired), memory_order_acquire, \
	                                      memory_order_relaxed)
#define nh_port_cas_release(word, expected, desired)                                            \
	atomic_compare_exchange_weak_explicit((word), (expected), (desired), memory_order_release, \
	                                      memory_order_relaxed)
#define nh_port_exchange_acquire(word, value) atomic_exchange_explicit((word), (value), memory_order_acquire)
#define nh_port_load_dependent(word) atomic_load_explicit((word), memory_order_relaxed)

/*
 * The gate: a sequentially consistent pair on either side. Of the two stores and the two loads that
 * follow them, at least one load sees the other side's store. STL and LDA keep that order between
 * themselves, so it costs no fence.
 */
static inline bool nh_port_gate_enter(_Atomic uint32_t *busy, _Atomic uint32_t *seized, unsigned cpu)
{
	(void)cpu;
	uint32_t count = atomic_load_explicit(busy, memory_order_relaxed);
	if (count & 1u)
		return false; /* an NMI or a fault on top of the owner */
	atomic_store_explicit(busy, count + 1u, memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(seized, memory_order_seq_cst) == NH_PORT_GATE_OPEN, 1))
		return true;
	/* release: nothing was touched, but a reader of this word must not see less than one of the last */
	atomic_store_explicit(busy, count, memory_order_release);
	return false;
}

#define nh_port_gate_try(busy, seized, cpu) nh_port_gate_enter((busy), (seized), (cpu))

static inline void nh_port_gate_leave(_Atomic uint32_t *busy, unsigned cpu)
{
	(void)cpu;
	uint32_t count = atomic_load_explicit(busy, memory_order_relaxed);
	/* release: to nh_port_gate_quiet */
	atomic_store_explicit(busy, count + 1u, memory_order_release);
}

static inline void nh_port_gate_cancel(_Atomic uint32_t *busy, unsigned cpu)
{
	(void)cpu;
	uint32_t count = atomic_load_explicit(busy, memory_order_relaxed);
	/* release: to nh_port_gate_quiet */
	atomic_store_explicit(busy, count - 1u, memory_order_release);
}

static inline void nh_port_gate_seize(_Atomic uint32_t *seized)
{
	atomic_store_explicit(seized, 1u, memory_order_seq_cst);
}

static inline void nh_port_gate_open(_Atomic uint32_t *seized)
{
	/* release: to nh_port_gate_enter */
	atomic_store_explicit(seized, NH_PORT_GATE_OPEN, memory_order_release);
}

static inline bool nh_port_gate_quiet(_Atomic uint32_t *busy, unsigned cpu)
{
	(void)cpu;
	/* seq_cst: the other half of the pair in nh_port_gate_enter; acquire: of nh_port_gate_leave */
	return (atomic_load_explicit(busy, memory_order_seq_cst) & 1u) == 0;
}

static inline unsigned nh_port_log2(uint32_t value)
{
	return 31u - (unsigned)__builtin_clz(value);
}

static inline unsigned nh_port_ctz(uint32_t value)
{
	return (unsigned)__builtin_ctz(value);
}

uint32_t nh_port_entropy(void);
void nh_port_fatal(const nh_fault *fault);

static inline void nh_port_retire(void *payload, size_t size)
{
	(void)payload;
	(void)size;
}

#endif

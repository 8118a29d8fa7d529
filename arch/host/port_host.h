/* SPDX-License-Identifier: MIT */
/*
 * Port to Linux hosts: a CPU is a slot that a thread owns. There is no interrupt to mask; a signal
 * handler that calls the heap is told from its victim by the odd busy word (gate) and by a
 * thread-local flag (lock).
 */
#ifndef NH_PORT_HOST_H
#define NH_PORT_HOST_H

#include <nearheap/host.h>
#include <stdatomic.h>

/* 0: the program has one thread, which owns the one slot. */
#ifndef NH_HOST_THREADS
#define NH_HOST_THREADS 1
#endif
#if NH_HOST_THREADS != 0 && NH_HOST_THREADS != 1
#error "NH_HOST_THREADS: 0 or 1"
#endif
#if !NH_HOST_THREADS && NH_CPUS != 1
#error "NH_HOST_THREADS 0 goes with NH_CPUS 1"
#endif

/* 1: all threads wait for heap locks at one mutex of the system. Where threads are many more than CPUs, a lock that is
 * handed over in turn is handed to threads that do not run; of a mutex the next one that runs gets hold. One heap per
 * process is assumed: heaps would wait for each other. */
#ifndef NH_HOST_MUTEX
#define NH_HOST_MUTEX 0
#endif
#if NH_HOST_MUTEX != 0 && (NH_HOST_MUTEX != 1 || !NH_HOST_THREADS)
#error "NH_HOST_MUTEX: 0, or 1 with threads"
#endif

/* Caches of different CPUs share no line. */
#ifndef NH_PORT_LINE
#define NH_PORT_LINE 64u
#endif

#define NH_PORT_OUTSIDERS NH_HOST_THREADS
#define NH_PORT_HEAVY 1
/* 0 with membarrier, 2 without; see nh_port_gate_enter. */
extern uint32_t nh_host__gate_open;
#define NH_PORT_GATE_OPEN nh_host__gate_open

#if defined(__SANITIZE_THREAD__)
#define NH_HOST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NH_HOST_TSAN 1
#endif
#endif
#ifndef NH_HOST_TSAN
#define NH_HOST_TSAN 0
#endif

#if NH_HOST_THREADS
extern _Thread_local unsigned nh_host__slot;
#endif

static inline unsigned nh_port_cpu(void)
{
#if NH_HOST_THREADS
	return nh_host__slot;
#else
	return 0;
#endif
}

unsigned nh_port_attach(void);
bool nh_port_lock_begin(void);
void nh_port_lock_end(void);

typedef unsigned nh_port_irq;

static inline nh_port_irq nh_port_irq_save(void)
{
	return 0;
}

#define nh_port_irq_begin(name) nh_port_irq name = nh_port_irq_save()
#define NH_PORT_OPAQUE(variable) ((void)(variable))
#define NH_PORT_ONCE(variable) __asm("" : "+r"(variable))

static inline void nh_port_irq_restore(nh_port_irq state)
{
	(void)state;
}

static inline bool nh_port_in_isr(void)
{
	return false;
}

/* Inside the fatal hook: of the thread, since those without a slot share a number. */
extern _Thread_local _Atomic uint8_t nh_host__in_hook;
#define nh_port_hook_flag(cpu) ((void)(cpu), &nh_host__in_hook)

#define NH_HOST_SPINS 16u
#define nh_port_relax_yields(polls) (NH_HOST_MUTEX || (polls) >= NH_HOST_SPINS)
void nh_port_relax(uint32_t polls);

#define nh_port_cas_acquire(word, expected, desired)                                            \
	atomic_compare_exchange_weak_explicit((word), (expected), (desired), memory_order_acquire, \
	                                      memory_order_relaxed)
#define nh_port_cas_release(word, expected, desired)                                            \
	atomic_compare_exchange_weak_explicit((word), (expected), (desired), memory_order_release, \
	                                      memory_order_relaxed)
#define nh_port_exchange_acquire(word, value) atomic_exchange_explicit((word), (value), memory_order_acquire)
/* Strong: false only if the byte is not `expected`. */
#define nh_port_claim(byte, expected, desired)                                                               \
	atomic_compare_exchange_strong_explicit((byte), &(uint8_t){(expected)}, (desired), memory_order_relaxed, \
	                                        memory_order_relaxed)
#define nh_port_load_dependent(word) atomic_load_explicit((word), memory_order_acquire)

/*
 * The gate. With membarrier the owner's store and load are relaxed and only the compiler is held;
 * the reclaimer's system call puts the fence into every running thread. Where the kernel refuses
 * that, an open gate holds 2 instead of 0, every try fails, and the slow path enters by the
 * sequentially consistent pair. ThreadSanitizer sees no system call, so its builds always do that.
 */
bool nh_host__gate_enter_fenced(_Atomic uint32_t *busy, _Atomic uint32_t *seized, uint32_t count);

/* Inlined into the hits: no call, so that they need no stack frame. Whether the gate is seized the bounds tell, which a
 * hit reads next. */
static inline bool nh_host__gate_try(_Atomic uint32_t *busy, uint32_t *key)
{
	uint32_t count = *key = atomic_load_explicit(busy, memory_order_relaxed);
	if ((count & 1u) != 0)
		return false; /* a signal handler on top of the owner */
	atomic_store_explicit(busy, count + 1u, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); /* the other half is nh_port_heavy_fence */
	return true;
}

static inline bool nh_port_gate_enter(_Atomic uint32_t *busy, _Atomic uint32_t *seized, unsigned cpu)
{
	uint32_t count;
	(void)cpu;
#if !NH_HOST_TSAN
	if (nh_host__gate_open == 0) {
		if (!nh_host__gate_try(busy, &count))
			return false;
		/* acquire: of nh_port_gate_open */
		if (atomic_load_explicit(seized, memory_order_acquire) == 0)
			return true;
		/* release: nothing was touched, but a reader of this word must not see less than one of the last */
		atomic_store_explicit(busy, count, memory_order_release);
		return false;
	}
#endif
	count = atomic_load_explicit(busy, memory_order_relaxed);
	return (count & 1u) == 0 && nh_host__gate_enter_fenced(busy, seized, count);
}

#define NH_PORT_KEY_IS_COUNT 1
#if NH_HOST_TSAN
#define nh_port_gate_try(busy, seized, key) nh_host__gate_try_fenced((busy), (seized), &(key))
static inline bool nh_host__gate_try_fenced(_Atomic uint32_t *busy, _Atomic uint32_t *seized, uint32_t *key)
{
	uint32_t count = *key = atomic_load_explicit(busy, memory_order_relaxed);
	return (count & 1u) == 0 && nh_host__gate_enter_fenced(busy, seized, count);
}
#else
#define NH_PORT_GATE_BOUNDS (NH_CPUS + NH_PORT_OUTSIDERS > 1 ? 2 : 0)
#define nh_port_gate_try(busy, seized, key) nh_host__gate_try((busy), &(key))
/* acquire: of the release by which a thaw opens the bound */
#define nh_port_load_ordered(word) atomic_load_explicit((word), memory_order_acquire)
#endif

#include "arch/gate_pair.h"

void nh_port_heavy_fence(void);

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

#if NH_HOST_TSAN
void __tsan_write_range(void *address, long size);
#endif

/* Makes a user's access that races with the free visible as a race with this write. */
static inline void nh_port_retire(void *payload, size_t size)
{
#if NH_HOST_TSAN
	__tsan_write_range(payload, (long)size);
#else
	(void)payload;
	(void)size;
#endif
}

#endif

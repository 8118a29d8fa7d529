/* SPDX-License-Identifier: MIT */
/*
 * Port to the RP2040: two Cortex-M0+ (ARMv6-M, no exclusive access, in order, one bus).
 *
 * Two SIO spinlocks serve as gates, one per CPU and for all heaps; a third guards the few words
 * that need read-modify-write. A read of SPINLOCKn that returns non-zero claims it, any write
 * releases it. Plain loads and stores of the M0+ are performed in program order and the SIO is
 * on the same CPU's single-cycle port, so a claim orders what follows it and a release what precedes
 * it; the compiler is held by "memory" clobbers. docs/MEMORY-MODEL.md has the argument.
 */
#ifndef NH_PORT_RP2040_H
#define NH_PORT_RP2040_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SIO spinlock numbers. 24-31 are those that programs may claim by the SDK's convention; a program
 * that claims at run time passes what it got by defining these. */
#ifndef NH_RP2040_GATE_LOCK
#define NH_RP2040_GATE_LOCK 29 /* and the next one for core 1 */
#endif
#ifndef NH_RP2040_RMW_LOCK
#define NH_RP2040_RMW_LOCK 31
#endif
#if NH_RP2040_GATE_LOCK < 0 || NH_RP2040_GATE_LOCK > 30 || NH_RP2040_RMW_LOCK < 0 || \
    NH_RP2040_RMW_LOCK > 31 || NH_RP2040_RMW_LOCK == NH_RP2040_GATE_LOCK ||           \
    NH_RP2040_RMW_LOCK == NH_RP2040_GATE_LOCK + 1
#error "NH_RP2040_GATE_LOCK, NH_RP2040_RMW_LOCK: three different SIO spinlocks, 0 to 31"
#endif
#if NH_CPUS > 2
#error "NH_CPUS: the RP2040 has two"
#endif

#define NH_PORT_OUTSIDERS 0
#define NH_PORT_HEAVY 0
#define NH_PORT_GATE_OPEN 0u
#define NH_PORT_GATE_BOUNDS (NH_CPUS > 1)
#define NH_PORT_VOLATILE_RELAXED

#define NH_RP2040_SIO UINT32_C(0xd0000000)
#define NH_RP2040_CPUID (*(volatile uint32_t *)NH_RP2040_SIO)
#define NH_RP2040_SPINLOCK_ST (*(volatile uint32_t *)(NH_RP2040_SIO + 0x5cu))
#define NH_RP2040_SPINLOCK(n) (*(volatile uint32_t *)(NH_RP2040_SIO + 0x100u + 4u * (unsigned)(n)))

#define nh_port__barrier() __asm volatile("" ::: "memory")

/* With one CPU configured, the other core is number 1: one without caches, which nh_port_attach stops. */
static inline unsigned nh_port_cpu(void)
{
#if NH_CPUS == 1 && NH_HARDENING == NH_HARDENING_NONE
	return 0; /* taken on trust */
#else
	return NH_RP2040_CPUID;
#endif
}

/* Every slow path begins here. With one CPU configured it stops the other core, which has no place in the locks. */
#if NH_CPUS == 1
unsigned nh_port_attach(void);
#else
static inline unsigned nh_port_attach(void)
{
	return nh_port_cpu();
}
#endif

typedef uint32_t nh_port_irq;

static inline nh_port_irq nh_port_irq_save(void)
{
	uint32_t primask;
	__asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(primask)::"memory");
	return primask;
}

/* r12 is free for the taking in Thumb-1 code and spares the hits a push. */
#define nh_port_irq_begin(name)               \
	register nh_port_irq name __asm("r12"); \
	__asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(name)::"memory")

#define NH_PORT_OPAQUE(variable) __asm("" : "+l"(variable))

/*
 * The hits' CPU number, and the key to its gate: the spinlock's address less 124, which loads and stores add, made from
 * the address that the number was read from. Kept in lr, which every function with slow paths saves anyway.
 */
#define nh_port_cpu_begin(cpu, key)                                                    \
	uintptr_t nh_port__gate = NH_RP2040_SIO;                                             \
	NH_PORT_OPAQUE(nh_port__gate);                                                       \
	const unsigned cpu = *(volatile uint32_t *)nh_port__gate;                            \
	nh_port__gate += 4u * cpu;                                                           \
	NH_PORT_OPAQUE(nh_port__gate);                                                       \
	nh_port__gate += 0x100u + 4u * NH_RP2040_GATE_LOCK - 124u;                           \
	NH_PORT_OPAQUE(nh_port__gate);                                                       \
	register uintptr_t key __asm("lr");                                                  \
	__asm volatile("mov %0, %1" : "=r"(key) : "l"(nh_port__gate))

static inline void nh_port_irq_restore(nh_port_irq primask)
{
	__asm volatile("msr primask, %0" ::"r"(primask) : "memory");
}

static inline uint32_t nh_port__exception(void)
{
	uint32_t ipsr;
	__asm volatile("mrs %0, ipsr" : "=r"(ipsr));
	return ipsr;
}

static inline bool nh_port_in_isr(void)
{
	return nh_port__exception() != 0;
}

/* NMI (2) and HardFault (3) are not masked by PRIMASK: they may have interrupted a holder. */
static inline bool nh_port_lock_begin(void)
{
	uint32_t exception = nh_port__exception();
	return exception != 2 && exception != 3;
}

static inline void nh_port_lock_end(void) {}

static inline void nh_port_relax(uint32_t polls)
{
	(void)polls;
	__asm volatile("nop" ::: "memory");
}

/*
 * Read-modify-write, under a spinlock. Interrupts are off wherever the core needs these: a handler that spins for a lock
 * its own CPU holds would never return. A failing compare writes nothing back: plain stores of 0 over a closed inbox or
 * an emptied slot may come from the other core meanwhile.
 */
__attribute__((always_inline)) static inline void nh_port__rmw_claim(void) /* a call at -Os would cost stack */
{
#if NH_PATIENCE
	/* the other core holds it for a few cycles; unless it was stopped there */
	uint32_t polls = 0;
	while (NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) == 0)
		if (++polls == NH_PATIENCE)
			nh__stuck(1u - NH_RP2040_CPUID);
#else
	while (NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) == 0) {
	}
#endif
	nh_port__barrier();
}

static inline bool nh_port__cas(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired)
{
	uint32_t wanted = *expected;
	nh_port__rmw_claim();
	uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);
	if (seen == wanted)
		atomic_store_explicit(word, desired, memory_order_relaxed);
	nh_port__barrier();
	NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) = 0;
	*expected = seen;
	return seen == wanted;
}

static inline uint32_t nh_port__exchange(_Atomic uint32_t *word, uint32_t value)
{
	nh_port__rmw_claim();
	uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);
	atomic_store_explicit(word, value, memory_order_relaxed);
	nh_port__barrier();
	NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) = 0;
	return seen;
}

/* The same as functions, where text is scarcer than cycles. */
bool nh_port_cas(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired);
uint32_t nh_port_exchange(_Atomic uint32_t *word, uint32_t value);
bool nh_port_claim(_Atomic uint8_t *byte, uint8_t expected, uint8_t desired);

#ifdef __OPTIMIZE_SIZE__
#define nh_port_cas_acquire(word, expected, desired) nh_port_cas((word), (expected), (desired))
#define nh_port_exchange_acquire(word, value) nh_port_exchange((word), (value))
#else
#define nh_port_cas_acquire(word, expected, desired) nh_port__cas((word), (expected), (desired))
#define nh_port_exchange_acquire(word, value) nh_port__exchange((word), (value))
#endif
#define nh_port_cas_release(word, expected, desired) nh_port_cas_acquire((word), (expected), (desired))
#define nh_port_load_dependent(word) atomic_load_explicit((word), memory_order_relaxed)

/*
 * The gate. `busy` only counts here: two per operation, so that half of it is the number of
 * operations as on every port. `seized` is read after the claim: a reclaimer stores it, then
 * claims and releases the same spinlock, so an owner that claims later finds it set.
 */
static inline bool nh_port_gate_enter(_Atomic uint32_t *busy, _Atomic uint32_t *seized, unsigned cpu)
{
	if (__builtin_expect(NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + cpu) == 0, 0))
		return false;
	nh_port__barrier();
	if (__builtin_expect(atomic_load_explicit(seized, memory_order_relaxed) == 0, 1))
		return true;
	NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + cpu) = (uint32_t)(uintptr_t)busy;
	return false;
}

/* Loads of one CPU are performed in order: after the claim, as with `seized`, the bounds are seen closed; and what is
 * read after an open bound is the owner's. The compiler is held to it. */
#define nh_port_load_ordered(word)                                                     \
	__extension__({                                                                      \
		__auto_type value_ = atomic_load_explicit((word), memory_order_relaxed);           \
		nh_port__barrier();                                                                \
		value_;                                                                            \
	})
#define nh_port_gate_try(busy, seized, key)                                            \
	__extension__({                                                                      \
		bool claimed_ = *(volatile uint32_t *)(nh_port__gate + 124u) != 0;                 \
		nh_port__barrier();                                                                \
		claimed_;                                                                          \
	})

#define nh_port_gate_done(busy, key)                                                   \
	do {                                                                                 \
		uint32_t count_ = atomic_load_explicit((busy), memory_order_relaxed);              \
		atomic_store_explicit((busy), count_ + 2u, memory_order_relaxed);                  \
		nh_port_gate_undo(busy, key);                                                      \
	} while (0)

/* Any value releases; this one is in a register. */
#define nh_port_gate_undo(busy, key)                                                   \
	do {                                                                                 \
		uintptr_t gate_;                                                                   \
		nh_port__barrier();                                                                \
		__asm volatile("mov %0, %1" : "=l"(gate_) : "r"(key));                             \
		*(volatile uint32_t *)(gate_ + 124u) = (uint32_t)(uintptr_t)(busy);                \
	} while (0)

static inline void nh_port_gate_leave(_Atomic uint32_t *busy, unsigned cpu)
{
	uint32_t count = atomic_load_explicit(busy, memory_order_relaxed);
	atomic_store_explicit(busy, count + 2u, memory_order_relaxed);
	nh_port__barrier();
	/* any value releases; this one is in a register */
	NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + cpu) = (uint32_t)(uintptr_t)busy;
}

static inline void nh_port_gate_cancel(_Atomic uint32_t *busy, unsigned cpu)
{
	nh_port__barrier();
	NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + cpu) = (uint32_t)(uintptr_t)busy;
}

static inline void nh_port_gate_seize(_Atomic uint32_t *seized)
{
	atomic_store_explicit(seized, 1u, memory_order_relaxed);
	nh_port__barrier();
}

static inline void nh_port_gate_open(_Atomic uint32_t *seized)
{
	nh_port__barrier();
	atomic_store_explicit(seized, 0u, memory_order_relaxed);
}

/* Not claimed at this moment: the owner is outside, and will see `seized` when it comes again. Looking claims nothing, so
 * that a CPU's gate spinlock is never held by another, and may be given back when that CPU was reset. */
static inline bool nh_port_gate_quiet(_Atomic uint32_t *busy, unsigned cpu)
{
	(void)busy;
	bool quiet = (NH_RP2040_SPINLOCK_ST >> (NH_RP2040_GATE_LOCK + cpu) & 1u) == 0;
	nh_port__barrier();
	return quiet;
}

static inline void nh_port_gate_recover(_Atomic uint32_t *busy, unsigned cpu)
{
	(void)busy; /* it counts only */
	(void)cpu;  /* nh_port_recover() gave its spinlock back */
}

/* A reset does not release spinlocks. Of two CPUs one has stopped and the other is here, so the lock for read-modify-write
 * is nobody's. */
#define nh_port_recover(cpu)                                      \
	do {                                                      \
		NH_RP2040_SPINLOCK(NH_RP2040_GATE_LOCK + (cpu)) = 0; \
		NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) = 0;       \
		nh_port__barrier();                               \
	} while (0)

/* The M0+ has no CLZ, but a multiplier of one cycle: the five bits at the top of bit * constant differ for each bit
 * (C. Leiserson, H. Prokop, K. Randall, "Using de Bruijn sequences to index a 1 in a computer word", 1998). */
unsigned nh_port_log2(uint32_t value);
extern const uint8_t nh_port__bit[32];

static inline unsigned nh_port_ctz(uint32_t value)
{
	return nh_port__bit[((value & (0u - value)) * UINT32_C(0x077cb531)) >> 27];
}

uint32_t nh_port_entropy(void);
void nh_port_fatal(const nh_fault *fault);

static inline void nh_port_retire(void *payload, size_t size)
{
	(void)payload;
	(void)size;
}

#endif

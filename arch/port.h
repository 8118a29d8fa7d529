/* SPDX-License-Identifier: MIT */
/*
 * arch/port.h - what a target gives the core, and the choice of the target.
 *
 * A port is one folder arch/<name>/ with port_<name>.h (included here) and port_<name>.c. The
 * header must define everything below, as macros or static inline functions unless said
 * otherwise. docs/PORTING.md walks through one.
 *
 *   NH_PORT_OUTSIDERS    1 if threads may exist that own no CPU number; they call with
 *                        nh_port_cpu() == NH_CPUS. 0 on microcontrollers.
 *   NH_PORT_HEAVY        1 if seizing needs nh_port_heavy_fence() before gates are tested.
 *
 *   unsigned nh_port_cpu(void)
 *       The caller's CPU, 0 .. NH_CPUS-1, or NH_CPUS for an outsider. Stable between irq_save and
 *       irq_restore; on hosts for the life of the attachment.
 *   unsigned nh_port_attach(void)
 *       An outsider asks for a CPU number; returns what nh_port_cpu() says from now on.
 *       Slow path, no lock or gate held.
 *   bool nh_port_lock_begin(void); void nh_port_lock_end(void)
 *       Around every heap lock. False if this context may not wait for one: it is above the
 *       interrupt mask, or (hosts) it is a signal handler on top of a call that holds one. Outsiders
 *       share one identity in the locks: the host port lets in one of them at a time.
 *
 *   nh_port_irq nh_port_irq_save(void); void nh_port_irq_restore(nh_port_irq)
 *       Mask everything that may call the heap on this CPU; restore exactly the previous state.
 *       Both are compiler barriers.
 *   nh_port_irq_begin(name)   declares `name` and saves into it, for the hits; a port may pin it to a
 *       register of its choice
 *   NH_PORT_LINE   bytes by which the caches of different CPUs are kept apart: a line, where there are data caches. Optional: 8
 *   NH_PORT_OPAQUE(variable)  the compiler may assume nothing about it; where address arithmetic
 *       folded too far costs more than it saves. Empty elsewhere.
 *   NH_PORT_ONCE(variable)    the compiler computes it here, and not again in parts where it is used. Optional: as opaque
 *   bool nh_port_in_isr(void)       in a handler: reclaim is skipped
 *   void nh_port_relax(uint32_t polls)   one poll of something another CPU must do; hosts yield
 *   bool nh_port_relax_yields(uint32_t polls)   this one may give the CPU to another thread. Optional: never
 *
 *   NH_PORT_VOLATILE_RELAXED   relaxed loads and stores are made as volatile ones of the value's type: the same instruction,
 *       of a naturally aligned word or less, and as little is said of its order; but gcc forms the address of what it takes
 *       for atomic apart, which costs an addition each on ARMv8. Optional, and nothing for race detectors
 *   bool nh_port_cas_acquire(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired)
 *   bool nh_port_cas_release(...)   compare-and-swap; may fail spuriously; on failure *expected is
 *       the value seen and nothing was written; failure order relaxed
 *   uint32_t nh_port_exchange_acquire(_Atomic uint32_t *word, uint32_t value)
 *       Interrupts are off. A port without read-modify-write emulates them under a lock of its own. The core keeps
 *       to this rule: a plain store to such a word may race only with a CAS that fails.
 *   bool nh_port_claim(_Atomic uint8_t *byte, uint8_t expected, uint8_t desired)
 *       The same for a byte, relaxed, and never failing spuriously. Only from NH_HARDENING_FULL on.
 *   void *nh_port_load_dependent(void *const _Atomic *word)   (macro: any pointer type)
 *       Load of a pointer whose target is then read, and with it what was written before the pointer was: acquire, or less
 *       where the CPU performs loads in order and nothing looks at the C11 model.
 *
 *   NH_PORT_GATE_OPEN    what an open `seized` word holds
 *   The gate of one CPU's magazines, see core/gate.h for the meaning of the two words:
 *   bool nh_port_gate_enter(_Atomic uint32_t *busy, _Atomic uint32_t *seized, unsigned cpu)
 *   void nh_port_gate_leave(_Atomic uint32_t *busy, unsigned cpu)
 *   void nh_port_gate_cancel(_Atomic uint32_t *busy, unsigned cpu)   leave, and do not count it
 *   The same for the hits, where every instruction counts:
 *   bool nh_port_gate_try(busy, seized, key)   as enter; inline, no call; may refuse more often
 *   nh_port_gate_done(busy, key), nh_port_gate_undo(busy, key)   as leave and cancel
 *   nh_port_cpu_begin(cpu, key)   declares the CPU's number, and the key, by which these find its gate. Optional with
 *       done and undo: without, the key is the number, and the functions above are used.
 *   NH_PORT_GATE_BOUNDS  1 or 2 if nh_port_gate_try() does not look at `seized`: the core then closes the bounds that a hit
 *       tests anyway (limit, open) before it seizes, and what is read after a successful try must see that. 2: a hit reads
 *       nothing that a reclaimer may be writing before it has tested the bound, as C11 wants it; 1: it may, and drops what it
 *       read. Optional; with
 *       nh_port_load_ordered(word): a load that is performed before all later ones, and acquires of the thaw that opens.
 *   void nh_port_gate_recover(_Atomic uint32_t *busy, unsigned cpu)  `cpu` has stopped, perhaps inside: leave for it
 *   void nh_port_gate_seize(_Atomic uint32_t *seized)
 *   void nh_port_gate_open(_Atomic uint32_t *seized)
 *   bool nh_port_gate_quiet(_Atomic uint32_t *busy, unsigned cpu)
 *   void nh_port_heavy_fence(void)   only if NH_PORT_HEAVY; no lock held, interrupts on
 *
 *   void nh_port_recover(unsigned cpu)   `cpu` has stopped: gives back what of the port's own it may hold. A macro, or
 *       not defined where there is nothing
 *
 *   unsigned nh_port_log2(uint32_t)   index of the highest set bit; argument not 0
 *   unsigned nh_port_ctz(uint32_t)    index of the lowest set bit; argument not 0
 *   uint32_t nh_port_entropy(void)    a word for the per-heap secret; a weak default is documented
 *   nh_status nh_port_region_check(base, size, attributes)   may this be a region? Weak; nearheap/linker.h
 *   void nh_port_fatal(const nh_fault *)   the default fatal hook: say it if possible, and stop
 *   _Atomic uint8_t *nh_port_hook_flag(unsigned cpu)   set while the caller is in the fatal hook. Optional: one per CPU
 *   void nh_port_retire(void *payload, size_t size)   the caller gave up these bytes (sanitizers)
 */
#ifndef NH_ARCH_PORT_H
#define NH_ARCH_PORT_H

#include <nearheap/linker.h>
#include <nearheap/nearheap.h>
#include <stdatomic.h>

/* The compiler moves no store across it: what a CPU that is stopped between two instructions leaves (core/recover.c) is
 * then what the program had done so far. Nothing is ordered between CPUs. */
#define nh_port_in_order() __asm volatile("" ::: "memory")

/* For a port that itself waits for another CPU: NH_PATIENCE polls brought nothing. Tells the fatal hook. */
void nh__stuck(unsigned cpu);

#if defined(NH_PORT_HEADER) /* a port outside of this tree */
#include NH_PORT_HEADER
#elif defined(NH_PORT_HOST)
#include "arch/host/port_host.h"
#elif defined(NH_PORT_RP2040)
#include "arch/rp2040/port_rp2040.h"
#elif defined(NH_PORT_ARMV8M)
#include "arch/armv8m/port_armv8m.h"
#elif defined(NH_PORT_ARMV7A)
#include "arch/armv7a/port_armv7a.h"
#elif defined(NH_PORT_ARMV8A)
#include "arch/armv8a/port_armv8a.h"
#else
#error "nearheap: no port chosen (define NH_PORT_HOST, NH_PORT_RP2040 ..., or add one: docs/PORTING.md)"
#endif

#ifndef NH_PORT_LINE
#define NH_PORT_LINE 8u
#endif
#ifndef NH_PORT_ONCE
#define NH_PORT_ONCE(variable) NH_PORT_OPAQUE(variable)
#endif
#ifndef NH_PORT_GATE_BOUNDS
#define NH_PORT_GATE_BOUNDS 0
#endif
#ifndef nh_port_relax_yields
#define nh_port_relax_yields(polls) ((void)(polls), false)
#endif
#ifndef nh_port_cpu_begin
#define nh_port_cpu_begin(cpu, key) const unsigned cpu = nh_port_cpu(), key = cpu
#define nh_port_gate_done(busy, key) nh_port_gate_leave((busy), (key))
#define nh_port_gate_undo(busy, key) nh_port_gate_cancel((busy), (key))
#endif

#if NH_CPUS > 32 && !NH_PORT_OUTSIDERS
#error "NH_CPUS: at most 32 on this target"
#endif

#ifndef nh_port_recover
#define nh_port_recover(cpu) ((void)(cpu))
#endif

/* What the core gives a port whose CPUs come and go (hosts). */
void nh__cpu_drain(unsigned cpu); /* by the owner of `cpu`: its caches in all instances go to TLSF */
void nh__fork_prepare(void);      /* seizes every gate, takes every lock */
void nh__fork_parent(void);       /* gives them back */
void nh__fork_child(void);        /* forgets that anybody else had them */

/* Distinct identities in a heap lock. With one, lock, gate and freeze are not compiled. */
#define NH_LOCKERS (NH_CPUS + NH_PORT_OUTSIDERS)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The gate of one CPU's magazines in one heap. Owners only try, never wait; refused = use TLSF.
 *
 *   owner                              reclaimer (holds the heap lock)
 *     busy = odd                         seized = 1            for all CPUs
 *     seized?  -> refused                [heavy fence]
 *     ... magazines ...                  busy odd? -> not yet, try again later
 *     busy = even                        ... magazines ...
 *                                        seized = open
 *
 * busy:    written by the owner. Odd = inside; half of it = operations since the start.
 * seized:  written under the heap lock.
 *
 * The port does it (arch/port.h), in one of three forms: a sequentially consistent pair, the same
 * relaxed with membarrier, or a hardware spinlock. With one locker there is no gate: interrupts
 * are off, and nobody else exists.
 */
#ifndef NH_CORE_GATE_H
#define NH_CORE_GATE_H

#include "arch/port.h"
#include "core/atomic.h"

#define NH__GATE (NH_LOCKERS > 1)
#define NH__DEPOT (NH_CPUS > 1)

struct nh__gate {
	_Atomic uint32_t busy;
#if NH__GATE
	_Atomic uint32_t seized;
#endif
};

#if NH__GATE

NH__INLINE bool nh__gate_enter(struct nh__gate *gate, unsigned cpu)
{
	return nh_port_gate_enter(&gate->busy, &gate->seized, cpu);
}

/* For the hits: may refuse where enter would not, and needs no stack frame. */
#define nh__gate_try(gate, key) nh_port_gate_try(&(gate)->busy, &(gate)->seized, (key))
#define nh__gate_done(gate, key) nh_port_gate_done(&(gate)->busy, (key))
#define nh__gate_undo(gate, key) nh_port_gate_undo(&(gate)->busy, (key))

NH__INLINE void nh__gate_leave(struct nh__gate *gate, unsigned cpu)
{
	nh_port_gate_leave(&gate->busy, cpu);
}

NH__INLINE void nh__gate_cancel(struct nh__gate *gate, unsigned cpu)
{
	nh_port_gate_cancel(&gate->busy, cpu);
}

#else

/* Odd while inside, for a fault handler or a signal handler on top. */
NH__INLINE bool nh__gate_enter(struct nh__gate *gate, unsigned cpu)
{
	(void)cpu;
	uint32_t count = nh__load_relaxed(&gate->busy);
	if (NH__UNLIKELY(count & 1u))
		return false;
	nh__store_relaxed(&gate->busy, count + 1u);
	return true;
}

#define nh__gate_try(gate, key) ((void)(key), nh__gate_enter((gate), 0))
#define nh__gate_done(gate, key) nh__gate_leave((gate), 0)
#define nh__gate_undo(gate, key) nh__gate_cancel((gate), 0)

NH__INLINE void nh__gate_leave(struct nh__gate *gate, unsigned cpu)
{
	(void)cpu;
	nh__bump(&gate->busy, 1u);
}

NH__INLINE void nh__gate_cancel(struct nh__gate *gate, unsigned cpu)
{
	(void)cpu;
	nh__bump(&gate->busy, UINT32_MAX);
}

#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The gate as a pair of words, what all forms of nh_port_gate_enter have in common: how the owner leaves, and the
 * reclaimer's side. For ports that define NH_PORT_GATE_OPEN.
 */
#ifndef NH_ARCH_GATE_PAIR_H
#define NH_ARCH_GATE_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

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

/* The owner has stopped: it leaves, if it was inside, with an operation counted. */
static inline void nh_port_gate_recover(_Atomic uint32_t *busy, unsigned cpu)
{
	if ((atomic_load_explicit(busy, memory_order_relaxed) & 1u) != 0)
		nh_port_gate_leave(busy, cpu);
}

#if NH_PORT_KEY_IS_COUNT
/* The hits' key is the count on entry, which nobody else changes before they leave: it need not be read again. */
#define nh_port_cpu_begin(cpu, key)         \
	const unsigned cpu = nh_port_cpu(); \
	uint32_t key = 0
/* release: to nh_port_gate_quiet */
#define nh_port_gate_done(busy, key) atomic_store_explicit((busy), (key) + 2u, memory_order_release)
#define nh_port_gate_undo(busy, key) atomic_store_explicit((busy), (key), memory_order_release)
#endif

static inline void nh_port_gate_seize(_Atomic uint32_t *seized)
{
	/* seq_cst: one half of the pair with nh_port_gate_enter */
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
	/* seq_cst: the other half of the pair; acquire: of nh_port_gate_leave and _cancel */
	return (atomic_load_explicit(busy, memory_order_seq_cst) & 1u) == 0;
}

#endif

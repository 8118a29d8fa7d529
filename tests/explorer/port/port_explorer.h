/* SPDX-License-Identifier: MIT */
/*
 * Port to the explorer: CPUs that have C11 atomics, as those of arch/c11.h; interrupts, the CPU's number and waiting are
 * the scheduler's. Chosen by NH_PORT_HEADER.
 */
#ifndef NH_PORT_EXPLORER_H
#define NH_PORT_EXPLORER_H

#include "arch/c11.h"

#include <stdbool.h>

/* These CPUs perform a load after the load its address comes from; C11 has no other word for that. */
#undef nh_port_load_dependent
#define nh_port_load_dependent(word) atomic_load_explicit((word), memory_order_acquire)

typedef unsigned nh_port_irq;

unsigned nh_port_cpu(void);
nh_port_irq nh_port_irq_save(void);
void nh_port_irq_restore(nh_port_irq state);
bool nh_port_in_isr(void);
void nh_port_relax(uint32_t polls);
uint32_t nh_port_entropy(void);
void nh_port_fatal(const nh_fault *fault);

#define nh_port_irq_begin(name) nh_port_irq name = nh_port_irq_save()

static inline unsigned nh_port_attach(void)
{
	return nh_port_cpu();
}

static inline bool nh_port_lock_begin(void)
{
	return true;
}

static inline void nh_port_lock_end(void)
{
}

#endif

/* SPDX-License-Identifier: MIT */
/* The fatal hook. */
#include "core/fault.h"
#include "arch/port.h"
#include "core/atomic.h"

static void (*_Atomic hook)(const nh_fault *fault);
/* CPUs inside the hook: a fault of the hook itself goes to the port. Each writes its own; where threads share a number,
 * the port has one for each. */
#ifndef nh_port_hook_flag
static _Atomic uint8_t inside[NH_CPUS + 1];
#define nh_port_hook_flag(cpu) (&inside[cpu])
#endif

void nh_fatal_hook_set(nh_fatal_hook chosen)
{
	/* release: to nh__report, for what the hook uses */
	nh__store_release(&hook, chosen);
}

void nh__report(nh_fault_code code, const void *address, unsigned cpu)
{
	nh_fault fault = {code, address, cpu};
	unsigned self = nh_port_cpu();
	/* acquire: of nh_fatal_hook_set */
	nh_fatal_hook chosen = nh__load_acquire(&hook);
	if (chosen == NULL || nh__load_relaxed(nh_port_hook_flag(self))) {
		nh_port_fatal(&fault);
		return;
	}
	nh__store_relaxed(nh_port_hook_flag(self), 1u);
	chosen(&fault);
	nh__store_relaxed(nh_port_hook_flag(self), 0u);
}

void nh__note_report(const struct nh__note *note)
{
	if (note->code != NH_FAULT_NONE)
		nh__report(note->code, note->address, nh_port_cpu());
}

void nh__stuck(unsigned cpu)
{
	nh__report(NH_FAULT_STUCK, NULL, cpu);
}

void nh__report_recover(unsigned cpu)
{
	nh__store_relaxed(nh_port_hook_flag(cpu), 0u);
}

#if NH_HARDENING >= NH_HARDENING_EXTREME

bool nh__in_hook(void)
{
	return nh__load_relaxed(nh_port_hook_flag(nh_port_cpu())) != 0;
}

#endif

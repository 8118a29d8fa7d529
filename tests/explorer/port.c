/* SPDX-License-Identifier: MIT */
/* The machine below arch/port.h. */
#include "explorer.h"

#include <nearheap/nearheap.h>

#define CALLER __builtin_return_address(0)

unsigned nh_port_cpu(void);
unsigned nh_port_irq_save(void);
void nh_port_irq_restore(unsigned state);
bool nh_port_in_isr(void);
void nh_port_relax(uint32_t polls);
uint32_t nh_port_entropy(void);
void nh_port_fatal(const nh_fault *fault);
nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes);

unsigned nh_port_cpu(void)
{
	return ex_on_cpu();
}

/* Others of this CPU may come in before; after, they come at the next access. */
unsigned nh_port_irq_save(void)
{
	struct ex_cpu *cpu = &ex_cpu[ex_on_cpu()];
	if (ex_active()) {
		ex_step(ex_several() || ex_options.mode == EX_REPLAY);
		cpu = &ex_cpu[ex_on_cpu()];
	}
	unsigned state = cpu->masked;
	cpu->masked = true;
	return state;
}

void nh_port_irq_restore(unsigned state)
{
	ex_cpu[ex_on_cpu()].masked = state != 0;
}

bool nh_port_in_isr(void)
{
	return ex_active() && ex_thread[ex_run.thread].kind == EX_HANDLER;
}

void nh_port_relax(uint32_t polls)
{
	if (ex_active())
		ex_yield();
	else if (polls > 100)
		ex_fail("after the run something is waited for that nobody will do");
}

uint32_t nh_port_entropy(void)
{
	return UINT32_C(0x5eed0bad); /* runs repeat themselves */
}

void nh_port_fatal(const nh_fault *fault)
{
	ex_trace("** fault reported", fault->address, fault->code, nh_fault_string(fault->code), CALLER);
	ex_fail(nh_fault_string(fault->code));
}

nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	(void)base;
	(void)size;
	(void)attributes;
	return NH_OK;
}

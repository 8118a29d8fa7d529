/* SPDX-License-Identifier: MIT */
/* Hosts: the log is stderr, RAM is simulated. */
#include "core/compat/tizenrt/tizenrt.h"

#include <sched.h>
#include <stdio.h>

static struct {
	uintptr_t first;
	size_t size;
	unsigned char *memory;
} ram;

void nh__mm_platform_log(const char *line)
{
	fprintf(stderr, "%s\n", line);
}

int nh_tizenrt_simulate(uintptr_t first, void *memory, size_t size)
{
	if (memory == NULL || size == 0 || first + (size - 1u) < first)
		return -EINVAL;
	ram.first = first;
	ram.size = size;
	ram.memory = memory;
	return OK;
}

void *nh__mm_platform_ram(uintptr_t address, size_t size)
{
	if (ram.memory == NULL || address < ram.first || size > ram.size ||
	    address - ram.first > ram.size - size)
		return NULL;
	return ram.memory + (address - ram.first);
}

void nh__mm_platform_relax(void)
{
	sched_yield();
}

void nh__mm_platform_reset(void)
{
	ram.memory = NULL;
}

/* SPDX-License-Identifier: MIT */
/* Microcontrollers: the log is the board's, addresses are what they are. */
#include "core/compat/tizenrt/tizenrt.h"

__attribute__((weak)) void nh_tizenrt_log_line(const char *line)
{
	(void)line;
}

void nh__mm_platform_log(const char *line)
{
	nh_tizenrt_log_line(line);
}

int nh_tizenrt_simulate(uintptr_t first, void *ram, size_t size)
{
	(void)first;
	(void)ram;
	(void)size;
	return -EINVAL;
}

void *nh__mm_platform_ram(uintptr_t address, size_t size)
{
	(void)size;
	return (void *)address;
}

void nh__mm_platform_relax(void)
{
}

void nh__mm_platform_reset(void)
{
}

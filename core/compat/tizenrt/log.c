/* SPDX-License-Identifier: MIT */
/* Errors become lines, faults too. */
#include "core/compat/tizenrt/tizenrt.h"

#include <stdatomic.h>

#define LINE 256u

static void (*_Atomic chosen)(const char *line);

void nh_tizenrt_log_set(nh_tizenrt_log_fn log)
{
	/* release: to nh__mm_log, for what the function uses */
	atomic_store_explicit(&chosen, log, memory_order_release);
}

void nh__mm_log(const char *format, ...)
{
	char line[LINE];
	va_list arguments;
	va_start(arguments, format);
	nh__text_list(line, sizeof line, format, arguments);
	va_end(arguments);
	/* acquire: of nh_tizenrt_log_set */
	void (*log)(const char *) = atomic_load_explicit(&chosen, memory_order_acquire);
	if (log != NULL)
		log(line);
	else
		nh__mm_platform_log(line);
}

__attribute__((weak)) void nh_tizenrt_stop(const nh_fault *fault)
{
	(void)fault;
	__builtin_trap();
}

void nh_tizenrt_fault(const nh_fault *fault)
{
	nh__mm_log("mm: %s at %x, CPU %u", nh_fault_string(fault->code), (uint64_t)(uintptr_t)fault->address,
	           (uint64_t)fault->cpu);
	switch (fault->code) {
	case NH_FAULT_POINTER:
	case NH_FAULT_DOUBLE_FREE:
	case NH_FAULT_CONTEXT:
		return;
	default:
		nh_tizenrt_stop(fault);
	}
}

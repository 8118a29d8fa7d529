/* SPDX-License-Identifier: MIT */
/* Threads as cores: a lock for the scheduler, counters for what the heap calls. */
#define _GNU_SOURCE
#include "kernel.h"

#include <pthread.h>

#include "tests/support/unit.h"

unsigned kernel_suspensions, kernel_asserted, kernel_hooked;
struct kernel_trace kernel_mallocs, kernel_frees;

static pthread_mutex_t scheduler = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static _Thread_local unsigned suspended, masked;
static _Thread_local BaseType_t core_id;

void kernel_core_set(BaseType_t core)
{
	core_id = core;
}

BaseType_t port_core_id(void)
{
	assert_true(masked != 0); /* else the task might be moved to another core */
	return core_id;
}

void kernel_check_balanced(void)
{
	assert_int_equal(suspended, 0);
	assert_int_equal(masked, 0);
}

void kernel_forget(void)
{
	kernel_suspensions = kernel_asserted = kernel_hooked = 0;
	kernel_mallocs = kernel_frees = (struct kernel_trace){ 0 };
}

int kernel_set_up(void **state)
{
	(void)state;
	vPortHeapResetState();
	nht_fault_catch();
	kernel_forget();
	return 0;
}

int kernel_tear_down(void **state)
{
	(void)state;
	kernel_check_balanced();
	return nht_fault_release() == 0 ? 0 : -1;
}

void vTaskSuspendAll(void)
{
	pthread_mutex_lock(&scheduler);
	suspended++;
	kernel_suspensions++;
}

BaseType_t xTaskResumeAll(void)
{
	assert_true(suspended != 0);
	suspended--;
	pthread_mutex_unlock(&scheduler);
	return 0;
}

UBaseType_t port_mask_interrupts(void)
{
	return masked++;
}

void port_unmask_interrupts(UBaseType_t saved)
{
	assert_int_equal(masked, saved + 1);
	masked = (unsigned)saved;
}

/* ---- what FreeRTOSConfig.h routes here --------------------------------------------------- */

void config_assert_failed(void)
{
	kernel_asserted++;
}

void config_trace_malloc(void *address, size_t size)
{
	kernel_mallocs = (struct kernel_trace){ kernel_mallocs.count + 1, address, size };
}

void config_trace_free(void *address, size_t size)
{
	/* What was to be cleared is clear by now. */
#if configHEAP_CLEAR_MEMORY_ON_FREE == 1
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(((const unsigned char *)address)[i], 0);
#endif
	kernel_frees = (struct kernel_trace){ kernel_frees.count + 1, address, size };
}

void vApplicationMallocFailedHook(void)
{
	assert_int_equal(suspended, 0);
	kernel_hooked++;
}

/* SPDX-License-Identifier: MIT */
/* What tests see of the kernel below the heap. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>

#include <FreeRTOS.h>
#include <task.h>

/* Which core this thread is; 0 unless told. */
void kernel_core_set(BaseType_t core);

/* Balanced: nothing is suspended or masked on this thread. */
void kernel_check_balanced(void);

/* Since the last kernel_forget(). */
extern unsigned kernel_suspensions; /* single-threaded tests only, as all of these */
extern unsigned kernel_asserted;    /* configASSERT failed, and went on */
extern unsigned kernel_hooked;      /* vApplicationMallocFailedHook was called */

struct kernel_trace {
	unsigned count;
	void *address;
	size_t size;
};
extern struct kernel_trace kernel_mallocs, kernel_frees;

void kernel_forget(void);

/* For cmocka: no heap, nothing counted, faults are caught; and the end, where nothing may have been told. */
int kernel_set_up(void **state);
int kernel_tear_down(void **state);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * nearheap/cortex_a.h - what a program for Cortex-A (ports ARMV7A and ARMV8A, without an operating
 * system or under a kernel that runs it privileged) may replace. Every function here has a weak
 * definition in the library; defining one in the program replaces it.
 *
 * Two options, given like those of nearheap/config.h, for the library:
 *   NH_CORTEX_A_MASK_FIQ  1: FIQs are masked with IRQs, and FIQ handlers may call the heap. 0, the
 *                         default: FIQs stay on; their handlers must not call it.
 *   NH_CORTEX_A_CPU()     an expression, the caller's CPU as a number below NH_CPUS. Default: affinity
 *                         level 0 of MPIDR, right for one cluster without hardware threads. It is evaluated
 *                         in every call with interrupts masked. A CPU with another number that calls the heap
 *                         ends in nh_port_fatal with NH_FAULT_CONTEXT and that number.
 */
#ifndef NEARHEAP_CORTEX_A_H
#define NEARHEAP_CORTEX_A_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nh_cortex_a_context {
	NH_CORTEX_A_TASK,    /* may wait for locks and reclaim */
	NH_CORTEX_A_HANDLER, /* an interrupt that the heap masks: may wait for locks, does not reclaim */
	NH_CORTEX_A_FAULT    /* may have interrupted a lock hold: calls that need a lock are refused */
} nh_cortex_a_context;

/* Where the caller runs. Called by the heap on its slow paths, from anywhere, any number of times;
 * must be wait-free and must not call the heap.
 *
 * ARMv7-A default: from the mode in CPSR. IRQ: HANDLER; FIQ: HANDLER with NH_CORTEX_A_MASK_FIQ, else
 * FAULT; Abort, Undefined, Monitor: FAULT; others: TASK. A handler that leaves its mode before it
 * calls C (SVC or System mode, as kernels do) looks like a task: such systems define this function,
 * for example from the nesting count of their interrupt entry.
 *
 * ARMv8-A default: TASK. EL1 does not say whether it serves an interrupt: systems whose handlers
 * allocate define this function. Without it those handlers are served correctly but may reclaim, and
 * take as long as a task. */
nh_cortex_a_context nh_cortex_a_context_get(void);

/* A word for the secret that encodes the links of a new heap. Called by nh_init, nh_heap_add and
 * their like, once per heap. Default: the generic timer's count where there is one, stirred with the stack's
 * address; it makes two boots differ if they take different times, and is no defence against somebody
 * who knows them. */
uint32_t nh_port_entropy(void);

/* The end of a fault that no hook took (nh_fatal_hook_set), or of a CPU beyond NH_CPUS; must not return. Callable from anywhere.
 * Default: a breakpoint instruction with `fault` in the first argument register, again and again. */
void nh_port_fatal(const nh_fault *fault);

#ifdef __cplusplus
}
#endif

#endif

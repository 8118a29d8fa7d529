/* SPDX-License-Identifier: MIT */
/*
 * nearheap/tizenrt.h - what nearheap adds to TizenRT's multi-heap: the log, faults, simulated RAM,
 * and the start with a result.
 */
#ifndef NEARHEAP_TIZENRT_H
#define NEARHEAP_TIZENRT_H

#include <nearheap/regions.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of control memory in a struct mm_heap_s. What needs more takes it from the head of its first
 * region. */
#define NH_TIZENRT_CONTROL NH_REGION_CONTROL

/* 1: the library defines malloc, free ... themselves, in place of the C library's. Set by CMake. */
#ifndef NH_TIZENRT_PLAIN
#define NH_TIZENRT_PLAIN 0
#endif

/* ---- log ---------------------------------------------------------------------------------- */

/* Receives each line, without its end. May be called anywhere, on several cores at once; may not call
 * the heap. NULL restores the default: stderr on hosts, nh_tizenrt_log_line() elsewhere. */
typedef void (*nh_tizenrt_log_fn)(const char *line);
void nh_tizenrt_log_set(nh_tizenrt_log_fn log);

/* The default where there is no stderr; weak, does nothing. A board that has a console defines it. */
void nh_tizenrt_log_line(const char *line);

/* The fatal hook that the first heap installs: what is no block and double frees are a line in the log,
 * and the call has no effect; damage to a heap is a line and then nh_tizenrt_stop(). A program with a
 * hook of its own sets it afterwards, and may call this one from it. */
void nh_tizenrt_fault(const nh_fault *fault);

/* The end after damage; weak, traps. If it returns, the damaged chain is cut off (nearheap.h). */
void nh_tizenrt_stop(const nh_fault *fault);

/* ---- configuration ------------------------------------------------------------------------ */

struct mm_heap_s;

typedef struct nh_tizenrt_configuration {
	nh_regions_lists lists;
	struct mm_heap_s *heaps; /* lists.heaps of them, to stay */
} nh_tizenrt_configuration;

/* What up_add_kregion() calls. 0 (OK); -EINVAL: a mistake, told to the log, and there are no heaps;
 * -EALREADY: there are heaps. Needs about 1.2 KiB of stack on 32-bit targets. Task, once. */
int nh_tizenrt_start(const nh_tizenrt_configuration *configuration);

/* Forgets all heaps and the simulated RAM: for tests. Nothing of it may be in use. */
void nh_tizenrt_deinit(void);

/* Hosts: the addresses [first, first + size) of the lists are at `ram`. Without it a host refuses
 * lists, since it has no memory at such addresses. Elsewhere addresses are what they are; -EINVAL. */
int nh_tizenrt_simulate(uintptr_t first, void *ram, size_t size);

#ifdef __cplusplus
}
#endif

#endif

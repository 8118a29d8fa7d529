/* SPDX-License-Identifier: MIT */
/*
 * nearheap/host.h - what the host port adds: threads own CPU slots.
 *
 * A thread takes a free slot at its first allocation and gives it back when it ends, after its
 * thread-local destructors. Threads without a slot (more threads than NH_CPUS, or in what the C library does after those
 * destructors) work all the same: every call of theirs goes to TLSF.
 */
#ifndef NEARHEAP_HOST_H
#define NEARHEAP_HOST_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* This thread's slot, 0 .. NH_CPUS-1, or NH_CPUS if it has none. */
unsigned nh_host_cpu(void);

/* Takes slot `cpu`, or any free one if -1. A thread that has a slot moves, and leaves what the old
 * one has cached where it is: it serves the slot's next owner, and every reclaim takes it.
 * NH_EBUSY: the slot is another thread's; NH_ENOSPC: none free; NH_ENOENT: no such slot. */
nh_status nh_host_attach(int cpu);

/* Drains this thread's caches in all instances and gives its slot back. */
void nh_host_detach(void);

/* What lets a reclaim see a thread's gate: true = the membarrier system call, and the fast path has no
 * fence; false = the kernel refused it and each fast path pays one sequentially consistent store. */
bool nh_host_membarrier(void);

/* Chooses the second form as if the kernel had refused. Before the first heap is added. */
void nh_host_force_fences(void);

#ifdef __cplusplus
}
#endif

#endif

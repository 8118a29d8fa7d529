/* SPDX-License-Identifier: MIT */
/*
 * nearheap/first_use.h - what replacements of malloc and new ask the program: for its heaps, and for help.
 *
 * Constructors, and C libraries on their behalf, call malloc() or operator new before a program
 * can call nh_init(). The replacements (nearheap_newlib, nearheap_cxx) then ask the program: they
 * call nh_first_use(), once per request that finds no heap, and try again. nh_malloc() itself never
 * asks; before nh_init() it returns NULL.
 */
#ifndef NEARHEAP_FIRST_USE_H
#define NEARHEAP_FIRST_USE_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Defined by the program (nearheap_pico has one): calls nh_init() with its heaps. Returns what
 * nh_init() returned; NH_EALREADY is as good as NH_OK. It is called on whichever CPU comes first,
 * also from a handler, with no lock held. Two CPUs may come first at once: it has to see to it that one of
 * them makes the heaps, or they are made before the others start. It must not allocate. Without one: NH_ENOINIT, and requests fail
 * until nh_init() was called. */
nh_status nh_first_use(void);

/* Called before malloc() or one of its family returns NULL for want of memory, and before a new that may
 * not return nullptr aborts for want of exceptions. `size` is what was asked for, SIZE_MAX if that does
 * not fit a size_t. The default does nothing and returns; a program may define its own, which may free memory
 * for later requests, report, or stop, and should not allocate. On the CPU that asked, no lock held. */
void nh_exhausted(size_t size);

/* For replacements: true if there is a heap, if need be after asking nh_first_use(). Anywhere that
 * nh_first_use() may be called; wait-free once there is a heap. */
bool nh_first_use_ready(void);

#ifdef __cplusplus
}
#endif

#endif

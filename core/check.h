/* SPDX-License-Identifier: MIT */
/*
 * The parts of validate that are no walk: a heap's control words, and what lies in its caches. Nothing is followed before
 * it is known to lead into the heap's own control memory or regions.
 */
#ifndef NH_CORE_CHECK_H
#define NH_CORE_CHECK_H

#include "core/instance.h"

/* Pointers, counts and copies in the control memory of heap `number`. *heap: what was looked at, NULL if no heap has the
 * number any more; the phrase is NULL then. One lock hold, and in it at most NH_MAX_REGIONS steps, one per CPU and one
 * per class. */
const char *nh__check_control(nh_instance *instance, int number, struct nh__heap **heap, const void **bad,
                              struct nh__note *note);

/* This CPU's magazines and, where it is local, depot and inbox, a class per gate entry: each chain is taken, looked at, and
 * put back. Other CPUs' magazines are not ours to read. */
const char *nh__check_caches(nh_instance *instance, struct nh__heap *heap, const void **bad, struct nh__note *note);

#endif

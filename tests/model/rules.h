/* SPDX-License-Identifier: MIT */
/*
 * The rules of selection, written a second time from the text at nh_request and as plainly as
 * possible: the library's tables must come to the same order.
 */
#ifndef NHT_RULES_H
#define NHT_RULES_H

#include <nearheap/nearheap.h>

typedef struct rules_heap {
	bool there; /* added, and not removed */
	uint32_t attributes, affinity, flags;
} rules_heap;

/* The heaps the request accepts on this CPU, in the order they are tried; returns how many. */
unsigned rules_order(const rules_heap *heaps, unsigned count, unsigned cpu, const nh_request *request,
                     int order[NH_MAX_HEAPS]);

/* True if `reason` is a true statement about a heap that the request does not accept. */
bool rules_reason_true(const rules_heap *heap, unsigned number, unsigned cpu, const nh_request *request,
                       nh_reason reason);

/* Heaps that a plain realloc of a block of heap `from` may move it to, as a set. */
uint32_t rules_realloc_heaps(const rules_heap *heaps, unsigned count, int from);

#endif

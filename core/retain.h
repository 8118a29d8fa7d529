/* SPDX-License-Identifier: MIT */
/*
 * Heaps in memory that survives a reset: the record in front of the region, and what others must know of it.
 *
 *   | control, perhaps | record | starts (FULL) | blocks ... | fence |
 *
 * All that survives is the record and the blocks with their headers. How they are read again: core/retain.c.
 */
#ifndef NH_CORE_RETAIN_H
#define NH_CORE_RETAIN_H

#include "core/instance.h"
#include "core/starts.h"

/* A word that a reset leaves old or new. Two copies; `which` names the one that holds, by values that no single bit, nor
 * any few, turn into each other. */
struct nh__cell {
	_Atomic uint32_t which;
	struct {
		_Atomic uint32_t value, check;
	} copy[2];
};

struct nh__record {
	_Atomic uint32_t magic;  /* written last, cleared first */
	_Atomic uint32_t layout; /* all that headers and their places depend on */
	_Atomic uint32_t secret; /* the heap's: keys and trailers go on to be true */
	_Atomic uint32_t check;  /* of the three */
	struct nh__cell codes;   /* how classes are coded in owner bytes; 0 while the heap is being attached */
	struct nh__cell generation;
	struct nh__cell root; /* granule offset of the root's payload; 0 = none */
};

#define NH__RECORD_MAGIC UINT32_C(0x4e48b10c)

/* The record of a heap that has one. */
static inline struct nh__record *nh__record_of(const struct nh__heap *heap)
{
	struct nh__region region = {.first = heap->tlsf.origin + NH_GRANULE};
	region.end = region.first + (uintptr_t)heap->tlsf.primary * NH_GRANULE;
	return (struct nh__record *)(nh__region_base(&region) - sizeof(struct nh__record));
}

/* From now on there is nothing to be found. */
static inline void nh__record_void(struct nh__record *record)
{
	nh__store_relaxed(&record->magic, 0u);
	nh_port_in_order();
}

#endif

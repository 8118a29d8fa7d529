/* SPDX-License-Identifier: MIT */
/*
 * Sizes. This file holds the only arithmetic on sizes that come from outside; everything behind it counts
 * in granules and cannot wrap. Each function is total: it gives 0 for what cannot be served.
 *
 *   span = header + payload + trailer, in granules;   room = payload + trailer;   usable = payload
 */
#ifndef NH_CORE_SIZE_H
#define NH_CORE_SIZE_H

#include <nearheap/config.h>
#include <stddef.h>
#include <stdint.h>

#define NH_WIDE (NH_64BIT || NH_WIDE_HEADER)
#define NH_GRANULE_SHIFT (NH_64BIT ? 4 : 3)
#define NH_GRANULE (1u << NH_GRANULE_SHIFT)
#define NH_HEADER (NH_WIDE ? 8u : 4u)
/* Of live blocks from NH_HARDENING_FULL on: core/guard.h. As large as the header, so that usable sizes stay multiples
 * of the class table's step. */
#define NH_TRAILER (NH_HARDENING >= NH_HARDENING_FULL ? NH_HEADER : 0u)

/* A free block holds header, two links and a footer of four bytes each. */
#define NH_SPAN_MIN ((uint32_t)((NH_HEADER + 12u + NH_GRANULE - 1u) >> NH_GRANULE_SHIFT))
/* 22 bits in a narrow header; else what keeps bytes below half the address space, or 32 GiB. */
#define NH_SPAN_MAX (NH_64BIT ? UINT32_C(0x7fffffff) : NH_WIDE ? UINT32_C(0x0fffffff) : UINT32_C(0x003fffff))

#define NH_ROOM(span) ((size_t)(span) * NH_GRANULE - NH_HEADER)
#define NH_USABLE(span) (NH_ROOM(span) - NH_TRAILER)

static inline uint32_t nh__span(size_t size)
{
	if (size == 0 || size > NH_USABLE(NH_SPAN_MAX))
		return 0;
	uint32_t span = (uint32_t)((size + NH_HEADER + NH_TRAILER + NH_GRANULE - 1u) >> NH_GRANULE_SHIFT);
	return span < NH_SPAN_MIN ? NH_SPAN_MIN : span;
}

/* Alignment in granules: 1 for what every block meets, 0 for what is no alignment or cannot be. */
static inline uint32_t nh__align(size_t alignment)
{
	if ((alignment & (alignment - 1u)) != 0 || alignment > (size_t)NH_SPAN_MAX * NH_GRANULE / 2u)
		return 0;
	return alignment <= NH_GRANULE ? 1u : (uint32_t)(alignment >> NH_GRANULE_SHIFT);
}

/* The span that surely holds an aligned one: the gap in front is none or a block of its own. */
static inline uint32_t nh__span_padded(uint32_t span, uint32_t align)
{
	if (align == 1)
		return span;
	uint32_t padded = span + align + NH_SPAN_MIN; /* below 2^32: both are at most NH_SPAN_MAX */
	return padded > NH_SPAN_MAX ? NH_SPAN_MAX : padded;
}

static inline size_t nh__product(size_t count, size_t size)
{
	return size != 0 && count > SIZE_MAX / size ? 0 : count * size;
}

/* Whole granules between two addresses, as a span may count them. */
static inline uint32_t nh__granules(uintptr_t bytes)
{
	uintptr_t granules = bytes >> NH_GRANULE_SHIFT;
	return granules > NH_SPAN_MAX ? NH_SPAN_MAX + 1u : (uint32_t)granules;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * nearheap/linker.h - heaps from the symbols of a linker script.
 *
 * A script that exports a bank as __nh_<bank>_start and __nh_<bank>_size (arch/<port>/regions.ld are
 * examples) is turned into the table that nh_init() takes by one list:
 *
 *     #define HEAPS(heap)                                \
 *             heap(local0, 0, NH_CPU(0), 0)              \
 *             heap(local1, 0, NH_CPU(1), 0)              \
 *             heap(shared, NH_ATTR_DMA, 0, 0)
 *     NH_LINKER_TABLE(heaps, HEAPS);
 *     ... nh_init(heaps, NH_LINKER_COUNT(heaps), NULL) ...
 *
 * The table is constant and costs no code. In C++ it needs C++20.
 */
#ifndef NEARHEAP_LINKER_H
#define NEARHEAP_LINKER_H

#include <nearheap/nearheap.h>

/* Defines `static const nh_heap_config table[]` from LIST, a macro that calls its argument with
 * (bank, attributes, affinity, flags) once per bank. At file scope. */
#define NH_LINKER_TABLE(table, LIST) \
	LIST(NH_LINKER__DECLARE)     \
	static const nh_heap_config table[] = {LIST(NH_LINKER__HEAP)}

#define NH_LINKER_COUNT(table) ((unsigned)(sizeof(table) / sizeof((table)[0])))

/* The size is the address of a symbol, which a constant initializer may name; a difference of two
 * is not. */
#define NH_LINKER__DECLARE(bank, attributes_, affinity_, flags_) \
	extern char __nh_##bank##_start[], __nh_##bank##_size[];
#define NH_LINKER__HEAP(bank, attributes_, affinity_, flags_)      \
	{                                                          \
		.name = #bank,                                     \
		.base = __nh_##bank##_start,                       \
		.size = (size_t)(uintptr_t)__nh_##bank##_size,     \
		.attributes = (attributes_),                       \
		.affinity = (affinity_),                           \
		.flags = (flags_),                                 \
		.control = NULL,                                   \
		.control_size = 0,                                 \
		.window = 0,                                       \
	},

/* ---- what core cannot know: where RAM and the image are ------------------------------------- */

#ifdef __cplusplus
extern "C" {
#endif

/* Asked about each region, and control memory of the caller's, before anything of it is written; what it returns is
 * what nh_init(), nh_heap_add() or nh_region_add() returns. A board may define it, by nh_linker_check(), say. The ports
 * have weak ones: that of the RP2040 knows where RAM is, the others let everything pass. Called in the context of the
 * call that adds, with no lock held; must not call the heap. */
nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes);

#ifdef __cplusplus
}
#endif

/* From start up to, not including, end. */
typedef struct nh_linker_span {
	const void *start, *end;
} nh_linker_span;

/* May [base, base + size) become a region? NH_OK; NH_EINVAL (NULL or 0), NH_EWRAP; NH_ERANGE if no
 * span of `ram` holds all of it (not looked at if there are none); NH_EOVERLAP if it touches a
 * span of `taken`: code, data, stacks. Reads no memory but the spans. Anywhere; one comparison per span. */
static inline nh_status nh_linker_check(const void *base, size_t size, const nh_linker_span *ram, unsigned rams,
                                        const nh_linker_span *taken, unsigned takens)
{
	uintptr_t start = (uintptr_t)base, end = start + size;
	bool inside = rams == 0;
	if (base == NULL || size == 0)
		return NH_EINVAL;
	if (end < start)
		return NH_EWRAP;
	for (unsigned i = 0; i < rams; i++)
		inside = inside || (start >= (uintptr_t)ram[i].start && end <= (uintptr_t)ram[i].end);
	if (!inside)
		return NH_ERANGE;
	for (unsigned i = 0; i < takens; i++)
		if (taken[i].start != taken[i].end && start < (uintptr_t)taken[i].end && end > (uintptr_t)taken[i].start)
			return NH_EOVERLAP;
	return NH_OK;
}

#endif

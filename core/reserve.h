/* SPDX-License-Identifier: MIT */
/*
 * Who has which memory: regions, control blocks and the numbers of heaps are reserved under the admin lock before anything is
 * built in them. What is being added says by whom and to what, so that it is nobody's again if that CPU dies
 * (core/recover.c), and that its heap stays (core/remove.c). Each call: admin lock held, at most one step per region and heap.
 */
#ifndef NH_CORE_RESERVE_H
#define NH_CORE_RESERVE_H

#include "core/instance.h"

/* A word of instance->adding: the heap's number, whether the heap itself is being added, and by whom. */
#define NH__ADDING_HEAP 16u
#define NH__ADDING_CPU 32u
static inline nh__adding nh__adding_by(unsigned cpu, unsigned id)
{
	return (nh__adding)((cpu + 1u) * NH__ADDING_CPU + id);
}

/* Does anything that is in use or reserved overlap it? */
bool nh__in_use(nh_instance *instance, uintptr_t base, uintptr_t end);

/* The lowest number that no heap has: one that was removed and comes back keeps its place. NH_MAX_HEAPS if there is none. */
unsigned nh__number_free(nh_instance *instance);

/* Where the control memory of heap `id` is; 0, 0 = the number is free. */
void nh__claim_set(nh_instance *instance, unsigned id, uintptr_t base, uintptr_t end);

/* An entry for a region, which nobody sees before it is its heap's; NH_MAX_REGIONS if there is none. The entry of a
 * region that was removed may have readers still: core/instance.c. */
unsigned nh__region_reserve(nh_instance *instance, unsigned adding, uintptr_t first, uintptr_t end);

/* The entry is nobody's, first without a heap, then without bounds. */
void nh__entry_clear(struct nh__region_entry *entry);

/* Is a region being added to this heap? */
bool nh__heap_grows(nh_instance *instance, unsigned id);

#endif

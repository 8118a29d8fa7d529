/* SPDX-License-Identifier: MIT */
/*
 * nearheap/single.h - one region, nothing else: no instance, no lock, no caches.
 *
 * The same TLSF as behind nh_malloc, for small private heaps. Everything it needs lies at the head of
 * the region (about 45 bytes for the smallest, 150 for 4 KiB), so 128 bytes of memory serve blocks.
 * A freed block is merged and reusable at once, a shrink gives its tail back at once.
 *
 * THE CALLER SERIALISES. No two calls on one heap at the same time, interrupt handlers included.
 * Different heaps have nothing in common. Within that rule: anywhere. Worst case of every call, unless it
 * says otherwise: one TLSF operation, O(1).
 */
#ifndef NEARHEAP_SINGLE_H
#define NEARHEAP_SINGLE_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque; lies in the region. */
typedef struct nh_single nh_single;

/* Makes [memory, memory + size) a heap, whatever it was before; any address. The memory must not be
 * external memory without plain byte and word access. *single receives it.
 * NH_EINVAL: a NULL argument; NH_EWRAP; NH_ESMALL: no room for one block; NH_ERANGE: too large. */
nh_status nh_single_init(void *memory, size_t size, nh_single **single);

/* `size` bytes at an address a for which a + rewind is a multiple of `alignment`; NULL if size is 0,
 * if `alignment` is no power of two (0 = standard), or if no free block fits. `rewind` is below `alignment`;
 * with 0 this is aligned allocation. Worst case with more than the standard alignment or when the heap is
 * nearly full: a walk over the free blocks of one size class. */
void *nh_single_alloc(nh_single *single, size_t alignment, size_t rewind, size_t size);

/* Makes the block `size` bytes long where it is: cuts its tail off or grows over a free successor.
 * False if that cannot be (also for size 0): nothing changed. */
bool nh_single_resize(nh_single *single, void *block, size_t size);

/* NULL is ignored. What is not a live block of this heap is reported to the fatal hook and changes
 * nothing. */
void nh_single_free(nh_single *single, void *block);

/* Usable bytes from this address to the end of the block; 0 for what is not a live block. */
size_t nh_single_usable_size(nh_single *single, const void *block);

/* Does the address lie between the first and the last block? No memory is read but the heap's own. */
bool nh_single_contains(const nh_single *single, const void *address);

/* size, free, taken = live, peak, quarantined as in nh_heap_stats; the rest is 0. No walk. */
void nh_single_stats_get(const nh_single *single, nh_heap_stats *stats);

/* The peak becomes what is taken now. */
void nh_single_peak_reset(nh_single *single);

/* Calls visit() for each block in address order until it returns false; heap is 0. visit() must not
 * allocate or free here. NH_ECORRUPT: a header leads nowhere. O(blocks). */
nh_status nh_single_walk(nh_single *single, bool (*visit)(const nh_block_info *block, void *context), void *context);

/* Checks every header, neighbour, list link and bitmap; NH_ECORRUPT and *report (may be NULL). O(blocks). */
nh_status nh_single_validate(nh_single *single, nh_report *report);

#ifdef __cplusplus
}
#endif

#endif

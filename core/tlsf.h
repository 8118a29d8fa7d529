/* SPDX-License-Identifier: MIT */
/*
 * Two-level segregated fit over the regions of one heap. Knows no CPU and no lock: every function
 * is called with the heap lock held unless it says otherwise.
 *
 * After M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic memory allocator for
 * real-time systems", ECRTS 2004. Different here: a bounded look for the lowest address, a sliced
 * last-chance search so that an exactly fitting block is never refused, and levels and link
 * widths fitted to the heap.
 */
#ifndef NH_CORE_TLSF_H
#define NH_CORE_TLSF_H

#include "core/block.h"

#include <nearheap/nearheap.h>

/* One region: [first header ... fence). Written once, before it is published. */
struct nh__region {
	uintptr_t first; /* address of the first payload */
	uintptr_t end;   /* address of the payload that would follow the fence: blocks lie below */
	struct nh__region *next;
#if NH_HARDENING >= NH_HARDENING_FULL
	_Atomic uint32_t *starts; /* core/starts.h */
#endif
};

/* All fields: heap lock. */
struct nh__tlsf {
	uint8_t lists; /* 8 per level */
	uint8_t wide;  /* flag: heads are 32 bits. No bool here: what was damaged is read, too */
	uintptr_t origin;           /* payload address of granule offset 0; no block is there */
	struct nh__region *regions; /* list */
	void *heads;                /* uint16_t[lists] or uint32_t[lists] granule offsets; 0 = empty */
	uint32_t *map;              /* a bit per list that is not empty */
	uint32_t primary;           /* granules of the first region, whose first block is at offset 1 */
	uint32_t free;              /* granules in the lists */
	uint32_t total;             /* granules in all regions */
	uint32_t lost;              /* granules quarantined */
	uint32_t least_free;        /* the least `free` since regions were added: total - peak */
	uint32_t changes;           /* operations, wraps */
	uint32_t secret;
	struct nh__block *walk; /* where the current walk goes on; NULL = none */
#if NH_HARDENING >= NH_HARDENING_EXTREME
	struct nh__block *call_walk; /* the same of the walk that precedes a call: it takes none from users */
#endif
	/* The first fault since the holder looked; taken and reported after the lock is released. */
	nh_fault_code fault;
	const void *fault_at;
};

/* A last-chance search between lock holds. Start with list = 0. */
struct nh__scan {
	struct nh__block *node; /* next to look at, valid while `changes` stands */
	uint32_t changes;
	uint8_t list; /* one past the list being scanned, 0 = not begun */
};

/* Bytes of the heads; the map is behind them. Lists come in eights, so it is aligned. */
static inline size_t nh__heads_size(unsigned lists, bool wide)
{
	return (size_t)lists * (wide ? 4u : 2u);
}

/* Bytes of lists, heads and map, for regions of up to `granules`. */
size_t nh__tlsf_lists_size(uint32_t granules, bool wide);

/* `lists`: nh__tlsf_lists_size() bytes, zeroed, aligned to 4. */
void nh__tlsf_init(struct nh__tlsf *tlsf, void *lists, uint32_t granules, bool wide, uint32_t secret);

/* First and end payload of a region at [base, base + size), and its granules; 0 = too small. */
uint32_t nh__region_layout(uintptr_t base, size_t size, uintptr_t *first, uintptr_t *end);

/* The heap reaches into the region from now on; none of its blocks is free yet. `region` as below. */
void nh__tlsf_place(struct nh__tlsf *tlsf, struct nh__region *region);

/* The same, with a fence and one free block written. `region` is laid out and not in the list yet. */
void nh__tlsf_add(struct nh__tlsf *tlsf, struct nh__region *region);

/* Takes a FREE block out of the lists and leaves it where it is: owner NH__OWNER_TLSF and not FREE, as nobody else's
 * block is between two lock holds; nh__tlsf_give puts it back. False: its links are damaged, nothing was changed. */
bool nh__tlsf_hold(struct nh__tlsf *tlsf, struct nh__block *block);

/* Forgets a region all of whose blocks are held. */
bool nh__tlsf_remove(struct nh__tlsf *tlsf, struct nh__region *region);

/* Out of service: no block is in a list, no address in a region, so that nothing is taken, and nothing that is
 * given is believed. */
void nh__tlsf_condemn(struct nh__tlsf *tlsf);

/* Takes a block of `span` granules (perhaps up to NH_SPAN_MIN - 1 more) whose payload is aligned to
 * `align` granules, or NULL. Bound: NH_FIT_LOOK + 1 list nodes, at most two splits. The caller
 * writes the owner byte: it is NH__OWNER_TLSF. */
struct nh__block *nh__tlsf_take(struct nh__tlsf *tlsf, uint32_t span, uint32_t align);

/* One slice of the search that take() cut short: at most NH_SLICE nodes. *done when all were seen. */
struct nh__block *nh__tlsf_scan(struct nh__tlsf *tlsf, uint32_t span, uint32_t align, struct nh__scan *scan,
                                bool *done);

/* What take and scan would take, left where it is. */
struct nh__block *nh__tlsf_find(struct nh__tlsf *tlsf, uint32_t span, uint32_t align);
struct nh__block *nh__tlsf_seek(struct nh__tlsf *tlsf, uint32_t span, uint32_t align, struct nh__scan *scan,
                                bool *done);

/* Returns a block and merges it with its neighbours. A block with damaged neighbours is
 * quarantined and the fault noted. Bound: two merges. */
void nh__tlsf_give(struct nh__tlsf *tlsf, struct nh__block *block);

/* Cuts a block in hand: `block` keeps `span`, the rest becomes a block in hand, returned. */
struct nh__block *nh__tlsf_cut(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span);

/* Returns what a live block has beyond `span`, if that is a block. */
void nh__tlsf_shrink(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span);

/* Grows a live block to at least `span` over its free successor; false if that is not enough. What
 * is too much goes back. */
bool nh__tlsf_grow(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span);

/* Joins a live block with its free predecessor (and successor, if that is needed): the result,
 * of at least `span`, begins at the predecessor; NULL if that is not enough. The payload has not
 * moved yet; its header has become payload. */
struct nh__block *nh__tlsf_grow_back(struct nh__tlsf *tlsf, struct nh__block *block, uint32_t span);

/* True if the block's neighbours and bounds are as they must be for a block in hand; else the
 * fault is noted. Below NH_HARDENING_MODERATE true if there is any region. */
bool nh__tlsf_sound(struct nh__tlsf *tlsf, struct nh__block *block);

/* The region that a payload address lies in, or NULL. No lock needed for a published region. */
struct nh__region *nh__tlsf_region_of(const struct nh__tlsf *tlsf, uintptr_t payload);

/* Structural checks for validate(); NULL = sound, else a phrase and *bad. */
const char *nh__tlsf_check_block(struct nh__tlsf *tlsf, struct nh__region *region, struct nh__block *block,
                                 bool previous_free, const void **bad);
const char *nh__tlsf_check_level(struct nh__tlsf *tlsf, unsigned level, const void **bad);

/* Granules from a block's header to where the region's blocks end. */
static inline uintptr_t nh__span_to_end(const struct nh__region *region, struct nh__block *block)
{
	return (region->end - (uintptr_t)nh__payload(block)) >> NH_GRANULE_SHIFT;
}

/* Granule offsets reach 32 GiB to either side of origin on 64-bit targets, all memory on 32-bit. */
#if NH_64BIT
#define NH__OFFSET_BYTES(offset) ((uintptr_t)((intptr_t)(int32_t)(offset) * (intptr_t)NH_GRANULE))
#else
#define NH__OFFSET_BYTES(offset) ((uintptr_t)(offset) << NH_GRANULE_SHIFT)
#endif

static inline uint32_t nh__offset(const struct nh__tlsf *tlsf, const struct nh__block *block)
{
	return (uint32_t)(((uintptr_t)block + NH_HEADER - tlsf->origin) >> NH_GRANULE_SHIFT);
}

static inline struct nh__block *nh__at_offset(const struct nh__tlsf *tlsf, uint32_t offset)
{
	return (struct nh__block *)(tlsf->origin + NH__OFFSET_BYTES(offset) - NH_HEADER);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The block header and what lies in a block.
 *
 *   narrow, 4 bytes                      wide, 8 bytes
 *   +-------+------------+--------+     +-------+-------+---------+-----------------+
 *   | owner | span,F,P   | span   |     | owner |  F,P  |   key   |      span       |
 *   +-------+------------+--------+     +-------+-------+---------+-----------------+
 *     8       6 + 1 + 1    16 bits        8       8        16        32 bits
 *
 *   F = FREE: the block is in TLSF's lists.   P = PREV_FREE: the block before it is FREE.
 *   key = heap's secret ^ granule: an interior pointer rarely meets a valid one, a copied header never does.
 *
 * Who writes what: `owner` only whoever has the block in hand (user, cache, or TLSF under the
 * lock); all other bytes only the holder of the heap lock. They are separate memory locations
 * in C11, so that neither write can lose the other, and no write here is a read-modify-write by
 * two CPUs. `owner` and the flags are atomic because they are also read as hints and by walks.
 * A narrow header is written as one word by the lock's holder, if that is also who has the block in hand.
 *
 *   FREE block:    header | next | prev | ... | footer = span      links are granule offsets
 *   CACHED block:  header | link | ...                             link: core/cache.h
 *
 * Life:  TLSF --take--> LIVE --free--> CACHED --malloc--> LIVE --free--> ... --drain--> TLSF
 */
#ifndef NH_CORE_BLOCK_H
#define NH_CORE_BLOCK_H

#include "core/atomic.h"
#include "core/size.h"

#include <stdbool.h>

#if NH_WIDE
struct nh__block {
	_Atomic uint8_t owner; /* holder of the block */
	_Atomic uint8_t flags; /* heap lock */
	uint16_t key;          /* heap lock */
	uint32_t span;         /* heap lock */
};
#else
struct nh__block {
	union {
		struct {
			_Atomic uint8_t owner; /* holder of the block */
			_Atomic uint8_t flags; /* heap lock: and the low six bits of the span */
			uint16_t high;         /* heap lock: span >> 6 */
		};
		_Atomic uint32_t word; /* all of it: heap lock, and the block in hand */
	};
};
#endif

_Static_assert(sizeof(struct nh__block) == NH_HEADER, "the header has no padding");
_Static_assert(sizeof(_Atomic uint8_t) == 1, "atomic bytes are bytes");

/* Owner codes. LIVE codes are consecutive: NH__OWNER_LIVE + class. None is 0, which is what fresh or
 * cleared memory shows. */
#define NH__OWNER_TLSF 0x5au
#define NH__OWNER_CACHED 0x35u
#define NH__OWNER_LOST 0x6bu  /* quarantined after a fault */
#define NH__OWNER_FENCE 0x96u /* the header that ends a region */
#define NH__OWNER_BUSY 0xa3u  /* NH_HARDENING_FULL: claimed by a free or realloc that is under way */
#define NH__OWNER_GONE 0x0du  /* likewise: by a free that cannot fail any more */
#define NH__OWNER_LARGE 0xbfu /* live, of no class */
#define NH__OWNER_LIVE 0xc0u  /* live, class 0 */

#define NH__FREE 1u
#define NH__PREV_FREE 2u

static inline uint8_t nh__flags(struct nh__block *block)
{
	return nh__load_relaxed(&block->flags);
}

#if NH_WIDE

static inline uint32_t nh__block_span(struct nh__block *block)
{
	return block->span;
}

static inline void nh__block_set(struct nh__block *block, uint32_t span, uint8_t flags)
{
	block->span = span;
	nh__store_relaxed(&block->flags, flags);
}

static inline void nh__block_put(struct nh__block *block, uint8_t owner, uint32_t span, uint8_t flags)
{
	nh__store_relaxed(&block->owner, owner);
	nh__block_set(block, span, flags);
}

static inline uint16_t nh__block_key(uint32_t secret, const struct nh__block *block)
{
	return (uint16_t)((uint32_t)((uintptr_t)block >> NH_GRANULE_SHIFT) ^ secret);
}

#else

static inline uint32_t nh__block_span(struct nh__block *block)
{
	return (uint32_t)block->high << 6 | nh__flags(block) >> 2;
}

/* The header in one store: less code than its parts, and who looks after a reset between any two stores finds the old span or
 * the new one (core/retain.h). */
static inline void nh__block_put(struct nh__block *block, uint8_t owner, uint32_t span, uint8_t flags)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	nh__store_relaxed(&block->word, span << 10 | (uint32_t)flags << 8 | owner);
#else
	nh__store_relaxed(&block->word, (uint32_t)owner << 24 | (span & 63u) << 18 | (uint32_t)flags << 16 | span >> 6);
#endif
}

static inline void nh__block_set(struct nh__block *block, uint32_t span, uint8_t flags)
{
	nh__block_put(block, nh__load_relaxed(&block->owner), span, flags);
}

#endif

/* Heap lock held: the only writers of flags. */
static inline void nh__flag_set(struct nh__block *block, uint8_t flag)
{
	nh__store_relaxed(&block->flags, (uint8_t)(nh__flags(block) | flag));
}

static inline void nh__flag_clear(struct nh__block *block, uint8_t flag)
{
	nh__store_relaxed(&block->flags, (uint8_t)(nh__flags(block) & ~(unsigned)flag));
}

static inline void *nh__payload(struct nh__block *block)
{
	return (void *)((uintptr_t)block + NH_HEADER); /* integers: `block` may be what free(NULL) comes to */
}

static inline struct nh__block *nh__block_at(const void *payload)
{
	return (struct nh__block *)((uintptr_t)payload - NH_HEADER);
}

static inline struct nh__block *nh__block_after(struct nh__block *block, uint32_t span)
{
	return (struct nh__block *)((uintptr_t)block + (uintptr_t)span * NH_GRANULE);
}

/* Cached classes: NH_CLASS_EXACT of one granule each, then 8 per doubling. */
#if NH_CACHES
#define NH_CLASSES (NH_CLASS_EXACT + 8 * NH_CLASS_DOUBLINGS)
#else
#define NH_CLASSES 0
#endif
_Static_assert(NH__OWNER_LIVE + NH_CLASSES <= 0xff, "every class has an owner code");

static inline bool nh__owner_is_live(uint8_t owner)
{
	return owner >= NH__OWNER_LARGE && owner < NH__OWNER_LIVE + NH_CLASSES;
}

/* Of a block that is not FREE; of the likeliest first. */
static inline bool nh__owner_is_in_hand(uint8_t owner)
{
	return nh__owner_is_live(owner) || owner == NH__OWNER_CACHED || owner == NH__OWNER_LOST || owner == NH__OWNER_TLSF ||
	       (NH_HARDENING >= NH_HARDENING_FULL && (owner == NH__OWNER_BUSY || owner == NH__OWNER_GONE));
}

static inline bool nh__owner_is_known(uint8_t owner)
{
	return nh__owner_is_in_hand(owner) || owner == NH__OWNER_FENCE;
}

#endif

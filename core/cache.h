/* SPDX-License-Identifier: MIT */
/*
 * Classes, chains, magazines, and the words by which chains change hands. Knows no attributes.
 *
 *   chain word, 32 bits on every target
 *   +--------------------------+-------+     0 = empty, all ones = closed (an inbox in a reclaim)
 *   |  granule offset of head  | count |
 *   +--------------------------+-------+
 *        26 bits, narrow: 24      6, 8       a whole byte is easier on Thumb-1, a window of 1 GiB is worth more on hosts
 *
 *   cur ---> [link] ---> [link] ---> [link = 0]      a block's link is the whole chain word that was
 *   {a,3}    {b,2}       {c,1}                       there before it was pushed, encoded with the
 *                                                    heap's secret and the block's own address
 *
 *   invariant:  count(word) - count(link of its head) == 1, and the link's head lies in the heap
 *               (checked at MODERATE)
 *
 * Push and pop need no arithmetic on the count, an overwritten link is seen at the next pop, and
 * the same words go through depot slots and inboxes whole, so no node is ever dereferenced by
 * somebody who does not own it: there is no ABA problem to solve.
 *
 * Magazines after J. Bonwick, J. Adams, "Magazines and vmem", USENIX 2001: `cur` is used, `prev` is full
 * or empty or a spare; only whole magazines go to the depot.
 */
#ifndef NH_CORE_CACHE_H
#define NH_CORE_CACHE_H

#include "core/block.h"
#include "core/gate.h"

#define NH__COUNT_BITS (NH_WIDE ? 6 : 8)
#define NH__COUNT_MASK ((1u << NH__COUNT_BITS) - 1u)
#define NH__WINDOW (UINT32_C(1) << (32 - NH__COUNT_BITS))
#define NH__CLOSED UINT32_MAX

#define NH__COUNT(word) (NH__COUNT_BITS == 8 ? (uint32_t)(uint8_t)(word) : (word) & NH__COUNT_MASK)
/* The head's offset in bytes. If counts stay in the low five bits of eight, one shift says it. */
#if !NH_WIDE && NH_CAP_SMALL < 32 && NH_CAP_LARGE < 32 && NH_INBOX_LIMIT < 32
#define NH__HEAD_BYTES(word) ((uintptr_t)(word) >> 5)
#else
#define NH__HEAD_BYTES(word) ((uintptr_t)((word) >> NH__COUNT_BITS) * NH_GRANULE)
#endif

/* What a request comes to. */
#define NH__NO_CLASS 0xffu
struct nh__need {
	uint32_t span;       /* exact */
	uint32_t align;      /* granules */
	uint32_t class_span; /* of the class, at least span; = span if there is none */
	uint8_t klass;       /* or NH__NO_CLASS */
};

#if NH_CACHES

_Static_assert(NH_CAP_SMALL < NH__COUNT_MASK && NH_INBOX_LIMIT < NH__COUNT_MASK, "counts fit, and none looks closed");

/* Requested bytes -> index into the class table: all spans differ in multiples of this many bytes. */
#define NH__CLASS_STEP (NH_WIDE ? 3 : 2)
#define NH__CLASS_SPAN_MAX                                                                             \
	(NH_CLASS_DOUBLINGS ? UINT32_C(16) << NH_CLASS_DOUBLINGS : (uint32_t)(NH_SPAN_MIN + NH_CLASS_EXACT - 1))
#define NH__CLASS_TABLE (NH_USABLE(NH__CLASS_SPAN_MAX) >> NH__CLASS_STEP)

uint32_t nh__class_span(unsigned klass);
/* What a cached block of the class may really have: where the next class is not one granule away, it may carry less
 * than a block too much. */
static inline uint32_t nh__class_most(unsigned klass, uint32_t span)
{
	return klass + 1u < NH_CLASS_EXACT ? span : span + NH_SPAN_MIN - 1u;
}
/* The largest class that a block of `span` can serve without wasting a block; NH__NO_CLASS if none. */
unsigned nh__class_below(uint32_t span);
/* table[(size - 1) >> NH__CLASS_STEP] = the code of the smallest class for size; NH__CLASS_TABLE entries. */
void nh__class_table(_Atomic uint8_t *table);

struct nh__slot { /* bytes first: in reach of Thumb-1's short offsets */
	uint8_t cap;  /* gate: what cur may hold; grows and shrinks under the heap lock too */
	uint8_t last; /* gate: count at ageing's last visit */
#if NH_CLASS_DOUBLINGS
	uint16_t span; /* constant: of the class */
#else
	uint8_t live; /* constant: the owner code of its live blocks; says the span too */
#endif
	uint32_t cur; /* gate */
};

/* The header that follows a block of a class, from the offset of the class's slot: both grow by the class. */
#if NH_CLASS_DOUBLINGS
#define nh__step_after(block, slot, step) ((void)(step), nh__block_after((block), (slot)->span))
#else
#define nh__step_after(block, slot, step) ((void)(slot), nh__block_a_step_after((block), (step)))
NH__INLINE struct nh__block *nh__block_a_step_after(struct nh__block *block, size_t step)
{
	unsigned char *at = (unsigned char *)block + step * (NH_GRANULE / sizeof(struct nh__slot));
	NH_PORT_OPAQUE(at);
	return (struct nh__block *)(void *)(at + NH_SPAN_MIN * NH_GRANULE);
}
#endif

#if NH_CLASS_DOUBLINGS
#define nh__slot_live(slot, klass) ((void)(slot), NH__OWNER_LIVE + (klass))
#define nh__slot_span(slot, klass) ((void)(klass), (uint32_t)(slot)->span)
#else
#define nh__slot_live(slot, klass) ((void)(klass), (slot)->live)
#define nh__slot_span(slot, klass) ((void)(slot), (uint32_t)NH_SPAN_MIN + (klass))
#endif

enum nh__counter {
	NH__SLOW,      /* operations that entered the gate and were no hits */
	NH__BARREN,    /* of these, those that cannot have put anything into a cache */
	NH__MISSES,
	NH__OVERFLOWS,
	NH__REFILLS,
	NH__BYPASSES,
	NH__DEPOT_PUTS,
	NH__DEPOT_GETS,
	NH__INBOX_TAKES,
	NH__COUNTERS
};

/* What one CPU has in one heap it is local to. */
struct nh__cache_head {
	struct nh__gate gate;
	uintptr_t first;        /* constant: header address of offset 0, the first block of the primary region */
	_Atomic uintptr_t limit; /* heap lock: granules of the primary region; NH_PORT_GATE_BOUNDS: 0 while seized */
#if NH_PORT_GATE_BOUNDS
	_Atomic uint32_t open; /* heap lock: as reach, for the hits: 0 while seized */
#endif
	uint32_t secret;        /* constant */
	_Atomic uint32_t reach; /* heap lock: chain words of this heap's blocks lie below; grows with regions */
};

struct nh__cache {
	struct nh__cache_head head;
	struct nh__slot slot[NH_CLASSES];
	struct nh__heap *heap;                   /* constant: whose cache it is; NULL in nh__no_cache */
	_Atomic uint32_t counters[NH__COUNTERS]; /* gate (bypasses: this CPU) */
	uint8_t visit;                           /* gate: ageing */
	uint8_t spent;                           /* flag; gate: the budget had no room for a wider magazine */
	uint32_t prev[]; /* gate: NH_CLASSES words where the heap has several local CPUs */
};

/*
 * What the class table holds: where the class's slot lies behind the first, in bytes if a byte can say it, which spares
 * the hit a shift where addresses have no scaled index. Class 0 is 0, as in a table that is not written yet.
 */
#define NH__CODE_UNIT (NH_CLASSES * sizeof(struct nh__slot) <= 256u ? 1u : sizeof(struct nh__slot))
#define NH__CODE(klass) ((uint8_t)((klass) * (sizeof(struct nh__slot) / NH__CODE_UNIT)))
_Static_assert(NH_CLASSES * sizeof(struct nh__slot) / NH__CODE_UNIT <= 256u, "codes are bytes");

NH__INLINE unsigned nh__code_klass(unsigned code)
{
	return (unsigned)(code / (sizeof(struct nh__slot) / NH__CODE_UNIT));
}

/* The cache as if the slot at `step` bytes were its first: what is added to that fits into the offsets of loads. */
NH__INLINE struct nh__cache *nh__cache_view(struct nh__cache *cache, size_t step)
{
	struct nh__cache *view = (struct nh__cache *)((uintptr_t)cache + step);
	NH_PORT_OPAQUE(view);
	return view;
}

/* The CPU's cache where there is none: before init, for outsiders, for heaps without caches. Its gate is
 * seized for ever, and its bounds let nothing pass. */
extern const struct nh__cache nh__no_cache;
#define NH__NO_CACHE ((struct nh__cache_head *)(uintptr_t)&nh__no_cache)

/* Per class, shared by CPUs. */
struct nh__shared {
	_Atomic uint32_t inbox;                /* by CAS and exchange; the reclaimer closes and opens it */
	_Atomic uint32_t depot[NH_DEPOT_SLOTS]; /* by CAS 0 -> chain inside a gate, exchange -> 0 */
	_Atomic uint8_t inbox_limit;           /* heap lock */
	uint8_t depot_cap;                     /* heap lock: magazine size that was charged for */
};

#if NH_HARDENING >= NH_HARDENING_MODERATE
NH__INLINE uint32_t nh__link_code(uint32_t link, uint32_t secret, const struct nh__block *block)
{
	return link ^ secret ^ (uint32_t)(uintptr_t)block;
}
#else
#define nh__link_code(link, secret, block) ((void)(secret), (void)(block), (link))
#endif

NH__INLINE struct nh__block *nh__chain_top(const struct nh__cache_head *head, uint32_t word)
{
	return (struct nh__block *)(head->first + NH__HEAD_BYTES(word));
}

/* A block's link, first word of its payload. */
NH__INLINE uint32_t *nh__link(struct nh__block *block)
{
	return nh__payload(block);
}

/* So few that a magazine takes what comes: else a block at the edge of free memory would be cut off and merged in turn.
 * None; less than a refill where memory is spent on speed. */
#if NH_REFILL > 1
#define nh__scarce(word) (NH__COUNT(word) < NH_REFILL)
#else
#define nh__scarce(word) NH__EMPTY(word)
#endif

/* The chain words that heads below `offset` can make, as a bound for `reach`. */
NH__INLINE uint32_t nh__chain_bound(uint32_t offset)
{
	return offset >= NH__WINDOW ? UINT32_MAX : offset << NH__COUNT_BITS;
}

/* count(word) == 0, and count(word) - count(link) == 1; narrow as shifts: no mask to keep in a register. */
#if NH_WIDE
#define NH__EMPTY(word) (((word) & NH__COUNT_MASK) == 0)
#else
#define NH__EMPTY(word) ((uint32_t)((word) << (32 - NH__COUNT_BITS)) == 0)
#endif
#define NH__ONE_LESS(word, link) NH__EMPTY((word) - (link) - 1u)

/* Where a bound stands for the gate, what it admits to is read after it. */
#if NH_PORT_GATE_BOUNDS
#define nh__load_bound(word) nh_port_load_ordered(word)
#else
#define nh__load_bound(word) nh__load_relaxed(word)
#endif

#if NH_PORT_GATE_BOUNDS
#define nh__hit_bound(head) nh__load_bound(&(head)->open)
#else
#define nh__hit_bound(head) nh__load_relaxed(&(head)->reach)
#endif
/* Of a seized gate's owner nothing is to be read, though nothing would come of it: in C11 it would be a race. */
#define nh__hit_closed(bound) (NH_PORT_GATE_BOUNDS == 2 && NH__UNLIKELY((bound) == 0))

/* From NH_HARDENING_FULL on the word behind a link holds its complement: a write after free that hits one of the two is
 * always seen. */
#if NH_HARDENING >= NH_HARDENING_FULL
#define nh__link_echo(block) ((void)(nh__link(block)[1] = ~nh__link(block)[0]))
#define nh__link_echoes(block) (nh__link(block)[1] == (uint32_t)~nh__link(block)[0])
#else
#define nh__link_echo(block) ((void)0)
#define nh__link_echoes(block) true
#endif

/* Takes the head off *word into *top, or returns false and changes nothing if it is empty or damaged. `bound` was read
 * before: as long as a bound is open, no reclaimer has found the gate quiet, and none will until it is left. */
NH__INLINE bool nh__chain_take(const struct nh__cache_head *head, uint32_t bound, uint32_t *word, struct nh__block **top)
{
	uint32_t chain = *word;
	if (NH__UNLIKELY(NH__EMPTY(chain)))
		return false;
	struct nh__block *block = nh__chain_top(head, chain);
	NH_PORT_ONCE(block);
	uint32_t link = nh__link_code(*nh__link(block), head->secret, block);
#if NH_HARDENING >= NH_HARDENING_MODERATE
	if (NH__UNLIKELY(!NH__ONE_LESS(chain, link)))
		return false;
#endif
#if NH_HARDENING >= NH_HARDENING_MODERATE || NH_PORT_GATE_BOUNDS == 1
	/* Keeps the next pop from following a wild link that passed the first test by chance. */
	if (NH__UNLIKELY(link >= bound))
		return false;
#else
	(void)bound;
#endif
#if NH_HARDENING > NH_HARDENING_MODERATE
	if (NH__UNLIKELY(nh__load_relaxed(&block->owner) != NH__OWNER_CACHED || !nh__link_echoes(block)))
		return false;
#endif
	*word = link;
	*top = block;
	return true;
}

/* The same, or NULL, for the slow paths: they look at the owner byte too, so that a block which two CPUs freed in the
 * same moment, and one of them has taken again, is not given to TLSF under its user. */
static inline struct nh__block *nh__chain_pop(const struct nh__cache_head *head, uint32_t *word)
{
	struct nh__block *top;
	uint32_t chain = *word;
	if (!nh__chain_take(head, nh__load_relaxed(&head->reach), word, &top))
		return NULL;
	if (NH_HARDENING >= NH_HARDENING_MODERATE && nh__load_relaxed(&top->owner) != NH__OWNER_CACHED) {
		*word = chain;
		return NULL;
	}
	return top;
}

/* The chain of `count` with `block`, at granule `offset`, on top. Writes its link and owner byte. */
NH__INLINE uint32_t nh__chain_link(uint32_t secret, uint32_t chain, uint32_t count, struct nh__block *block,
                                   uint32_t offset)
{
	*nh__link(block) = nh__link_code(chain, secret, block);
	nh__link_echo(block);
	nh__store_relaxed(&block->owner, NH__OWNER_CACHED);
	return (offset << NH__COUNT_BITS) + count + 1u;
}

NH__INLINE uint32_t nh__chain_offset(const struct nh__cache_head *head, const struct nh__block *block)
{
	return (uint32_t)(((uintptr_t)block - head->first) >> NH_GRANULE_SHIFT);
}

/* Granules from the first block, rotated right, so that misaligned and low addresses become large: one compare tells
 * all. */
NH__INLINE uintptr_t nh__rotated_offset(const struct nh__cache_head *head, const struct nh__block *block)
{
	uintptr_t bytes = (uintptr_t)block - head->first;
	return bytes >> NH_GRANULE_SHIFT | bytes << (sizeof bytes * 8u - NH_GRANULE_SHIFT);
}

/* A neighbour is FREE: the block should merge rather than be parked. A hint: the flags may change
 * the next moment. Also right for a block with slack, whose tail it then reads. */
NH__INLINE bool nh__should_merge(struct nh__block *block, struct nh__block *next)
{
	if (NH__UNLIKELY((nh__flags(block) & NH__PREV_FREE) != 0))
		return true;
	return NH_MERGE_LOOK > 1 && NH__UNLIKELY((nh__flags(next) & NH__FREE) != 0);
}

NH__INLINE void nh__count(struct nh__cache *cache, enum nh__counter counter, uint32_t by)
{
#if NH_STATS
	nh__bump(&cache->counters[counter], by);
#else
	if (counter == NH__BARREN)
		nh__bump(&cache->counters[counter], by);
#endif
}

/* Lock-free, inside the gate of a CPU the heap is local to. At most NH_DEPOT_SLOTS attempts. */
bool nh__depot_put(struct nh__shared *shared, uint32_t chain);
uint32_t nh__depot_get(struct nh__shared *shared);
uint32_t nh__inbox_take(struct nh__shared *shared);

/* Lock-free, by a CPU the heap is not local to: false = full, closed or contended NH_INBOX_TRIES times. */
bool nh__inbox_push(struct nh__shared *shared, uint32_t secret, struct nh__block *block, uint32_t offset);

#endif /* NH_CACHES */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * One heap: TLSF under a lock, with caches in front.
 *
 *   malloc: cur -> prev -> inbox -> depot -> [lock] TLSF -> (next heap) -> [freeze] TLSF
 *   free:   cur -> prev -> depot -> [lock] TLSF            on a CPU the heap is local to
 *           inbox -> [lock] TLSF                           elsewhere
 *
 * Lock order: gate, then heap lock. Nobody waits for a gate while holding a heap lock.
 */
#ifndef NH_CORE_HEAP_H
#define NH_CORE_HEAP_H

#include "core/cache.h"
#include "core/fault.h"
#include "core/lock.h"
#include "core/tlsf.h"

/*
 * Freeze: how a reclaim empties all caches of a heap. A state under the heap lock that any waiter
 * advances in bounded steps, so that a preempted reclaimer holds up nobody. core/reclaim.c.
 */
enum nh__phase {
	NH__IDLE,
	NH__BARRIER, /* gates seized; a heavy fence is due (hosts) */
	NH__QUIET,   /* waiting for owners to leave their gates */
	NH__CLOSE,   /* closing inboxes, emptying each */
	NH__DRAIN,   /* emptying depot and magazines */
	NH__DONE     /* everything is in TLSF, with users, or in one unfinished free per CPU */
};

struct nh__freeze {
	uint32_t generation; /* of freezes: a waiter of an older one has been left behind */
	uint32_t rest;       /* chain taken from a source and not yet given back; counts as free memory */
	uint32_t activity;   /* cache operations up to the last complete freeze */
	uint16_t cursor;     /* next CPU, class or source of the phase */
	uint16_t waiters;
	uint16_t thaw;   /* locked frees left until it thaws by itself */
	uint8_t closed;  /* inboxes closed so far: classes below this */
	uint8_t phase;   /* enum nh__phase */
	uint8_t complete; /* flag: `activity` holds: nothing was cached while it stands */
};

struct nh__heap {
	struct nh__lock lock;
	struct nh__tlsf tlsf; /* heap lock */
	const char *name;     /* from here: constant */
	uint32_t attributes;
	uint32_t affinity; /* 0 = shared */
	uint32_t flags;
	uint8_t id;
	uint8_t regions;     /* heap lock */
	uint32_t walk_turn;  /* heap lock: which walk owns tlsf.walk */
#if NH_HARDENING >= NH_HARDENING_EXTREME
	uint32_t call_turn; /* heap lock: likewise tlsf.call_walk */
#endif
	uint32_t reclaims;   /* heap lock; NH_STATS */
	uint32_t refusals;   /* heap lock; NH_STATS */
#if NH_CACHES
	uint32_t budget;     /* heap lock: granules that caps may still grow by */
	uint32_t inbox_budget; /* heap lock: the same for inboxes, apart so that magazines cannot starve them */
	uint32_t allowance;  /* heap lock: all of it */
	uint32_t owed;       /* heap lock: of a removed region's share, what caps had grown by; the next region pays it */
	uint32_t inbox_owed; /* heap lock: the same of inboxes */
	uint32_t reach;      /* heap lock: cached blocks have offsets below; each cache has a copy */
	uint8_t cap_small, cap_large, refill; /* constant */
	uint16_t locals;     /* constant: CPUs with a cache here */
	uint8_t far;         /* flag; heap lock: a region lies beyond the window of chain words */
	uint8_t two;                          /* flag; constant: two magazines and a depot */
	struct nh__shared *shared;            /* constant: NH_CLASSES entries, or NULL */
	struct nh__cache *cache[NH_CPUS];     /* constant: NULL where not local or without caches */
	_Atomic uint32_t remote[NH_CPUS];     /* each CPU its own: frees into an inbox; NH_STATS */
	struct nh__freeze freeze;             /* heap lock */
#endif
};

/* Waits for the lock, interrupts off; false where the context may not (then nothing is held). */
bool nh__heap_lock(struct nh__heap *heap, unsigned cpu);
/* Takes TLSF's fault, if any, into the note, and releases. */
void nh__heap_unlock(struct nh__heap *heap, unsigned cpu, struct nh__note *note);

static inline bool nh__is_local(uint32_t affinity, unsigned cpu)
{
	return affinity == 0 || (cpu < 32 && (affinity >> cpu & 1u) != 0);
}

/* What `size` at `align` granules comes to; span 0 if it cannot be. `table` = the instance's. */
struct nh__need nh__need_of(_Atomic uint8_t *table, size_t size, uint32_t align);

/* Allocates without reclaim. Bound: one TLSF operation in one lock hold, then last-chance slices. */
void *nh__heap_take(struct nh__heap *heap, const struct nh__need *need, struct nh__note *note);

/* Takes back a live block whose owner byte was checked; interrupts are off, and stay off. */
void nh__heap_give(struct nh__heap *heap, unsigned cpu, void *payload, uint8_t owner, struct nh__note *note);

/* What a request is rounded to: a class's span wherever the block may end in a cache, whoever asks. */
uint32_t nh__rounded_span(const struct nh__heap *heap, const struct nh__need *need);

/* Under the lock: TLSF take with owner byte set, rounded to the class if that can be had; and the sliced
 * last chance, for the exact span. */
void *nh__take_locked(struct nh__heap *heap, const struct nh__need *need);
void *nh__scan_locked(struct nh__heap *heap, const struct nh__need *need, struct nh__scan *scan, bool *done);
void nh__give_locked(struct nh__heap *heap, void *payload);

/* Makes a block of `span` the user's: the owner byte for its size. */
void nh__make_live(struct nh__heap *heap, struct nh__block *block);
/* What it says then, for checks. */
uint8_t nh__live_owner(struct nh__heap *heap, struct nh__block *block);

#if NH_CACHES && NH_PORT_GATE_BOUNDS
/* Heap lock held; before the gate is seized. */
static inline void nh__bounds_close(struct nh__cache_head *head)
{
	/* seq_cst: as nh_port_gate_seize, whose place they take for the hits */
	atomic_store_explicit(&head->limit, 0u, memory_order_seq_cst);
	atomic_store_explicit(&head->open, 0u, memory_order_seq_cst);
}

/* Heap lock held. What a hit of this cache lets pass from now on; closed for ever where no hit may enter its gate, for want
 * of a fence. */
static inline void nh__bounds_open(const struct nh__heap *heap, struct nh__cache_head *head)
{
	/* release: to nh__load_bound */
	nh__store_release(&head->limit, NH_PORT_GATE_OPEN == 0 ? heap->tlsf.primary : 0u);
	nh__store_release(&head->open, NH_PORT_GATE_OPEN == 0 ? nh__chain_bound(heap->reach) : 0u);
}
#endif

/* ---- core/inspect.c ----------------------------------------------------------------------- */

/* Could a block be had without reclaim? Allocates nothing. */
bool nh__heap_could(struct nh__heap *heap, const struct nh__need *need, struct nh__note *note);

/* ---- core/reclaim.c ----------------------------------------------------------------------- */

/* One thread's part in the freeze of one heap. Start with {heap}. */
struct nh__join {
	struct nh__heap *heap;
	uint32_t generation; /* of the freeze joined */
	uint32_t changes;    /* TLSF's, when it last had nothing */
	bool joined;
};

/* Freezes until the heap can serve `need` (NULL: until everything is drained) or is complete and cannot:
 * NULL is then the truth at that moment, and the join stays, with `changes` noted. */
void *nh__reclaim(struct nh__join *join, const struct nh__need *need, struct nh__note *note);

/* Has TLSF changed, or the freeze been left, since nh__reclaim returned NULL? */
bool nh__join_stale(struct nh__join *join, struct nh__note *note);

/* The last one to leave thaws. */
void nh__join_leave(struct nh__join *join, struct nh__note *note);

#if NH_CACHES
/* Called under the lock for every locked free. */
void nh__freeze_tick(struct nh__heap *heap);
#endif

/* Heap lock held: `dead` has stopped. Its gate is as if it had left; a freeze that it may have driven is over. */
void nh__freeze_recover(struct nh__heap *heap, unsigned dead);
/* Is a CPU that has stopped inside its gate? */
bool nh__gate_left_open(struct nh__heap *heap, unsigned dead);

/* For fork; the caller is between nh_port_lock_begin and _end. hold: seizes, waits until every gate is empty,
 * and keeps the lock. release: gives both back. alone: as release, but nobody else exists any more. */
void nh__fork_hold(struct nh__heap *heap, unsigned cpu);
void nh__fork_release(struct nh__heap *heap, unsigned cpu);
void nh__fork_alone(struct nh__heap *heap);

/* ---- core/drain.c ------------------------------------------------------------------------- */

#if NH_CACHES
/* Under the lock: gives back at most NH_SLICE blocks of a chain; a damaged rest is cut off and counted. */
uint32_t nh__drain(struct nh__heap *heap, uint32_t chain);

/* All chains of one CPU's cache, by number; NULL where there is none. */
#define NH__CHAINS (2u * NH_CLASSES)
uint32_t *nh__chain_of(struct nh__heap *heap, unsigned cpu, unsigned number);
#endif

/* The caller owns `cpu`, or it has no owner: its caches go to TLSF. */
void nh__heap_drain_cpu(struct nh__heap *heap, unsigned cpu, struct nh__note *note);

#endif

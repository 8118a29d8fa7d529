/* SPDX-License-Identifier: MIT */
/*
 * Walking a heap in slices while others allocate. The position is kept in the heap and moved by merges, so
 * it is always a block's header. One walk per heap at a time: a second one takes over and the first
 * is told, so that an abandoned walk blocks nobody. A lock hold covers at most NH_SLICE blocks.
 */
#ifndef NH_CORE_WALK_H
#define NH_CORE_WALK_H

#include "core/instance.h"

struct nh__walk {
	struct nh__heap *heap;
	struct nh__region *region; /* being walked; NULL = at the end */
	uint32_t turn;
	bool previous_free; /* of the block at the position; known where `certain` */
	bool certain;       /* nothing was freed or taken since the last slice */
	uint32_t changes;
#if NH_HARDENING >= NH_HARDENING_EXTREME
	bool before_call; /* a walk of its own kind, beside one that a user makes */
#endif
};

#if NH_HARDENING >= NH_HARDENING_EXTREME
#define nh__walk_position(walk) (*((walk)->before_call ? &(walk)->heap->tlsf.call_walk : &(walk)->heap->tlsf.walk))
#define nh__walk_turn(walk) (*((walk)->before_call ? &(walk)->heap->call_turn : &(walk)->heap->walk_turn))
#else
#define nh__walk_position(walk) ((walk)->heap->tlsf.walk)
#define nh__walk_turn(walk) ((walk)->heap->walk_turn)
#endif

/* One block as the walk met it. */
struct nh__step {
	struct nh__block *block;
	uint32_t span;
	uint8_t flags, owner;
};

/* Asked for each block under the lock; a phrase, with *bad, ends the walk. */
typedef const char *nh__check(struct nh__walk *walk, struct nh__block *block, const void **bad);

/* What a walk is for. */
struct nh__visitor {
	nh__check *check; /* may be NULL */
	/* Called outside all locks; false ends the walk. May be NULL. */
	bool (*visit)(struct nh__heap *heap, const struct nh__step *step, void *context);
	void *context;
	bool before_call; /* NH_HARDENING_EXTREME */
	const char *what; /* result: the phrase, or NULL */
	const void *bad;
};

/* NH_OK at the end or when visit() said so. NH_EBUSY: another walk took over. NH_ECORRUPT: `what`, `bad`. */
nh_status nh__walk(struct nh__heap *heap, struct nh__visitor *visitor, struct nh__note *note);

#endif

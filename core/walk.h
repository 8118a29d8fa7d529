/* SPDX-License-Identifier: MIT */
/*
 * Walking a heap in slices while others allocate. The position is kept in the heap and moved by merges, so
 * it is always a block's header. One walk per heap at a time: a second one takes over and the first
 * is told, so that an abandoned walk blocks nobody.
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
};

/* One block as the walk met it. */
struct nh__step {
	struct nh__block *block;
	uint32_t span;
	uint8_t flags, owner;
};

/* Takes the walk of a heap. */
void nh__walk_begin(struct nh__walk *walk, struct nh__heap *heap, struct nh__note *note);

/*
 * Up to NH_SLICE blocks in one lock hold, into `steps`; *count = 0 at the end of the heap.
 * `check`, if not NULL, is asked for each block under the lock; a phrase ends the walk.
 * NH_EBUSY: another walk took over. NH_ECORRUPT: *what and *bad tell.
 */
typedef const char *nh__check(struct nh__walk *walk, struct nh__block *block, const void **bad);
nh_status nh__walk_slice(struct nh__walk *walk, struct nh__step *steps, unsigned *count, nh__check *check,
                         const char **what, const void **bad, struct nh__note *note);

#endif

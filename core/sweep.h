/* SPDX-License-Identifier: MIT */
/*
 * A sweep visits all blocks of regions by address, NH_SLICE blocks a lock hold, while others allocate.
 *
 * It uses the heap's one position for walks, which merges keep on a header (core/walk.h). A walk that takes it over is
 * finished or refused before long; then the sweep of that region begins again, over blocks that are swept already.
 */
#ifndef NH_CORE_SWEEP_H
#define NH_CORE_SWEEP_H

#include "core/instance.h"

enum nh__way {
	/* FREE blocks leave the lists: `held`, their owner byte says TLSF and they are not FREE, as nobody else's are
	 * between two lock holds. Counts what cannot be held. */
	NH__HOLD,
	/* Held blocks go back to the lists. */
	NH__GIVE,
	/* Blocks that say CACHED go to the lists and are counted. Everything was drained, and nobody else is there. */
	NH__SALVAGE
};

struct nh__tally {
	size_t live, cached;
};

/* All regions of the heap, or the one, that `removal` names. */
struct nh__tally nh__sweep(nh_instance *instance, const struct nh__removal *removal, enum nh__way way, struct nh__note *note);

/* Publishes a heap once more; `hidden`: also one that no request finds. Nothing, if it has no region left. */
void nh__heap_restore(nh_instance *instance, struct nh__heap *heap, bool hidden);

/* Does `removal` name this entry's region? */
bool nh__concerned(const struct nh__removal *removal, const struct nh__region_entry *entry);

/* Heap lock held: walks and sweeps that stand in it find out that its regions are not what they were. */
void nh__walks_end(struct nh__heap *heap);

#endif

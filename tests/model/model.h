/* SPDX-License-Identifier: MIT */
/*
 * Model-based random tests: a seeded stream of operations goes to an instance and to its shadow.
 *
 *   model.c    makes the instance, chooses what to do next, ends the run
 *   ops.c      one operation of each kind, with what must hold of its result
 *   upkeep.c   memory and CPUs that come and go, walks
 *   refuse.c   what must hold when the answer was NULL
 *   audit.c    what must hold of everything, after each batch
 *   rules.c    selection, written a second time
 *   shadow.c   what is live, and what is in it
 */
#ifndef NHT_MODEL_H
#define NHT_MODEL_H

#include <nearheap/nearheap.h>

#include "rules.h"
#include "shadow.h"
#include "tests/support/arena.h"
#include "tests/support/env.h"
#include "tests/support/random.h"

#define MODEL_REGIONS 4u /* of one heap */

typedef struct model_heap {
	size_t regions[MODEL_REGIONS]; /* bytes; 0 ends the list. The first comes with the heap */
	uint32_t attributes, affinity, flags;
	bool control_apart; /* control memory from elsewhere, not from the head of the region */
} model_heap;

typedef struct model_setup {
	const char *name;
	model_heap heaps[NH_MAX_HEAPS];
	unsigned heap_count;
	unsigned initial;    /* heaps at init; the others are added at run time */
	unsigned cpus;       /* slots to hop over */
	size_t operations;   /* before scaling */
	unsigned batch;      /* operations between audits */
	unsigned limit;      /* most live blocks */
	unsigned small;      /* percent of sizes up to 96 bytes */
	unsigned upkeep;     /* of a thousand operations; 0 = 8 */
	bool watch;          /* look at the heaps before each allocation and check the choice */
	bool odd;            /* regions at odd addresses */
} model_setup;

typedef struct model {
	const model_setup *setup;
	nh_instance_storage storage;
	nh_instance *instance;
	nht_arena arena;
	int part_heap[NHT_ARENA_PARTS]; /* heap that part belongs to */
	bool part_added[NHT_ARENA_PARTS];
	void *control[NH_MAX_HEAPS];
	rules_heap rules[NH_MAX_HEAPS];
	unsigned heaps; /* of the setup; rules[].there says which are there */
	shadow shadow;
	nht_random random;
	unsigned target;  /* percent of the memory that this phase keeps live */
	size_t total;     /* bytes of all regions */
	size_t index;     /* of the operation */
	uint32_t next_key;
	/* what happened, so that a run that tested nothing is noticed */
	size_t allocated, refused, moved, grown_in_place, hops, explained, upkeeps, removed;
} model;

/* Runs one setup from one seed; leaves the program on the first thing that does not hold. */
void model_run(const model_setup *setup, uint64_t seed);

/* Its parts. What to do is taken from the generator, or from an input until that ends. */
void model_make(model *m, const model_setup *setup, const nht_random *random);
void model_steps(model *m, size_t operations);
void model_drop(model *m);

nh_heap_config model_config(model *m, unsigned heap);
void model_heap_is_there(model *m, unsigned heap);

/* upkeep.c. Grow: the next heap or region that is not there; false if there is none. */
bool model_grow(model *m);
void model_upkeep(model *m);

/* ops.c */
void model_allocate(model *m);
/* One request as it is. */
void model_request(model *m, const nh_request *request, size_t size);
void model_reallocate(model *m);
void model_free_any(model *m);
void model_free_index(model *m, unsigned index);
void model_try_absurd(model *m);

/* refuse.c: NULL for `size` was the truth. */
void model_refused(model *m, const nh_request *request, size_t size);
size_t model_room_in_place(model *m, const shadow_block *block, size_t alignment);
void model_realloc_refused(model *m, const shadow_block *block, const nh_request *request, size_t size);

/* audit.c */
void model_audit(model *m);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * An instance: heaps, the regions by which a block's heap is found, and the masks that selection
 * works on. Everything is published by one release store each, so readers take no lock: `heap` of a region
 * last, the heap's bit in `heaps` last. What is removed is taken back in the opposite order (core/remove.c).
 */
#ifndef NH_CORE_INSTANCE_H
#define NH_CORE_INSTANCE_H

#include "core/heap.h"

/* Written under the admin lock; validate reads it without, and takes for removed what was hidden before. */
struct nh__claim {
	_Atomic uintptr_t base, end;
};

typedef _Atomic uint16_t nh__heap_set;

/* core/reserve.h; on microcontrollers a byte. */
#if NH_CPUS < 7
typedef uint8_t nh__adding;
#else
typedef uint16_t nh__adding;
#endif

struct nh__region_entry {
	struct nh__region region;      /* heap lock; end 0 = nobody's (admin lock) */
	_Atomic uintptr_t first, end;  /* the same for readers without a lock; admin lock */
	struct nh__heap *_Atomic heap; /* NULL = not published */
};

/* A removal, from its first to its last hold of the admin lock. */
struct nh__removal {
	struct nh__heap *heap;            /* NULL = none is under way; stored last */
	const struct nh__region *region;  /* NULL = all of the heap's, and the heap */
	struct nh__region_entry *leaving; /* not NULL in the lock hold that clears the entry */
	unsigned cpu;                     /* where it began */
	bool decided;                     /* nobody has anything of it: whoever lives completes it */
};

struct nh_instance {
#if NH_CACHES
	_Atomic uint8_t class_of[NH__CLASS_TABLE]; /* codes; constant after init; other CPUs may be reading while it is written */
	/* The cache that this CPU's plain calls try first; written under the admin lock. */
	struct nh__cache_head *_Atomic first[NH_CPUS + 1];
#endif
	_Atomic bool ready;
	/* Selection, core/select.c. Written under the admin lock. */
	nh__heap_set heaps;              /* published: a bit here makes all else of the heap visible */
	nh__heap_set eligible;           /* for plain requests */
	nh__heap_set shared;             /* affinity 0 */
	nh__heap_set local[NH_CPUS + 1]; /* affinity names this CPU */
	nh__heap_set has[32];            /* by attribute bit */
	struct nh__heap *_Atomic heap[NH_MAX_HEAPS]; /* what was removed stays until its number is given again */
	/* Admin lock: reserved entries, some of them perhaps not published yet. */
	struct nh__lock admin;
	_Atomic uint8_t regions_reserved;
	_Atomic nh__adding adding[NH_MAX_REGIONS]; /* 0 = the entry is nobody's, or its heap's */
	struct nh__claim control[NH_MAX_HEAPS];    /* end 0 = the number is free */
	struct nh__region_entry regions[NH_MAX_REGIONS];
	struct nh__removal removal;
#if NH_PORT_OUTSIDERS
	struct nh_instance *next; /* registry, for fork and for threads that end */
#endif
};

#if NH_CACHES
NH__INLINE struct nh__cache *nh__first_cache(nh_instance *instance, unsigned cpu)
{
	uintptr_t at = (uintptr_t)instance + cpu * sizeof instance->first[0];
	NH_PORT_OPAQUE(at);
	/* acquire, or dependency: of the release in core/instance.c */
	return (struct nh__cache *)nh_port_load_dependent(
		(struct nh__cache_head *_Atomic *)(at + offsetof(nh_instance, first)));
}
#endif

/* The admin lock, interrupts off. Bounded holds: sets of heaps and the table of regions. */
nh_port_irq nh__admin_enter(nh_instance *instance, unsigned *cpu);
void nh__admin_leave(nh_instance *instance, unsigned cpu, nh_port_irq irq);

/* Adding a heap, in three steps: nh__heap_prepare reserves and builds it, with `head` bytes left in front of its
 * region; its region comes to its blocks, of which nh__heap_fresh makes one free one; nh__heap_finish publishes it. */
struct nh__addition {
	struct nh__heap *heap;
	struct nh__region_entry *entry;
};
nh_status nh__heap_prepare(nh_instance *instance, const nh_heap_config *config, uint32_t head, struct nh__addition *addition);
void nh__heap_fresh(struct nh__addition *addition);
void nh__heap_finish(nh_instance *instance, struct nh__addition *addition, int *number);

/* Makes a heap visible, and the region in that entry; again, for one that is visible, it completes what was half done. */
void nh__heap_publish(nh_instance *instance, struct nh__heap *heap, struct nh__region_entry *entry);
/* The same with the admin lock held. */
void nh__heap_show(nh_instance *instance, struct nh__heap *heap, struct nh__region_entry *entry);
/* Admin lock held: no request finds the heap. */
void nh__heap_hide(nh_instance *instance, unsigned id);

/* Heap lock held: what caches may hold, now that there are so many granules less. */
void nh__budget_shrink(struct nh__heap *heap, uint32_t granules);

/* The heap whose region `payload` lies in, or NULL. Wait-free, at most NH_MAX_REGIONS steps. */
struct nh__heap *nh__heap_at(nh_instance *instance, uintptr_t payload);

/* The published region that an address lies in, and its heap; NULL if there is none. Likewise. NH_HARDENING_FULL: what it
 * says of a block in hand does not change. */
const struct nh__region *nh__region_at(nh_instance *instance, uintptr_t payload, struct nh__heap **heap);

/* A published heap by number, or NULL. */
struct nh__heap *nh__heap_by_id(nh_instance *instance, int heap);

/* What an address given to free or realloc is. */
struct nh__block_ref {
	struct nh__heap *heap; /* NULL: `fault` says why it is no live block */
	uint8_t owner;
	nh_fault_code fault;
};
struct nh__block_ref nh__resolve(nh_instance *instance, const void *payload);

/* Slow paths of the hits in core/hit.h. */
void *nh__malloc_slow(nh_instance *instance, size_t size);
void *nh__malloc_miss(nh_instance *instance, unsigned klass);
void nh__free_slow(nh_instance *instance, void *payload);

/* The order in which heaps are tried for a request: core/select.c. */
struct nh__choice {
	nh_instance *instance;
	const nh_request *request;
	unsigned cpu;
	uint16_t left; /* candidates not tried yet */
	uint16_t near; /* local or shared */
	unsigned tier;
};
void nh__choice_begin(struct nh__choice *choice, nh_instance *instance, const nh_request *request);
struct nh__heap *nh__choice_next(struct nh__choice *choice);
uint16_t nh__heaps_with(nh_instance *instance, uint32_t attributes);
/* The first heap for a plain request of `cpu`, or NULL. */
struct nh__heap *nh__first_of(nh_instance *instance, unsigned cpu);

/* Allocates by a request (not NULL): both passes. Alignment is the need's. `tried`: a heap that has nothing without
 * reclaim, or NULL. */
void *nh__allocate(nh_instance *instance, const nh_request *request, const struct nh__need *need,
                   const struct nh__heap *tried);

#if NH_CACHES
#define nh__class_table_of(instance) ((instance)->class_of)
#else
#define nh__class_table_of(instance) ((_Atomic uint8_t *)NULL)
#endif

#endif

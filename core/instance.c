/* SPDX-License-Identifier: MIT */
/* Instances: making and forgetting them, finding a block's heap, emptying caches on demand. */
#include "core/harden.h"
#include "core/instance.h"
#include "core/lifecycle.h"

#include <string.h>

/* The storage is a bound that users can compute, not the structure. */
_Static_assert(sizeof(nh_instance) <= NH_INSTANCE_SIZE, "NH_INSTANCE_SIZE is too small");

/* ---- making and forgetting ---------------------------------------------------------------- */

void nh__first_update(nh_instance *instance)
{
#if NH_CACHES
	for (unsigned cpu = 0; cpu <= NH_CPUS; cpu++) {
		struct nh__heap *heap = nh__first_of(instance, cpu);
		struct nh__cache *cache = heap == NULL || cpu == NH_CPUS ? NULL : heap->cache[cpu];
		/* release: to the dependent load of the hits */
		nh__store_release(&instance->first[cpu], cache == NULL ? NH__NO_CACHE : &cache->head);
	}
#else
	(void)instance;
#endif
}

void nh__instance_clear(nh_instance *instance)
{
	memset(instance, 0, sizeof *instance);
	nh__first_update(instance);
}

/* The instance is clear. Calls by other CPUs meanwhile find no heap, or one that is complete. */
static nh_status instance_build(nh_instance *instance, const nh_heap_config *heaps, unsigned count, unsigned *failed)
{
#if NH_CACHES
	nh__class_table(instance->class_of);
#endif
	/* release: to everybody who tests it */
	nh__store_release(&instance->ready, true);
	for (unsigned i = 0; i < count; i++) {
		nh_status status = nh_instance_heap_add(instance, &heaps[i], NULL);
		if (status != NH_OK) {
			nh__instance_clear(instance);
			if (failed != NULL)
				*failed = i;
			return status;
		}
	}
	nh__instance_register(instance);
	return NH_OK;
}

nh_status nh__default_init(const nh_heap_config *heaps, unsigned count, unsigned *failed)
{
	nh_instance *instance = nh_default(); /* clear from the start, and again after nh_deinit */
	if (heaps == NULL && count != 0)
		return NH_EINVAL;
	return nh__load_acquire(&instance->ready) ? NH_EALREADY : instance_build(instance, heaps, count, failed);
}

#undef nh_instance_init
nh_status nh_instance_init(nh_instance_storage *storage, const nh_heap_config *heaps, unsigned count, unsigned *failed,
                           nh_instance **result)
{
	if (storage == NULL || result == NULL || (heaps == NULL && count != 0))
		return NH_EINVAL;
	nh_instance *instance = (nh_instance *)(void *)storage;
	nh__instance_clear(instance);
	nh_status status = instance_build(instance, heaps, count, failed);
	if (status == NH_OK)
		*result = instance;
	return status;
}

nh_status nh_instance_deinit(nh_instance *instance)
{
	if (instance == NULL || !nh__load_acquire(&instance->ready))
		return NH_ENOINIT;
	nh__instance_unregister(instance);
	nh__instance_clear(instance);
	return NH_OK;
}

/* ---- finding ------------------------------------------------------------------------------ */

/*
 * The heap of an entry that seems to hold `payload`; NULL if it is not published, or is being given to another region.
 * Its bounds may change meanwhile, one after the other, but only while `heap` is NULL. So: bounds, heap, and the
 * bounds once more. A bound of a later region comes with that region's NULL or heap (acquire), and that heap with
 * its bounds. The region of a live block does not change.
 */
static struct nh__heap *entry_heap(const struct nh__region_entry *entry, uintptr_t payload, uintptr_t *end)
{
	/* acquire: of nh__region_reserve, twice, and of the heap's publication */
	uintptr_t first = nh__load_acquire(&entry->first);
	*end = nh__load_acquire(&entry->end);
	struct nh__heap *heap = nh__load_acquire(&entry->heap);
	bool torn = first != nh__load_relaxed(&entry->first) || *end != nh__load_relaxed(&entry->end);
	return torn || payload < first || payload >= *end ? NULL : heap;
}

/* The published region that an address lies in, its heap, and where it ends; NULL if there is none. */
NH__INLINE const struct nh__region_entry *entry_at(nh_instance *instance, uintptr_t payload, struct nh__heap **heap,
                                                   uintptr_t *end)
{
	/* acquire: of nh__region_reserve */
	unsigned regions = nh__load_acquire(&instance->regions_reserved);
	for (unsigned i = 0; i < regions; i++) {
		const struct nh__region_entry *entry = &instance->regions[i];
		if (payload < nh__load_relaxed(&entry->first) || payload >= nh__load_relaxed(&entry->end))
			continue;
		*heap = entry_heap(entry, payload, end);
		if (*heap != NULL)
			return entry;
	}
	*heap = NULL;
	return NULL;
}

static struct nh__heap *region_at(nh_instance *instance, uintptr_t payload, uintptr_t *end)
{
	struct nh__heap *heap;
	entry_at(instance, payload, &heap, end);
	return heap;
}

#if NH__STARTS

const struct nh__region *nh__region_at(nh_instance *instance, uintptr_t payload, struct nh__heap **heap)
{
	uintptr_t end;
	const struct nh__region_entry *entry = entry_at(instance, payload, heap, &end);
	return entry == NULL ? NULL : &entry->region;
}

#endif

struct nh__heap *nh__heap_at(nh_instance *instance, uintptr_t payload)
{
	uintptr_t end;
	return region_at(instance, payload, &end);
}

struct nh__heap *nh__heap_by_id(nh_instance *instance, int heap)
{
	if (heap < 0 || heap >= NH_MAX_HEAPS || (nh__load_acquire(&instance->heaps) >> heap & 1) == 0)
		return NULL;
	return nh_port_load_dependent(&instance->heap[heap]);
}

/* The heap of a block, if the address is aligned and in a region, and the granules from it to the region's end. This
 * CPU's first heap is asked first: one comparison. */
static struct nh__heap *locate(nh_instance *instance, struct nh__block *block, uintptr_t *room)
{
	uintptr_t end;
#if NH_CACHES
	const struct nh__cache *first = nh__first_cache(instance, nh_port_cpu());
	uintptr_t offset = nh__rotated_offset(&first->head, block);
	uintptr_t limit = nh__load_relaxed(&first->head.limit);
	if (NH__LIKELY(offset < limit)) {
		*room = limit - offset;
		return first->heap;
	}
#endif
	if ((uintptr_t)nh__payload(block) % NH_GRANULE != 0)
		return NULL;
	struct nh__heap *heap = region_at(instance, (uintptr_t)nh__payload(block), &end);
	if (heap != NULL)
		*room = (end - (uintptr_t)nh__payload(block)) >> NH_GRANULE_SHIFT;
	return heap;
}

struct nh__block_ref nh__resolve(nh_instance *instance, const void *payload)
{
	struct nh__block_ref ref = {NULL, 0, NH_FAULT_POINTER};
	struct nh__block *block = nh__block_at(payload);
	uintptr_t room;
	struct nh__heap *heap = locate(instance, block, &room);
	if (heap == NULL)
		return ref;
#if NH__STARTS
	nh_fault_code stray = nh__start_fault(instance, block);
	if (stray != NH_FAULT_NONE) {
		ref.fault = stray;
		return ref;
	}
#endif
	ref.owner = nh__load_relaxed(&block->owner);
	if (!nh__owner_is_live(ref.owner)) { /* the rest of the header may be changing under another CPU */
		if (ref.owner == NH__OWNER_CACHED || ref.owner == NH__OWNER_TLSF ||
		    (NH__GUARDED && (ref.owner == NH__OWNER_BUSY || ref.owner == NH__OWNER_GONE)))
			ref.fault = NH_FAULT_DOUBLE_FREE;
		return ref;
	}
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
	if (block->key != nh__block_key(heap->tlsf.secret, block))
		return ref;
#endif
	uint32_t span = nh__block_span(block);
	if (NH_HARDENING >= NH_HARDENING_MODERATE && (span < NH_SPAN_MIN || span > room)) {
		ref.fault = NH_FAULT_NEIGHBOUR; /* an underrun, or an overrun of the block before */
		return ref;
	}
#if NH__STARTS
	if (!nh__header_true(instance, heap, block, ref.owner)) {
		ref.fault = NH_FAULT_NEIGHBOUR;
		return ref;
	}
#endif
	ref.heap = heap;
	ref.fault = NH_FAULT_NONE;
	return ref;
}

nh_status nh_instance_trim(nh_instance *instance, int number)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	if (!nh__load_acquire(&instance->ready))
		return NH_ENOINIT;
	if (number != -1 && nh__heap_by_id(instance, number) == NULL)
		return NH_ENOENT;
	for (int id = 0; id < NH_MAX_HEAPS; id++) { /* several that add may publish out of order */
		struct nh__join join = {.heap = nh__heap_by_id(instance, id)};
		if (join.heap == NULL || (number != -1 && id != number))
			continue;
		nh__reclaim(&join, NULL, &note);
		nh__join_leave(&join, &note);
	}
	nh__note_report(&note);
	return NH_OK;
}

unsigned nh_instance_heap_count(nh_instance *instance)
{
	unsigned count = 0;
	for (unsigned set = nh__load_acquire(&instance->heaps); set != 0; set &= set - 1u)
		count++;
	return count;
}

int nh_instance_heap_of(nh_instance *instance, const void *address)
{
	struct nh__heap *heap = nh__heap_at(instance, (uintptr_t)address);
	return heap == NULL ? -1 : heap->id;
}

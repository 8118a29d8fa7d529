/* SPDX-License-Identifier: MIT */
/* Checks of control memory and caches: see core/check.h. */
#include "core/check.h"
#include "core/starts.h"

/* ---- control memory ----------------------------------------------------------------------- */

/* A claim as it was read. */
struct extent {
	uintptr_t base, end;
};

static bool within(const struct extent *claim, const void *at, size_t align, size_t size)
{
	uintptr_t from = (uintptr_t)at;
	return from % align == 0 && from >= claim->base && from <= claim->end && size <= claim->end - from;
}

/* The list of regions: entries of the instance's table, which name this heap, and add up; each bitmap in its place. */
static const char *check_regions(nh_instance *instance, const struct nh__heap *heap, const void **bad)
{
	const struct nh__tlsf *tlsf = &heap->tlsf;
	const struct nh__region *misplaced = NULL;
	uint32_t total = 0, primary = 0;
	unsigned left = nh__load_relaxed(&instance->regions_reserved), count = 0;
	*bad = &tlsf->regions;
	for (const struct nh__region *region = tlsf->regions; region != NULL; region = region->next, count++) {
		uintptr_t offset = (uintptr_t)region - (uintptr_t)&instance->regions[0].region;
		if (count == left || offset % sizeof instance->regions[0] != 0 || offset / sizeof instance->regions[0] >= left)
			return "the list of regions leads elsewhere";
		uint32_t granules = nh__granules(region->end - region->first);
		if (region->first == tlsf->origin + NH_GRANULE)
			primary = granules;
		total += granules;
		if (!nh__starts_placed(region))
			misplaced = region;
	}
	if (count == 0 || count != heap->regions)
		return "the number of regions is wrong";
	*bad = tlsf;
	if (total != tlsf->total || primary != tlsf->primary || tlsf->free > total || tlsf->least_free > total)
		return "a heap's sums are wrong";
	*bad = misplaced;
	return misplaced == NULL ? NULL : "a bitmap of starts is elsewhere";
}

static const char *check_lists(const struct extent *claim, const struct nh__heap *heap, const void **bad)
{
	const struct nh__tlsf *tlsf = &heap->tlsf;
	uintptr_t heads = ((uintptr_t)(heap + 1) + 3u) & ~(uintptr_t)3u, map = heads + nh__heads_size(tlsf->lists, tlsf->wide);
	*bad = &tlsf->heads;
	if (tlsf->wide > 1 || tlsf->lists == 0 || tlsf->lists % 8u != 0 ||
	    (uintptr_t)tlsf->heads != heads || (uintptr_t)tlsf->map != map ||
	    !within(claim, tlsf->map, _Alignof(uint32_t), (tlsf->lists + 31u) / 32u * sizeof(uint32_t)))
		return "the lists are elsewhere";
	return NULL;
}

#if NH_CACHES

static const char *check_cache(const struct extent *claim, const struct nh__heap *heap, const struct nh__cache *cache,
                               const void **bad)
{
	*bad = cache;
	if (!within(claim, cache, _Alignof(struct nh__cache),
	            sizeof *cache + (heap->two ? NH_CLASSES * sizeof(uint32_t) : 0u)))
		return "a cache is elsewhere";
	if (cache->heap != heap || cache->head.secret != heap->tlsf.secret ||
	    cache->head.first != (uintptr_t)nh__at_offset(&heap->tlsf, 1) ||
	    nh__load_relaxed(&cache->head.reach) != nh__chain_bound(heap->reach))
		return "a cache is not of its heap";
	return NULL;
}

static const char *check_cache_pointers(const struct extent *claim, const struct nh__heap *heap, const void **bad)
{
	const char *what = NULL;
	unsigned locals = 0;
	*bad = &heap->shared;
	if (heap->shared != NULL &&
	    !within(claim, heap->shared, _Alignof(struct nh__shared), NH_CLASSES * sizeof *heap->shared))
		return "depot and inboxes are elsewhere";
	for (unsigned cpu = 0; what == NULL && cpu < NH_CPUS; cpu++) {
		locals += nh__is_local(heap->affinity, cpu);
		*bad = &heap->cache[cpu];
		if ((heap->cache[cpu] != NULL) != (heap->shared != NULL && nh__is_local(heap->affinity, cpu)))
			return "a CPU's cache is missing, or too many";
		if (heap->cache[cpu] != NULL)
			what = check_cache(claim, heap, heap->cache[cpu], bad);
	}
	if (what == NULL && heap->shared != NULL) {
		*bad = &heap->locals;
		if (heap->locals != locals || heap->two != (locals > 1) || heap->cap_small > NH_CAP_SMALL ||
		    heap->cap_large > NH_CAP_SMALL + NH_CAP_LARGE || heap->refill > NH_REFILL || heap->budget > heap->allowance ||
		    heap->inbox_budget > heap->allowance ||
		    heap->allowance > heap->tlsf.total + heap->owed + heap->inbox_owed)
			return "a limit of the caches is wrong";
		for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
			const struct nh__shared *shared = &heap->shared[klass];
			*bad = shared;
			if (nh__load_relaxed(&shared->inbox_limit) > NH_INBOX_LIMIT || shared->depot_cap > NH_CAP_SMALL)
				return "a limit of depot or inbox is wrong";
		}
	}
	return what;
}

#else

static const char *check_cache_pointers(const struct extent *claim, const struct nh__heap *heap, const void **bad)
{
	(void)claim;
	(void)heap;
	(void)bad;
	return NULL;
}

#endif

static const char *check_locked(nh_instance *instance, int number, const struct extent *claim, const struct nh__heap *heap,
                                const void **bad)
{
	const char *what = check_regions(instance, heap, bad);
	if (what == NULL)
		what = check_lists(claim, heap, bad);
	if (what == NULL)
		what = check_cache_pointers(claim, heap, bad);
	if (what == NULL && heap->id != number) {
		*bad = &heap->id;
		what = "a heap's number is wrong";
	}
	return what;
}

const char *nh__check_control(nh_instance *instance, int number, struct nh__heap **checked, const void **bad,
                              struct nh__note *note)
{
	struct nh__heap *heap = nh__heap_by_id(instance, number);
	/* acquire: of nh__claim_set */
	uintptr_t base = nh__load_acquire(&instance->control[number].base), end = nh__load_acquire(&instance->control[number].end);
	const struct extent claim = {base, end};
	const char *what = NULL;
	bool gone = heap == NULL;
	*bad = (const void *)&instance->heap[number];
	if (!gone && ((uintptr_t)heap != base || !within(&claim, heap, _Alignof(struct nh__heap), sizeof *heap))) {
		gone = nh__heap_by_id(instance, number) != heap; /* the claim may be that of the number's next heap */
		what = gone ? NULL : "a heap is elsewhere";
	} else if (!gone) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		if (nh__heap_lock(heap, cpu)) { /* else a context that may not look */
			/* a removal hides the heap before it takes the regions, and cannot end while the lock is held */
			gone = heap->tlsf.regions == NULL && nh__heap_by_id(instance, number) != heap;
			what = gone ? NULL : check_locked(instance, number, &claim, heap, bad);
			nh__heap_unlock(heap, cpu, note);
		}
		nh_port_irq_restore(irq);
	}
	*checked = gone ? NULL : heap;
	return what;
}

/* ---- caches ------------------------------------------------------------------------------- */

#if NH_CACHES

/* The chain must stay inside the heap, count down by one per block, and hold cached blocks. */
static const char *check_chain(nh_instance *instance, const struct nh__heap *heap, const struct nh__cache *cache,
                               uint32_t chain, const void **bad)
{
	while (chain != 0) {
		void *payload = nh__payload(nh__chain_top(&cache->head, chain));
		*bad = payload;
		if (nh__heap_at(instance, (uintptr_t)payload) != heap)
			return "a magazine leads out of the heap";
		uint32_t count = NH__COUNT(chain);
		if (nh__chain_pop(&cache->head, &chain) == NULL || NH__COUNT(chain) != count - 1u)
			return "a cached block was overwritten";
	}
	return NULL;
}

#if NH__DEPOT

/* Where others have put another chain meanwhile, this one goes to TLSF, which cuts off what is damaged. */
static void put_back(struct nh__heap *heap, _Atomic uint32_t *word, uint32_t chain, unsigned cpu, struct nh__note *note)
{
	uint32_t seen = 0;
	while (chain != 0 && seen == 0)
		/* release: to the exchange of whoever takes it; it may fail spuriously */
		if (nh_port_cas_release(word, &seen, chain))
			return;
	while (chain != 0 && nh__heap_lock(heap, cpu)) {
		chain = nh__drain(heap, chain);
		nh__heap_unlock(heap, cpu, note);
	}
}

static const char *check_shared(nh_instance *instance, struct nh__heap *heap, const struct nh__cache *cache,
                                _Atomic uint32_t *word, unsigned cpu, const void **bad, struct nh__note *note)
{
	if (nh__load_relaxed(word) == 0)
		return NULL;
	/* acquire: of the CAS that put it there; inside the gate, no inbox is closed */
	uint32_t chain = nh_port_exchange_acquire(word, 0);
	const char *what = check_chain(instance, heap, cache, chain, bad);
	put_back(heap, word, chain, cpu, note); /* damaged or not: what is found is not mended here */
	return what;
}

#endif

static const char *check_class(nh_instance *instance, struct nh__heap *heap, struct nh__cache *cache, unsigned klass,
                               unsigned cpu, const void **bad, struct nh__note *note)
{
	const struct nh__slot *slot = &cache->slot[klass];
	*bad = slot;
	if (nh__slot_live(slot, klass) != NH__OWNER_LIVE + klass || nh__slot_span(slot, klass) != nh__class_span(klass) ||
	    slot->cap > NH_CAP_SMALL)
		return "a magazine's constants are wrong";
	const char *what = check_chain(instance, heap, cache, slot->cur, bad);
	if (what == NULL && heap->two)
		what = check_chain(instance, heap, cache, cache->prev[klass], bad);
#if NH__DEPOT
	struct nh__shared *shared = &heap->shared[klass];
	for (unsigned i = 0; what == NULL && i < NH_DEPOT_SLOTS; i++)
		what = check_shared(instance, heap, cache, &shared->depot[i], cpu, bad, note);
	if (what == NULL)
		what = check_shared(instance, heap, cache, &shared->inbox, cpu, bad, note);
#else
	(void)cpu;
	(void)note;
#endif
	return what;
}

const char *nh__check_caches(nh_instance *instance, struct nh__heap *heap, const void **bad, struct nh__note *note)
{
	const char *what = NULL;
	for (unsigned klass = 0; what == NULL && klass < NH_CLASSES; klass++) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		struct nh__cache *cache = cpu < NH_CPUS ? heap->cache[cpu] : NULL;
		if (cache != NULL && nh__gate_enter(&cache->head.gate, cpu)) {
			what = check_class(instance, heap, cache, klass, cpu, bad, note);
			nh__gate_cancel(&cache->head.gate, cpu);
		}
		nh_port_irq_restore(irq);
	}
	return what;
}

#else

const char *nh__check_caches(nh_instance *instance, struct nh__heap *heap, const void **bad, struct nh__note *note)
{
	(void)instance;
	(void)heap;
	(void)bad;
	(void)note;
	return NULL;
}

#endif

/* SPDX-License-Identifier: MIT */
/* Allocation and release in one heap: the slow paths. The hits are in core/hit.h. */
#include "core/heap.h"

#include <string.h>

NH__FLAT bool lock_flat(struct nh__heap *heap, unsigned cpu)
{
	if (!nh_port_lock_begin())
		return false;
	nh__lock_acquire_fast(&heap->lock, cpu);
	return true;
}

static NH__NOINLINE void take_fault(struct nh__heap *heap, struct nh__note *note)
{
	nh__note_keep(note, heap->tlsf.fault, heap->tlsf.fault_at);
	heap->tlsf.fault = NH_FAULT_NONE;
}

NH__FLAT void unlock_flat(struct nh__heap *heap, unsigned cpu, struct nh__note *note)
{
	if (NH__UNLIKELY(heap->tlsf.fault != NH_FAULT_NONE))
		take_fault(heap, note);
	nh__lock_release_fast(&heap->lock, cpu);
	nh_port_lock_end();
}

NH__NOINLINE bool nh__heap_lock(struct nh__heap *heap, unsigned cpu)
{
	return lock_flat(heap, cpu);
}

NH__NOINLINE void nh__heap_unlock(struct nh__heap *heap, unsigned cpu, struct nh__note *note)
{
	unlock_flat(heap, cpu, note);
}

struct nh__need nh__need_of(_Atomic uint8_t *table, size_t size, uint32_t align)
{
	struct nh__need need = {nh__span(size), align, 0, NH__NO_CLASS};
	need.class_span = need.span;
#if NH_CACHES
	if (need.span != 0 && need.span <= NH__CLASS_SPAN_MAX) {
		need.klass = (uint8_t)nh__code_klass(nh__load_relaxed(&table[(size - 1u) >> NH__CLASS_STEP]));
		need.class_span = nh__class_span(need.klass);
	}
#else
	(void)table;
#endif
	return need;
}

#if NH_CACHES

/* As chain words count: from the first block of the primary region. */
static inline uint32_t chain_offset(const struct nh__tlsf *tlsf, const struct nh__block *block)
{
	return nh__offset(tlsf, block) - 1u;
}

#endif

static inline uint8_t live_owner(struct nh__heap *heap, struct nh__block *block)
{
	uint8_t owner = NH__OWNER_LARGE;
#if NH_CACHES
	if (heap->shared != NULL && chain_offset(&heap->tlsf, block) < NH__WINDOW) {
		unsigned klass = nh__class_below(nh__block_span(block));
		if (klass != NH__NO_CLASS)
			owner = (uint8_t)(NH__OWNER_LIVE + klass);
	}
#else
	(void)heap;
	(void)block;
#endif
	return owner;
}

static inline void make_live(struct nh__heap *heap, struct nh__block *block)
{
	nh__store_relaxed(&block->owner, live_owner(heap, block));
}

uint8_t nh__live_owner(struct nh__heap *heap, struct nh__block *block)
{
	return live_owner(heap, block);
}

void nh__make_live(struct nh__heap *heap, struct nh__block *block)
{
	make_live(heap, block);
}

uint32_t nh__rounded_span(const struct nh__heap *heap, const struct nh__need *need)
{
#if NH_CACHES
	return heap->shared != NULL ? need->class_span : need->span;
#else
	(void)heap;
	return need->span;
#endif
}

NH__FLAT void *take_flat(struct nh__heap *heap, const struct nh__need *need)
{
	uint32_t rounded = nh__rounded_span(heap, need);
	struct nh__block *block = nh__tlsf_take(&heap->tlsf, rounded, need->align);
	if (block == NULL && rounded != need->span)
		block = nh__tlsf_take(&heap->tlsf, need->span, need->align);
	if (NH__UNLIKELY(block == NULL))
		return NULL;
#if NH_CACHES
	/* mostly just what was asked for, whose class is known */
	if (heap->shared != NULL && need->klass != NH__NO_CLASS && !heap->far &&
	    nh__block_span(block) == need->class_span) {
		nh__store_relaxed(&block->owner, (uint8_t)(NH__OWNER_LIVE + need->klass));
		return nh__payload(block);
	}
#endif
	make_live(heap, block);
	return nh__payload(block);
}

NH__NOINLINE void *nh__take_locked(struct nh__heap *heap, const struct nh__need *need)
{
	return take_flat(heap, need);
}

void *nh__scan_locked(struct nh__heap *heap, const struct nh__need *need, struct nh__scan *scan, bool *done)
{
	struct nh__block *block = nh__tlsf_scan(&heap->tlsf, need->span, need->align, scan, done);
	if (block == NULL)
		return NULL;
	nh__make_live(heap, block);
	return nh__payload(block);
}

void nh__give_locked(struct nh__heap *heap, void *payload)
{
	nh__tlsf_give(&heap->tlsf, nh__block_at(payload));
#if NH_CACHES
	nh__freeze_tick(heap);
#endif
}

/* One lock hold that serves from TLSF alone. Interrupts are off. */
static void *take_behind_lock(struct nh__heap *heap, unsigned cpu, const struct nh__need *need, struct nh__note *note)
{
	if (!nh__heap_lock(heap, cpu))
		return NULL;
	void *payload = nh__take_locked(heap, need);
	nh__heap_unlock(heap, cpu, note);
	return payload;
}

/* What the bounded search cannot see, in slices; lock and interrupts are released between them. */
static NH__NOINLINE void *take_by_scan(struct nh__heap *heap, const struct nh__need *need, struct nh__note *note)
{
	struct nh__scan scan = {0};
	void *payload = NULL;
	bool done = false;
	while (payload == NULL && !done) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		done = !nh__heap_lock(heap, cpu);
		if (!done) {
			/* in each hold: a block of the class that was freed meanwhile must not be cut to the exact span */
			payload = nh__take_locked(heap, need);
			if (payload == NULL)
				payload = nh__scan_locked(heap, need, &scan, &done);
			nh__heap_unlock(heap, cpu, note);
		}
		nh_port_irq_restore(irq);
	}
	return payload;
}

#if NH_CACHES

/* ---- inside the gate and under the lock --------------------------------------------------- */

static void push(struct nh__cache *cache, struct nh__slot *slot, struct nh__block *block)
{
	uint32_t chain = slot->cur;
	slot->cur = nh__chain_link(cache->head.secret, chain, NH__COUNT(chain), block, nh__chain_offset(&cache->head, block));
}

/* A chain that is not empty but gave nothing is damaged: cut it off, and say so once. */
static NH__NOINLINE void heal(struct nh__heap *heap, struct nh__cache *cache, uint32_t *chain, uint32_t span,
                              struct nh__note *note)
{
	nh__note_keep(note, NH_FAULT_LINK, nh__payload(nh__chain_top(&cache->head, *chain)));
	heap->tlsf.lost += NH__COUNT(*chain) * span;
	*chain = 0;
}

static unsigned magazines(const struct nh__heap *heap)
{
	return heap->two ? 2u : 1u;
}

/*
 * What is charged, so that all caches together never hold more than their share:
 *
 *   a CPU's cap c        c blocks per magazine
 *   the depot's cap d    d blocks per slot, and d - c more for each CPU that may have taken such a magazine
 *   an inbox's limit i   i blocks, and i - c more for each CPU that may have taken such a chain
 *
 * Growth is by a few blocks, on slow paths, as far as the budget goes.
 */
static bool charge(uint32_t *budget, uint32_t granules)
{
	if (granules > *budget)
		return false;
	*budget -= granules;
	return true;
}

static unsigned cap_limit(const struct nh__heap *heap, unsigned span)
{
	return span * NH_GRANULE <= NH_CAP_SMALL_SPAN ? heap->cap_small : heap->cap_large;
}

static void grow_cap(struct nh__heap *heap, struct nh__cache *cache, unsigned klass)
{
	struct nh__slot *slot = &cache->slot[klass];
	struct nh__shared *shared = &heap->shared[klass];
	unsigned span = nh__class_most(klass, nh__slot_span(slot, klass)), limit = cap_limit(heap, nh__slot_span(slot, klass));
	if (slot->cap >= limit || heap->budget < span)
		return;
	unsigned step = heap->refill;
	if (step > limit - slot->cap)
		step = limit - slot->cap;
	for (; step != 0; step /= 2) {
		unsigned cap = slot->cap + step, depot = 0;
		if (heap->two && cap > shared->depot_cap)
			depot = cap - shared->depot_cap;
		if (charge(&heap->budget, (step * magazines(heap) + depot * (NH_DEPOT_SLOTS + heap->locals - 1u)) * span)) {
			slot->cap = (uint8_t)cap;
			if (depot != 0)
				shared->depot_cap = (uint8_t)cap;
			return;
		}
	}
}

/* Visits the next class. If that was not used since the last visit, its cap falls by one for the benefit of class `but`,
 * which needs `most` granules; a block goes to TLSF if the magazine was full and that is enough. Where there is a
 * second magazine, that is emptied first, a block a visit. */
static void age(struct nh__heap *heap, struct nh__cache *cache, unsigned but, uint32_t most)
{
	unsigned klass = cache->visit;
	struct nh__slot *slot = &cache->slot[klass];
	uint32_t credit = nh__class_most(klass, nh__slot_span(slot, klass)) * magazines(heap);
	uint32_t count = NH__COUNT(slot->cur), *chain = NULL;
	bool idle = count >= slot->last;
	cache->visit = (uint8_t)(klass + 1u < NH_CLASSES ? klass + 1u : 0);
	slot->last = (uint8_t)count;
	if (klass == but || !idle)
		return;
	if (heap->two && cache->prev[klass] != 0)
		chain = &cache->prev[klass];
	else if (count != 0 && count >= slot->cap)
		chain = &slot->cur;
	if (chain == &slot->cur && count == slot->cap && heap->budget + credit < most)
		return;
	if (chain != NULL) {
		struct nh__block *block = nh__chain_pop(&cache->head, chain);
		if (block != NULL)
			nh__tlsf_give(&heap->tlsf, block);
	}
	slot->last = (uint8_t)NH__COUNT(slot->cur);
	/* a magazine from the depot may be larger than this CPU's cap, which alone was charged to it */
	if (slot->last < slot->cap && (!heap->two || cache->prev[klass] == 0)) {
		slot->cap--;
		heap->budget += credit;
		cache->spent = false;
	}
}

#if NH_REFILL > 1

/* Takes one TLSF block for several of the class: gives the first to the caller, parks the others in the order
 * of their addresses. NULL if TLSF has none that large. */
static void *refill(struct nh__heap *heap, struct nh__cache *cache, const struct nh__need *need)
{
	struct nh__slot *slot = &cache->slot[need->klass];
	unsigned blocks = slot->cap < heap->refill ? slot->cap + 1u : heap->refill;
	if (blocks < 2 || heap->far || need->align != 1 || need->class_span * NH_GRANULE > NH_CAP_SMALL_SPAN)
		return NULL;
	struct nh__block *block = nh__tlsf_take(&heap->tlsf, need->class_span * blocks, 1);
	if (block == NULL)
		return NULL;
	/* the caller's has what is too much: what is parked was charged exactly */
	uint32_t own = nh__block_span(block) - (blocks - 1u) * need->class_span;
	struct nh__block *piece[NH_REFILL];
	piece[0] = block;
	for (unsigned i = 1; i < blocks; i++)
		piece[i] = nh__tlsf_cut(&heap->tlsf, piece[i - 1], i == 1 ? own : need->class_span);
	for (unsigned i = blocks - 1; i > 0; i--)
		push(cache, slot, piece[i]);
	nh__count(cache, NH__REFILLS, blocks - 1u);
	make_live(heap, block);
	return nh__payload(block);
}

#else
#define refill(heap, cache, need) NULL
#endif

/* ---- malloc ------------------------------------------------------------------------------- */

/* Everything behind cur and before TLSF. A damaged cur stays, and pops nothing. */
static struct nh__block *take_cached(struct nh__heap *heap, struct nh__cache *cache, const struct nh__need *need)
{
	struct nh__slot *slot = &cache->slot[need->klass];
	if (slot->cur != 0)
		return NULL;
	if (heap->two != 0) {
		uint32_t chain = cache->prev[need->klass];
		cache->prev[need->klass] = 0;
		nh_port_in_order();
		slot->cur = chain;
	}
#if NH__DEPOT
	if (slot->cur == 0) {
		struct nh__shared *shared = &heap->shared[need->klass];
		if (NH__UNLIKELY(nh__load_relaxed(&shared->inbox) != 0) && (slot->cur = nh__inbox_take(shared)) != 0)
			nh__count(cache, NH__INBOX_TAKES, 1);
		else if (heap->two && (slot->cur = nh__depot_get(shared)) != 0)
			nh__count(cache, NH__DEPOT_GETS, 1);
	}
#endif
	return nh__chain_pop(&cache->head, &slot->cur);
}

/* The magazine that may serve: of an aligned request only one whose first block happens to lie right, as it mostly does
 * where blocks come and go aligned. Deeper ones are not looked at. */
static struct nh__slot *slot_for(struct nh__cache *cache, const struct nh__need *need)
{
	if (need->klass == NH__NO_CLASS)
		return NULL;
	struct nh__slot *slot = &cache->slot[need->klass];
	if (need->align == 1)
		return slot;
	uintptr_t payload = (uintptr_t)nh__payload(nh__chain_top(&cache->head, slot->cur));
	return !NH__EMPTY(slot->cur) && (payload & ((uintptr_t)need->align * NH_GRANULE - 1u)) == 0 ? slot : NULL;
}

/* Inside the gate. One TLSF operation at most. */
static void *take_inside(struct nh__heap *heap, struct nh__cache *cache, unsigned cpu, const struct nh__need *need,
                         struct nh__note *note)
{
	struct nh__slot *slot = slot_for(cache, need);
	void *payload = NULL;
	if (slot != NULL) {
		struct nh__block *block = nh__chain_pop(&cache->head, &slot->cur);
		if (block == NULL) {
			nh__count(cache, NH__SLOW, 1);
			block = take_cached(heap, cache, need);
		}
		if (block != NULL) {
			nh__store_relaxed(&block->owner, (uint8_t)(NH__OWNER_LIVE + need->klass));
			return nh__payload(block);
		}
		nh__count(cache, NH__MISSES, 1);
	} else {
		nh__count(cache, NH__SLOW, 1);
	}
	if (!lock_flat(heap, cpu))
		return NULL;
	if (slot != NULL) {
		if (NH__UNLIKELY(slot->cur != 0))
			heal(heap, cache, &slot->cur, need->class_span, note);
		payload = refill(heap, cache, need);
	}
	if (payload == NULL)
		payload = take_flat(heap, need);
	if (NH__UNLIKELY(payload == NULL))
		nh__count(cache, NH__BARREN, 1);
	unlock_flat(heap, cpu, note);
	return payload;
}

static void *take_first(struct nh__heap *heap, const struct nh__need *need, struct nh__note *note)
{
	void *payload;
	unsigned cpu = nh_port_cpu();
	struct nh__cache *cache = cpu < NH_CPUS ? heap->cache[cpu] : NULL;
	if (cache != NULL && nh__gate_enter(&cache->head.gate, cpu)) {
		payload = take_inside(heap, cache, cpu, need, note);
		nh__gate_leave(&cache->head.gate, cpu);
		return payload;
	}
	if (cache != NULL)
		nh__count(cache, NH__BYPASSES, 1);
	return take_behind_lock(heap, cpu, need, note);
}

/* ---- free --------------------------------------------------------------------------------- */

static void give_behind_lock(struct nh__heap *heap, unsigned cpu, void *payload, struct nh__note *note)
{
	if (!nh__heap_lock(heap, cpu)) {
		/* The block stays as it was, live: the caller may free it again from where that is possible. */
		nh__make_live(heap, nh__block_at(payload));
		nh__note_keep(note, NH_FAULT_CONTEXT, payload);
		return;
	}
	nh__give_locked(heap, payload);
	nh__heap_unlock(heap, cpu, note);
}

/* Makes room in cur without the lock: cur becomes prev, a full prev goes to the depot. Each source
 * word is cleared before the chain shows up elsewhere, so that a CPU that dies in between loses
 * a magazine but never has it twice. */
static bool rotate(struct nh__heap *heap, struct nh__cache *cache, unsigned klass)
{
	if (!heap->two || cache->slot[klass].cur == 0)
		return false;
	uint32_t full = cache->prev[klass];
	if (full != 0) {
#if NH__DEPOT
		cache->prev[klass] = 0;
		if (!nh__depot_put(&heap->shared[klass], full)) {
			cache->prev[klass] = full;
			return false;
		}
		nh__count(cache, NH__DEPOT_PUTS, 1);
#else
		return false;
#endif
	}
	uint32_t chain = cache->slot[klass].cur;
	cache->slot[klass].cur = 0;
	nh_port_in_order();
	cache->prev[klass] = chain;
	return true;
}

/* Room for one more block of a class whose magazine is full at its present cap: from the budget, or from what a class
 * that is not used gives back. */
static bool make_room(struct nh__heap *heap, struct nh__cache *cache, unsigned klass)
{
	struct nh__slot *slot = &cache->slot[klass];
	if (slot->cap >= cap_limit(heap, nh__slot_span(slot, klass)))
		return false;
	grow_cap(heap, cache, klass);
	if (NH__COUNT(slot->cur) >= slot->cap) {
		age(heap, cache, klass, nh__class_most(klass, nh__slot_span(slot, klass)) * magazines(heap));
		grow_cap(heap, cache, klass);
	}
	return NH__COUNT(slot->cur) < slot->cap;
}

#if NH_REFILL > 1

/* A magazine that is full while the second is empty is too small for how its class comes and goes: each swap of the two
 * costs what hits do not. Where memory is spent on speed its cap grows instead, while the budget lasts. */
static bool widen(struct nh__heap *heap, struct nh__cache *cache, unsigned cpu, unsigned klass, struct nh__note *note)
{
	struct nh__slot *slot = &cache->slot[klass];
	if (!heap->two || cache->spent || NH__EMPTY(slot->cur) || cache->prev[klass] != 0 ||
	    slot->cap >= cap_limit(heap, nh__slot_span(slot, klass)) || !lock_flat(heap, cpu))
		return false;
	unsigned cap = slot->cap;
	grow_cap(heap, cache, klass);
	unlock_flat(heap, cpu, note);
	cache->spent = slot->cap == cap;
	return NH__COUNT(slot->cur) < slot->cap; /* not if it came from the depot, larger than the cap */
}

#else
#define widen(heap, cache, cpu, klass, note) false
#endif

/* Inside the gate. One TLSF operation at most; two where several CPUs are local. */
static void give_inside(struct nh__heap *heap, struct nh__cache *cache, unsigned cpu, struct nh__block *block,
                        unsigned klass, struct nh__note *note)
{
	struct nh__slot *slot = klass < NH_CLASSES ? &cache->slot[klass] : NULL;
	if (slot != NULL && !nh__scarce(slot->cur) && nh__should_merge(block, nh__block_after(block, nh__slot_span(slot, klass))))
		slot = NULL;
	if (slot != NULL && NH__COUNT(slot->cur) < slot->cap) {
		push(cache, slot, block);
		return;
	}
	nh__count(cache, NH__SLOW, 1);
	if (slot != NULL && (widen(heap, cache, cpu, klass, note) || rotate(heap, cache, klass))) {
		push(cache, slot, block);
		return;
	}
	if (klass < NH_CLASSES)
		nh__count(cache, NH__OVERFLOWS, 1);
	if (!lock_flat(heap, cpu)) {
		nh__note_keep(note, NH_FAULT_CONTEXT, nh__payload(block));
		return;
	}
	if (slot != NULL && make_room(heap, cache, klass))
		push(cache, slot, block);
	else
		nh__give_locked(heap, nh__payload(block));
	unlock_flat(heap, cpu, note);
}

#if NH__DEPOT

/* An inbox that turned out full may hold more. */
static void grow_inbox(struct nh__heap *heap, unsigned klass)
{
	struct nh__shared *shared = &heap->shared[klass];
	uint32_t limit = nh__load_relaxed(&shared->inbox_limit), more = limit == 0 ? 1u : limit;
	if (more > NH_INBOX_LIMIT - limit)
		more = NH_INBOX_LIMIT - limit;
	if (more != 0 && charge(&heap->inbox_budget, more * (1u + heap->locals) * nh__class_most(klass, nh__class_span(klass))))
		nh__store_relaxed(&shared->inbox_limit, (uint8_t)(limit + more));
}

static void give_remote(struct nh__heap *heap, unsigned cpu, void *payload, unsigned klass, struct nh__note *note)
{
	struct nh__shared *shared = &heap->shared[klass];
	struct nh__block *block = nh__block_at(payload);
	uint32_t first_word = *(uint32_t *)payload; /* a push that fails has written its link there */
	if (nh__inbox_push(shared, heap->tlsf.secret, block, chain_offset(&heap->tlsf, block))) {
#if NH_STATS
		if (cpu < NH_CPUS)
			nh__bump(&heap->remote[cpu], 1u);
#endif
		return;
	}
	if (!nh__heap_lock(heap, cpu)) {
		*(uint32_t *)payload = first_word;
		nh__make_live(heap, nh__block_at(payload));
		nh__note_keep(note, NH_FAULT_CONTEXT, payload);
		return;
	}
	grow_inbox(heap, klass);
	nh__give_locked(heap, payload);
	nh__heap_unlock(heap, cpu, note);
}

#endif

void nh__heap_give(struct nh__heap *heap, unsigned cpu, void *payload, uint8_t owner, struct nh__note *note)
{
	unsigned klass = (unsigned)owner - NH__OWNER_LIVE; /* LARGE: no class */
	struct nh__cache *cache = cpu < NH_CPUS ? heap->cache[cpu] : NULL;
	if (cache != NULL && nh__gate_enter(&cache->head.gate, cpu)) {
		give_inside(heap, cache, cpu, nh__block_at(payload), klass, note);
		nh__gate_leave(&cache->head.gate, cpu);
		return;
	}
	if (cache != NULL)
		nh__count(cache, NH__BYPASSES, 1);
#if NH__DEPOT
	else if (klass < NH_CLASSES && heap->shared != NULL && !nh__is_local(heap->affinity, cpu)) {
		give_remote(heap, cpu, payload, klass, note);
		return;
	}
#endif
	give_behind_lock(heap, cpu, payload, note);
}

#else /* no caches */

static void *take_first(struct nh__heap *heap, const struct nh__need *need, struct nh__note *note)
{
	return take_behind_lock(heap, nh_port_cpu(), need, note);
}

void nh__heap_give(struct nh__heap *heap, unsigned cpu, void *payload, uint8_t owner, struct nh__note *note)
{
	(void)owner;
	if (!nh__heap_lock(heap, cpu)) {
		nh__note_keep(note, NH_FAULT_CONTEXT, payload);
		return;
	}
	nh__give_locked(heap, payload);
	nh__heap_unlock(heap, cpu, note);
}

#endif

void *nh__heap_take(struct nh__heap *heap, const struct nh__need *need, struct nh__note *note)
{
	nh_port_irq irq = nh_port_irq_save();
	void *payload = take_first(heap, need, note);
	nh_port_irq_restore(irq);
	return NH__LIKELY(payload != NULL) ? payload : take_by_scan(heap, need, note);
}

/* SPDX-License-Identifier: MIT */
/* Allocation and release in one heap: the slow paths. The hits are in core/hit.h. */
#include "core/heap.h"

#include <string.h>

bool nh__heap_lock(struct nh__heap *heap, unsigned cpu)
{
	if (!nh_port_lock_begin())
		return false;
	nh__lock_acquire(&heap->lock, cpu);
	return true;
}

void nh__heap_unlock(struct nh__heap *heap, unsigned cpu, struct nh__note *note)
{
	if (NH__UNLIKELY(heap->tlsf.fault != NH_FAULT_NONE)) {
		nh__note_keep(note, heap->tlsf.fault, heap->tlsf.fault_at);
		heap->tlsf.fault = NH_FAULT_NONE;
	}
	nh__lock_release(&heap->lock, cpu);
	nh_port_lock_end();
}

struct nh__need nh__need_of(const uint8_t *table, size_t size, uint32_t align)
{
	struct nh__need need = {nh__span(size), align, 0, NH__NO_CLASS};
	need.class_span = need.span;
#if NH_CACHES
	if (align == 1 && need.span != 0 && need.span <= NH__CLASS_SPAN_MAX) {
		need.klass = table[(size - 1u) >> NH__CLASS_STEP];
		need.class_span = nh__class_span(need.klass);
	}
#else
	(void)table;
#endif
	return need;
}

void nh__make_live(struct nh__heap *heap, struct nh__block *block)
{
	uint8_t owner = NH__OWNER_LARGE;
#if NH_CACHES
	unsigned klass = nh__class_below(nh__block_span(block));
	if (klass != NH__NO_CLASS && heap->shared != NULL && nh__offset(&heap->tlsf, block) < NH__WINDOW)
		owner = (uint8_t)(NH__OWNER_LIVE + klass);
#else
	(void)heap;
#endif
	nh__store_relaxed(&block->owner, owner);
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

void *nh__take_locked(struct nh__heap *heap, const struct nh__need *need)
{
	uint32_t rounded = nh__rounded_span(heap, need);
	struct nh__block *block = nh__tlsf_take(&heap->tlsf, rounded, need->align);
	if (block == NULL && rounded != need->span)
		block = nh__tlsf_take(&heap->tlsf, need->span, need->align);
	if (block == NULL)
		return NULL;
	nh__make_live(heap, block);
	return nh__payload(block);
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

/* A take that may go on over several lock holds. */
struct attempt {
	struct nh__scan scan;
	bool done; /* there is none, or the context may not wait */
};

/* What the bounded search cannot see, first slice, in the same lock hold. */
static void *take_or_scan(struct nh__heap *heap, const struct nh__need *need, struct attempt *attempt)
{
	void *payload = nh__take_locked(heap, need);
	return payload != NULL ? payload : nh__scan_locked(heap, need, &attempt->scan, &attempt->done);
}

/* One lock hold that serves from TLSF alone. Interrupts are off. */
static void *take_behind_lock(struct nh__heap *heap, unsigned cpu, const struct nh__need *need, struct attempt *attempt,
                              struct nh__note *note)
{
	if (!nh__heap_lock(heap, cpu)) {
		attempt->done = true;
		return NULL;
	}
	void *payload = take_or_scan(heap, need, attempt);
	nh__heap_unlock(heap, cpu, note);
	return payload;
}

#if NH_CACHES

/* ---- inside the gate and under the lock --------------------------------------------------- */

static struct nh__block *chain_take(struct nh__cache *cache, uint32_t *chain)
{
	void *payload = nh__chain_pop(&cache->head, chain);
	return payload == NULL ? NULL : nh__block_at(payload);
}

/* A chain that is not empty but gave nothing is damaged: cut it off, and say so once. */
static void heal(struct nh__heap *heap, struct nh__cache *cache, uint32_t *chain, uint32_t span, struct nh__note *note)
{
	if (*chain == 0)
		return;
	nh__note_keep(note, NH_FAULT_LINK, nh__chain_head(cache->head.origin, *chain));
	heap->tlsf.lost += NH__COUNT(*chain) * span;
	*chain = 0;
}

static void flush_pending(struct nh__heap *heap, struct nh__cache *cache, struct nh__note *note)
{
	struct nh__block *block;
	while ((block = chain_take(cache, &cache->pending)) != NULL)
		nh__tlsf_give(&heap->tlsf, block);
	heal(heap, cache, &cache->pending, NH_SPAN_MIN, note);
}

static unsigned magazines(const struct nh__heap *heap)
{
	return heap->two ? 2u : 1u;
}

/* Looks at the top of one class: returns blocks that can merge now, and, if nothing was taken since
 * the last visit, up to half of it. What is returned lowers the cap and frees budget. */
static void age(struct nh__heap *heap, struct nh__cache *cache)
{
	if (++cache->tick < NH_AGE_PERIOD)
		return;
	cache->tick = 0;
	struct nh__slot *slot = &cache->slot[cache->visit];
	cache->visit = (uint8_t)(cache->visit + 1u < NH_CLASSES ? cache->visit + 1u : 0);

	uint32_t before = NH__COUNT(slot->cur);
	bool idle = before >= slot->last;
	struct nh__block *kept[NH_AGE_LOOK], *block;
	unsigned keep = 0, returned = 0;
	for (unsigned i = 0; i < NH_AGE_LOOK && (block = chain_take(cache, &slot->cur)) != NULL; i++) {
		if (returned < NH_AGE_RETURN && nh__should_merge(block, nh__block_span(block))) {
			nh__tlsf_give(&heap->tlsf, block);
			returned++;
		} else {
			kept[keep++] = block;
		}
	}
	uint32_t quota = idle ? (before + 1u) / 2u : 0;
	while (keep > 0) {
		block = kept[--keep];
		if (returned < NH_AGE_RETURN && returned < quota) {
			nh__tlsf_give(&heap->tlsf, block);
			returned++;
			continue;
		}
		void *payload = nh__payload(block);
		slot->cur = nh__chain_link(cache->head.secret, slot->cur, payload, nh__chain_offset(&cache->head, payload));
	}
	slot->last = (uint8_t)NH__COUNT(slot->cur);
	if (idle && (!heap->two || cache->prev[slot - cache->slot] == 0)) {
		unsigned fall = returned < slot->cap ? returned : slot->cap;
		slot->cap = (uint8_t)(slot->cap - fall);
		heap->budget += fall * slot->span * magazines(heap);
	}
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

static void grow_cap(struct nh__heap *heap, struct nh__cache *cache, unsigned klass)
{
	struct nh__slot *slot = &cache->slot[klass];
	struct nh__shared *shared = &heap->shared[klass];
	unsigned limit = slot->span * NH_GRANULE <= NH_CAP_SMALL_SPAN ? heap->cap_small : heap->cap_large;
	if (slot->cap >= limit || heap->budget < slot->span)
		return;
	unsigned step = heap->refill;
	if (step > limit - slot->cap)
		step = limit - slot->cap;
	for (; step != 0; step /= 2) {
		unsigned cap = slot->cap + step, depot = 0;
		if (heap->two && cap > shared->depot_cap)
			depot = cap - shared->depot_cap;
		if (charge(&heap->budget, (step * magazines(heap) + depot * (NH_DEPOT_SLOTS + heap->locals - 1u)) * slot->span)) {
			slot->cap = (uint8_t)cap;
			if (depot != 0)
				shared->depot_cap = (uint8_t)cap;
			return;
		}
	}
}

/* Takes one TLSF block for `blocks` of the class, gives the first to the caller, parks the others in the
 * order of their addresses. NULL if TLSF has none that large. */
static void *refill(struct nh__heap *heap, struct nh__cache *cache, const struct nh__need *need, unsigned blocks)
{
	struct nh__block *block = nh__tlsf_take(&heap->tlsf, need->class_span * blocks, 1);
	if (block == NULL)
		return NULL;
	if (nh__offset(&heap->tlsf, block) >= NH__WINDOW) { /* then blocks is 1 */
		nh__store_relaxed(&block->owner, NH__OWNER_LARGE);
		return nh__payload(block);
	}
	struct nh__block *piece[NH_REFILL];
	piece[0] = block;
	for (unsigned i = 1; i < blocks; i++)
		piece[i] = nh__tlsf_cut(&heap->tlsf, piece[i - 1], need->class_span);
	struct nh__slot *slot = &cache->slot[need->klass];
	for (unsigned i = blocks - 1; i > 0; i--) {
		void *payload = nh__payload(piece[i]);
		slot->cur = nh__chain_link(cache->head.secret, slot->cur, payload, nh__chain_offset(&cache->head, payload));
	}
	nh__count(cache, NH__REFILLS, blocks - 1u);
	nh__store_relaxed(&block->owner, (uint8_t)(NH__OWNER_LIVE + need->klass));
	return nh__payload(block);
}

/* A miss or a large request: pays this CPU's debts, then serves. Five TLSF operations at most. */
static void *serve_locked(struct nh__heap *heap, struct nh__cache *cache, const struct nh__need *need,
                          struct attempt *attempt, struct nh__note *note)
{
	flush_pending(heap, cache, note);
	age(heap, cache);
	if (need->klass == NH__NO_CLASS)
		return take_or_scan(heap, need, attempt);
	grow_cap(heap, cache, need->klass);
	struct nh__slot *slot = &cache->slot[need->klass];
	unsigned blocks = slot->span * NH_GRANULE <= NH_CAP_SMALL_SPAN && !heap->far ? heap->refill : 1u;
	if (blocks > slot->cap + 1u)
		blocks = slot->cap + 1u;
	void *payload = NULL;
	if (blocks > 1)
		payload = refill(heap, cache, need, blocks);
	if (payload == NULL)
		payload = refill(heap, cache, need, 1);
	if (payload == NULL && need->class_span == need->span)
		return nh__scan_locked(heap, need, &attempt->scan, &attempt->done); /* the search failed just now */
	return payload != NULL ? payload : take_or_scan(heap, need, attempt);
}

/* ---- malloc ------------------------------------------------------------------------------- */

/* Everything behind cur and before TLSF. A damaged cur stays, and pops nothing. */
static void *take_cached(struct nh__heap *heap, struct nh__cache *cache, const struct nh__need *need)
{
	struct nh__slot *slot = &cache->slot[need->klass];
	if (slot->cur != 0)
		return NULL;
	if (heap->two) {
		uint32_t chain = cache->prev[need->klass];
		cache->prev[need->klass] = 0;
		slot->cur = chain;
	}
#if NH__DEPOT
	if (slot->cur == 0) {
		struct nh__shared *shared = &heap->shared[need->klass];
		slot->cur = nh__inbox_take(shared);
		if (slot->cur != 0)
			nh__count(cache, NH__INBOX_TAKES, 1);
		else if ((slot->cur = nh__depot_get(shared)) != 0)
			nh__count(cache, NH__DEPOT_GETS, 1);
	}
#endif
	return nh__chain_pop(&cache->head, &slot->cur);
}

/* Inside the gate. */
static void *take_inside(struct nh__heap *heap, struct nh__cache *cache, unsigned cpu, const struct nh__need *need,
                         struct attempt *attempt, struct nh__note *note)
{
	if (need->klass != NH__NO_CLASS) {
		void *payload = nh__chain_pop(&cache->head, &cache->slot[need->klass].cur);
		if (payload == NULL) {
			nh__count(cache, NH__SLOW, 1);
			payload = take_cached(heap, cache, need);
		}
		if (payload != NULL) {
			nh__store_relaxed(&nh__block_at(payload)->owner, (uint8_t)(NH__OWNER_LIVE + need->klass));
			return payload;
		}
		nh__count(cache, NH__MISSES, 1);
	} else {
		nh__count(cache, NH__SLOW, 1);
	}
	if (!nh__heap_lock(heap, cpu)) {
		attempt->done = true;
		return NULL;
	}
	if (need->klass != NH__NO_CLASS)
		heal(heap, cache, &cache->slot[need->klass].cur, cache->slot[need->klass].span, note);
	void *payload = serve_locked(heap, cache, need, attempt, note);
	if (payload == NULL)
		nh__count(cache, NH__BARREN, 1);
	nh__heap_unlock(heap, cpu, note);
	return payload;
}

static void *take_first(struct nh__heap *heap, const struct nh__need *need, struct attempt *attempt,
                        struct nh__note *note)
{
	void *payload;
	unsigned cpu = nh_port_cpu();
	struct nh__cache *cache = cpu < NH_CPUS ? heap->cache[cpu] : NULL;
	if (cache != NULL && nh__gate_enter(&cache->head.gate, cpu)) {
		payload = take_inside(heap, cache, cpu, need, attempt, note);
		nh__gate_leave(&cache->head.gate, cpu);
		return payload;
	}
	if (cache != NULL)
		nh__count(cache, NH__BYPASSES, 1);
	return take_behind_lock(heap, cpu, need, attempt, note);
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

static void push(struct nh__cache *cache, struct nh__slot *slot, void *payload)
{
	slot->cur = nh__chain_link(cache->head.secret, slot->cur, payload, nh__chain_offset(&cache->head, payload));
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
	cache->prev[klass] = chain;
	return true;
}

/* Inside the gate. */
static void give_inside(struct nh__heap *heap, struct nh__cache *cache, unsigned cpu, void *payload, unsigned klass,
                        struct nh__note *note)
{
	struct nh__block *block = nh__block_at(payload);
	bool merge = false;
	if (klass < NH_CLASSES) {
		struct nh__slot *slot = &cache->slot[klass];
		merge = nh__should_merge(block, slot->span);
		if (!merge && NH__COUNT(slot->cur) < slot->cap) {
			push(cache, slot, payload);
			return;
		}
		nh__count(cache, NH__SLOW, 1);
		if (merge && slot->span * NH_GRANULE <= NH_CAP_SMALL_SPAN && NH__COUNT(cache->pending) < heap->pend) {
			cache->pending = nh__chain_link(cache->head.secret, cache->pending, payload,
			                                nh__chain_offset(&cache->head, payload));
			return;
		}
		if (!merge && rotate(heap, cache, klass)) {
			push(cache, slot, payload);
			return;
		}
		nh__count(cache, NH__OVERFLOWS, 1);
	} else {
		nh__count(cache, NH__SLOW, 1);
	}
	if (!nh__heap_lock(heap, cpu)) {
		nh__note_keep(note, NH_FAULT_CONTEXT, payload);
		return;
	}
	flush_pending(heap, cache, note);
	age(heap, cache);
	if (klass < NH_CLASSES && !merge) {
		struct nh__slot *slot = &cache->slot[klass];
		grow_cap(heap, cache, klass);
		if (NH__COUNT(slot->cur) < slot->cap) {
			push(cache, slot, payload);
			payload = NULL;
		}
	}
	if (payload != NULL)
		nh__give_locked(heap, payload);
	nh__heap_unlock(heap, cpu, note);
}

#if NH__DEPOT

/* An inbox that turned out full may hold more. */
static void grow_inbox(struct nh__heap *heap, unsigned klass)
{
	struct nh__shared *shared = &heap->shared[klass];
	uint32_t limit = nh__load_relaxed(&shared->inbox_limit), more = limit == 0 ? 1u : limit;
	if (more > NH_INBOX_LIMIT - limit)
		more = NH_INBOX_LIMIT - limit;
	if (more != 0 && charge(&heap->inbox_budget, more * (1u + heap->locals) * nh__class_span(klass)))
		nh__store_relaxed(&shared->inbox_limit, (uint8_t)(limit + more));
}

static void give_remote(struct nh__heap *heap, unsigned cpu, void *payload, unsigned klass, struct nh__note *note)
{
	struct nh__shared *shared = &heap->shared[klass];
	uint32_t offset = (uint32_t)(((uintptr_t)payload - heap->tlsf.origin) >> NH_GRANULE_SHIFT);
	uint32_t first_word = *(uint32_t *)payload; /* a push that fails has written its link there */
	if (nh__inbox_push(shared, heap->tlsf.secret, payload, offset)) {
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
		give_inside(heap, cache, cpu, payload, klass, note);
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

static void *take_first(struct nh__heap *heap, const struct nh__need *need, struct attempt *attempt,
                        struct nh__note *note)
{
	return take_behind_lock(heap, nh_port_cpu(), need, attempt, note);
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
	struct attempt attempt;
	attempt.scan.list = 0; /* the rest is set when the scan begins */
	attempt.done = false;
	nh_port_irq irq = nh_port_irq_save();
	void *payload = take_first(heap, need, &attempt, note);
	nh_port_irq_restore(irq);
	while (payload == NULL && !attempt.done) { /* lock and interrupts are released between the slices */
		irq = nh_port_irq_save();
		payload = take_behind_lock(heap, nh_port_cpu(), need, &attempt, note);
		nh_port_irq_restore(irq);
	}
	return payload;
}

/* ---- could it? ---------------------------------------------------------------------------- */

#if NH_CACHES

/* Something of the class is within this CPU's reach without the lock. */
static bool cached_here(struct nh__heap *heap, const struct nh__need *need)
{
	bool found = false;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	struct nh__cache *cache = cpu < NH_CPUS && need->klass != NH__NO_CLASS ? heap->cache[cpu] : NULL;
	if (cache != NULL && nh__gate_enter(&cache->head.gate, cpu)) {
		found = cache->slot[need->klass].cur != 0 || (heap->two && cache->prev[need->klass] != 0);
#if NH__DEPOT
		const struct nh__shared *shared = &heap->shared[need->klass];
		found |= nh__load_relaxed(&shared->inbox) != 0;
		for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
			found |= nh__load_relaxed(&shared->depot[i]) != 0;
#endif
		nh__gate_cancel(&cache->head.gate, cpu);
	}
	nh_port_irq_restore(irq);
	return found;
}

#else

static bool cached_here(struct nh__heap *heap, const struct nh__need *need)
{
	(void)heap;
	(void)need;
	return false;
}

#endif

bool nh__heap_could(struct nh__heap *heap, const struct nh__need *need, struct nh__note *note)
{
	struct attempt attempt = {{0}, false};
	bool found = cached_here(heap, need);
	while (!found && !attempt.done) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		attempt.done = !nh__heap_lock(heap, cpu);
		if (!attempt.done) {
			found = nh__tlsf_find(&heap->tlsf, need->span, need->align) != NULL ||
			        nh__tlsf_seek(&heap->tlsf, need->span, need->align, &attempt.scan, &attempt.done) != NULL;
			nh__heap_unlock(heap, cpu, note);
		}
		nh_port_irq_restore(irq);
	}
	return found;
}

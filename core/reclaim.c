/* SPDX-License-Identifier: MIT */
/*
 * Reclaim: no request is refused while its memory lies in a cache.
 *
 *   IDLE --start--> [BARRIER] --> QUIET --> CLOSE --> DRAIN --> DONE --last waiter leaves--> IDLE
 *             gates are seized     every     inboxes   depot,    NULL may be told here,
 *                                  gate is   closed,   maga-     and only here
 *                                  empty     emptied   zines
 *
 * There is no reclaim lock. The freeze is a state under the heap lock; whoever needs memory joins it
 * and advances it by one bounded step per lock hold, with interrupts on in between. A waiter that
 * is preempted, suspended or stopped holds up nobody: the others go on, and after NH_THAW_FREES
 * locked frees the caches open without it.
 *
 * Bound of a step: two TLSF searches and NH_SLICE releases, or one store or load per CPU.
 */
#include "core/heap.h"

#if NH_CACHES && NH__GATE

/* ---- what is cached; heap lock held, as up to the waiters --------------------------------- */

/* Cache operations so far that may have parked something. Barren ones are read first: then one that is
 * counted there is counted in busy too, and the sum errs to the safe side. */
static uint32_t activity(struct nh__heap *heap, bool *inside)
{
	uint32_t sum = 0;
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		if (heap->cache[cpu] == NULL)
			continue;
		uint32_t barren = nh__load_acquire(&heap->cache[cpu]->counters[NH__BARREN]);
		uint32_t busy = nh__load_acquire(&heap->cache[cpu]->head.gate.busy);
		*inside |= (busy & 1u) != 0;
		sum += busy / 2u - barren;
	}
#if NH__DEPOT
	for (unsigned klass = 0; klass < NH_CLASSES; klass++)
		*inside |= nh__load_relaxed(&heap->shared[klass].inbox) != 0;
#endif
	return sum;
}

/* Nothing was cached since everything was last emptied: TLSF's word is final as it is. So it is in a heap that has gone; if it
 * was taken out of service, chains and inboxes may be half changed and are not to be touched. */
static bool nothing_cached(struct nh__heap *heap)
{
	bool inside = false;
	return heap->shared == NULL || heap->tlsf.regions == NULL ||
	       (heap->freeze.complete && activity(heap, &inside) == heap->freeze.activity && !inside);
}

/* ---- sources ------------------------------------------------------------------------------ */

#define DEPOT_SOURCES (NH__DEPOT ? NH_CLASSES * NH_DEPOT_SLOTS : 0u)
#define SOURCES (DEPOT_SOURCES + NH_CPUS * NH__CHAINS)

#if NH__DEPOT
static _Atomic uint32_t *depot_slot(struct nh__heap *heap, unsigned number)
{
	return &heap->shared[number / NH_DEPOT_SLOTS].depot[number % NH_DEPOT_SLOTS];
}
#endif

static uint32_t *magazine(struct nh__heap *heap, unsigned number)
{
	number -= DEPOT_SOURCES;
	return nh__chain_of(heap, number / NH__CHAINS, number % NH__CHAINS);
}

/* The next source, which is emptied before its chain is worked on. The gates are quiet: plain words of the
 * owners may be touched, and nobody puts into the depot. */
static uint32_t source(struct nh__heap *heap, unsigned number)
{
#if NH__DEPOT
	if (number < DEPOT_SOURCES) {
		_Atomic uint32_t *slot = depot_slot(heap, number);
		/* acquire: of the CAS in nh__depot_put */
		return nh__load_relaxed(slot) == 0 ? 0 : nh_port_exchange_acquire(slot, 0);
	}
#endif
	uint32_t *chain = magazine(heap, number);
	if (chain == NULL)
		return 0;
	uint32_t word = *chain;
	*chain = 0;
	return word;
}

/* What is left of the chain that was worked on goes back to where it came from, which is still empty: there it counts
 * against the share. */
static void put_back(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
	uint32_t chain = freeze->rest;
	freeze->rest = 0;
	if (chain == 0)
		return;
#if NH__DEPOT
	/* relaxed: the gates' release orders it for owners, who alone take it */
	if (freeze->phase == NH__CLOSE) {
		nh__store_relaxed(&heap->shared[--freeze->closed].inbox, chain);
		return;
	}
	if (freeze->cursor - 1u < DEPOT_SOURCES) {
		nh__store_relaxed(depot_slot(heap, freeze->cursor - 1u), chain);
		return;
	}
#endif
	*magazine(heap, freeze->cursor - 1u) = chain;
}

/* ---- phases ------------------------------------------------------------------------------- */

static void start(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		if (heap->cache[cpu] == NULL)
			continue;
#if NH_PORT_GATE_BOUNDS
		nh__bounds_close(&heap->cache[cpu]->head);
#endif
		nh_port_gate_seize(&heap->cache[cpu]->head.gate.seized);
	}
	freeze->phase = NH_PORT_HEAVY ? NH__BARRIER : NH__QUIET;
	freeze->cursor = 0;
	freeze->complete = false;
#if NH_STATS
	heap->reclaims++;
#endif
}

/* Inboxes first, gates after: an owner that enters must not meet a closed one. */
static void thaw(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
	put_back(heap);
	freeze->phase = NH__IDLE;
	freeze->waiters = 0;
	freeze->generation++;
#if NH__DEPOT
	/* relaxed: the gates' release orders it for owners; others only ever see closed or empty */
	while (freeze->closed > 0)
		nh__store_relaxed(&heap->shared[--freeze->closed].inbox, 0);
#endif
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		if (heap->cache[cpu] == NULL)
			continue;
		nh_port_gate_open(&heap->cache[cpu]->head.gate.seized);
#if NH_PORT_GATE_BOUNDS
		nh__bounds_open(heap, &heap->cache[cpu]->head);
#endif
	}
}

/* Each gate is tested once per step, never waited for under the lock: its owner may want the lock. */
static bool step_quiet(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
	for (; freeze->cursor < NH_CPUS; freeze->cursor++) {
		struct nh__cache *cache = heap->cache[freeze->cursor];
		if (cache != NULL && !nh_port_gate_quiet(&cache->head.gate.busy, freeze->cursor))
			return false;
	}
	freeze->cursor = 0;
	freeze->phase = NH__CLOSE;
	return true;
}

static void step_close(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
#if NH__DEPOT
	for (unsigned i = 0; i < NH_SLICE && freeze->closed < NH_CLASSES; i++) {
		/* acquire: of the CAS in nh__inbox_push */
		freeze->rest = nh_port_exchange_acquire(&heap->shared[freeze->closed].inbox, NH__CLOSED);
		freeze->closed++;
		if (freeze->rest != 0)
			return;
	}
	if (freeze->closed < NH_CLASSES)
		return;
#endif
	freeze->cursor = 0;
	freeze->phase = NH__DRAIN;
}

static void step_drain(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
	for (unsigned i = 0; i < 4u * NH_SLICE && freeze->cursor < SOURCES; i++) {
		freeze->rest = source(heap, freeze->cursor++);
		if (freeze->rest != 0)
			return;
	}
	if (freeze->cursor < SOURCES)
		return;
	bool inside = false;
	freeze->activity = activity(heap, &inside);
	freeze->complete = true;
	freeze->phase = NH__DONE;
	freeze->thaw = NH_THAW_FREES;
}

/* One bounded step; false = no progress, some owner is in its gate. */
static bool step(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
	if (freeze->phase == NH__QUIET)
		return step_quiet(heap);
	if (freeze->rest != 0) {
		freeze->rest = nh__drain(heap, freeze->rest);
		return true;
	}
	if (freeze->phase == NH__CLOSE)
		step_close(heap);
	else
		step_drain(heap); /* DRAIN: the others were told apart before */
	return true;
}

void nh__freeze_tick(struct nh__heap *heap)
{
	struct nh__freeze *freeze = &heap->freeze;
	if (freeze->phase == NH__DONE && --freeze->thaw == 0)
		thaw(heap);
}

/* ---- waiters ------------------------------------------------------------------------------ */

static void join(struct nh__join *join)
{
	struct nh__freeze *freeze = &join->heap->freeze;
	if (join->joined)
		return;
	if (freeze->phase == NH__IDLE)
		start(join->heap);
	freeze->waiters++;
	join->generation = freeze->generation;
	join->joined = true;
}

static void leave(struct nh__join *join)
{
	struct nh__freeze *freeze = &join->heap->freeze;
	if (join->generation == freeze->generation && --freeze->waiters == 0)
		thaw(join->heap);
	join->joined = false;
}

/* Any waiter may issue the fence, outside the lock; it counts for the freeze it was issued in. */
static void barrier(struct nh__join *join, struct nh__note *note)
{
#if NH_PORT_HEAVY
	nh_port_heavy_fence();
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(join->heap, cpu)) {
		struct nh__freeze *freeze = &join->heap->freeze;
		if (freeze->phase == NH__BARRIER && join->generation == freeze->generation)
			freeze->phase = NH__QUIET;
		nh__heap_unlock(join->heap, cpu, note);
	}
	nh_port_irq_restore(irq);
#else
	(void)join;
	(void)note;
#endif
}

enum outcome { SERVED, NOTHING, AGAIN, POLL, FENCE };

/* TLSF first; in a complete freeze, to the very end of its lists. */
static void *take(struct nh__heap *heap, const struct nh__need *need, struct nh__scan *scan, enum outcome *outcome)
{
	void *payload = need == NULL ? NULL : nh__take_locked(heap, need);
	bool done = true;
	if (payload == NULL && need != NULL && (heap->freeze.phase == NH__DONE || heap->freeze.phase == NH__IDLE))
		payload = nh__scan_locked(heap, need, scan, &done);
	*outcome = payload != NULL ? SERVED : done ? NOTHING : AGAIN;
	return payload;
}

static void refuse(struct nh__join *join_, const struct nh__need *need)
{
	join_->changes = join_->heap->tlsf.changes;
#if NH_STATS
	join_->heap->refusals += need != NULL;
#else
	(void)need;
#endif
}

/* One lock hold. */
static void *advance(struct nh__join *join_, const struct nh__need *need, struct nh__scan *scan, enum outcome *outcome)
{
	struct nh__heap *heap = join_->heap;
	struct nh__freeze *freeze = &heap->freeze;
	if (join_->joined && join_->generation != freeze->generation)
		join_->joined = false; /* it thawed without this waiter */
	void *payload = take(heap, need, scan, outcome);
	if (*outcome != NOTHING)
		return payload;
	if (freeze->phase == NH__IDLE && nothing_cached(heap)) {
		refuse(join_, need);
		return NULL;
	}
	if (freeze->phase != NH__DONE || !join_->joined) {
		join(join_);
		if (freeze->phase == NH__BARRIER) {
			*outcome = FENCE;
			return NULL;
		}
		if (freeze->phase != NH__DONE) {
			*outcome = step(heap) ? AGAIN : POLL;
			return NULL;
		}
	}
	refuse(join_, need);
	return NULL; /* the truth */
}

/* Only a signal handler on top of a cache operation can see this: the gate would not get quiet before it
 * returns, so it goes without, as every handler does. */
static bool inside_own_gate(struct nh__heap *heap, unsigned cpu)
{
	struct nh__cache *cache = cpu < NH_CPUS ? heap->cache[cpu] : NULL;
	return cache != NULL && (nh__load_relaxed(&cache->head.gate.busy) & 1u) != 0;
}

void *nh__reclaim(struct nh__join *join_, const struct nh__need *need, struct nh__note *note)
{
	struct nh__scan scan = {0};
	uint32_t polls = 0;
	for (;;) {
		enum outcome outcome = NOTHING;
		void *payload = NULL;
		unsigned waited = 0;
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		if (!inside_own_gate(join_->heap, cpu) && nh__heap_lock(join_->heap, cpu)) {
			payload = advance(join_, need, &scan, &outcome);
			waited = join_->heap->freeze.cursor;
			nh__heap_unlock(join_->heap, cpu, note);
		}
		nh_port_irq_restore(irq);
		if (outcome == SERVED || outcome == NOTHING)
			return payload;
		if (outcome == FENCE)
			barrier(join_, note);
		if (outcome == POLL)
			nh__wait(&polls, waited);
#if NH_PATIENCE
		if (polls > NH_PATIENCE)
			return NULL; /* told by NH_FAULT_STUCK: that CPU's cache could not be taken */
#endif
	}
}

bool nh__join_stale(struct nh__join *join_, struct nh__note *note)
{
	bool stale = false;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(join_->heap, cpu)) {
		stale = join_->changes != join_->heap->tlsf.changes ||
		        (join_->joined ? join_->generation != join_->heap->freeze.generation : !nothing_cached(join_->heap));
		nh__heap_unlock(join_->heap, cpu, note);
	}
	nh_port_irq_restore(irq);
	return stale;
}

void nh__join_leave(struct nh__join *join_, struct nh__note *note)
{
	if (!join_->joined)
		return;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(join_->heap, cpu)) {
		leave(join_);
		nh__heap_unlock(join_->heap, cpu, note);
	}
	nh_port_irq_restore(irq);
}

/* ---- stopped CPUs ------------------------------------------------------------------------- */

bool nh__gate_left_open(struct nh__heap *heap, unsigned dead)
{
	struct nh__cache *cache = heap->cache[dead];
	return cache != NULL && !nh_port_gate_quiet(&cache->head.gate.busy, dead);
}

void nh__freeze_recover(struct nh__heap *heap, unsigned dead)
{
	struct nh__freeze *freeze = &heap->freeze;
	if (heap->cache[dead] != NULL)
		nh_port_gate_recover(&heap->cache[dead]->head.gate.busy, dead);
	freeze->complete = false;
	if (heap->tlsf.regions == NULL)
		freeze->rest = 0; /* out of service: where it came from may not be known, or it is no chain */
	if (freeze->phase != NH__IDLE)
		thaw(heap);
}

/* ---- fork --------------------------------------------------------------------------------- */

void nh__fork_hold(struct nh__heap *heap, unsigned cpu)
{
	struct nh__join hold = {.heap = heap};
	struct nh__freeze *freeze = &heap->freeze;
	uint32_t polls = 0;
	nh__lock_acquire(&heap->lock, cpu);
	for (;;) {
		if (hold.joined && hold.generation != freeze->generation)
			hold.joined = false;
		join(&hold);
		if (freeze->phase == NH__QUIET && step_quiet(heap))
			break;
		if (freeze->phase > NH__QUIET)
			break;
		uint32_t generation = freeze->generation;
		bool fence = freeze->phase == NH__BARRIER;
		nh__lock_release(&heap->lock, cpu);
#if NH_PORT_HEAVY
		if (fence)
			nh_port_heavy_fence();
#endif
		nh__wait(&polls, freeze->cursor);
		nh__lock_acquire(&heap->lock, cpu);
		if (fence && freeze->phase == NH__BARRIER && freeze->generation == generation)
			freeze->phase = NH__QUIET;
	}
}

void nh__fork_release(struct nh__heap *heap, unsigned cpu)
{
	if (--heap->freeze.waiters == 0)
		thaw(heap);
	nh__lock_release(&heap->lock, cpu);
}

/* An owner that was just being refused had its gate odd for a moment; it will not come back to undo that. */
void nh__fork_alone(struct nh__heap *heap)
{
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		struct nh__cache *cache = cpu == nh_port_cpu() ? NULL : heap->cache[cpu];
		if (cache != NULL)
			nh__store_relaxed(&cache->head.gate.busy, nh__load_relaxed(&cache->head.gate.busy) & ~UINT32_C(1));
	}
	thaw(heap);
	nh__lock_reset(&heap->lock);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Statistics, walk, validate, explain: everything that looks and does not touch. */
#include "core/check.h"
#include "core/harden.h"
#include "core/walk.h"

#include <string.h>

/* ---- could it? ---------------------------------------------------------------------------- */

#if NH_CACHES

/* Something of the class is within this CPU's reach without the lock. */
static bool cached_here(struct nh__heap *heap, const struct nh__need *need)
{
	bool found = false;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	struct nh__cache *cache = cpu < NH_CPUS && need->klass != NH__NO_CLASS && need->align == 1 ? heap->cache[cpu] : NULL;
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
	struct nh__scan scan = {0};
	bool found = cached_here(heap, need), done = false;
	while (!found && !done) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		done = !nh__heap_lock(heap, cpu);
		if (!done) {
			found = nh__tlsf_find(&heap->tlsf, need->span, need->align) != NULL ||
			        nh__tlsf_seek(&heap->tlsf, need->span, need->align, &scan, &done) != NULL;
			nh__heap_unlock(heap, cpu, note);
		}
		nh_port_irq_restore(irq);
	}
	return found;
}

/* ---- explain ------------------------------------------------------------------------------ */

static nh_reason why_not(nh_instance *instance, const nh_request *request, const struct nh__heap *heap)
{
	unsigned bit = 1u << heap->id;
	if (request->heaps != 0 && (request->heaps & bit) == 0)
		return NH_NOT_IN_HEAPS;
	if ((nh__heaps_with(instance, request->require) & bit) == 0)
		return NH_NO_ATTRIBUTE;
	return request->flags & NH_NO_FOREIGN && !nh__is_local(heap->affinity, nh_port_cpu()) ? NH_FOREIGN : NH_NOT_ELIGIBLE;
}

unsigned nh_instance_explain(nh_instance *instance, const nh_request *request, size_t size, nh_explanation *out,
                             unsigned max)
{
	static const nh_request plain;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__choice choice;
	struct nh__heap *heap;
	unsigned filled = 0, total = nh_instance_heap_count(instance);
	bool taken = false;
	if (request == NULL)
		request = &plain;
	struct nh__need need = nh__need_of(nh__class_table_of(instance), size, nh__align(request->alignment));
	bool possible = need.span != 0 && need.align != 0;

	nh__choice_begin(&choice, instance, request);
	unsigned candidates = choice.left;
	while ((heap = nh__choice_next(&choice)) != NULL) {
		nh_reason reason = NH_NOT_REACHED;
		if (!taken) {
			taken = possible && nh__heap_could(heap, &need, &note);
			reason = taken ? NH_TAKEN : NH_FULL;
		}
		if (filled < max)
			out[filled++] = (nh_explanation){heap->id, reason};
	}
	for (int id = 0; id < NH_MAX_HEAPS; id++) {
		heap = nh__heap_by_id(instance, id);
		if (heap != NULL && (candidates >> id & 1u) == 0 && filled < max)
			out[filled++] = (nh_explanation){id, why_not(instance, request, heap)};
	}
	nh__note_report(&note);
	return total;
}

/* ---- statistics --------------------------------------------------------------------------- */

static bool count_block(struct nh__heap *heap, const struct nh__step *step, void *context)
{
	nh_heap_stats *stats = context;
	size_t bytes = (size_t)step->span * NH_GRANULE;
	(void)heap;
	if (step->owner == NH__OWNER_CACHED)
		stats->cached += bytes;
	if (step->flags & NH__FREE && NH_USABLE(step->span) > stats->largest_free)
		stats->largest_free = NH_USABLE(step->span);
	return true;
}

#if NH_CACHES
static void count_caches(nh_heap_stats *stats, struct nh__heap *heap)
{
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		struct nh__cache *cache = heap->cache[cpu];
		stats->remote_frees += nh__load_relaxed(&heap->remote[cpu]);
		if (cache == NULL)
			continue;
		stats->depot_puts += nh__load_relaxed(&cache->counters[NH__DEPOT_PUTS]);
		stats->depot_gets += nh__load_relaxed(&cache->counters[NH__DEPOT_GETS]);
		stats->inbox_takes += nh__load_relaxed(&cache->counters[NH__INBOX_TAKES]);
	}
	stats->cache_limit = (size_t)heap->allowance * NH_GRANULE;
}
#endif

/* The numbers that are kept, in one lock hold. */
static void read_counters(nh_heap_stats *stats, struct nh__heap *heap, struct nh__note *note)
{
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) {
		const struct nh__tlsf *tlsf = &heap->tlsf;
		stats->size = (size_t)tlsf->total * NH_GRANULE;
		stats->free = (size_t)tlsf->free * NH_GRANULE;
		stats->quarantined = (size_t)tlsf->lost * NH_GRANULE;
		stats->peak = (size_t)(tlsf->total - tlsf->least_free) * NH_GRANULE;
		stats->regions = heap->regions;
		stats->reclaims = heap->reclaims;
		stats->refusals = heap->refusals;
		stats->lock_waits = heap->lock.waits;
		nh__heap_unlock(heap, cpu, note);
	}
	nh_port_irq_restore(irq);
	stats->taken = stats->size - stats->free;
}

nh_status nh_instance_heap_stats_get(nh_instance *instance, int number, nh_heap_stats *stats)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *heap = nh__heap_by_id(instance, number);
	if (stats == NULL)
		return NH_EINVAL;
	if (heap == NULL)
		return NH_ENOENT;
	memset(stats, 0, sizeof *stats);
	stats->name = heap->name;
	stats->attributes = heap->attributes;
	stats->affinity = heap->affinity;
	stats->flags = heap->flags;

	struct nh__visitor counter = {.visit = count_block, .context = stats};
	nh_status status = nh__walk(heap, &counter, &note);
	read_counters(stats, heap, &note);
#if NH_CACHES
	count_caches(stats, heap);
#endif
	stats->live = stats->taken > stats->cached ? stats->taken - stats->cached : 0;
	nh__note_report(&note);
	return status;
}

nh_status nh_instance_cpu_stats_get(nh_instance *instance, int number, unsigned cpu, nh_cpu_stats *stats)
{
	struct nh__heap *heap = nh__heap_by_id(instance, number);
	if (stats == NULL)
		return NH_EINVAL;
	if (heap == NULL || cpu >= NH_CPUS)
		return NH_ENOENT;
	memset(stats, 0, sizeof *stats);
#if NH_CACHES
	struct nh__cache *cache = heap->cache[cpu];
	stats->remote = nh__load_relaxed(&heap->remote[cpu]);
	if (cache == NULL)
		return NH_OK;
	uint32_t slow = nh__load_relaxed(&cache->counters[NH__SLOW]);
	stats->hits = nh__load_relaxed(&cache->head.gate.busy) / 2u - slow;
	stats->misses = nh__load_relaxed(&cache->counters[NH__MISSES]);
	stats->overflows = nh__load_relaxed(&cache->counters[NH__OVERFLOWS]);
	stats->refills = nh__load_relaxed(&cache->counters[NH__REFILLS]);
	stats->bypasses = nh__load_relaxed(&cache->counters[NH__BYPASSES]);
#endif
	return NH_OK;
}

/* ---- walk --------------------------------------------------------------------------------- */

struct caller {
	bool (*visit)(const nh_block_info *block, void *context);
	void *context;
};

static bool describe(struct nh__heap *heap, const struct nh__step *step, void *context)
{
	const struct caller *caller = context;
	nh_block_info info = {heap->id, nh__payload(step->block), NH_USABLE(step->span), NH_BLOCK_LIVE};
	if (step->flags & NH__FREE || step->owner == NH__OWNER_TLSF) /* the latter: held by a removal */
		info.state = NH_BLOCK_FREE;
	else if (step->owner == NH__OWNER_CACHED)
		info.state = NH_BLOCK_CACHED;
	return caller->visit(&info, caller->context);
}

nh_status nh_instance_walk(nh_instance *instance, int number, bool (*visit)(const nh_block_info *block, void *context),
                           void *context)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *heap = nh__heap_by_id(instance, number);
	struct caller caller = {visit, context};
	struct nh__visitor visitor = {.visit = describe, .context = &caller};
	if (visit == NULL)
		return NH_EINVAL;
	if (heap == NULL)
		return NH_ENOENT;
	nh_status status = nh__walk(heap, &visitor, &note);
	nh__note_report(&note);
	return status;
}

/* ---- validate ----------------------------------------------------------------------------- */

static const char *check_block(struct nh__walk *walk, struct nh__block *block, const void **bad)
{
	bool previous_free = walk->certain ? walk->previous_free : (nh__flags(block) & NH__PREV_FREE) != 0;
	const char *what = nh__tlsf_check_block(&walk->heap->tlsf, walk->region, block, previous_free, bad);
	uint8_t owner = nh__load_relaxed(&block->owner);
	/* LARGE: also of a block that realloc is moving down */
	if (what == NULL && nh__owner_is_live(owner) && owner != NH__OWNER_LARGE && owner != nh__live_owner(walk->heap, block)) {
		*bad = block;
		what = "a block's class is not that of its size";
	}
	return what;
}

static const char *check_levels(struct nh__heap *heap, const void **bad, struct nh__note *note)
{
	const char *what = NULL;
	for (unsigned level = 0; what == NULL && level < heap->tlsf.lists / 8u; level++) {
		nh_port_irq irq = nh_port_irq_save();
		unsigned cpu = nh_port_cpu();
		if (nh__heap_lock(heap, cpu)) {
			what = nh__tlsf_check_level(&heap->tlsf, level, bad);
			nh__heap_unlock(heap, cpu, note);
		}
		nh_port_irq_restore(irq);
	}
	return what;
}

static nh_status validate_heap(nh_instance *instance, int number, nh_report *report, bool before_call)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__visitor checker = {.check = check_block, .before_call = before_call};
	struct nh__heap *heap;
	const void *bad = NULL;
	const char *what = nh__check_control(instance, number, &heap, &bad, &note);
	nh_status status = heap == NULL ? NH_ENOENT : NH_OK;
	if (status == NH_OK && what == NULL) {
		status = nh__walk(heap, &checker, &note);
		what = checker.what;
		if (what != NULL)
			bad = checker.bad;
	}
	if (status == NH_OK && what == NULL)
		what = check_levels(heap, &bad, &note);
	if (status == NH_OK && what == NULL)
		what = nh__check_caches(instance, heap, &bad, &note);
	nh__note_report(&note);
	if (what == NULL)
		return status;
	*report = (nh_report){number, bad, what};
	return NH_ECORRUPT;
}

static nh_status validate(nh_instance *instance, int number, nh_report *report, bool before_call)
{
	*report = (nh_report){-1, NULL, NULL};
	/* acquire: of instance_build */
	if (!nh__load_acquire(&instance->ready))
		return NH_ENOINIT;
	if (number < -1 || number >= NH_MAX_HEAPS)
		return NH_ENOENT;
	if (number != -1)
		return validate_heap(instance, number, report, before_call);
	nh_status status = NH_OK;
	for (int id = 0; status == NH_OK && id < NH_MAX_HEAPS; id++) {
		status = validate_heap(instance, id, report, before_call);
		if (status == NH_ENOENT) /* or not any more */
			status = NH_OK;
	}
	return status;
}

nh_status nh_instance_validate(nh_instance *instance, int number, nh_report *report)
{
	nh_report unwanted;
	return validate(instance, number, report == NULL ? &unwanted : report, false);
}

#if NH__EXTREME

/* Two CPUs that call at once: the later one's walk takes over, and covers both. */
void nh__before_call(nh_instance *instance)
{
	nh_report report;
	if (nh_port_in_isr() || nh__in_hook() || !nh_port_lock_begin())
		return;
	nh_port_lock_end();
	if (validate(instance, -1, &report, true) == NH_ECORRUPT)
		nh__report(NH_FAULT_CORRUPT, report.address, nh_port_cpu());
}

#endif

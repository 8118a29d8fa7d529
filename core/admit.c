/* SPDX-License-Identifier: MIT */
/*
 * Adding heaps and regions, at start and at run time.
 *
 *   check the arguments -> reserve (admin lock) -> build (no lock) -> publish (admin lock)
 *
 * Everything that can be refused is refused before something is reserved, so that nothing is ever half
 * done; two CPUs that add at once see each other's reservations. The long part, clearing the control
 * memory, runs with interrupts on.
 */
#include "core/instance.h"
#include "core/lifecycle.h"
#include "core/reserve.h"
#include "core/starts.h"

#include <string.h>

#define ALIGN_UP(value, alignment) (((value) + (uintptr_t)(alignment)-1u) & ~((uintptr_t)(alignment)-1u))
#define CONTROL_ALIGN (NH_64BIT ? 16u : 8u)

/* ---- plans -------------------------------------------------------------------------------- */

/* What a configuration comes to: sizes in bytes of the parts of its control memory. */
struct plan {
	uint32_t granules; /* of the whole memory, control included */
	uint32_t largest;  /* block that can be: the header that ends a region takes a granule */
	uint32_t window;
	size_t lists, shared, caches, cache_each, total;
	unsigned locals; /* CPUs that get a cache */
	bool wide, cached, two;
};

static nh_status plan_caches(struct plan *plan, const nh_heap_config *config)
{
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		plan->locals += nh__is_local(config->affinity, cpu);
	if (plan->locals == 0)
		return NH_EINVAL;
#if NH_CACHES
	plan->cached = (config->flags & NH_HEAP_NO_CACHES) == 0 && config->size > NH_CACHE_MIN_HEAP;
	if (plan->cached) {
		plan->two = plan->locals > 1;
		plan->shared = NH_CLASSES * sizeof(struct nh__shared);
		plan->cache_each = sizeof(struct nh__cache) + (plan->two ? NH_CLASSES * sizeof(uint32_t) : 0u);
		plan->cache_each = ALIGN_UP(plan->cache_each, NH_PORT_LINE);
		plan->caches = plan->cache_each * plan->locals + NH_PORT_LINE;
	}
#endif
	return NH_OK;
}

static nh_status plan_make(struct plan *plan, const nh_heap_config *config)
{
	memset(plan, 0, sizeof *plan);
	uintptr_t base = (uintptr_t)config->base;
	if (config->base == NULL || config->size == 0 || (config->flags & ~(NH_HEAP_NOT_DEFAULT | NH_HEAP_NO_CACHES)) != 0)
		return NH_EINVAL;
	if (base + config->size < base)
		return NH_EWRAP;
	plan->granules = nh__granules(config->size);
	if (plan->granules > NH_SPAN_MAX)
		return NH_ERANGE;
	plan->window = nh__granules(config->window);
	if (plan->window < plan->granules + 2u)
		plan->window = plan->granules + 2u;
	plan->wide = plan->window > UINT16_MAX + UINT32_C(1);
	plan->largest = plan->granules - (plan->granules != 0);
	plan->lists = nh__tlsf_lists_size(plan->largest, plan->wide);
	nh_status status = plan_caches(plan, config);
	plan->total = ALIGN_UP(sizeof(struct nh__heap), 4) + plan->lists;
	plan->total = ALIGN_UP(plan->total, CONTROL_ALIGN) + plan->shared + plan->caches;
	plan->total = ALIGN_UP(plan->total, CONTROL_ALIGN);
	return status;
}

size_t nh_heap_control_size(const nh_heap_config *config)
{
	struct plan plan;
	return config == NULL || plan_make(&plan, config) != NH_OK ? 0 : plan.total;
}

/* Where everything of a new heap lies. */
struct site {
	uintptr_t control, control_end;
	uintptr_t first, end; /* of the region */
};

static nh_status site_make(struct site *site, const struct plan *plan, const nh_heap_config *config, uint32_t head)
{
	uintptr_t base = (uintptr_t)config->base;
	size_t size = config->size;
	if (config->control != NULL) {
		site->control = (uintptr_t)config->control;
		if (site->control % CONTROL_ALIGN != 0)
			return NH_EALIGN;
		if (config->control_size < plan->total)
			return NH_ESMALL;
		if (site->control + config->control_size < site->control)
			return NH_EWRAP;
		site->control_end = site->control + plan->total;
		if (site->control < base + size && base < site->control_end)
			return NH_EOVERLAP;
	} else {
		if ((config->attributes & NH_ATTR_EXTERNAL) != 0)
			return NH_ENOTSUP;
		site->control = ALIGN_UP(base, CONTROL_ALIGN);
		site->control_end = site->control + plan->total;
		if (site->control < base || site->control_end < site->control || site->control_end >= base + size)
			return NH_ESMALL;
		size -= site->control_end - base;
		base = site->control_end;
	}
	if (size <= head)
		return NH_ESMALL;
	return nh__region_layout(base + head, size - head, &site->first, &site->end) == 0 ? NH_ESMALL : NH_OK;
}

/* What the board says of the memory of a heap. */
static nh_status site_check(const nh_heap_config *config)
{
	nh_status status = nh_port_region_check(config->base, config->size, config->attributes);
	if (status == NH_OK && config->control != NULL)
		status = nh_port_region_check(config->control, config->control_size, config->attributes & ~NH_ATTR_EXTERNAL);
	return status;
}

/* ---- adding a heap ------------------------------------------------------------------------ */

static nh_status heap_reserve(nh_instance *instance, const nh_heap_config *config, const struct site *site,
                              unsigned *id, unsigned *region)
{
	nh_status status = NH_OK;
	unsigned cpu;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	uintptr_t base = (uintptr_t)config->base;
	if (nh__in_use(instance, base, base + config->size) || nh__in_use(instance, site->control, site->control_end)) {
		status = NH_EOVERLAP;
	} else {
		*id = nh__number_free(instance);
		unsigned adding = nh__adding_by(cpu, *id) | NH__ADDING_HEAP;
		*region = *id == NH_MAX_HEAPS ? NH_MAX_REGIONS : nh__region_reserve(instance, adding, site->first, site->end);
		if (*region == NH_MAX_REGIONS) {
			status = NH_ENOSPC;
		} else {
			nh__claim_set(instance, *id, site->control, site->control_end);
		}
	}
	nh__admin_leave(instance, cpu, irq);
	return status;
}

#if NH_CACHES

static struct nh__cache *cache_build(struct nh__heap *heap, void *memory, uintptr_t limit)
{
	struct nh__cache *cache = memory;
	cache->head.first = (uintptr_t)nh__at_offset(&heap->tlsf, 1);
	nh__store_relaxed(&cache->head.limit, limit);
	cache->head.secret = heap->tlsf.secret;
	cache->heap = heap;
#if NH__GATE
	nh__store_relaxed(&cache->head.gate.seized, NH_PORT_GATE_OPEN);
#endif
	for (unsigned klass = 0; klass < NH_CLASSES; klass++)
#if NH_CLASS_DOUBLINGS
		cache->slot[klass].span = (uint16_t)nh__class_span(klass);
#else
		cache->slot[klass].live = (uint8_t)(NH__OWNER_LIVE + klass);
#endif
	return cache;
}

static void caches_build(struct nh__heap *heap, const struct plan *plan, unsigned char *memory, uintptr_t limit)
{
	bool small = (size_t)plan->granules * NH_GRANULE <= NH_CACHE_SMALL_HEAP;
	unsigned halvings = (plan->two ? 1u : 0u) + (small ? 1u : 0u);
	heap->cap_small = (uint8_t)(NH_CAP_SMALL >> halvings);
	heap->cap_large = (uint8_t)(NH_CAP_LARGE >> halvings > 0 ? NH_CAP_LARGE >> halvings : 1);
	heap->refill = (uint8_t)(small && NH_REFILL > 1 ? NH_REFILL / 2 : NH_REFILL);
	heap->two = plan->two;
	heap->locals = (uint16_t)plan->locals;
	heap->shared = (struct nh__shared *)(void *)memory;
	memory = (unsigned char *)ALIGN_UP((uintptr_t)memory + plan->shared, NH_PORT_LINE);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		if (nh__is_local(heap->affinity, cpu)) {
			heap->cache[cpu] = cache_build(heap, memory, limit);
			memory += plan->cache_each;
		}
	}
}

/* First what regions that were removed had left owing. */
static void budget_give(struct nh__heap *heap, uint32_t *budget, uint32_t *owed, uint32_t granules)
{
	uint32_t paid = granules < *owed ? granules : *owed;
	*owed -= paid;
	*budget += granules - paid;
	heap->allowance += granules - paid;
}

/* What caps have grown by already stays charged: `allowance` falls by the rest only, and stays true. */
static void budget_take(struct nh__heap *heap, uint32_t *budget, uint32_t *owed, uint32_t granules)
{
	uint32_t less = granules < *budget ? granules : *budget;
	*budget -= less;
	heap->allowance -= less;
	*owed += granules - less;
}

/* A part is for inboxes, where somebody is not local. */
static uint32_t inbox_share(const struct nh__heap *heap, uint32_t granules)
{
	return heap->locals < NH_CPUS ? (granules >> NH_CACHE_SHARE) / 4u : 0;
}

static void budget_add(struct nh__heap *heap, uint32_t granules)
{
	if (heap->shared == NULL)
		return;
	uint32_t inboxes = inbox_share(heap, granules);
	budget_give(heap, &heap->inbox_budget, &heap->inbox_owed, inboxes);
	budget_give(heap, &heap->budget, &heap->owed, (granules >> NH_CACHE_SHARE) - inboxes);
}

static void reach_set(struct nh__heap *heap, struct nh__cache_head *head)
{
	nh__store_relaxed(&head->reach, nh__chain_bound(heap->reach));
#if NH_PORT_GATE_BOUNDS
	if (heap->freeze.phase == NH__IDLE) /* else its end opens them */
		nh__bounds_open(heap, head);
#endif
}

void nh__budget_shrink(struct nh__heap *heap, uint32_t granules)
{
	if (heap->shared == NULL)
		return;
	uint32_t inboxes = inbox_share(heap, granules);
	budget_take(heap, &heap->inbox_budget, &heap->inbox_owed, inboxes);
	budget_take(heap, &heap->budget, &heap->owed, (granules >> NH_CACHE_SHARE) - inboxes);
}

/* Caches may hold blocks of this region from now on, as far as chain words reach. */
static void reach_add(struct nh__heap *heap, uintptr_t end)
{
	uintptr_t first = heap->tlsf.origin + NH_GRANULE, reach = (end - first) >> NH_GRANULE_SHIFT;
	if (end < first || reach > NH__WINDOW) {
		heap->far = true;
		reach = end < first ? 0 : NH__WINDOW;
	}
	if (reach > heap->reach)
		heap->reach = (uint32_t)reach;
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		if (heap->cache[cpu] != NULL)
			reach_set(heap, &heap->cache[cpu]->head);
}

#else

static void budget_add(struct nh__heap *heap, uint32_t granules)
{
	(void)heap;
	(void)granules;
}

void nh__budget_shrink(struct nh__heap *heap, uint32_t granules)
{
	(void)heap;
	(void)granules;
}

static void reach_add(struct nh__heap *heap, uintptr_t end)
{
	(void)heap;
	(void)end;
}

#endif

static struct nh__heap *heap_build(const struct plan *plan, const nh_heap_config *config, const struct site *site,
                                   unsigned id)
{
	struct nh__heap *heap = (struct nh__heap *)site->control;
	unsigned char *lists = (unsigned char *)ALIGN_UP((uintptr_t)(heap + 1), 4);
	memset(heap, 0, plan->total);
	heap->name = config->name;
	heap->attributes = config->attributes;
	heap->affinity = config->affinity;
	heap->flags = config->flags;
	heap->id = (uint8_t)id;
	heap->regions = 1;
	nh__tlsf_init(&heap->tlsf, lists, plan->largest, plan->wide, nh_port_entropy());
	heap->tlsf.origin = site->first - NH_GRANULE;
#if NH_CACHES
	if (plan->cached)
		caches_build(heap, plan, (unsigned char *)ALIGN_UP((uintptr_t)lists + plan->lists, CONTROL_ALIGN),
		             nh__granules(site->end - site->first));
#endif
	return heap;
}

static void set_add(nh__heap_set *set, unsigned id)
{
	nh__store_relaxed(set, (uint16_t)(nh__load_relaxed(set) | 1u << id));
}

void nh__heap_show(nh_instance *instance, struct nh__heap *heap, struct nh__region_entry *entry)
{
	unsigned id = heap->id;
	/* release: to nh__choice_next and nh__heap_by_id, where the number was another heap's */
	nh__store_release(&instance->heap[id], heap);
	/* release: to nh__heap_at */
	nh__store_release(&entry->heap, heap);
	for (unsigned bit = 0; bit < 32; bit++)
		if (heap->attributes >> bit & 1u)
			set_add(&instance->has[bit], id);
	if ((heap->flags & NH_HEAP_NOT_DEFAULT) == 0)
		set_add(&instance->eligible, id);
	if (heap->affinity == 0)
		set_add(&instance->shared, id);
	for (unsigned i = 0; heap->affinity != 0 && i < NH_CPUS; i++)
		if (nh__is_local(heap->affinity, i))
			set_add(&instance->local[i], id);
	/* release: to nh__choice_begin; last, so that whoever sees the bit sees all of the heap */
	nh__store_release(&instance->heaps, (uint16_t)(nh__load_relaxed(&instance->heaps) | 1u << id));
	nh__first_update(instance);
}

void nh__heap_publish(nh_instance *instance, struct nh__heap *heap, struct nh__region_entry *entry)
{
	unsigned cpu;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	nh__heap_show(instance, heap, entry);
	nh_port_in_order();
	nh__store_relaxed(&instance->adding[entry - instance->regions], 0);
	nh__admin_leave(instance, cpu, irq);
}

nh_status nh__heap_prepare(nh_instance *instance, const nh_heap_config *config, uint32_t head, struct nh__addition *addition)
{
	struct plan plan;
	struct site site;
	unsigned id, region;
	if (instance == NULL || config == NULL)
		return NH_EINVAL;
	/* acquire: of instance_build */
	if (!nh__load_acquire(&instance->ready))
		return NH_ENOINIT;
	nh_status status = plan_make(&plan, config);
	if (status == NH_OK)
		status = site_check(config);
	if (status == NH_OK)
		status = site_make(&site, &plan, config, head);
	if (status == NH_OK)
		status = heap_reserve(instance, config, &site, &id, &region);
	if (status == NH_OK) {
		addition->entry = &instance->regions[region];
		addition->heap = heap_build(&plan, config, &site, id);
	}
	return status;
}

void nh__heap_fresh(struct nh__addition *addition)
{
	nh__region_prepare(&addition->entry->region);
	nh__tlsf_add(&addition->heap->tlsf, &addition->entry->region);
}

void nh__heap_finish(nh_instance *instance, struct nh__addition *addition, int *number)
{
	struct nh__heap *heap = addition->heap;
	reach_add(heap, addition->entry->region.end);
	budget_add(heap, heap->tlsf.total);
	nh__heap_publish(instance, heap, addition->entry);
	if (number != NULL)
		*number = heap->id;
}

nh_status nh_instance_heap_add(nh_instance *instance, const nh_heap_config *config, int *number)
{
	struct nh__addition addition;
	nh_status status = nh__heap_prepare(instance, config, 0, &addition);
	if (status == NH_OK) {
		nh__heap_fresh(&addition);
		nh__heap_finish(instance, &addition, number);
	}
	return status;
}

/* ---- adding a region ---------------------------------------------------------------------- */

static bool in_reach(const struct nh__heap *heap, uintptr_t first, uintptr_t end)
{
	uintptr_t origin = heap->tlsf.origin;
	if (!heap->tlsf.wide)
		return first > origin && (end - origin) >> NH_GRANULE_SHIFT <= UINT16_MAX + UINT32_C(1);
#if NH_64BIT
	uintptr_t reach = (uintptr_t)INT32_MAX * NH_GRANULE;
	return (first > origin ? end - origin : origin - first) <= reach;
#else
	return true;
#endif
}

/* Puts a region that is laid out and reserved under the heap's TLSF. Bound: one lock hold. NH_EBUSY: this context may not
 * take the lock; NH_ECORRUPT: the heap was taken out of service. The region is nobody's then. */
static nh_status region_link(nh_instance *instance, struct nh__heap *heap, unsigned index, struct nh__note *note)
{
	struct nh__region_entry *entry = &instance->regions[index];
	nh_status status = NH_EBUSY;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) {
		status = NH_ECORRUPT;
		if (heap->tlsf.regions != NULL) {
			reach_add(heap, entry->region.end);
			nh__tlsf_add(&heap->tlsf, &entry->region);
			heap->regions++;
			budget_add(heap, nh__granules(entry->region.end - entry->region.first));
			/* release: to nh__heap_at; a block of it can be had only after this lock hold */
			nh__store_release(&entry->heap, heap);
			/* release: to nh__heap_grows; who takes the heap away waits for this lock */
			nh__store_release(&instance->adding[index], 0);
			status = NH_OK;
		}
		nh__heap_unlock(heap, cpu, note);
	}
	nh_port_irq_restore(irq);
	return status;
}

nh_status nh_instance_region_add(nh_instance *instance, int number, void *base, size_t size)
{
	uintptr_t start = (uintptr_t)base, first, end;
	unsigned cpu, index = 0;
	if (instance == NULL || base == NULL || size == 0)
		return NH_EINVAL;
	if (!nh__load_acquire(&instance->ready))
		return NH_ENOINIT;
	struct nh__heap *heap = nh__heap_by_id(instance, number);
	if (heap == NULL)
		return NH_ENOENT;
	if (heap->flags & NH_HEAP_RETAINED)
		return NH_ENOTSUP;
	if (start + size < start)
		return NH_EWRAP;
	nh_status status = nh_port_region_check(base, size, heap->attributes);
	if (status != NH_OK)
		return status;
	if (nh__granules(size) > NH_SPAN_MAX)
		return NH_ERANGE;
	if (nh__region_layout(start, size, &first, &end) == 0)
		return NH_ESMALL;
	if (!in_reach(heap, first, end))
		return NH_ERANGE;

	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	if (nh__in_use(instance, start, start + size))
		status = NH_EOVERLAP;
	else if (nh__heap_by_id(instance, number) != heap)
		status = NH_ENOENT; /* it was removed meanwhile */
	else
		index = nh__region_reserve(instance, nh__adding_by(cpu, heap->id), first, end);
	if (index == NH_MAX_REGIONS)
		status = NH_ENOSPC;
	nh__admin_leave(instance, cpu, irq);
	if (status != NH_OK)
		return status;

	struct nh__note note = {NH_FAULT_NONE, NULL};
	nh__region_prepare(&instance->regions[index].region);
	status = region_link(instance, heap, index, &note);
	if (status != NH_OK) {
		irq = nh__admin_enter(instance, &cpu);
		nh__entry_clear(&instance->regions[index]);
		nh_port_in_order();
		nh__store_relaxed(&instance->adding[index], 0);
		nh__admin_leave(instance, cpu, irq);
	}
	nh__note_report(&note);
	return status;
}

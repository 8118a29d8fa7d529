/* SPDX-License-Identifier: MIT */
/*
 * The heaps of a scenario, all in the arena; the verdict at the end of a run; names for addresses. White box: it knows
 * core's structures, and looks at them only while no thread runs.
 */
#include "scenario.h"

#include "core/instance.h"

#include <stdio.h>
#include <string.h>

#define SPARE_GRANULES 4u
#define SPARE_CONTROL 2048u

nh_instance *ex_instance;

static unsigned char snapshot[EX_ARENA];
static size_t used;
static struct {
	unsigned char *base;
	size_t size;
} spare_region, spare_heap, spare_more; /* the last for the spare heap */
static unsigned char *spare_control;

/* ---- making ------------------------------------------------------------------------------- */

static unsigned char *reserve(size_t size)
{
	unsigned char *memory = ex_arena + used;
	used += (size + 63u) & ~(size_t)63u;
	if (used > EX_ARENA)
		ex_fail("scenario: the arena is too small");
	return memory;
}

/* Memory that is laid out as a region of exactly so many granules. */
static unsigned char *region(unsigned granules, size_t *size)
{
	uintptr_t first, end;
	unsigned char *memory = ex_arena + used;
	for (*size = (size_t)granules * NH_GRANULE;
	     nh__region_layout((uintptr_t)memory, *size, &first, &end) < granules;)
		*size += NH_GRANULE / 2u;
	return reserve(*size);
}

/* Caches as large as the scenario says, without the growth that leads there. */
static void settle(struct nh__heap *heap, unsigned cap)
{
	/* as if a large region had been there, and gone */
	heap->budget = heap->inbox_budget = 100000;
	heap->allowance = heap->owed = 200000;
	if (cap == 0 || heap->shared == NULL)
		return;
	heap->cap_small = heap->cap_large = (uint8_t)cap;
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		heap->shared[klass].depot_cap = (uint8_t)cap;
		heap->shared[klass].inbox_limit = NH_INBOX_LIMIT;
		for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
			if (heap->cache[cpu] != NULL)
				heap->cache[cpu]->slot[klass].cap = (uint8_t)cap;
	}
}

static nh_heap_config configure(const struct ex_heap_plan *plan, unsigned number)
{
	static const char *const names[EX_HEAPS] = { "heap0", "heap1" };
	nh_heap_config config = { .name = names[number], .affinity = plan->affinity };
	config.control = reserve(0);
	config.base = ex_arena; /* any: it counts for the size only */
	config.size = (plan->granules + 4u) * NH_GRANULE;
	config.control_size = nh_heap_control_size(&config);
	reserve(config.control_size);
	config.base = region(plan->granules, &config.size);
	return config;
}

void ex_world_make(const struct ex_scenario *scenario)
{
	unsigned failed;
	memset(ex_arena, 0, EX_ARENA);
	used = 64; /* nothing is at the address of granule 0 */
	nh_instance_storage *storage = (nh_instance_storage *)(void *)reserve(sizeof(nh_instance_storage));
	if (nh_instance_init(storage, NULL, 0, &failed, &ex_instance) != NH_OK)
		ex_fail("scenario: no instance");
	for (unsigned i = 0; i < EX_HEAPS && scenario->heap[i].granules != 0; i++) {
		nh_heap_config config = configure(&scenario->heap[i], i);
		if (nh_instance_heap_add(ex_instance, &config, NULL) != NH_OK)
			ex_fail("scenario: a heap is refused");
		settle(nh__heap_by_id(ex_instance, (int)i), scenario->cap);
	}
	spare_region.base = region(SPARE_GRANULES, &spare_region.size);
	spare_heap.base = region(SPARE_GRANULES, &spare_heap.size);
	spare_more.base = region(SPARE_GRANULES, &spare_more.size);
	spare_control = reserve(SPARE_CONTROL);
}

void ex_world_save(void)
{
	memcpy(snapshot, ex_arena, used);
	ex_ops_save();
}

void ex_world_restore(void)
{
	memcpy(ex_arena, snapshot, used);
	ex_ops_restore();
}

nh_status ex_world_add_region(void)
{
	return nh_instance_region_add(ex_instance, 0, spare_region.base, spare_region.size);
}

nh_status ex_world_extend_heap(void)
{
	return nh_instance_region_add(ex_instance, 1, spare_more.base, spare_more.size);
}

static struct {
	unsigned char *base;
	size_t size;
} removed;

static void outside(uintptr_t address, size_t size)
{
	if (address < (uintptr_t)removed.base + removed.size && (uintptr_t)removed.base < address + size)
		ex_fail("memory was removed in which somebody has a block");
}

static nh_status judge(nh_status status, unsigned char *base, size_t size)
{
	removed.base = base;
	removed.size = size;
	if (status == NH_OK)
		ex_ops_each(outside);
	return status;
}

nh_status ex_world_remove_region(void)
{
	size_t live;
	return judge(nh_instance_region_remove(ex_instance, 0, spare_region.base, &live), spare_region.base, spare_region.size);
}

nh_status ex_world_remove_heap(void)
{
	size_t live;
	return judge(nh_instance_heap_remove(ex_instance, 1, &live), spare_heap.base, spare_heap.size);
}

static bool is_of(const unsigned char *address, int heap)
{
	int found = nh_instance_heap_of(ex_instance, address);
	return found == heap || found == -1;
}

bool ex_world_knows_region(void)
{
	return is_of(spare_region.base + spare_region.size / 2u, 0);
}

bool ex_world_knows_heap(void)
{
	return is_of(spare_heap.base + spare_heap.size / 2u, 1);
}

nh_status ex_world_add_heap(void)
{
	nh_heap_config config = { .name = "added", .base = spare_heap.base, .size = spare_heap.size };
	config.control = spare_control;
	config.control_size = SPARE_CONTROL;
	return nh_instance_heap_add(ex_instance, &config, NULL);
}

/* ---- the verdict -------------------------------------------------------------------------- */

static void expect(bool holds, const char *what)
{
	if (!holds)
		ex_fail(what);
}

static void check_cache(struct nh__heap *heap, unsigned cpu)
{
	struct nh__cache *cache = heap->cache[cpu];
	if (cache == NULL)
		return;
	expect((cache->head.gate.busy & 1u) == 0, "at the end a gate is still busy");
	expect(cache->head.gate.seized == NH_PORT_GATE_OPEN, "at the end a gate is still seized");
	for (unsigned klass = 0; klass < NH_CLASSES; klass++)
		expect(cache->slot[klass].cur == 0 && (!heap->two || cache->prev[klass] == 0),
		       "trim left blocks in a magazine");
}

static void check_idle(struct nh__heap *heap)
{
	const struct nh__freeze *freeze = &heap->freeze;
	expect(heap->lock.word == 0 && heap->lock.inside == 0, "at the end the heap lock is held");
	for (unsigned i = 0; i < NH_LOCKERS; i++)
		expect(heap->lock.want[i] == 0, "at the end somebody still wants the heap lock");
	expect(freeze->phase == NH__IDLE && freeze->waiters == 0, "at the end the heap is still frozen");
	expect(freeze->closed == 0, "at the end an inbox is still closed");
}

static void check_caches(struct nh__heap *heap)
{
	expect(heap->freeze.rest == 0, "trim left a chain behind");
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		check_cache(heap, cpu);
	for (unsigned klass = 0; heap->shared != NULL && klass < NH_CLASSES; klass++) {
		expect(heap->shared[klass].inbox == 0, "trim left blocks in an inbox");
		for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
			expect(heap->shared[klass].depot[i] == 0, "trim left blocks in the depot");
	}
}

static void check_heap(struct nh__heap *heap)
{
	check_idle(heap);
	check_caches(heap);
	expect(heap->tlsf.lost == 0, "blocks were quarantined");
	expect(heap->tlsf.free == heap->tlsf.total, "blocks are missing");
	for (struct nh__region *region = heap->tlsf.regions; region != NULL; region = region->next)
		expect(nh__block_span(nh__block_at((void *)region->first)) * (uintptr_t)NH_GRANULE ==
		               region->end - region->first,
		       "free blocks were not merged");
}

/* ---- after a death ---- */

static struct {
	uintptr_t from, to;
} found[64];
static unsigned found_count;

static void find(uintptr_t payload, size_t size)
{
	for (unsigned i = 0; i < found_count; i++)
		expect(payload + size <= found[i].from || payload >= found[i].to, "a block is in two places");
	expect(found_count < 64, "scenario: too many blocks");
	found[found_count].from = payload;
	found[found_count++].to = payload + size;
}

static void find_chain(const struct nh__cache_head *head, uint32_t chain)
{
	while (chain != 0 && chain != NH__CLOSED) {
		struct nh__block *block = nh__chain_pop(head, &chain);
		expect(block != NULL, "a chain is damaged");
		find((uintptr_t)nh__payload(block), nh__block_span(block) * (size_t)NH_GRANULE - NH_HEADER);
	}
}

/* What the dead CPU had may be lost, but nothing may be in two places: in caches, on the way to TLSF, or in hand. */
static void check_places(struct nh__heap *heap)
{
	struct nh__cache *cache = NULL;
	found_count = 0;
	ex_ops_each(find);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		if (heap->cache[cpu] == NULL)
			continue;
		cache = heap->cache[cpu];
		for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
			find_chain(&cache->head, cache->slot[klass].cur);
			if (heap->two)
				find_chain(&cache->head, cache->prev[klass]);
		}
	}
	for (unsigned klass = 0; cache != NULL && klass < NH_CLASSES; klass++) {
		find_chain(&cache->head, heap->shared[klass].inbox);
		for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
			find_chain(&cache->head, heap->shared[klass].depot[i]);
	}
	if (cache != NULL)
		find_chain(&cache->head, heap->freeze.rest);
}

/* Blocks that are neither free nor in anybody's hand: only what the dead CPU was just giving or taking. */
static unsigned count_lost(struct nh__heap *heap)
{
	unsigned lost = 0;
	for (const struct nh__region *region = heap->tlsf.regions; region != NULL; region = region->next) {
		struct nh__block *block = nh__block_at((void *)region->first);
		for (; (uintptr_t)nh__payload(block) != region->end; block = nh__block_after(block, nh__block_span(block))) {
			expect(nh__block_span(block) != 0, "a block has no size");
			expect(block->owner != NH__OWNER_CACHED, "a salvage left a cached block");
			lost += (nh__flags(block) & NH__FREE) == 0;
		}
	}
	return lost;
}

static bool has_region(const struct nh__heap *heap, const struct nh__region *region)
{
	const struct nh__region *other = heap->tlsf.regions;
	while (other != NULL && other != region)
		other = other->next;
	return other != NULL;
}

/* A region is in its heap and in the table, or in neither, and a heap is there with all it had, or gone. */
static void check_tables(void)
{
	unsigned regions[NH_MAX_HEAPS] = {0};
	for (unsigned i = 0; i < NH_MAX_REGIONS; i++) {
		const struct nh__region_entry *entry = &ex_instance->regions[i];
		struct nh__heap *heap = entry->heap;
		expect(entry->first == entry->region.first && entry->end == entry->region.end, "an entry is half cleared");
		expect((heap == NULL) == (entry->end == 0), "a region is reserved for nobody");
		expect(ex_instance->adding[i] == 0, "a region is being added by nobody");
		if (heap == NULL)
			continue;
		expect(nh__heap_by_id(ex_instance, heap->id) == heap, "a region is of a heap that is gone");
		expect(has_region(heap, &entry->region), "a region is in the table and not in its heap");
		regions[heap->id]++;
	}
	for (int id = 0; id < NH_MAX_HEAPS; id++) {
		struct nh__heap *heap = nh__heap_by_id(ex_instance, id);
		expect((heap == NULL) == (ex_instance->control[id].end == 0), "a number is reserved for no heap");
		expect(heap == NULL || heap->regions == regions[id], "a heap counts its regions wrong");
	}
}

/* What the dead CPU had of the heap is nobody's, and nothing else is lost. */
static void check_recovered(struct nh__heap *heap)
{
	nh_report report;
	check_idle(heap);
	check_places(heap);
	expect(ex_machine_idle(), "a recovery left a hardware spinlock held");
	expect(ex_instance->removal.heap == NULL, "a recovery left a removal unfinished");
	check_tables();
	ex_ops_finish();
	ex_run.passive_cpu = 0;
	expect(nh_instance_heap_salvage(ex_instance, 0, NULL) == NH_OK, "a heap could not be salvaged");
	expect(nh_instance_validate(ex_instance, -1, &report) == NH_OK, "the heap is damaged");
	check_caches(heap);
	/* a block, or the old and the new one of a realloc */
	expect(count_lost(heap) <= (ex_ops_died_in("rR") ? 2u : 1u), "more is lost than the dead CPU had in hand");
}

void ex_world_check(void)
{
	struct nh__heap *heap;
	nh_report report;
	if (ex_somebody_died()) { /* the survivors have come to their ends */
		expect(ex_instance->removal.heap == NULL, "at the end a removal is unfinished");
		heap = nh__heap_by_id(ex_instance, 0);
		if (heap == NULL) /* out of service */
			return;
		if (ex_ops_recovered())
			check_recovered(heap);
		else if (NH_PATIENCE == 0 || heap->lock.inside == 0) /* in a lock hold, with nobody who waited for it */
			check_places(heap);
		return;
	}
	for (unsigned i = 0; i < EX_CPUS; i++)
		expect(!ex_cpu[i].masked, "at the end interrupts are off");
	expect(ex_instance->removal.heap == NULL, "at the end a removal is unfinished");
	expect(ex_machine_idle(), "at the end a hardware spinlock is held");
	expect(ex_ops_each_told(), "a block was freed twice, and not one of the two was told");
	check_tables();
	for (int id = 0; id < NH_MAX_HEAPS; id++)
		if ((heap = nh__heap_by_id(ex_instance, id)) != NULL)
			check_idle(heap);
	ex_ops_finish();
	ex_run.passive_cpu = 0;
	expect(nh_instance_trim(ex_instance, -1) == NH_OK, "trim failed");
	expect(nh_instance_validate(ex_instance, -1, &report) == NH_OK, "the heap is damaged");
	for (int id = 0; id < NH_MAX_HEAPS; id++)
		if ((heap = nh__heap_by_id(ex_instance, id)) != NULL)
			check_heap(heap);
}

/* ---- names -------------------------------------------------------------------------------- */

#define FIELD(base, type, field)                                                                             \
	if ((uintptr_t)address - (uintptr_t)(base)-offsetof(type, field) < sizeof(((type *)0)->field))       \
	return #field

static const char *name_freeze(struct nh__heap *heap, const void *address)
{
	FIELD(&heap->freeze, struct nh__freeze, generation);
	FIELD(&heap->freeze, struct nh__freeze, rest);
	FIELD(&heap->freeze, struct nh__freeze, cursor);
	FIELD(&heap->freeze, struct nh__freeze, waiters);
	FIELD(&heap->freeze, struct nh__freeze, thaw);
	FIELD(&heap->freeze, struct nh__freeze, closed);
	FIELD(&heap->freeze, struct nh__freeze, phase);
	return "freeze";
}

static const char *name_heap(struct nh__heap *heap, const void *address)
{
	FIELD(&heap->lock, struct nh__lock, word);
	FIELD(&heap->lock, struct nh__lock, want);
	FIELD(&heap->lock, struct nh__lock, inside);
	FIELD(heap, struct nh__heap, tlsf);
	FIELD(heap, struct nh__heap, budget);
	if ((uintptr_t)address - (uintptr_t)&heap->freeze < sizeof heap->freeze)
		return name_freeze(heap, address);
	return "heap";
}

static const char *name_cache(struct nh__cache *cache, const void *address)
{
	FIELD(&cache->head.gate, struct nh__gate, busy);
	FIELD(&cache->head.gate, struct nh__gate, seized);
	FIELD(&cache->head, struct nh__cache_head, reach);
	FIELD(cache, struct nh__cache, counters);
	FIELD(cache, struct nh__cache, slot[0]);
	FIELD(cache, struct nh__cache, slot[NH_CLASSES - 1]);
	return (uintptr_t)address >= (uintptr_t)cache->prev ? "prev" : "cache";
}

static const char *name_shared(struct nh__shared *shared, const void *address)
{
	FIELD(shared, struct nh__shared, inbox);
	FIELD(shared, struct nh__shared, depot);
	return "inbox_limit";
}

static const char *name_instance(const void *address)
{
	FIELD(ex_instance, nh_instance, first);
	FIELD(ex_instance, nh_instance, class_of);
	FIELD(ex_instance, nh_instance, ready);
	FIELD(ex_instance, nh_instance, heaps);
	FIELD(ex_instance, nh_instance, eligible);
	FIELD(ex_instance, nh_instance, local);
	FIELD(ex_instance, nh_instance, heap);
	FIELD(ex_instance, nh_instance, admin);
	FIELD(ex_instance, nh_instance, regions_reserved);
	FIELD(ex_instance, nh_instance, regions);
	return "instance";
}

static bool within(const void *address, const void *base, size_t size)
{
	return (uintptr_t)address - (uintptr_t)base < size;
}

const char *ex_name(const void *address, char *text, size_t size)
{
	struct nh__heap *heap;
	for (int id = 0; id < NH_MAX_HEAPS; id++) {
		if ((heap = nh__heap_by_id(ex_instance, id)) == NULL)
			continue;
		for (const struct nh__region *r = heap->tlsf.regions; r != NULL; r = r->next)
			if (within(address, (void *)(r->first - NH_HEADER), r->end - r->first + NH_HEADER)) {
				snprintf(text, size, "heap%d.memory+%zu", id,
				         (size_t)((uintptr_t)address - r->first + NH_HEADER));
				return text;
			}
		for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
			if (heap->cache[cpu] != NULL &&
			    within(address, heap->cache[cpu],
			           sizeof(struct nh__cache) + (heap->two ? NH_CLASSES * 4u : 0u))) {
				snprintf(text, size, "heap%d.cpu%u.%s", id, cpu,
				         name_cache(heap->cache[cpu], address));
				return text;
			}
		if (within(address, heap, sizeof *heap)) {
			snprintf(text, size, "heap%d.%s", id, name_heap(heap, address));
			return text;
		}
		for (unsigned klass = 0; heap->shared != NULL && klass < NH_CLASSES; klass++)
			if (within(address, &heap->shared[klass], sizeof heap->shared[klass])) {
				snprintf(text, size, "heap%d.class%u.%s", id, klass,
				         name_shared(&heap->shared[klass], address));
				return text;
			}
	}
	if (within(address, ex_instance, sizeof *ex_instance))
		snprintf(text, size, "instance.%s", name_instance(address));
	else
		snprintf(text, size, "arena+%zu", ex_offset(address));
	return text;
}

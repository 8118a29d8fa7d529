/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a heap's memory and control memory. A heap in use (live, free and cached blocks of several CPUs, depot and inbox)
 * is prepared once; an input is a list of changes to its bytes, from one bit to all of it. Then each CPU
 * validates. Whatever it says, nothing may be read outside (AddressSanitizer looks, where it is built in), and the checker
 * must come back; if only regions were changed, the same holds of walks, statistics and questions.
 *
 * Words of lock and gates are put back: they say what is going on, not what is there.
 */
#include <nearheap/host.h>

#include "core/instance.h"
#include "setups.h"
#include "tests/support/fault.h"

#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1024)
#define ON(cpu) NH_CPU((cpu) % NH_CPUS)
#define STATES 3u
#define AREAS (2u * NH_MAX_HEAPS)

typedef struct area {
	unsigned char *at, *before;
	size_t size;
} area;

typedef struct state {
	model m;
	area areas[AREAS]; /* regions, then control */
	unsigned regions, count;
} state;

static const model_setup setups[STATES] = {
	{ .name = "two heaps",
	  .heaps = { { { 20 * KIB, 3 * KIB, 0, 0 }, 0, ON(0) | ON(1), 0, true },
	             { { 18 * KIB, 0, 0, 0 }, 0, ON(2), 0, true } },
	  .heap_count = 2,
	  .initial = 2,
	  .cpus = NH_CPUS < 4 ? NH_CPUS : 4,
	  .batch = 64,
	  .limit = 1024,
	  .small = 80 },
	{ .name = "one local heap",
	  .heaps = { { { 24 * KIB, 0, 0, 0 }, 0, ON(1), 0, true } },
	  .heap_count = 1,
	  .initial = 1,
	  .cpus = NH_CPUS < 4 ? NH_CPUS : 4,
	  .batch = 64,
	  .limit = 1024,
	  .small = 90 },
	{ .name = "no caches",
	  .heaps = { { { 2 * KIB, 1 * KIB, 0, 0 }, 0, 0, NH_HEAP_NO_CACHES, true } },
	  .heap_count = 1,
	  .initial = 1,
	  .cpus = NH_CPUS < 4 ? NH_CPUS : 4,
	  .batch = 64,
	  .limit = 256,
	  .small = 60 },
};

static state states[STATES];

/* ---- a heap in use ------------------------------------------------------------------------ */

static void area_add(state *s, void *at, size_t size)
{
	area *a = &s->areas[s->count++];
	*a = (area){ at, malloc(size), size };
	NHT_CHECK(a->before != NULL, "no memory");
	memcpy(a->before, at, size);
}

static void prepare(state *s, const model_setup *setup)
{
	nht_random random;
	nht_random_seed(&random, (uintptr_t)(s - states));
	model_make(&s->m, setup, &random);
	while (model_grow(&s->m))
		continue;
	s->m.target = 60;
	model_steps(&s->m, 1500);
	while (model_grow(&s->m))
		continue;
	for (unsigned i = 0; i < s->m.arena.count; i++)
		area_add(s, s->m.arena.parts[i].base, s->m.arena.parts[i].size);
	s->regions = s->count;
	for (unsigned heap = 0; heap < setup->heap_count; heap++) {
		nh_heap_config config = model_config(&s->m, heap);
		area_add(s, config.control, config.control_size);
	}
	area_add(s, &s->m.storage, sizeof s->m.storage);
}

static void restore(state *s)
{
	for (unsigned i = 0; i < s->count; i++)
		memcpy(s->areas[i].at, s->areas[i].before, s->areas[i].size);
}

/* From the copy; pointers there are as they were made. */
static void put_back(state *s, const void *member, size_t size)
{
	uintptr_t at = (uintptr_t)member;
	for (unsigned i = s->regions; i < s->count; i++) {
		uintptr_t begin = (uintptr_t)s->areas[i].at;
		if (at >= begin && at - begin < s->areas[i].size)
			memcpy(s->areas[i].at + (at - begin), s->areas[i].before + (at - begin), size);
	}
}

static void put_back_some(state *s)
{
	for (unsigned i = 0; i < s->m.heaps; i++) {
		struct nh__heap *heap = (struct nh__heap *)s->m.control[i];
		put_back(s, &heap->lock, sizeof heap->lock);
#if NH_CACHES
		const struct nh__heap *before =
			(const struct nh__heap *)(const void *)s->areas[s->regions + i].before;
		for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
			if (before->cache[cpu] != NULL)
				put_back(s, &before->cache[cpu]->head.gate,
				         sizeof before->cache[cpu]->head.gate);
#endif
	}
}

/* ---- changes ------------------------------------------------------------------------------ */

/* False: control memory was changed, too. */
static bool change_all(state *s, nht_random *random)
{
	bool sound = true;
	while (!nht_random_ended(random)) {
		bool control = nht_chance(random, 40);
		unsigned first = control ? s->regions : 0,
			 end = control ? s->regions + s->m.heaps : s->regions;
		area *a = &s->areas[first + nht_below(random, end - first)];
		size_t offset = nht_below(random, a->size);
		if (nht_chance(random, 70))
			offset &= ~(size_t)(sizeof(uint32_t) - 1u);
		if (offset < 8)
			continue; /* it looks back */
		fuzz_change(random, a->at + offset, a->size - offset);
		sound &= !control;
	}
	return sound;
}

/* ---- questions ---------------------------------------------------------------------------- */

static bool visit(const nh_block_info *block, void *context)
{
	state *s = context;
	int part = nht_arena_find(&s->m.arena, block->address, block->size);
	NHT_CHECK(part >= 0, "a walk met %p of %zu, outside", block->address, block->size);
	nh_instance_usable_size(s->m.instance, block->address);
	return true;
}

static void ask(state *s, unsigned char *of)
{
	nh_heap_stats stats;
	nh_explanation entries[NH_MAX_HEAPS];
	for (int heap = 0; heap < (int)s->m.heaps; heap++) {
		nh_instance_walk(s->m.instance, heap, visit, s);
		nh_instance_heap_stats_get(s->m.instance, heap, &stats);
	}
	nh_instance_explain(s->m.instance, NULL, 100, entries, NH_MAX_HEAPS);
	for (unsigned i = 0; i < s->m.shadow.count; i++)
		nh_instance_usable_size(s->m.instance, s->m.shadow.blocks[i].address);
	nh_instance_usable_size(s->m.instance, of);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nht_random random;
	fuzz_begin(&random, data, size);
	state *s = &states[nht_below(&random, STATES)];
	if (s->count == 0)
		prepare(s, &setups[s - states]);
	bool sound = change_all(s, &random);
	put_back_some(s);
	nht_fault_catch();
	for (unsigned cpu = 0; cpu < s->m.setup->cpus; cpu++) {
		nh_report report = { -1, NULL, NULL };
		NHT_CHECK(nh_host_attach((int)cpu) == NH_OK, "attach");
		nh_status status = nh_instance_validate(s->m.instance, -1, &report);
		NHT_CHECK((status == NH_OK) == (report.what == NULL) &&
		                  (status == NH_OK || status == NH_ECORRUPT),
		          "validate: %s, %s", nh_status_string(status),
		          report.what == NULL ? "nothing" : report.what);
		NHT_CHECK(size > 1 || status == NH_OK, "nothing was changed: %s", report.what);
	}
	if (sound)
		ask(s, s->areas[0].at + (size == 0 ? 0 : data[0]) * NH_GRANULE);
	NHT_CHECK(nht_arena_intact(&s->m.arena), "a byte outside the regions was written");
	restore(s); /* at once: a slot that is given back is drained in all instances */
	nht_fault_release();
	return 0;
}

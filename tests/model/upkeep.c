/* SPDX-License-Identifier: MIT */
/* What happens to a program's heaps besides allocation: memory and CPUs come and go, somebody looks at everything. */
#include <nearheap/host.h>

#include "model.h"

/* ---- memory that comes -------------------------------------------------------------------- */

static void add_region(model *m, unsigned part)
{
	const nht_part *region = &m->arena.parts[part];
	nh_status status =
		nh_instance_region_add(m->instance, m->part_heap[part], region->base, region->size);
	NHT_CHECK(status == NH_OK, "op %zu: region_add: %s", m->index, nh_status_string(status));
	m->part_added[part] = true;
	status = nh_instance_region_add(m->instance, m->part_heap[part], region->base, region->size);
	NHT_CHECK(status == NH_EOVERLAP, "op %zu: the same region twice: %s", m->index,
	          nh_status_string(status));
}

/* A heap gets the lowest number that is free: the model adds the lowest that is missing. */
static void add_heap(model *m, unsigned heap)
{
	int number = -1;
	nh_heap_config config = model_config(m, heap);
	nh_status status = nh_instance_heap_add(m->instance, &config, &number);
	NHT_CHECK(status == NH_OK, "op %zu: heap_add: %s", m->index, nh_status_string(status));
	NHT_CHECK(number == (int)heap, "op %zu: heap %d, expected %u", m->index, number, heap);
	model_heap_is_there(m, heap);
	status = nh_instance_heap_add(m->instance, &config, &number);
	NHT_CHECK(status == NH_EOVERLAP, "op %zu: the same heap twice: %s", m->index,
	          nh_status_string(status));
}

bool model_grow(model *m)
{
	for (unsigned part = 0; part < m->arena.count; part++)
		if (!m->part_added[part] && m->rules[m->part_heap[part]].there) {
			add_region(m, part);
			return true;
		}
	for (unsigned heap = 0; heap < m->heaps; heap++)
		if (!m->rules[heap].there) {
			add_heap(m, heap);
			return true;
		}
	return false;
}

/* ---- memory that goes --------------------------------------------------------------------- */

/* Live blocks of a heap, in one of its parts (-1: anywhere). */
static size_t live_in(const model *m, int heap, int part)
{
	size_t live = 0;
	for (unsigned i = 0; i < m->shadow.count; i++) {
		const shadow_block *block = &m->shadow.blocks[i];
		live += block->heap == heap &&
		        (part < 0 || nht_arena_find(&m->arena, block->address, 1) == part);
	}
	return live;
}

/* The model's own: whoever writes there later is found by the guards of the contents. */
static void part_is_gone(model *m, unsigned part)
{
	const nht_part *gone = &m->arena.parts[part];
	m->part_added[part] = false;
	NHT_CHECK(nh_instance_heap_of(m->instance, gone->base + gone->size / 2u) == -1,
	          "op %zu: a removed region has a heap", m->index);
}

static void remove_region(model *m)
{
	unsigned part = (unsigned)nht_below(&m->random, m->arena.count);
	int heap = m->part_heap[part];
	bool first = part == 0 || m->part_heap[part - 1u] != heap;
	size_t live = 99, expected = live_in(m, heap, (int)part);
	nh_status status = nh_instance_region_remove(m->instance, heap, m->arena.parts[part].base, &live),
		  right = NH_OK;
	if (!m->rules[heap].there || (!m->part_added[part] && !first))
		right = NH_ENOENT;
	else if (first)
		right = NH_ENOTSUP;
	else if (expected != 0)
		right = NH_EBUSY;
	NHT_CHECK(status == right, "op %zu: region_remove of part %u: %s, expected %s", m->index, part,
	          nh_status_string(status), nh_status_string(right));
	NHT_CHECK(live == (right == NH_EBUSY ? expected : 0),
	          "op %zu: region_remove counts %zu live, the model %zu", m->index, live, expected);
	if (status == NH_OK)
		part_is_gone(m, part);
}

static void remove_heap(model *m)
{
	int heap = (int)nht_below(&m->random, m->heaps);
	size_t live = 99, expected = live_in(m, heap, -1);
	nh_status right = !m->rules[heap].there ? NH_ENOENT : expected != 0 ? NH_EBUSY : NH_OK;
	nh_status status = nh_instance_heap_remove(m->instance, heap, &live);
	NHT_CHECK(status == right, "op %zu: heap_remove(%d): %s, expected %s", m->index, heap,
	          nh_status_string(status), nh_status_string(right));
	NHT_CHECK(live == expected, "op %zu: heap_remove counts %zu live, the model %zu", m->index, live,
	          expected);
	if (status != NH_OK)
		return;
	m->removed++;
	m->rules[heap].there = false;
	for (unsigned part = 0; part < m->arena.count; part++)
		if (m->part_heap[part] == heap)
			part_is_gone(m, part);
}

/* ---- CPUs --------------------------------------------------------------------------------- */

/* A CPU that stopped outside every call left nothing but caches. */
static void stop_cpu(model *m)
{
	unsigned cpu = (unsigned)nht_below(&m->random, m->setup->cpus + 1u);
	bool there = cpu < m->setup->cpus;
	if (!there)
		cpu = NH_CPUS;
	nh_status status = nh_instance_cpu_offline(m->instance, cpu);
	NHT_CHECK(status == (there ? NH_OK : NH_ENOENT), "op %zu: cpu_offline(%u): %s", m->index, cpu,
	          nh_status_string(status));
	status = nh_instance_cpu_online(m->instance, cpu);
	NHT_CHECK(status == (there ? NH_OK : NH_ENOENT), "op %zu: cpu_online(%u): %s", m->index, cpu,
	          nh_status_string(status));
}

static void recover_cpu(model *m)
{
	unsigned cpu = (unsigned)nht_below(&m->random, m->setup->cpus);
	nh_status right = NH_LOCK_BACKEND != NH_LOCK_OWNER || !NHT_THREADS ? NH_ENOTSUP
	                  : cpu == nh_host_cpu()           ? NH_EINVAL
	                                                   : NH_OK;
	nh_status status = nh_instance_cpu_recover(m->instance, cpu);
	NHT_CHECK(status == right, "op %zu: cpu_recover(%u): %s", m->index, cpu, nh_status_string(status));
	int heap = (int)nht_below(&m->random, m->heaps);
	size_t blocks = 99;
	status = nh_instance_heap_salvage(m->instance, heap, &blocks);
	NHT_CHECK(status == (m->rules[heap].there ? NH_OK : NH_ENOENT), "op %zu: heap_salvage(%d): %s",
	          m->index, heap, nh_status_string(status));
	NHT_CHECK(blocks == 0, "op %zu: %zu blocks salvaged, and nothing was lost", m->index, blocks);
}

/* ---- somebody looks ----------------------------------------------------------------------- */

typedef struct stroll {
	model *m;
	unsigned left; /* visits until it ends */
} stroll;

/* Blocks are returned while a walk stands among them; each one reported was there at some moment. */
static bool stroll_by(const nh_block_info *block, void *context)
{
	stroll *s = context;
	model *m = s->m;
	int part = nht_arena_find(&m->arena, block->address, block->size);
	NHT_CHECK(part >= 0 && m->part_added[part], "op %zu: a walk met %p, which is nowhere", m->index,
	          block->address);
	if (nht_chance(&m->random, 30))
		model_free_any(m);
	return s->left-- != 0;
}

static void walk(model *m)
{
	int heap = (int)nht_below(&m->random, m->heaps);
	stroll s = { m, (unsigned)nht_below(&m->random, 64) };
	nh_status status = nh_instance_walk(m->instance, heap, stroll_by, &s);
	NHT_CHECK(status == (m->rules[heap].there ? NH_OK : NH_ENOENT), "op %zu: walk(%d): %s", m->index,
	          heap, nh_status_string(status));
}

static void trim(model *m)
{
	int heap = (int)nht_below(&m->random, m->heaps + 1u) - 1;
	nh_status right = heap >= 0 && !m->rules[heap].there ? NH_ENOENT : NH_OK;
	nh_heap_stats stats;
	NHT_CHECK(nh_instance_trim(m->instance, heap) == right, "op %zu: trim(%d)", m->index, heap);
	for (int other = 0; right == NH_OK && other < (int)m->heaps; other++) {
		if (!m->rules[other].there || (heap >= 0 && heap != other))
			continue;
		nh_status status = nh_instance_heap_stats_get(m->instance, other, &stats);
		NHT_CHECK(status == NH_OK && stats.cached == 0, "op %zu: %zu cached after trim(%d)", m->index,
		          stats.cached, heap);
	}
}

void model_upkeep(model *m)
{
	static void (*const kinds[])(model * m) = { trim,          trim,          walk,
		                                    walk,          stop_cpu,      recover_cpu,
		                                    remove_region, remove_region, remove_heap };
	kinds[nht_below(&m->random, sizeof kinds / sizeof kinds[0])](m);
	m->upkeeps++;
}

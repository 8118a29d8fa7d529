/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nearheap/host.h>

#include "tests/support/end.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

/* ---- making ------------------------------------------------------------------------------- */

static void make_arena(model *m)
{
	size_t sizes[NHT_ARENA_PARTS], misalign[NHT_ARENA_PARTS];
	unsigned parts = 0;
	m->total = 0;
	for (unsigned heap = 0; heap < m->setup->heap_count; heap++)
		for (unsigned r = 0; r < MODEL_REGIONS && m->setup->heaps[heap].regions[r] != 0; r++) {
			sizes[parts] = m->setup->heaps[heap].regions[r];
			misalign[parts] = m->setup->odd ? nht_below(&m->random, 64) : 0;
			m->part_heap[parts] = (int)heap;
			m->total += sizes[parts];
			parts++;
		}
	nht_arena_parts(&m->arena, parts, sizes, misalign);
}

static unsigned first_part(const model *m, unsigned heap)
{
	unsigned part = 0;
	while (m->part_heap[part] != (int)heap)
		part++;
	return part;
}

nh_heap_config model_config(model *m, unsigned heap)
{
	const model_heap *plan = &m->setup->heaps[heap];
	const nht_part *part = &m->arena.parts[first_part(m, heap)];
	nh_heap_config config = {0};
	config.name = m->setup->name;
	config.base = part->base;
	config.size = part->size;
	config.attributes = plan->attributes;
	config.affinity = plan->affinity;
	config.flags = plan->flags;
	config.window = (size_t)(m->arena.memory + m->arena.size - part->base);
	if (plan->control_apart) {
		config.control_size = nh_heap_control_size(&config);
		NHT_CHECK(config.control_size != 0, "heap %u: no control size", heap);
		if (m->control[heap] == NULL)
			m->control[heap] = aligned_alloc(64, (config.control_size + 63u) / 64u * 64u);
		NHT_CHECK(m->control[heap] != NULL, "heap %u: no memory for control", heap);
		config.control = m->control[heap];
	}
	return config;
}

void model_heap_is_there(model *m, unsigned heap)
{
	const model_heap *plan = &m->setup->heaps[heap];
	m->rules[heap] = (rules_heap){true, plan->attributes, plan->affinity, plan->flags};
	m->part_added[first_part(m, heap)] = true;
	nht_census census;
	const char *complaint = nht_census_take(m->instance, (int)heap, &census);
	NHT_CHECK(complaint == NULL && census.blocks[NH_BLOCK_FREE] == 1, "heap %u: fresh: %s", heap,
	          complaint != NULL ? complaint : "not one free block");
}

static void make_instance(model *m)
{
	nh_heap_config configs[NH_MAX_HEAPS];
	unsigned failed = 99;
	for (unsigned heap = 0; heap < m->setup->initial; heap++)
		configs[heap] = model_config(m, heap);
	nh_status status = nh_instance_init(&m->storage, configs, m->setup->initial, &failed, &m->instance);
	NHT_CHECK(status == NH_OK, "init: %s at entry %u", nh_status_string(status), failed);
	for (unsigned heap = 0; heap < m->setup->initial; heap++)
		model_heap_is_there(m, heap);
}

/* ---- the stream --------------------------------------------------------------------------- */

/* To another slot: what the old one has cached stays there. Now and then the slot is given back,
 * which drains it. A thread without one would be given one by its next allocation, and the rules
 * have to know the CPU before. */
static void hop(model *m)
{
	m->hops++;
	if (nht_chance(&m->random, 10))
		nh_host_detach();
	nh_status status = nh_host_attach((int)nht_below(&m->random, m->setup->cpus));
	NHT_CHECK(status == NH_OK, "op %zu: attach: %s", m->index, nh_status_string(status));
}

static bool wants_more(model *m)
{
	if (m->shadow.count == m->shadow.limit)
		return false;
	bool below = m->shadow.live / 100u * m->target < m->total / 100u * m->target &&
	             m->shadow.live < m->total / 100u * m->target;
	return below ? nht_chance(&m->random, 80) : nht_chance(&m->random, 25);
}

static void step(model *m)
{
	unsigned kind = (unsigned)nht_below(&m->random, 1000), upkeep = m->setup->upkeep == 0 ? 8 : m->setup->upkeep;
	if (kind >= 1000u - upkeep)
		model_upkeep(m);
	else if (kind < 68)
		hop(m);
	else if (kind < 72)
		model_try_absurd(m);
	else if (kind < 78)
		model_grow(m);
	else if (kind < 200)
		model_reallocate(m);
	else if (wants_more(m))
		model_allocate(m);
	else
		model_free_any(m);
}

/* The share that stays live changes, so that heaps run full, fragment, and empty again. */
static void next_phase(model *m)
{
	static const unsigned char targets[] = {30, 60, 90, 100, 100, 5};
	m->target = targets[nht_below(&m->random, sizeof targets)];
}

/* ---- the end ------------------------------------------------------------------------------ */

static void empty(model *m)
{
	while (m->shadow.count != 0) {
		if (nht_chance(&m->random, 5))
			hop(m);
		model_free_any(m);
	}
	while (model_grow(m))
		continue;
	nht_end(m->instance, &m->arena);
}

void model_make(model *m, const model_setup *setup, const nht_random *random)
{
	memset(m, 0, sizeof *m);
	nht_context("%s", setup->name);
	m->setup = setup;
	m->heaps = setup->heap_count;
	m->random = *random;
	nht_fault_forbid();
	make_arena(m);
	shadow_make(&m->shadow, &m->arena, setup->limit);
	make_instance(m);
	hop(m);
}

void model_drop(model *m)
{
	empty(m);
	for (unsigned heap = 0; heap < NH_MAX_HEAPS; heap++)
		free(m->control[heap]);
	shadow_drop(&m->shadow);
}

void model_steps(model *m, size_t operations)
{
	for (m->index = 0; m->index < operations && !nht_random_ended(&m->random); m->index++) {
		if (m->index % m->setup->batch == 0) {
			model_audit(m);
			next_phase(m);
		}
		step(m);
	}
	model_audit(m);
}

void model_run(const model_setup *setup, uint64_t seed)
{
	static model m;
	nht_random random;
	nht_random_seed(&random, seed);
	size_t operations = nht_test_operations(setup->operations);
	model_make(&m, setup, &random);
	model_steps(&m, operations);
	model_drop(&m);
	printf("%-28s %8zu operations: %zu blocks, %zu refused, %zu moved, %zu grown in place, %zu hops, %zu explained, "
	       "%zu upkeeps, %zu heaps removed\n",
	       setup->name, operations, m.allocated, m.refused, m.moved, m.grown_in_place, m.hops, m.explained, m.upkeeps,
	       m.removed);
	fflush(stdout);
	NHT_CHECK(operations < 10000 || (m.refused > 0 && m.moved > 0), "the run was too tame to mean anything");
}

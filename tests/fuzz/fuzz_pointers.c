/* SPDX-License-Identifier: MIT */
/*
 * Bad pointers and damaged metadata. An input first runs the model for a while. Then
 *   pointers   into, between and outside the regions go to usable_size, free and realloc: what is no live block is reported
 *              and changes no byte of the regions
 *   damage     bytes are written behind, before and into blocks, and the program goes on: it may be told of a
 *              fault, get NULL, or (if the checks of this level can miss it) nothing; it may not crash, and not a byte outside
 *              the regions may change. Headers of free blocks are left alone. Below NH_HARDENING_MODERATE nothing looks, and nothing is tried.
 */
#include <nearheap/host.h>

#include "setups.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

#include <stdlib.h>
#include <string.h>

static model m;

/* ---- pointers ----------------------------------------------------------------------------- */

static unsigned char elsewhere[256];

static unsigned char *choose_pointer(nht_random *random)
{
	const shadow *live = &m.shadow;
	size_t kind = nht_below(random, 8);
	if (kind < 3 && live->count != 0) {
		const shadow_block *block = &live->blocks[nht_below(random, live->count)];
		return block->address + NHT_ALIGNMENT * nht_below(random, block->usable / NHT_ALIGNMENT + 2u);
	}
	if (kind < 5)
		return m.arena.memory + NHT_ALIGNMENT * nht_below(random, m.arena.size / NHT_ALIGNMENT);
	if (kind == 5)
		return m.arena.memory + nht_below(random, m.arena.size);
	if (kind == 6)
		return elsewhere + nht_below(random, sizeof elsewhere);
	uintptr_t high = nht_next(random), low = nht_next(random);
	return (unsigned char *)(high << 16 << (8u * sizeof high - 32u) / 2u ^ low);
}

static bool is_live(const unsigned char *address)
{
	for (unsigned i = 0; i < m.shadow.count; i++)
		if (m.shadow.blocks[i].address == address)
			return true;
	return false;
}

typedef struct question {
	const void *address;
	bool answer;
} question;

static bool is_it(const nh_block_info *block, void *context)
{
	question *q = context;
	q->answer |= block->address == q->address;
	return !q->answer;
}

/* Of a block, whatever its state. */
static bool is_start(const void *address)
{
	question q = { address, false };
	for (unsigned heap = 0; heap < m.heaps && !q.answer; heap++)
		nh_instance_walk(m.instance, (int)heap, is_it, &q);
	return q.answer;
}

static void try_pointer(nht_random *random, unsigned char *before)
{
	unsigned char *address = choose_pointer(random);
	bool resize = nht_chance(random, 30);
	if (address == NULL || is_live(address))
		return;
	size_t usable = nh_instance_usable_size(m.instance, address);
	/* Below FULL a pointer into a block is told by what looks like a header there: a user's bytes may look like one. */
	if (usable != 0 && !NHT_EXACT && nht_arena_find(&m.arena, address, 1) >= 0 && !is_start(address))
		return;
	NHT_CHECK(usable == 0, "%p is no live block, and has %zu bytes", (void *)address, usable);
	memcpy(before, m.arena.memory, m.arena.size);
	nht_fault_clear();
	if (resize)
		NHT_CHECK(nh_instance_realloc(m.instance, address, nht_below(random, 512)) == NULL,
		          "%p was resized", (void *)address);
	else
		nh_instance_free(m.instance, address);
	NHT_CHECK(nht_fault_count() == 1, "%p: %u reports", (void *)address, nht_fault_count());
	nh_fault fault = nht_fault_get(0);
	/* What looks like a header in a region, but for its size, is taken for one that was overwritten. */
	bool known = fault.code == NH_FAULT_POINTER || fault.code == NH_FAULT_DOUBLE_FREE ||
	             (!NHT_EXACT && fault.code == NH_FAULT_NEIGHBOUR && nht_arena_find(&m.arena, address, 1) >= 0);
	NHT_CHECK(known && fault.address == address && fault.cpu == nh_host_cpu(), "%p: %s at %p", (void *)address,
	          nh_fault_string(fault.code), (void *)(uintptr_t)fault.address);
	NHT_CHECK(memcmp(before, m.arena.memory, m.arena.size) == 0, "a free of %p changed memory",
	          (void *)address);
}

/* ---- damage ------------------------------------------------------------------------------- */

static void damage(nht_random *random)
{
	const shadow *live = &m.shadow;
	unsigned part = (unsigned)nht_below(random, m.arena.count);
	unsigned char *at = m.arena.parts[part].base + nht_below(random, m.arena.parts[part].size);
	if (live->count != 0 && nht_chance(random, 70)) {
		const shadow_block *block = &live->blocks[nht_below(random, live->count)];
		at = nht_chance(random, 50)
		             ? block->address + block->usable + nht_below(random, 3u * NHT_ALIGNMENT)
		             : block->address - 1u - nht_below(random, 2u * NHT_ALIGNMENT);
	}
	for (size_t count = 1u + nht_below(random, 8); count > 0; count--, at++)
		if (nht_arena_find(&m.arena, at, 1) >= 0 && m.part_added[nht_arena_find(&m.arena, at, 1)])
			*at = (unsigned char)nht_below(random, 256);
}

static bool visit_all(const nh_block_info *block, void *context)
{
	(void)block;
	(void)context;
	return true;
}

/* The shadow's blocks, while they last; what they hold is not looked at any more. */
static void go_on(nht_random *random)
{
	shadow *live = &m.shadow;
	nh_heap_stats stats;
	int heap = (int)nht_below(random, m.heaps);
	if (nht_chance(random, 20))
		NHT_CHECK(nh_host_attach((int)nht_below(random, m.setup->cpus)) == NH_OK, "attach");
	if (live->count != 0 && nht_chance(random, 50)) {
		unsigned index = (unsigned)nht_below(random, live->count);
		unsigned char *address = live->blocks[index].address;
		shadow_remove(live, index);
		if (nht_chance(random, 30))
			nh_instance_realloc(m.instance, address, nht_below(random, 1024));
		else
			nh_instance_free(m.instance, address);
		return;
	}
	switch (nht_below(random, 8)) {
	case 0:
		nh_instance_validate(m.instance, -1, NULL);
		break;
	case 1:
		nh_instance_walk(m.instance, heap, visit_all, NULL);
		break;
	case 2:
		nh_instance_heap_stats_get(m.instance, heap, &stats);
		break;
	case 3:
		nh_instance_trim(m.instance, -1);
		break;
	case 4:
		nh_instance_aligned_alloc(m.instance, 64, nht_below(random, 512));
		break;
	default:
		nh_instance_malloc(m.instance, nht_below(random, 512));
	}
}

/* ---- an input ----------------------------------------------------------------------------- */

static void begin(model_setup *setup, const uint8_t *data, size_t size)
{
	nht_random random;
	fuzz_begin(&random, data, size);
	fuzz_setup(setup, &random, 2);
	for (unsigned i = 0; i < setup->heap_count; i++)
		setup->heaps[i].control_apart = true; /* regions hold blocks only */
	setup->initial = setup->heap_count;
	model_make(&m, setup, &random);
	model_steps(&m, 1u + nht_below(&m.random, 128));
}

/* Nothing of it can be given back in order. */
static void abandon(void)
{
	NHT_CHECK(nht_arena_intact(&m.arena), "a byte outside the regions was written");
	nh_instance_deinit(m.instance);
	nht_arena_drop(&m.arena);
	shadow_drop(&m.shadow);
	for (unsigned heap = 0; heap < NH_MAX_HEAPS; heap++)
		free(m.control[heap]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	model_setup setup;
	begin(&setup, data, size);
	unsigned char *before = malloc(m.arena.size);
	NHT_CHECK(before != NULL, "no memory");
	nht_random random = m.random;
	bool damaged = NH_HARDENING >= NH_HARDENING_MODERATE && nht_chance(&random, 60);
	nht_fault_catch();
	while (!nht_random_ended(&random))
		if (!damaged)
			try_pointer(&random, before);
		else if (nht_chance(&random, 30))
			damage(&random);
		else
			go_on(&random);
	free(before);
	if (damaged) {
		abandon();
	} else {
		nht_fault_forbid();
		model_audit(&m);
		model_drop(&m);
	}
	nht_fault_release();
	return 0;
}

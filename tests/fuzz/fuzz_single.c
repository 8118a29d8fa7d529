/* SPDX-License-Identifier: MIT */
/*
 * One region without an instance (nearheap/single.h) against a shadow: any alignment, rewind and size, resizes, bad
 * pointers; accounts, contents and structure after each batch, and one free block at the end.
 */
#include <nearheap/host.h>
#include <nearheap/single.h>

#include "tests/model/shadow.h"
#include "tests/support/env.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

#include "fuzz.h"

#define LIMIT 256u
#define BATCH 16u

static nh_single *single;
static nht_arena arena;
static shadow blocks;
static nht_random dice;
static uint32_t next_key;

/* ---- what a walk tells -------------------------------------------------------------------- */

typedef struct view {
	nht_fit fit;
	size_t free, live, count;
	uintptr_t end, asked; /* of the block before; a block's address */
	size_t room;          /* of that one, with its free successor */
	bool found, last;     /* it was met; it is the block before */
} view;

static bool look(const nh_block_info *block, void *context)
{
	view *v = context;
	uintptr_t at = (uintptr_t)block->address;
	bool free = block->state == NH_BLOCK_FREE;
	NHT_CHECK(v->count == 0 || at - NHT_HEADER == v->end, "the walk leaves a gap before %p",
	          block->address);
	v->end = at + block->size + NHT_OVERHEAD - NHT_HEADER;
	*(free ? &v->free : &v->live) += block->size + NHT_OVERHEAD;
	v->count++;
	if (v->last && free)
		v->room += block->size + NHT_OVERHEAD;
	v->last = v->asked >= at && v->asked < at + block->size;
	if (v->last) {
		v->room = at + block->size - v->asked;
		v->found = true;
	}
	return nht_fit_block(block, &v->fit);
}

static view survey(size_t alignment, const void *asked)
{
	view v = { .fit = { alignment < NHT_ALIGNMENT ? NHT_ALIGNMENT : alignment, 0 },
		   .asked = (uintptr_t)asked };
	nh_status status = nh_single_walk(single, look, &v);
	NHT_CHECK(status == NH_OK, "walk: %s", nh_status_string(status));
	return v;
}

static void audit(void)
{
	nh_heap_stats stats;
	nh_report report;
	view v = survey(0, NULL);
	nh_single_stats_get(single, &stats);
	NHT_CHECK(v.free == stats.free && v.live == stats.live && stats.size == stats.free + stats.taken,
	          "the walk has %zu free and %zu live, the statistics %zu and %zu", v.free, v.live,
	          stats.free, stats.live);
	NHT_CHECK(stats.peak >= stats.taken && stats.quarantined == 0, "peak %zu of %zu", stats.peak,
	          stats.taken);
	NHT_CHECK(nh_single_validate(single, &report) == NH_OK, "validate: %s at %p", report.what,
	          (void *)(uintptr_t)report.address);
	for (unsigned i = 0; i < blocks.count; i++) {
		const shadow_block *block = &blocks.blocks[i];
		NHT_CHECK(pattern_holds(block->address, block->usable, block->usable, block->key),
		          "contents of %p lost", (void *)block->address);
		NHT_CHECK(nh_single_usable_size(single, block->address) == block->usable, "usable size of %p",
		          (void *)block->address);
		NHT_CHECK(nh_single_contains(single, block->address), "%p is not contained",
		          (void *)block->address);
	}
	NHT_CHECK(nht_arena_intact(&arena), "a byte outside the region was written");
}

/* ---- operations --------------------------------------------------------------------------- */

static size_t choose_size(void)
{
	if (nht_chance(&dice, 70))
		return nht_below(&dice, 128);
	return nht_chance(&dice, 90) ? nht_below(&dice, 4096) : SIZE_MAX - nht_below(&dice, 256);
}

static void take_in(unsigned char *address, size_t size)
{
	shadow_block block = { .address = address,
		               .size = size,
		               .usable = nh_single_usable_size(single, address) };
	block.key = next_key++ * UINT32_C(0x9e3779b1);
	NHT_CHECK(block.usable >= size && (!NHT_EXACT || block.usable == size), "usable %zu, asked %zu",
	          block.usable, size);
	NHT_CHECK(nht_arena_find(&arena, address, block.usable) == 0, "%p is outside", (void *)address);
	NHT_CHECK(shadow_claim(&blocks, address, block.usable), "%p overlaps a live block", (void *)address);
	pattern_write(address, block.usable, block.key);
	shadow_add(&blocks, &block);
}

static void take(void)
{
	size_t alignment = nht_below(&dice, 12), size = choose_size(), rewind = 0;
	alignment = alignment == 0 ? nht_below(&dice, 64) : (size_t)1 << (alignment - 1u);
	if (nht_chance(&dice, 30))
		rewind = nht_below(&dice, alignment + alignment / 8u + 1u);
	bool valid = size != 0 && (alignment & (alignment - 1u)) == 0 && (rewind == 0 || rewind < alignment);
	size_t fit = survey(alignment, NULL).fit.best;
	unsigned char *address = nh_single_alloc(single, alignment, rewind, size);
	if (address == NULL) {
		/* Before a rewound block something may have to be cut off, which must be a block itself. */
		size_t spare = rewind == 0 ? 0 : 2u * alignment + 2u * NHT_LEAST_SPAN + 2u * NHT_ALIGNMENT;
		NHT_CHECK(!valid || fit < spare || fit - spare < size,
		          "NULL for %zu at %zu less %zu, and %zu fit", size, alignment, rewind, fit);
		return;
	}
	NHT_CHECK(valid, "%p for %zu at %zu less %zu", (void *)address, size, alignment, rewind);
	NHT_CHECK(alignment == 0 || ((uintptr_t)address + rewind) % alignment == 0, "%p at %zu less %zu",
	          (void *)address, alignment, rewind);
	NHT_CHECK(rewind != 0 || (uintptr_t)address % NHT_ALIGNMENT == 0, "%p is misaligned",
	          (void *)address);
	take_in(address, size);
}

static shadow_block forget(unsigned index)
{
	shadow_block block = blocks.blocks[index];
	NHT_CHECK(pattern_holds(block.address, block.usable, block.usable, block.key), "contents of %p lost",
	          (void *)block.address);
	NHT_CHECK(shadow_return(&blocks, block.address, block.usable), "the shadow disagrees");
	shadow_remove(&blocks, index);
	return block;
}

static void give(void)
{
	if (blocks.count == 0)
		return;
	shadow_block block = forget((unsigned)nht_below(&dice, blocks.count));
	nh_single_free(single, block.address);
	NHT_CHECK(nh_single_usable_size(single, block.address) == 0, "a freed block has a size");
}

static void resize(void)
{
	if (blocks.count == 0)
		return;
	shadow_block block = forget((unsigned)nht_below(&dice, blocks.count));
	size_t size = choose_size();
	view v = survey(0, block.address);
	NHT_CHECK(v.found, "the walk misses %p", (void *)block.address);
	bool fits = size != 0 && size <= v.room, done = nh_single_resize(single, block.address, size);
	NHT_CHECK(done == fits, "resize of %p to %zu: %d, and there is room for %zu", (void *)block.address,
	          size, done, v.room);
	NHT_CHECK(pattern_holds(block.address, block.usable, done ? size : block.usable, block.key),
	          "a resize lost contents");
	NHT_CHECK(done || nh_single_usable_size(single, block.address) == block.usable,
	          "a refused resize changed the size");
	if (!done)
		size = block.size;
	take_in(block.address, size);
}

/* What is no block's address, nor in the same granule. */
static void try_pointer(void)
{
	size_t at = nht_below(&dice, arena.size);
	unsigned char *address = arena.memory + at;
	size_t usable = nh_single_usable_size(single, address);
	for (unsigned i = 0; i < blocks.count; i++)
		if ((uintptr_t)blocks.blocks[i].address / NHT_ALIGNMENT == (uintptr_t)address / NHT_ALIGNMENT)
			return;
	if (usable != 0 && !NHT_EXACT)
		return; /* bytes that look like a header */
	NHT_CHECK(usable == 0, "%p has %zu bytes", (void *)address, usable);
	nht_fault_catch();
	if (nht_chance(&dice, 50))
		nh_single_free(single, address);
	else
		NHT_CHECK(!nh_single_resize(single, address, 8), "%p was resized", (void *)address);
	NHT_CHECK(nht_fault_count() == 1 && nht_fault_get(0).address == address, "%p: %u reports",
	          (void *)address, nht_fault_count());
	nht_fault_forbid();
}

/* ---- an input ----------------------------------------------------------------------------- */

static void run(void)
{
	for (unsigned index = 0; !nht_random_ended(&dice); index++) {
		size_t kind = nht_below(&dice, 16);
		if (kind < 6 && blocks.count < LIMIT)
			take();
		else if (kind < 10)
			give();
		else if (kind < 14)
			resize();
		else if (kind == 14)
			try_pointer();
		else
			nh_single_peak_reset(single);
		if (index % BATCH == 0)
			audit();
	}
	audit();
	while (blocks.count != 0)
		give();
	audit();
	view v = survey(0, NULL);
	NHT_CHECK(v.count == 1 && v.live == 0, "%zu blocks at the end", v.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t none[1];
	nht_random_bytes(&dice, size == 0 ? none : data, size);
	size_t memory = nht_below(&dice, 4096);
	nht_fault_forbid();
	NHT_CHECK(nh_host_attach(0) == NH_OK, "attach");
	nht_arena_make(&arena, memory, nht_below(&dice, 64));
	nh_status status = nh_single_init(arena.parts[0].base, memory, &single);
	NHT_CHECK(status == NH_OK || (status == NH_ESMALL && memory < 160u), "init of %zu: %s", memory,
	          nh_status_string(status));
	if (status == NH_OK) {
		shadow_make(&blocks, &arena, LIMIT);
		run();
		shadow_drop(&blocks);
	}
	NHT_CHECK(nht_arena_drop(&arena), "a byte outside the region was written");
	nht_fault_release();
	return 0;
}

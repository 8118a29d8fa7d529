/* SPDX-License-Identifier: MIT */
/* Both cores at once, everything the allocation functions offer, contents checked throughout. */
#include "heap_test.h"

#define HELD 80u /* per core */

static struct demo_block held[CORES][HELD];
static struct demo_ring to_core[CORES];    /* from the other core */
static struct demo_ring to_handler[CORES]; /* from this core's program */
static struct demo_ring to_program[CORES]; /* from this core's handlers */

void drop(struct demo_block *block)
{
	BOARD_CHECK(demo_pattern_holds(block->address, block->size, block->tag));
	nh_free(block->address);
	block->address = NULL;
}

static void drop_all(struct demo_ring *ring)
{
	struct demo_block block;
	while (demo_ring_take(ring, &block))
		drop(&block);
}

/* Mostly small, as sizes are, or half of them anything. */
static uint32_t random_size(struct actor *me, bool crowded)
{
	static const uint16_t upper[8] = { 1500, 256, 256, 64, 64, 64, 32, 32 };
	const uint32_t pick = demo_random(&me->random) % 8u;
	return demo_between(&me->random, 1, upper[crowded && pick % 2u != 0 ? 0u : pick]);
}

static size_t largest_free(uint32_t attributes)
{
	size_t largest = 0;
	for (int heap = 0; heap < (int)HEAPS; heap++) {
		nh_heap_stats stats;
		BOARD_CHECK(nh_heap_stats_get(heap, &stats) == NH_OK);
		const bool allowed = attributes != 0 ? (stats.attributes & attributes) == attributes
		                                     : (stats.flags & NH_HEAP_NOT_DEFAULT) == 0;
		if (allowed && stats.largest_free > largest)
			largest = stats.largest_free;
	}
	return largest;
}

/* NULL was returned. Alone with the heap: either there is memory now, or nothing that is free fits. */
static void *judge(struct actor *me, uint32_t attributes, uint32_t size)
{
	stop_other(me);
	void *block = nh_malloc_attr(attributes, size);
	if (block == NULL) {
		me->refusals++;
		BOARD_CHECK(largest_free(attributes) < size);
	}
	resume_other(me);
	return block;
}

static uint32_t attributes_of(uint32_t pick)
{
	return pick >= 13u ? NH_ATTR_DMA : pick == 12u ? NH_ATTR_FAST : 0u;
}

/* A block for a slot, by one of the allocating functions. */
static void acquire(struct actor *me, struct demo_block *slot, uint32_t pick, bool crowded)
{
	const uint32_t attributes = attributes_of(pick);
	const uint32_t alignment = pick == 10u ? 8u << demo_random(&me->random) % 6u : 0u;
	slot->size = random_size(me, crowded);
	slot->tag = demo_random(&me->random);
	if (pick == 11u)
		slot->address = nh_calloc(1, slot->size);
	else if (pick == 10u)
		slot->address = nh_aligned_alloc(alignment, slot->size);
	else
		slot->address = nh_malloc_attr(attributes, slot->size);
	if (slot->address == NULL) {
		slot->address = judge(me, attributes, slot->size);
		if (slot->address == NULL)
			return;
	} else if (pick == 10u) {
		BOARD_CHECK(((uintptr_t)slot->address & (alignment - 1u)) == 0);
	} else if (pick == 11u) {
		for (uint32_t i = 0; i < slot->size; i++)
			BOARD_CHECK(((const uint8_t *)slot->address)[i] == 0);
	}
	const int heap = nh_heap_of(slot->address);
	BOARD_CHECK(heap >= 0 && nh_usable_size(slot->address) >= slot->size);
	BOARD_CHECK(attributes != NH_ATTR_DMA || heap == (int)SHARED);
	BOARD_CHECK(attributes != NH_ATTR_FAST || heap >= (int)SCRATCH0);
	demo_pattern_fill(slot->address, slot->size, slot->tag);
	me->allocations++;
}

/* The common part keeps its contents, whether the block moves or not, and all of it if it cannot. */
static void resize(struct actor *me, struct demo_block *slot, bool crowded)
{
	const uint32_t size = random_size(me, crowded);
	const uint32_t common = (size < slot->size ? size : slot->size) & ~UINT32_C(3);
	void *moved = nh_realloc(slot->address, size);
	if (moved == NULL)
		return;
	BOARD_CHECK(demo_pattern_holds(moved, common, slot->tag));
	slot->address = moved;
	slot->size = size;
	demo_pattern_fill(moved, size, slot->tag);
}

static void operate(struct actor *me, bool crowded)
{
	struct demo_block *slot = &held[me->core][demo_random(&me->random) % HELD];
	const uint32_t pick = demo_random(&me->random) % 16u;
	drop_all(&to_program[me->core]);
	if (slot->address == NULL) {
		acquire(me, slot, pick, crowded);
	} else if (pick < 3u) {
		resize(me, slot, crowded);
	} else if (pick < 8u) {
		if (demo_ring_put(&to_core[1u - me->core], slot))
			slot->address = NULL;
	} else if (pick == 8u) {
		if (demo_ring_put(&to_handler[me->core], slot))
			slot->address = NULL;
	} else if (pick == 9u) {
		drop_all(&to_core[me->core]);
	} else {
		drop(slot);
	}
}

/* Handlers do not reclaim: they may be refused, and say nothing about it. */
void hammer_handler(struct actor *me, enum board_irq irq)
{
	struct demo_block block;
	if (handlers_silenced())
		return;
	if (irq == BOARD_IRQ_A && demo_ring_take(&to_handler[me->core], &block))
		drop(&block);
	if (demo_ring_used(&to_program[me->core]) == DEMO_RING)
		return;
	block.size = demo_between(&me->random, 1, 72);
	block.tag = demo_random(&me->random);
	block.address = irq == BOARD_IRQ_A ? nh_malloc(block.size) : nh_malloc_attr(NH_ATTR_DMA, block.size);
	if (block.address == NULL)
		return;
	me->allocations++;
	demo_pattern_fill(block.address, block.size, block.tag);
	demo_ring_put(&to_program[me->core], &block);
}

void hammer(struct actor *me, uint32_t operations, bool crowded)
{
	if (me->core == 0)
		silence_handlers(false);
	for (uint32_t i = 0; i < operations; i++) {
		safe_point(me);
		operate(me, crowded);
		if (i % 32u == 7u)
			board_irq_pend(i / 32u % 2u == 0 ? BOARD_IRQ_A : BOARD_IRQ_B);
		if (i % 512u == 255u)
			BOARD_CHECK(nh_trim(-1) == NH_OK);
	}
	barrier(me);
	if (me->core == 0)
		silence_handlers(true);
	barrier(me);
	for (unsigned i = 0; i < HELD; i++)
		if (held[me->core][i].address != NULL)
			drop(&held[me->core][i]);
	drop_all(&to_core[me->core]);
	drop_all(&to_handler[me->core]);
	drop_all(&to_program[me->core]);
	BOARD_CHECK(handlers[me->core].allocations != 0);
	barrier(me);
}

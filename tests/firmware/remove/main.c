/* SPDX-License-Identifier: MIT */
/*
 * A region goes and comes back, again and again, while the other CPU and its handlers allocate, resize and hand blocks
 * over. While it is gone it is full of a pattern, which nobody may touch; nobody gets a block of it.
 */
#include <nearheap/nearheap.h>

#include "traffic.h"

#define OPERATIONS (BOARD_SCALE * 3000u)
#define ROUNDS (BOARD_SCALE * 60u)
#define LONGEST 700u
#define HEAP_SIZE (24u * 1024u)
#define LOOSE_SIZE (20u * 1024u)
#define TAG UINT32_C(0xdb5ec0de)

int main(void);

static void *loose; /* the region that comes and goes */
static uint32_t served;    /* by the region, CPU 0 */

static bool in_loose(const void *address)
{
	return (uintptr_t)address - (uintptr_t)loose < LOOSE_SIZE;
}

/* ---- load ------------------------------------------------------------------------------- */

struct demo_block traffic_make(struct traffic_actor *me, uint32_t longest)
{
	struct demo_block block = {NULL, demo_between(&me->random, 1, longest), demo_random(&me->random)};
	block.address = nh_malloc(block.size);
	if (block.address == NULL) {
		me->refusals++;
		return block;
	}
	me->allocations++;
	demo_pattern_fill(block.address, block.size, block.tag);
	return block;
}

void traffic_move(struct traffic_actor *me, struct demo_block *block)
{
	const uint32_t size = demo_between(&me->random, 1, LONGEST), kept = size < block->size ? size : block->size;
	void *moved = nh_realloc(block->address, size);
	if (moved == NULL)
		return;
	me->moves++;
	BOARD_CHECK(demo_pattern_holds(moved, kept & ~3u, block->tag));
	block->address = moved;
	block->size = size;
	demo_pattern_fill(moved, size, block->tag);
}

void traffic_drop(const struct demo_block *block)
{
	if (block->address == NULL)
		return;
	BOARD_CHECK(demo_pattern_holds(block->address, block->size, block->tag));
	nh_free(block->address);
}

/* ---- the region ------------------------------------------------------------------------- */

static void come_and_go(uint32_t *removed, uint32_t *busy)
{
	size_t live;
	const nh_status status = nh_region_remove(0, loose, &live);
	BOARD_CHECK(status == NH_OK || status == NH_EBUSY);
	if (status == NH_EBUSY) {
		++*busy;
		return;
	}
	++*removed;
	demo_pattern_fill(loose, LOOSE_SIZE, TAG);
	for (unsigned i = 0; i < 20; i++) {
		void *block = nh_malloc(20u + 30u * i);
		BOARD_CHECK(!in_loose(block));
		nh_free(block);
	}
	BOARD_CHECK(nh_heap_of((char *)loose + LOOSE_SIZE / 2u) == -1);
	BOARD_CHECK(demo_pattern_holds(loose, LOOSE_SIZE, TAG));
	BOARD_CHECK(nh_region_add(0, loose, LOOSE_SIZE) == NH_OK);
	/* and it serves */
	void *large = nh_malloc(LOOSE_SIZE - 64u);
	served += large != NULL && in_loose(large);
	nh_free(large);
}

static void cpu1(void)
{
	traffic_interrupts_on();
	traffic_meet(1);
	traffic_work(1, OPERATIONS, LONGEST);
	traffic_meet(1);
}

int main(void)
{
	nh_heap_config heap = {0};
	uint32_t removed = 0, busy = 0;
	size_t size;
	traffic_begin("region that comes and goes");
	board_bank_memory(BOARD_LOCAL0, &heap.base, &heap.size);
	board_bank_memory(BOARD_LOCAL1, &loose, &size);
	BOARD_CHECK(heap.size >= HEAP_SIZE && size >= LOOSE_SIZE);
	heap.size = HEAP_SIZE;
	heap.window = (size_t)((char *)loose + LOOSE_SIZE - (char *)heap.base);
	BOARD_CHECK(nh_init(&heap, 1, NULL) == NH_OK);
	BOARD_CHECK(nh_region_add(0, loose, LOOSE_SIZE) == NH_OK);
	board_start_cpu1(cpu1);
	traffic_interrupts_on();
	traffic_meet(0);
	for (uint32_t round = 0; round < ROUNDS; round++)
		come_and_go(&removed, &busy);
	traffic_work(0, 400, LONGEST);
	traffic_meet(0);
	BOARD_CHECK(nh_cpu_offline(1) == NH_OK);
	come_and_go(&removed, &busy); /* once surely: nothing is out now */
	BOARD_CHECK(nh_region_remove(0, loose, NULL) == NH_OK);
	BOARD_CHECK(nh_validate(-1, NULL) == NH_OK);
	BOARD_CHECK(removed != 0 && served != 0);
	traffic_end();
	board_printf("removed %u times, refused %u times\n", (unsigned)removed, (unsigned)busy);
	board_exit(0);
}

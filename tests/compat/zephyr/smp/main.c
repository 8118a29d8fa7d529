/* SPDX-License-Identifier: MIT */
/*
 * shared_multi_heap on two CPUs that start it together, add regions together, and then allocate, resize,
 * hand over and free without a lock of their own; handlers on both do the same.
 *
 *   SMH_REG_ATTR_CACHEABLE      local0 (near CPU 0), local1 (near CPU 1), shared
 *   SMH_REG_ATTR_NON_CACHEABLE  scratch0, scratch1
 */
#include <zephyr/multi_heap/shared_multi_heap.h>

#include <nearheap/zephyr.h>

#include <errno.h>

#include "traffic.h"

#define LONGEST 700u

int main(void);

static _Atomic uint32_t inits, added[BOARD_CPUS][BOARD_BANKS]; /* each CPU its own entries */

/* Operations of each CPU; may be set from outside for longer runs. */
volatile uint32_t zephyr_smp_operations = 2500u;

/* ---- setting up ------------------------------------------------------------------------- */

static enum shared_multi_heap_attr attr_of(enum board_bank bank)
{
	return bank < BOARD_SCRATCH0 ? SMH_REG_ATTR_CACHEABLE : SMH_REG_ATTR_NON_CACHEABLE;
}

static struct shared_multi_heap_region region_of(enum board_bank bank)
{
	void *base;
	size_t size;
	board_bank_memory(bank, &base, &size);
	return (struct shared_multi_heap_region){ (uint32_t)attr_of(bank), (uintptr_t)base, size };
}

static struct nh_smh_placement placement_of(enum board_bank bank)
{
	return (struct nh_smh_placement){ .cpus = bank < BOARD_SHARED ? NH_CPU((unsigned)bank) : 0 };
}

/* Each region by both CPUs, one of which is told that it is there. */
static void add_all(unsigned self)
{
	for (unsigned i = 0; i < BOARD_BANKS; i++) {
		const enum board_bank bank = (enum board_bank)(self == 0 ? i : BOARD_BANKS - 1u - i);
		const struct shared_multi_heap_region region = region_of(bank);
		const struct nh_smh_placement placement = placement_of(bank);
		const int result = nh_shared_multi_heap_add(&region, &placement);
		BOARD_CHECK(result == 0 || result == -EEXIST);
		traffic_set(&added[self][bank], result == 0);
	}
}

static bool lies_in(const void *address, enum board_bank bank)
{
	const struct shared_multi_heap_region region = region_of(bank);
	return (uintptr_t)address - region.addr < region.size;
}

static void begin(unsigned self)
{
	traffic_meet(self);
	const int result = shared_multi_heap_pool_init();
	BOARD_CHECK(result == 0 || result == -EALREADY);
	if (result == 0)
		traffic_set(&inits, traffic_get(&inits) + 1u);
	traffic_meet(self);
	BOARD_CHECK(traffic_get(&inits) == 1);
	add_all(self);
	traffic_meet(self);
	for (unsigned bank = 0; bank < BOARD_BANKS; bank++)
		BOARD_CHECK(traffic_get(&added[0][bank]) + traffic_get(&added[1][bank]) == 1);
	/* The same call gives each CPU its own bank. */
	void *near = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 40);
	BOARD_CHECK(lies_in(near, self == 0 ? BOARD_LOCAL0 : BOARD_LOCAL1));
	shared_multi_heap_free(near);
	void *other = shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, 40);
	BOARD_CHECK(lies_in(other, BOARD_SCRATCH0) || lies_in(other, BOARD_SCRATCH1));
	shared_multi_heap_free(other);
	BOARD_CHECK(shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, 40) == NULL);
	traffic_meet(self);
}

/* Every bank gives nearly all of itself in one block again. */
static void check_all_back(void)
{
	for (unsigned i = 0; i < BOARD_BANKS; i++) {
		const enum board_bank bank = (enum board_bank)i;
		const struct shared_multi_heap_region region = region_of(bank);
		const struct nh_smh_placement placement = placement_of(bank);
		void *blocks[BOARD_BANKS];
		unsigned count = 0;
		const size_t size = region.size - nh_smh_control_size(&region, &placement) - 64u;
		bool found = false;
		do {
			blocks[count] = shared_multi_heap_alloc(attr_of(bank), size);
			BOARD_CHECK(blocks[count] != NULL);
			found = lies_in(blocks[count], bank);
			count++;
		} while (!found && count < BOARD_BANKS);
		BOARD_CHECK(found);
		while (count > 0)
			shared_multi_heap_free(blocks[--count]);
	}
}

/* ---- load ------------------------------------------------------------------------------- */

struct demo_block traffic_make(struct traffic_actor *me, uint32_t longest)
{
	struct demo_block block = { NULL, demo_between(&me->random, 1, longest), demo_random(&me->random) };
	const uint32_t kind = demo_between(&me->random, 0, 7);
	const enum shared_multi_heap_attr attr = kind < 2 ? SMH_REG_ATTR_NON_CACHEABLE : SMH_REG_ATTR_CACHEABLE;
	const size_t align = kind == 7 ? 64u : 0u;
	block.address = align != 0 ? shared_multi_heap_aligned_alloc(attr, align, block.size)
	                           : shared_multi_heap_alloc(attr, block.size);
	if (block.address == NULL) {
		me->refusals++;
	} else {
		BOARD_CHECK(align == 0 || (uintptr_t)block.address % align == 0);
		demo_pattern_fill(block.address, block.size, block.tag);
		me->allocations++;
	}
	return block;
}

void traffic_drop(const struct demo_block *block)
{
	if (block->address != NULL)
		BOARD_CHECK(demo_pattern_holds(block->address, block->size, block->tag));
	shared_multi_heap_free(block->address);
}

/* Longer by some bytes, perhaps elsewhere: all that was there is there. */
void traffic_move(struct traffic_actor *me, struct demo_block *block)
{
	const enum shared_multi_heap_attr attr =
		demo_between(&me->random, 0, 1) != 0 ? SMH_REG_ATTR_CACHEABLE : SMH_REG_ATTR_NON_CACHEABLE;
	void *moved = shared_multi_heap_realloc(attr, block->address, block->size + 200u);
	if (moved == NULL)
		return;
	me->moves += moved != block->address;
	block->address = moved;
}

/* ---- both CPUs -------------------------------------------------------------------------- */

static void run(unsigned self)
{
	traffic_interrupts_on();
	begin(self);
	traffic_meet(self);
	traffic_work(self, zephyr_smp_operations, LONGEST);
	traffic_meet(self);
	if (self == 0)
		check_all_back();
	traffic_meet(self);
}

static void cpu1_main(void)
{
	run(1);
}

int main(void)
{
	traffic_begin("shared_multi_heap");
	board_start_cpu1(cpu1_main);
	run(0);
	traffic_end();
	return 0;
}

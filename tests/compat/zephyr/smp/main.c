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

#include "board.h"
#include "pattern.h"
#include "ring.h"

#define LONGEST 700u

int main(void);

struct actor {
	uint32_t random;
	uint32_t allocations, refusals, moves;
};

static struct actor actors[BOARD_CPUS], handlers[BOARD_CPUS];
static struct demo_ring ring[BOARD_CPUS]; /* to this CPU */
static _Atomic uint32_t arrived[BOARD_CPUS];
static _Atomic uint32_t done[BOARD_CPUS];
static _Atomic uint32_t inits, added[BOARD_CPUS][BOARD_BANKS]; /* each CPU its own entries */

/* Operations of each CPU; may be set from outside for longer runs. */
volatile uint32_t zephyr_smp_operations = 2500u;

static uint32_t get(_Atomic uint32_t *word)
{
	/* acquire: of set */
	return atomic_load_explicit(word, memory_order_acquire);
}

static void set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
	board_barrier();
	board_send_event();
}

/* Both CPUs leave here together. */
static void meet(unsigned self)
{
	const uint32_t count = get(&arrived[self]) + 1u;
	set(&arrived[self], count);
	while (get(&arrived[1u - self]) < count)
		board_wait_event();
}

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
		set(&added[self][bank], result == 0);
	}
}

static bool lies_in(const void *address, enum board_bank bank)
{
	const struct shared_multi_heap_region region = region_of(bank);
	return (uintptr_t)address - region.addr < region.size;
}

static void begin(unsigned self)
{
	meet(self);
	const int result = shared_multi_heap_pool_init();
	BOARD_CHECK(result == 0 || result == -EALREADY);
	if (result == 0)
		set(&inits, get(&inits) + 1u);
	meet(self);
	BOARD_CHECK(get(&inits) == 1);
	add_all(self);
	meet(self);
	for (unsigned bank = 0; bank < BOARD_BANKS; bank++)
		BOARD_CHECK(get(&added[0][bank]) + get(&added[1][bank]) == 1);
	/* The same call gives each CPU its own bank. */
	void *near = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 40);
	BOARD_CHECK(lies_in(near, self == 0 ? BOARD_LOCAL0 : BOARD_LOCAL1));
	shared_multi_heap_free(near);
	void *other = shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, 40);
	BOARD_CHECK(lies_in(other, BOARD_SCRATCH0) || lies_in(other, BOARD_SCRATCH1));
	shared_multi_heap_free(other);
	BOARD_CHECK(shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, 40) == NULL);
	meet(self);
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

static struct demo_block make(struct actor *me, uint32_t longest)
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

static void drop(const struct demo_block *block)
{
	if (block->address != NULL)
		BOARD_CHECK(demo_pattern_holds(block->address, block->size, block->tag));
	shared_multi_heap_free(block->address);
}

/* Longer by some bytes, perhaps elsewhere: all that was there is there. */
static void lengthen(struct actor *me, struct demo_block *block)
{
	const enum shared_multi_heap_attr attr =
		demo_between(&me->random, 0, 1) != 0 ? SMH_REG_ATTR_CACHEABLE : SMH_REG_ATTR_NON_CACHEABLE;
	void *moved = shared_multi_heap_realloc(attr, block->address, block->size + 200u);
	if (moved == NULL)
		return;
	me->moves += moved != block->address;
	block->address = moved;
}

static void receive(unsigned self)
{
	struct demo_block block;
	while (demo_ring_take(&ring[self], &block)) {
		if (demo_between(&actors[self].random, 0, 3) == 0)
			lengthen(&actors[self], &block);
		drop(&block);
	}
}

static void work(unsigned self)
{
	struct actor *me = &actors[self];
	for (uint32_t left = zephyr_smp_operations; left != 0; left--) {
		struct demo_block block = make(me, demo_between(&me->random, 0, 3) != 0 ? 64u : LONGEST);
		if (block.address == NULL || !demo_ring_put(&ring[1u - self], &block))
			drop(&block);
		if ((left & 7u) == 0)
			receive(self);
	}
	set(&done[self], 1);
	while (get(&done[1u - self]) == 0 || demo_ring_used(&ring[self]) != 0)
		receive(self);
}

/* The counters of a handler are its own: it interrupts its CPU's program only. */
void board_handler(enum board_irq irq)
{
	const unsigned self = board_cpu();
	if (irq == BOARD_IRQ_IPI || get(&arrived[self]) < 4u || get(&done[self]) != 0)
		return;
	const struct demo_block block = make(&handlers[self], 100);
	drop(&block);
}

/* ---- both CPUs -------------------------------------------------------------------------- */

static void run(unsigned self)
{
	board_irq_enable(BOARD_IRQ_A);
	board_irq_enable(BOARD_IRQ_B);
	board_disturb(6000);
	begin(self);
	meet(self);
	work(self);
	meet(self);
	if (self == 0)
		check_all_back();
	meet(self);
}

static void cpu1_main(void)
{
	run(1);
}

int main(void)
{
	board_init();
	for (unsigned cpu = 0; cpu < BOARD_CPUS; cpu++) {
		actors[cpu].random = demo_random_start(nh_board_seed, cpu);
		handlers[cpu].random = demo_random_start(nh_board_seed, cpu + 2u);
	}
	board_printf("shared_multi_heap, seed %u\n", (unsigned)nh_board_seed);
	board_start_cpu1(cpu1_main);
	run(0);
	BOARD_CHECK(actors[0].allocations > 100 && actors[1].allocations > 100);
	BOARD_CHECK(actors[0].moves + actors[1].moves > 0);
	board_printf("%u + %u allocations, %u + %u in handlers, %u refused, %u moved: ok\n",
	             (unsigned)actors[0].allocations, (unsigned)actors[1].allocations,
	             (unsigned)handlers[0].allocations, (unsigned)handlers[1].allocations,
	             (unsigned)(actors[0].refusals + actors[1].refusals),
	             (unsigned)(actors[0].moves + actors[1].moves));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A heap that survives warm resets. Both cores fill and empty the slots of a table, which is the heap's root, until the chip is
 * reset at an instruction they know nothing of, again and again. Each boot finds
 *   the table, and in every slot a live block with its contents;
 *   at most one more live block per core: what it had in hand, which is given back;
 *   after the last one, when all slots are emptied, one free block.
 * retained.mjs is the other half: it resets, and keeps the RAM. The heap is in .noinit, which start-up leaves alone.
 */
#include "board.h"
#include "pattern.h"

#include <nearheap/nearheap.h>
#include <string.h>

#define HEAP_SIZE (24u * 1024u)
#define SLOTS 48u

/* Of the program, in the heap. */
struct table {
	unsigned boots;
	void *volatile slot[BOARD_CPUS][SLOTS];
};

static _Alignas(16) unsigned char memory[HEAP_SIZE] __attribute__((section(".noinit")));
/* Set to 1 by the runner; in .data with another value, so that nothing clears it. */
volatile uint32_t last_boot = 2u;

static struct table *table;
static uint32_t random_state[BOARD_CPUS];

static void no_fault(const nh_fault *fault)
{
	board_printf("fault: %s, CPU %u\n", nh_fault_string(fault->code), fault->cpu);
	BOARD_CHECK(!"no fault may come");
}

/* ---- after a reset ------------------------------------------------------------------------ */

struct census {
	void *live[2u * SLOTS + 8u];
	unsigned count;
};

static bool note_live(const nh_block_info *block, void *context)
{
	struct census *census = context;
	BOARD_CHECK(block->state != NH_BLOCK_CACHED && census->count < sizeof census->live / sizeof census->live[0]);
	if (block->state == NH_BLOCK_LIVE)
		census->live[census->count++] = block->address;
	return true;
}

static void *found(struct census *census, void *block)
{
	for (unsigned i = 0; i < census->count; i++)
		if (census->live[i] == block) {
			census->live[i] = NULL;
			return block;
		}
	BOARD_CHECK(!"a noted block is not live");
	return NULL;
}

static void check(const void *block)
{
	BOARD_CHECK(demo_pattern_holds(block, (uint32_t)nh_usable_size(block), (uint32_t)(uintptr_t)block));
}

/* What the table reaches is right, and what it does not reach is given back. */
static void look_around(void)
{
	static struct census census;
	unsigned blocks = 0, leaks = 0;
	BOARD_CHECK(nh_walk(0, note_live, &census) == NH_OK);
	found(&census, table);
	for (unsigned core = 0; core < BOARD_CPUS; core++)
		for (unsigned i = 0; i < SLOTS; i++)
			if (table->slot[core][i] != NULL) {
				check(found(&census, table->slot[core][i]));
				blocks++;
			}
	for (unsigned i = 0; i < census.count; i++)
		if (census.live[i] != NULL) {
			nh_free(census.live[i]);
			leaks++;
		}
	BOARD_CHECK(leaks <= BOARD_CPUS);
	BOARD_CHECK(nh_validate(-1, NULL) == NH_OK);
	board_printf("boot %u: %u blocks kept, %u in hand given back\n", table->boots, blocks, leaks);
}

static void begin(void)
{
	const nh_heap_config config = {.name = "retained", .base = memory, .size = sizeof memory, .flags = NH_HEAP_NOT_DEFAULT};
	nh_retained report;
	BOARD_CHECK(nh_init(NULL, 0, NULL) == NH_OK);
	BOARD_CHECK(nh_heap_add_retained(&config, NULL, &report) == NH_OK);
	table = nh_retained_root(0);
	if (table == NULL) { /* the first boot, or a reset before the root was set */
		BOARD_CHECK(report.found == NH_RETAINED_NONE || (report.found == NH_RETAINED_KEPT && report.blocks <= 1u));
		board_printf("boot 0: %s\n", nh_retained_string(report.found));
		table = nh_calloc_attr(NH_ATTR_RETAINED, 1, sizeof *table);
		BOARD_CHECK(table != NULL && nh_retained_root_set(0, table) == NH_OK);
	} else {
		BOARD_CHECK(report.found == NH_RETAINED_KEPT && !report.root_dropped);
	}
	table->boots++;
	look_around();
}

static void end(void)
{
	nh_heap_stats stats;
	for (unsigned core = 0; core < BOARD_CPUS; core++)
		for (unsigned i = 0; i < SLOTS; i++)
			nh_free(table->slot[core][i]);
	BOARD_CHECK(nh_retained_root_set(0, NULL) == NH_OK);
	nh_free(table);
	BOARD_CHECK(nh_trim(0) == NH_OK && nh_validate(-1, NULL) == NH_OK);
	BOARD_CHECK(nh_heap_stats_get(0, &stats) == NH_OK);
	BOARD_CHECK(stats.taken == 0 && stats.quarantined == 0 && stats.free == stats.size);
	board_exit(0);
}

/* ---- traffic ------------------------------------------------------------------------------ */

static void traffic(unsigned self)
{
	uint32_t *random = &random_state[self];
	/* some of the other core's as well: what is in a slot is that of whoever takes it out, and each takes out of its own */
	void *volatile *slot = &table->slot[self][demo_random(random) % SLOTS];
	void *block = *slot;
	if (block != NULL) {
		check(block);
		*slot = NULL; /* first: what is in the table is live */
		nh_free(block);
		return;
	}
	block = nh_malloc_attr(NH_ATTR_RETAINED, demo_between(random, 1, demo_random(random) % 4u ? 100u : 700u));
	if (block == NULL)
		return;
	demo_pattern_fill(block, (uint32_t)nh_usable_size(block), (uint32_t)(uintptr_t)block);
	board_barrier();
	*slot = block; /* last */
}

static void core1_work(void)
{
	for (;;)
		traffic(1);
}

void board_handler(enum board_irq irq)
{
	(void)irq; /* none is enabled */
}

int main(void)
{
	board_init();
	nh_fatal_hook_set(no_fault);
	begin();
	for (unsigned core = 0; core < BOARD_CPUS; core++)
		random_state[core] = demo_random_start(nh_board_seed, core);
	if (last_boot == 1u)
		end();
	board_start_cpu1(core1_work);
	for (;;)
		traffic(0);
}

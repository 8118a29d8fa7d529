/* SPDX-License-Identifier: MIT */
/*
 * The heap on both cores of a board, under load and in corners. What happens is decided by
 * nh_board_seed and the runner's schedule; a failure names the place, and the runner the replay.
 *
 * Between two phases all blocks must be back, and each heap merged into one free block.
 */
#include "heap_test.h"

#define CANARY UINT32_C(0x5ca1ab1e)
#define CANARY_WORDS 16u /* of a stack that must never be reached */

int main(void);

struct actor actors[CORES], handlers[CORES];

/* Operations per core; may be set from outside for longer runs. */
#ifndef HEAP_TEST_STORM
volatile uint32_t heap_test_hammer = 1600u * BOARD_SCALE;
volatile uint32_t heap_test_crowd = 500u * BOARD_SCALE;
volatile uint32_t heap_test_storm = 1000u * BOARD_SCALE;
#else /* an image that is about reclaims */
volatile uint32_t heap_test_hammer = 100u;
volatile uint32_t heap_test_crowd = 50u;
volatile uint32_t heap_test_storm = HEAP_TEST_STORM;
#endif
volatile uint32_t heap_test_credit = 400u * BOARD_SCALE;

/* ---- stacks ----------------------------------------------------------------------------- */

/* From its end to near the stack pointer. */
static void paint_stack(unsigned core)
{
	void *low, *top;
	board_stack(core, &low, &top);
	uint32_t *word = low;
	const uint32_t *end = (const uint32_t *)__builtin_frame_address(0) - 32;
	while (word < end)
		*word++ = CANARY;
}

/* Bytes of stack ever used; the lowest words must be untouched. */
static uint32_t stack_used(unsigned core)
{
	void *low, *top;
	board_stack(core, &low, &top);
	const uint32_t *word = low;
	for (unsigned i = 0; i < CANARY_WORDS; i++)
		BOARD_CHECK(word[i] == CANARY);
	while (*word == CANARY)
		word++;
	return (uint32_t)((const char *)top - (const char *)word);
}

/* ---- heaps ------------------------------------------------------------------------------ */

/* most: bytes of the large banks, 0 = all there is. Caches need more than 16 KiB. */
static nh_heap_config heap_of(const char *name, enum board_bank bank, size_t most, uint32_t attributes,
                              uint32_t affinity)
{
	nh_heap_config heap = {
		.name = name,
		.attributes = attributes,
		.affinity = affinity,
		.flags = attributes & NH_ATTR_FAST ? NH_HEAP_NOT_DEFAULT : 0u,
	};
	board_bank_memory(bank, &heap.base, &heap.size);
	if (most != 0 && heap.size > most)
		heap.size = most;
	return heap;
}

static void heaps_begin(size_t most)
{
	const nh_heap_config heaps[HEAPS] = {
		[LOCAL0] = heap_of("local0", BOARD_LOCAL0, most, 0, NH_CPU(0)),
		[LOCAL1] = heap_of("local1", BOARD_LOCAL1, most, 0, NH_CPU(1)),
		[SHARED] = heap_of("shared", BOARD_SHARED, most, NH_ATTR_DMA, 0),
		[SCRATCH0] = heap_of("scratch0", BOARD_SCRATCH0, 0, NH_ATTR_FAST, NH_CPU(0)),
		[SCRATCH1] = heap_of("scratch1", BOARD_SCRATCH1, 0, NH_ATTR_FAST, NH_CPU(1)),
	};
	BOARD_CHECK(nh_init(heaps, HEAPS, NULL) == NH_OK);
}

static void check_sound(void)
{
	nh_report report;
	const nh_status status = nh_validate(-1, &report);
	if (status != NH_OK) {
		board_printf("core %u: heap %d: %s\n", board_cpu(), report.heap,
		             report.what != NULL ? report.what : "-");
		BOARD_CHECK(status == NH_OK);
	}
}

/* One after the other: two walks of a heap take turns away from each other. */
static void check_phase(const struct actor *me)
{
	barrier(me);
	if (me->core == 0)
		check_sound();
	barrier(me);
	if (me->core == 1)
		check_sound();
	barrier(me);
}

/* For the reader of a log: did the phase go where it should? */
static void print_phase(const char *phase, const nh_heap_stats *total)
{
	board_printf(
		"%-8s %4u + %4u allocations, %4u + %4u in handlers, %3u refused; inbox %u/%u, depot %u/%u, "
		"%u reclaims, %u waits\n",
		phase, (unsigned)actors[0].allocations, (unsigned)actors[1].allocations,
		(unsigned)handlers[0].allocations, (unsigned)handlers[1].allocations,
		(unsigned)(actors[0].refusals + actors[1].refusals), (unsigned)total->remote_frees,
		(unsigned)total->inbox_takes, (unsigned)total->depot_puts, (unsigned)total->depot_gets,
		(unsigned)total->reclaims, (unsigned)total->lock_waits);
	for (unsigned core = 0; core < CORES; core++)
		actors[core].allocations = actors[core].refusals = handlers[core].allocations = 0;
}

static void heaps_end(const char *phase)
{
	nh_heap_stats total = { 0 };
	BOARD_CHECK(nh_trim(-1) == NH_OK);
	for (int heap = 0; heap < (int)HEAPS; heap++) {
		nh_heap_stats stats;
		BOARD_CHECK(nh_heap_stats_get(heap, &stats) == NH_OK);
		BOARD_CHECK(stats.live == 0);
		BOARD_CHECK(stats.cached == 0 && stats.quarantined == 0);
		BOARD_CHECK(stats.free == stats.size);
		BOARD_CHECK(stats.size - stats.largest_free <=
		            sizeof(uint64_t)); /* one block, its header apart */
		total.remote_frees += stats.remote_frees;
		total.inbox_takes += stats.inbox_takes;
		total.depot_puts += stats.depot_puts;
		total.depot_gets += stats.depot_gets;
		total.reclaims += stats.reclaims;
		total.lock_waits += stats.lock_waits;
	}
	BOARD_CHECK(nh_deinit() == NH_OK);
	print_phase(phase, &total);
}

/* ---- phases ----------------------------------------------------------------------------- */

static void begin(const struct actor *me, size_t most)
{
	barrier(me);
	if (me->core == 0)
		heaps_begin(most);
	barrier(me);
}

static void end(const struct actor *me, const char *phase)
{
	check_phase(me);
	if (me->core == 0)
		heaps_end(phase);
	barrier(me);
}

static void run(struct actor *me)
{
	begin(me, 0);
	hammer(me, heap_test_hammer, false);
	end(me, "hammer");
	begin(me, 18u * 1024u);
	hammer(me, heap_test_crowd, true);
	end(me, "crowded");
	begin(me, 0);
	idle_reclaim(me, false);
	end(me, "wfe");
	begin(me, 0);
	idle_reclaim(me, true);
	end(me, "wfi");
	begin(me, 18u * 1024u);
	reclaim_storm(me, 0, heap_test_storm);
	reclaim_storm(me, 1, heap_test_storm);
	end(me, "storm");
	begin(me, 18u * 1024u);
	credit(me, heap_test_credit);
	end(me, "credit");
	begin(me, 0);
	faults(me);
	end(me, "faults");
}

void board_handler(enum board_irq irq)
{
	if (irq != BOARD_IRQ_IPI)
		hammer_handler(&handlers[board_cpu()], irq);
}

static void start_core(unsigned core)
{
	paint_stack(core);
	interrupts(true);
	run(&actors[core]);
	interrupts(false);
}

static void core1_main(void)
{
	start_core(1);
}

int main(void)
{
	board_init();
	silence_handlers(true);
	for (unsigned core = 0; core < CORES; core++) {
		actors[core] =
			(struct actor){ .core = core, .random = demo_random_start(nh_board_seed, core) };
		handlers[core] =
			(struct actor){ .core = core, .random = demo_random_start(nh_board_seed, core + 2u) };
	}
	board_printf("heap test on %s, seed %u\n", board_name, (unsigned)nh_board_seed);
	board_start_cpu1(core1_main);
	start_core(0);
	board_printf("stacks: %u and %u bytes used\nheap test: ok\n", (unsigned)stack_used(0),
	             (unsigned)stack_used(1));
	return 0;
}

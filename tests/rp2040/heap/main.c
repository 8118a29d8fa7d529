/* SPDX-License-Identifier: MIT */
/*
 * The heap on both cores of an RP2040, under load and in corners. What happens is decided by
 * nh_board_seed and the runner's schedule; a failure names the place, and the runner the replay.
 *
 * Between two phases all blocks must be back, and each heap merged into one free block.
 */
#include "heap_test.h"

#define CANARY UINT32_C(0x5ca1ab1e)
#define CANARY_WORDS 16u /* of a stack that must never be reached */

extern char __nh_local0_start[], __nh_local0_end[], __nh_local1_start[], __nh_local1_end[];
extern char __nh_shared_start[], __nh_shared_end[];
extern char __nh_scratch_x_start[], __nh_scratch_x_end[], __nh_scratch_y_start[], __nh_scratch_y_end[];
extern char __nh_stack0_top[], __nh_stack1_top[];

int main(void);
void isr_irq26(void);
void isr_irq27(void);

struct actor actors[CORES], handlers[CORES];

/* Operations per core; may be set from outside for longer runs. */
volatile uint32_t heap_test_hammer = 1600u;
volatile uint32_t heap_test_crowd = 500u;
volatile uint32_t heap_test_storm = 1000u;
volatile uint32_t heap_test_credit = 400u;

/* ---- stacks ----------------------------------------------------------------------------- */

/* From the end of the scratch bank's heap to near the stack pointer. */
static void paint_stack(unsigned core)
{
	uint32_t *word = (uint32_t *)(void *)(core == 0 ? __nh_scratch_y_end : __nh_scratch_x_end);
	const uint32_t *end = (const uint32_t *)__builtin_frame_address(0) - 32;
	while (word < end)
		*word++ = CANARY;
}

/* Bytes of stack ever used; the lowest words must be untouched. */
static uint32_t stack_used(unsigned core)
{
	const uint32_t *word =
		(const uint32_t *)(const void *)(core == 0 ? __nh_scratch_y_end : __nh_scratch_x_end);
	const char *top = core == 0 ? __nh_stack0_top : __nh_stack1_top;
	for (unsigned i = 0; i < CANARY_WORDS; i++)
		BOARD_CHECK(word[i] == CANARY);
	while (*word == CANARY)
		word++;
	return (uint32_t)(top - (const char *)word);
}

/* ---- heaps ------------------------------------------------------------------------------ */

static nh_heap_config heap_of(const char *name, char *start, const char *end, size_t most,
                              uint32_t attributes, uint32_t affinity)
{
	size_t size = (size_t)(end - start);
	if (most != 0 && size > most)
		size = most;
	return (nh_heap_config){
		.name = name,
		.base = start,
		.size = size,
		.attributes = attributes,
		.affinity = affinity,
		.flags = attributes & NH_ATTR_FAST ? NH_HEAP_NOT_DEFAULT : 0u,
	};
}

/* most: bytes of the large banks, 0 = all there is. Caches need more than 16 KiB. */
static void heaps_begin(size_t most)
{
	const nh_heap_config heaps[HEAPS] = {
		[LOCAL0] = heap_of("local0", __nh_local0_start, __nh_local0_end, most, 0, NH_CPU(0)),
		[LOCAL1] = heap_of("local1", __nh_local1_start, __nh_local1_end, most, 0, NH_CPU(1)),
		[SHARED] = heap_of("shared", __nh_shared_start, __nh_shared_end, most, NH_ATTR_DMA, 0),
		[SCRATCH_Y] = heap_of("scratch_y", __nh_scratch_y_start, __nh_scratch_y_end, 0, NH_ATTR_FAST,
		                      NH_CPU(0)),
		[SCRATCH_X] = heap_of("scratch_x", __nh_scratch_x_start, __nh_scratch_x_end, 0, NH_ATTR_FAST,
		                      NH_CPU(1)),
	};
	BOARD_CHECK(nh_init(heaps, HEAPS, NULL) == NH_OK);
}

static void check_sound(void)
{
	nh_report report;
	const nh_status status = nh_validate(-1, &report);
	if (status != NH_OK) {
		board_printf("core %u: heap %d: %s\n", board_core(), report.heap,
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

static void handle(unsigned irq)
{
	hammer_handler(&handlers[board_core()], irq);
}

void isr_irq26(void)
{
	handle(26u);
}

void isr_irq27(void)
{
	handle(27u);
}

static void start_core(unsigned core)
{
	paint_stack(core);
	board_irq_enable(IRQ_FIRST);
	board_irq_enable(IRQ_FIRST + 1u);
	run(&actors[core]);
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
	board_printf("heap test, seed %u\n", (unsigned)nh_board_seed);
	board_launch_core1(core1_main);
	start_core(0);
	board_printf("stacks: %u and %u bytes used\nheap test: ok\n", (unsigned)stack_used(0),
	             (unsigned)stack_used(1));
	return 0;
}

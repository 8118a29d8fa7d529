/* SPDX-License-Identifier: MIT */
/*
 * Core 1 is reset at an instruction that it knows nothing of, again and again, while both cores allocate, free and hand
 * blocks to each other. Core 0 recovers, and must then find
 *   every block that a core had noted, with its contents, and at most one more: what core 1 had in hand;
 *   after all of these are freed, each heap as at the start, and good for one block of all its memory;
 *   or, where core 1 was stopped inside a lock, that heap out of service, said by a fault.
 * Core 1 then starts again. kill.mjs is the other half: it stops core 1 and sets `killed`.
 */
#include "board.h"
#include "pattern.h"

#include <nearheap/nearheap.h>
#include <string.h>

#define HEAPS 3u
#define HEAP_SIZE (17u * 1024u)
#define SLOTS 80u
#define GIFTS 4u
#define PSM_FRCE_OFF (*(volatile uint32_t *)UINT32_C(0x40010004))
#define PSM_PROC1 (UINT32_C(1) << 16)

/* Set by the runner; in .data with another value, so that nothing clears them later. */
volatile uint32_t killed = 2u;
volatile uint32_t rounds = 2u;
/* For the runner's table. */
volatile uint32_t rounds_broken, rounds_stuck, rounds_inside, blocks_salvaged, blocks_in_hand;

/* A block is noted after it was made and before it is dropped: what is not noted is in somebody's hand. */
static void *volatile mine[2][SLOTS];
static void *volatile gift[2][GIFTS]; /* from each core to the other */
static uint32_t random_state[2];
/* SCARCE: all sizes, more than there is room for at times. HITS: few blocks of few sizes. SHARED: the same in the heap that both
 * are local to, with two magazines each and a depot. */
static volatile enum mode { SCARCE, HITS, SHARED, MODES } mode;
static volatile bool broken;
static size_t whole[HEAPS]; /* of each heap, when nothing is taken */

/* ---- traffic on both cores ---------------------------------------------------------------- */

static void check(const void *block)
{
	BOARD_CHECK(demo_pattern_holds(block, (uint32_t)nh_usable_size(block), (uint32_t)(uintptr_t)block));
}

static void *make(uint32_t *random)
{
	static const nh_request any[] = {{0}, {.heaps = 1u}, {.heaps = 2u}, {.heaps = 4u}};
	uint32_t chance = demo_random(random) % 16u;
	size_t size = mode != SCARCE ? 20u + 8u * (chance % 2u) : demo_between(random, 1, chance % 2u ? 100u : 1500u);
	void *block = mode == HITS || (mode == SCARCE && chance < 8u)
	                      ? nh_malloc(size)
	                      : nh_alloc(&any[mode == SHARED ? 3u : demo_random(random) % 4u], size);
	if (block != NULL)
		demo_pattern_fill(block, (uint32_t)nh_usable_size(block), (uint32_t)(uintptr_t)block);
	return block;
}

static void drop(void *block)
{
	if (block != NULL)
		check(block);
	nh_free(block);
}

static void traffic(unsigned self)
{
	uint32_t *random = &random_state[self];
	unsigned slot = demo_random(random) % (mode == HITS ? 12u : mode == SHARED ? 30u : SLOTS), way = demo_random(random) % GIFTS;
	void *block = mine[self][slot];
	if (block == NULL) {
		mine[self][slot] = make(random);
	} else if (gift[self][way] == NULL && (mode != HITS || self == 0)) {
		mine[self][slot] = NULL;
		gift[self][way] = block;
	} else {
		mine[self][slot] = NULL;
		drop(block);
	}
	block = gift[self ^ 1u][way];
	if (block != NULL && demo_random(random) % 2u) {
		gift[self ^ 1u][way] = NULL;
		drop(block);
	}
}

/* Until the runner stops it. The runner counts from here. */
__attribute__((noinline)) void core1_work(void)
{
	for (;;)
		traffic(1);
}

/* ---- recovery on core 0 ------------------------------------------------------------------- */

static void reset_core1(void)
{
	PSM_FRCE_OFF |= PSM_PROC1;
	while ((PSM_FRCE_OFF & PSM_PROC1) == 0) {
	}
}

/* The one fault there may be, and what follows from it: this core was about to free into that heap. */
static void lost_heap(const nh_fault *fault)
{
	bool follows = broken && fault->cpu == 0 && (fault->code == NH_FAULT_POINTER || fault->code == NH_FAULT_NEIGHBOUR);
	if (fault->code == NH_FAULT_BROKEN && fault->cpu == 1u) {
		broken = true;
	} else if (!follows) {
		board_printf("fault: %s, CPU %u\n", nh_fault_string(fault->code), fault->cpu);
		BOARD_CHECK(!"no such fault may come");
	}
}

static void on_fault(const nh_fault *fault)
{
	if (fault->code == NH_FAULT_STUCK && fault->cpu == 1u && killed) {
		/* this core waits for the other one, which is no more */
		rounds_stuck++;
		reset_core1();
		nh_status status = nh_cpu_recover(1);
		BOARD_CHECK(status == NH_OK || status == NH_EBUSY || (status == NH_ECORRUPT && broken));
		return;
	}
	lost_heap(fault);
}

/* A fault inside the hook comes here. */
void nh_port_fatal(const nh_fault *fault)
{
	lost_heap(fault);
}

static void begin(void)
{
	static const enum board_bank banks[HEAPS] = {BOARD_LOCAL0, BOARD_LOCAL1, BOARD_SHARED};
	nh_heap_config heaps[HEAPS];
	memset(heaps, 0, sizeof heaps);
	for (unsigned i = 0; i < HEAPS; i++) {
		board_bank_memory(banks[i], &heaps[i].base, &heaps[i].size);
		BOARD_CHECK(heaps[i].size >= HEAP_SIZE);
		heaps[i].size = HEAP_SIZE;
		heaps[i].affinity = i < 2u ? NH_CPU(i) : 0u;
	}
	BOARD_CHECK(nh_init(heaps, HEAPS, NULL) == NH_OK);
}

/* What was found by the walks, against what the cores had noted. */
struct census {
	void *live[2u * SLOTS + 2u * GIFTS + 1u];
	unsigned count;
};

static bool note_live(const nh_block_info *block, void *context)
{
	struct census *census = context;
	BOARD_CHECK(block->state != NH_BLOCK_CACHED);
	if (block->state == NH_BLOCK_LIVE) {
		BOARD_CHECK(census->count < sizeof census->live / sizeof census->live[0]);
		census->live[census->count++] = block->address;
	}
	return true;
}

static void must_live(struct census *census, void *block, unsigned *known)
{
	if (block == NULL)
		return;
	for (unsigned i = 0; i < census->count; i++)
		if (census->live[i] == block) {
			check(block);
			census->live[i] = NULL;
			nh_free(block);
			++*known;
			return;
		}
	BOARD_CHECK(!"a noted block is not live");
}

static void compare(void)
{
	static struct census census;
	unsigned known = 0;
	census.count = 0;
	for (int heap = 0; heap < (int)HEAPS; heap++)
		BOARD_CHECK(nh_walk(heap, note_live, &census) == NH_OK);
	for (unsigned core = 0; core < 2u; core++) {
		for (unsigned i = 0; i < SLOTS; i++)
			must_live(&census, mine[core][i], &known);
		for (unsigned i = 0; i < GIFTS; i++)
			must_live(&census, gift[core][i], &known);
	}
	BOARD_CHECK(census.count - known <= 1u);
	blocks_in_hand += census.count - known;
	for (unsigned i = 0; i < census.count; i++)
		nh_free(census.live[i]);
}

/* Everything is free: the same as at the start, and all of it can be had. */
static void all_is_there(void)
{
	void *block[HEAPS];
	BOARD_CHECK(nh_trim(-1) == NH_OK);
	BOARD_CHECK(nh_validate(-1, NULL) == NH_OK);
	for (unsigned heap = 0; heap < HEAPS; heap++) {
		const nh_request request = {.heaps = 1u << heap};
		nh_heap_stats stats;
		BOARD_CHECK(nh_heap_stats_get((int)heap, &stats) == NH_OK);
		BOARD_CHECK(stats.taken == 0 && stats.quarantined == 0);
		if (whole[heap] == 0)
			whole[heap] = stats.largest_free;
		BOARD_CHECK(stats.largest_free == whole[heap]);
		block[heap] = nh_alloc(&request, whole[heap]);
		BOARD_CHECK(block[heap] != NULL);
	}
	BOARD_CHECK(nh_malloc(1) == NULL);
	for (unsigned heap = 0; heap < HEAPS; heap++)
		nh_free(block[heap]);
	/* and the caches are open */
	nh_cpu_stats before, after;
	BOARD_CHECK(nh_cpu_stats_get(0, 0, &before) == NH_OK);
	nh_free(nh_malloc(40));
	BOARD_CHECK(nh_cpu_stats_get(0, 0, &after) == NH_OK);
	BOARD_CHECK(after.bypasses == before.bypasses);
}

static void recover(void)
{
	reset_core1();
	rounds_inside += nh_cpu_online(1) == NH_EBUSY;
	nh_status status = nh_cpu_recover(1);
	BOARD_CHECK(status == NH_OK || (status == NH_ECORRUPT && broken));
	BOARD_CHECK(nh_cpu_online(1) == NH_OK);
	if (broken) {
		rounds_broken++;
		while (nh_malloc(100) != NULL) { /* the other heaps serve, to the end */
		}
		BOARD_CHECK(nh_deinit() == NH_OK);
		begin();
	} else {
		for (int heap = 0; heap < (int)HEAPS; heap++) {
			size_t found;
			BOARD_CHECK(nh_heap_salvage(heap, &found) == NH_OK);
			blocks_salvaged += found;
		}
		compare();
	}
	broken = false;
	memset((void *)(uintptr_t)mine, 0, sizeof mine);
	memset((void *)(uintptr_t)gift, 0, sizeof gift);
	all_is_there();
}

void board_handler(enum board_irq irq)
{
	(void)irq; /* none is enabled */
}

int main(void)
{
	uint32_t seed = nh_board_seed;
	board_init();
	nh_fatal_hook_set(on_fault);
	begin();
	all_is_there();
	for (uint32_t round = 0; round < rounds; round++) {
		random_state[0] = demo_random_start(seed, 2u * round);
		random_state[1] = demo_random_start(seed, 2u * round + 1u);
		mode = (enum mode)(round % MODES);
		for (unsigned i = 0; mode == SCARCE && i < SLOTS; i++)
			mine[0][i] = make(&random_state[0]);
		killed = 0;
		board_start_cpu1(core1_work);
		while (!killed)
			traffic(0);
		recover();
		PSM_FRCE_OFF &= ~PSM_PROC1;
	}
	board_exit(0);
}

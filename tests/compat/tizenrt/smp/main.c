/* SPDX-License-Identifier: MIT */
/*
 * TizenRT's heaps on two CPUs: lists that name this board's banks make four heaps; both CPUs allocate by
 * index and without one, move blocks between heaps, hand them over and free what the other made, and so do
 * handlers. Before that, lists with a mistake are refused here too.
 *
 *   heap 0  local0      heap 1  local1      heap 2  shared, scratch0      heap 3  scratch1
 */
#include <tinyara/mm/mm.h>

#include <string.h>

#include "traffic.h"

#define HEAPS 4
#define LONGEST 700u

int main(void);

static _Atomic uint32_t lines;
static struct mm_heap_s heaps[HEAPS];
static struct mallinfo before;
static char last_line[128];

/* Operations of each CPU; may be set from outside for longer runs. */
volatile uint32_t tizenrt_smp_operations = 1500u;

/* ---- lists ------------------------------------------------------------------------------ */

/* The library's own default has no console: this is the board's. Called on one CPU here. */
void nh_tizenrt_log_line(const char *line)
{
	strncpy(last_line, line, sizeof last_line - 1);
	traffic_set(&lines, traffic_get(&lines) + 1u);
}

static char *append(char *at, uint32_t value, uint32_t base)
{
	char digits[12];
	unsigned count = 0;
	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (count != 0)
		*at++ = digits[--count];
	*at++ = ',';
	*at = '\0';
	return at;
}

/* TizenRT's strings for the banks of this board; each ends with a comma, as real ones do. */
static int start(const char *indices)
{
	static char starts[80], sizes[80];
	char *at = starts, *end = sizes;
	for (unsigned bank = 0; bank < BOARD_BANKS; bank++) {
		void *base;
		size_t size;
		board_bank_memory((enum board_bank)bank, &base, &size);
		*at++ = '0';
		*at++ = 'x';
		at = append(at, (uint32_t)(uintptr_t)base, 16);
		end = append(end, (uint32_t)size, 10);
	}
	const nh_tizenrt_configuration configuration = {
		{ NULL, "CONFIG_RAM_KREGIONx", "CONFIG_KMM_REGIONS", "CONFIG_KMM_NHEAPS", BOARD_BANKS, HEAPS,
		  0, starts, sizes, indices },
		heaps,
	};
	return nh_tizenrt_start(&configuration);
}

static void expect_line(const char *line)
{
	BOARD_CHECK(traffic_get(&lines) == 1u);
	if (strcmp(last_line, line) != 0)
		board_printf("logged: %s\n", last_line);
	BOARD_CHECK(strcmp(last_line, line) == 0);
	traffic_set(&lines, 0);
}

static void make_heaps(void)
{
	BOARD_CHECK(malloc_at(0, 8) == NULL);
	expect_line("mm: malloc_at: heap index 0 is out of range, there are 0 heaps");
	BOARD_CHECK(start("0,1,2,2,4,") == -EINVAL);
	expect_line("mm: configuration: CONFIG_RAM_KREGIONx_HEAP_INDEX, entry 5: '4' is too large");
	BOARD_CHECK(start("0,1,2,2") == -EINVAL);
	expect_line("mm: configuration: CONFIG_RAM_KREGIONx_HEAP_INDEX, entry 5: is missing, there are 5 "
	            "regions");
	BOARD_CHECK(start("0,1,2,2,3,") == OK);
	BOARD_CHECK(start("0,1,2,2,3,") == -EALREADY);
	expect_line("mm: CONFIG_RAM_KREGIONx: there are heaps already");
	before = mallinfo();
	BOARD_CHECK(before.arena == before.uordblks + before.fordblks && before.uordblks == 0);
	BOARD_CHECK(before.ordblks == (int)BOARD_BANKS);
}

/* ---- load ------------------------------------------------------------------------------- */

struct demo_block traffic_make(struct traffic_actor *me, uint32_t longest)
{
	struct demo_block block = { NULL, demo_between(&me->random, 1, longest), demo_random(&me->random) };
	const int index = (int)demo_between(&me->random, 0, HEAPS);
	const size_t align = demo_between(&me->random, 0, 7) == 0 ? 64u : 0u;
	if (index == HEAPS)
		block.address = kmm_malloc(block.size);
	else
		block.address = memalign_at(index, align, block.size);
	if (block.address == NULL) {
		me->refusals++;
		return block;
	}
	BOARD_CHECK(index == HEAPS || mm_get_index_of_heap(block.address) == index);
	BOARD_CHECK(index == HEAPS || align == 0 || (uintptr_t)block.address % align == 0);
	demo_pattern_fill(block.address, block.size, block.tag);
	me->allocations++;
	return block;
}

void traffic_drop(const struct demo_block *block)
{
	if (block->address == NULL)
		return;
	BOARD_CHECK(demo_pattern_holds(block->address, block->size, block->tag));
	kmm_free(block->address);
}

/* Longer, and in a heap of our choice: all that was there is there. */
void traffic_move(struct traffic_actor *me, struct demo_block *block)
{
	const int index = (int)demo_between(&me->random, 0, HEAPS - 1);
	void *moved = realloc_at(index, block->address, block->size + 200u);
	if (moved == NULL)
		return;
	BOARD_CHECK(mm_get_index_of_heap(moved) == index);
	me->moves += moved != block->address;
	block->address = moved;
}

/* ---- both CPUs -------------------------------------------------------------------------- */

/* Both at once count the same heaps; neither is turned away. */
static void count(unsigned self)
{
	traffic_meet(self);
	const struct mallinfo after = mallinfo();
	BOARD_CHECK(memcmp(&before, &after, sizeof before) == 0);
	traffic_meet(self);
	BOARD_CHECK(traffic_get(&lines) == 0);
}

/* What is freed twice, here or there, is a line, and nothing else. */
static void free_twice(unsigned self)
{
	static void *block;
	traffic_meet(self);
	if (self == 0) {
		block = malloc_at(2, 24);
		kmm_free(block);
	}
	traffic_meet(self);
	if (self == 1) {
		kmm_free(block);
		BOARD_CHECK(traffic_get(&lines) == 1u && strncmp(last_line, "mm: ", 4) == 0);
		kmm_free(&lines);
		BOARD_CHECK(traffic_get(&lines) == 2u);
		kmm_free(NULL);
		traffic_set(&lines, traffic_get(&lines) - 2u);
		expect_line("mm: free: 0x0 is no block in use");
	}
	traffic_meet(self);
}

static void run(unsigned self)
{
	traffic_interrupts_on();
	traffic_meet(self);
	if (self == 0)
		make_heaps();
	traffic_meet(self);
	traffic_work(self, tizenrt_smp_operations, LONGEST);
	count(self);
	free_twice(self);
	count(self);
}

static void cpu1_main(void)
{
	run(1);
}

int main(void)
{
	traffic_begin("TizenRT's heaps");
	board_start_cpu1(cpu1_main);
	run(0);
	traffic_end();
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The image for resets: two retained heaps, one per CPU, and in the same memory what the program knows of them. All else is
 * lost by a reset. A block is noted after it was filled and forgotten before it is freed, so what is noted must be there.
 */
#include "scenes.h"

#include <nearheap/nearheap.h>

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define HEAP 17408u /* just above where caches begin */
#define CONTROL 4096u
#define HELD 72u

struct held {
	unsigned char *volatile at;
	volatile uint32_t size;
	volatile bool in_hand; /* of a realloc: there or not, but with its first `size` bytes */
};

/* All that comes back. */
struct {
	_Alignas(16) unsigned char memory[2][HEAP];
	struct held held[2][HELD]; /* by CPU */
	volatile bool other;       /* CPU 1 has begun */
} kept;
const uint32_t kept_size = sizeof kept;

static _Alignas(16) unsigned char control[2][CONTROL];
static uint32_t faults;
static unsigned live, cold;

static void note(const nh_fault *fault)
{
	(void)fault;
	faults++;
}

static unsigned char mark_of(unsigned cpu, unsigned slot)
{
	return (unsigned char)(cpu * 100u + slot + 1u);
}

static void keep(unsigned cpu, unsigned slot, void *at, uint32_t size)
{
	struct held *held = &kept.held[cpu][slot];
	if (at == NULL)
		return;
	memset(at, mark_of(cpu, slot), size);
	held->size = size;
	held->at = at;
}

static void *from(int heap, uint32_t size)
{
	const nh_request request = { .heaps = UINT32_C(1) << heap };
	return nh_alloc(&request, size);
}

static void drop(unsigned cpu, unsigned slot)
{
	void *at = kept.held[cpu][slot].at;
	kept.held[cpu][slot].at = NULL;
	nh_free(at);
}

/* ---- operations -------------------------------------------------------------------------------- */

static void row(unsigned cpu, unsigned slot, unsigned count, int heap, uint32_t size)
{
	for (unsigned i = 0; i < count; i++)
		keep(cpu, slot + i, from(heap, size), size);
}

static void every_second(unsigned cpu, unsigned slot, unsigned end)
{
	for (; slot < end; slot += 2)
		drop(cpu, slot);
}

static void small_ones(void)
{
	row(0, 0, 24, 0, 24);
	every_second(0, 7, 24);
}

static void large_ones(void)
{
	row(0, 0, 10, 0, 700);
	every_second(0, 2, 10);
}

static void large_full(void)
{
	row(0, 0, 10, 0, 700);
}

static void foreign(void)
{
	row(0, 0, 16, 1, 24);
	drop(0, 6);
}

static void foreign_full(void)
{
	row(0, 0, 24, 1, 24);
	for (unsigned i = 4; i < 20; i++)
		drop(0, i);
}

static void before_growth(void)
{
	row(0, 0, 6, 0, 300);
	drop(0, 4);
}

static void malloc_24(void)
{
	keep(0, 40, from(0, 24), 24);
}

static void malloc_72(void)
{
	keep(0, 40, from(0, 72), 72);
}

static void malloc_600(void)
{
	keep(0, 40, from(0, 600), 600);
}

static void aligned(void)
{
	const nh_request request = { .heaps = 1u, .alignment = 256 };
	keep(0, 40, nh_alloc(&request, 300), 300);
}

static void free_3(void)
{
	drop(0, 3);
}

static void change(uint32_t size)
{
	struct held *held = &kept.held[0][3];
	if (held->size > size)
		held->size = size;
	held->in_hand = true;
	void *moved = nh_realloc(held->at, size);
	if (moved == NULL)
		return;
	held->at = moved;
	held->in_hand = false;
}

static void grow(void)
{
	change(400);
}

static void move(void)
{
	change(2000);
}

static void shrink(void)
{
	change(100);
}

static void trim(void)
{
	nh_trim(-1);
}

static void new_root(void)
{
	nh_retained_root_set(0, kept.held[0][1].at);
}

static bool add(int number)
{
	const nh_heap_config config = {
		.base = kept.memory[number],
		.size = HEAP,
		.affinity = NH_CPU(number),
		.control = control[number],
		.control_size = CONTROL,
	};
	int heap;
	nh_retained report;
	if (nh_heap_add_retained(&config, &heap, &report) != NH_OK || heap != number)
		faults = 100;
	if (report.found != NH_RETAINED_KEPT)
		cold++;
	return faults == 0;
}

static void again(void)
{
	add(0);
	add(1);
}

static void begin(void)
{
	faults = 0;
	cold = 0;
	nh_fatal_hook_set(note);
	if (nh_init(NULL, 0, NULL) != NH_OK)
		faults = 100;
}

/* As a reset would, but orderly. */
static void small_ones_later(void)
{
	small_ones();
	nh_deinit();
	begin();
}

/* ---- the other CPU ----------------------------------------------------------------------------- */

static void other_near(void)
{
	keep(1, 0, from(1, 72), 72);
	keep(1, 1, from(1, 24), 24);
	drop(1, 0);
	drop(1, 1);
}

static void other_far(void)
{
	drop(0, 0);
	keep(1, 2, from(0, 24), 24);
	keep(1, 3, from(0, 500), 500);
}

static void nothing(void)
{
}

struct scene {
	void (*prepare)(void), (*operate)(void), (*other)(void);
};

static const struct scene scenes[] = {
	{ small_ones, malloc_24, other_far },  { small_ones, malloc_72, other_far },
	{ large_ones, malloc_600, other_far }, { large_full, malloc_600, other_near },
	{ large_ones, aligned, other_far },    { small_ones, free_3, other_far },
	{ large_full, free_3, other_far },     { large_ones, free_3, other_far },
	{ foreign, free_3, other_near },       { foreign_full, free_3, other_near },
	{ before_growth, grow, other_far },    { before_growth, move, other_far },
	{ before_growth, shrink, other_far },  { small_ones, trim, other_far },
	{ small_ones, new_root, other_far },   { small_ones_later, again, nothing },
};
const uint32_t scene_count = sizeof scenes / sizeof *scenes;

/* ---- what the driver calls --------------------------------------------------------------------- */

void scene_prepare(uint32_t number)
{
	begin();
	again();
	keep(0, HELD - 1u, from(0, 40), 40);
	if (nh_retained_root_set(0, kept.held[0][HELD - 1u].at) != NH_OK)
		faults = 100;
	scenes[number].prepare();
}

void scene_operate(uint32_t number)
{
	scenes[number].operate();
}

void scene_other(uint32_t number)
{
	kept.other = true;
	scenes[number].other();
}

/* 0: as it should be. */
static uint32_t known(unsigned cpu, unsigned slot)
{
	const struct held *held = &kept.held[cpu][slot];
	if (held->at == NULL)
		return 0;
	bool there = nh_usable_size(held->at) >= held->size;
	if (!there)
		return held->in_hand ? 0 : 3;
	for (uint32_t i = 0; i < held->size; i++)
		if (held->at[i] != mark_of(cpu, slot)) /* a realloc may have freed it, and CPU 1 may have taken it since */
			return held->in_hand && kept.other ? 0 : 4;
	live--;
	return 0;
}

static bool count(const nh_block_info *block, void *context)
{
	(void)context;
	live += block->state == NH_BLOCK_LIVE;
	return true;
}

static bool first_live(const nh_block_info *block, void *context)
{
	void **found = context;
	if (block->state != NH_BLOCK_LIVE)
		return true;
	*found = block->address;
	return false;
}

static uint32_t all_returned(int heap)
{
	void *block;
	do {
		block = NULL;
		if (nh_walk(heap, first_live, &block) != NH_OK)
			return 10;
		nh_free(block);
	} while (block != NULL);
	nh_heap_stats stats;
	if (nh_trim(heap) != NH_OK || nh_heap_stats_get(heap, &stats) != NH_OK)
		return 11;
	return stats.taken != 0 || stats.free != stats.size || stats.quarantined != 0 ? 12 : 0;
}

uint32_t scene_attach(uint32_t number)
{
	uint32_t wrong = 0;
	begin();
	again();
	if (faults != 0 || cold != 0)
		return faults != 0 ? 2 : 1;
	live = 0;
	for (int heap = 0; heap < 2; heap++)
		if (nh_walk(heap, count, NULL) != NH_OK)
			return 5;
	for (unsigned cpu = 0; cpu < 2; cpu++)
		for (unsigned slot = 0; slot < HELD && wrong == 0; slot++)
			wrong = known(cpu, slot);
	if (wrong != 0)
		return wrong;
	if (live > (scenes[number].operate == grow || scenes[number].operate == move ? 3u : 2u))
		return 6; /* more than each CPU had in hand */
	void *root = nh_retained_root(0);
	if (root != kept.held[0][HELD - 1u].at &&
	    (scenes[number].operate != new_root || root != kept.held[0][1].at))
		return 7;
	if (nh_validate(-1, NULL) != NH_OK)
		return 8;
	for (int heap = 0; heap < 2 && wrong == 0; heap++)
		wrong = all_returned(heap);
	return wrong != 0 ? wrong : faults != 0 || nh_validate(-1, NULL) != NH_OK ? 9 : 0;
}

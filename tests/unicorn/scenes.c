/* SPDX-License-Identifier: MIT */
/*
 * The image that the driver plays: the library's own objects, and one operation per path. Three heaps, one per CPU and one of both,
 * and a table of who holds what, so that a check may free all of it and expect every byte back. With one CPU nothing is foreign.
 */
#include "scenes.h"

#include <nearheap/nearheap.h>

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define HEAP 18432u /* just above where caches and inboxes begin */
#define HELD 96u
#define HANDLER (HELD - 8u) /* the handler's blocks lie from here on */

struct held {
	unsigned char *at;
	uint32_t size;
};

static _Alignas(16) unsigned char memory[3][HEAP];
static struct held held[2][HELD]; /* by CPU */
static size_t whole[3];
static uint32_t faults;

static void note(const nh_fault *fault)
{
	(void)fault;
	faults++;
}

static void keep(unsigned cpu, unsigned slot, void *at, uint32_t size)
{
	held[cpu][slot] = (struct held){ at, size };
	if (at != NULL)
		memset(at, (int)(cpu * 100u + slot + 1u), size);
}

static void *from(int heap, uint32_t size)
{
	const nh_request request = { .heaps = UINT32_C(1) << heap };
	return nh_alloc(&request, size);
}

static void drop(unsigned cpu, unsigned slot)
{
	void *at = held[cpu][slot].at;
	held[cpu][slot].at = NULL;
	nh_free(at);
}

/* ---- operations -------------------------------------------------------------------------------- */

/* `count` neighbours of one size. */
static void row(unsigned cpu, unsigned slot, unsigned count, int heap, uint32_t size)
{
	for (unsigned i = 0; i < count; i++)
		keep(cpu, slot + i, from(heap, size), size);
}

static void fill(int heap)
{
	/* unrecorded: the check begins with those it finds by walking */
	while (from(heap, 2000) != NULL) {
	}
	while (from(heap, 16) != NULL) {
	}
}

static void malloc_prepare_hit(void)
{
	row(0, 0, 8, 0, 24);
	drop(0, 2);
	drop(0, 5);
}

/* Magazines learn from overflows how much they may hold: now there is room. */
static void free_prepare_hit(void)
{
	row(0, 0, 30, 0, 24);
	for (unsigned i = 5; i < 30; i += 2)
		drop(0, i);
	row(0, 45, 12, 0, 24);
}

static void malloc_24(void)
{
	keep(0, 40, nh_malloc(24), 24);
}

static void malloc_72(void)
{
	keep(0, 40, nh_malloc(72), 72);
}

static void malloc_700(void)
{
	keep(0, 40, nh_malloc(700), 700);
}

static void prepare_holes(void)
{
	row(0, 0, 12, 0, 700);
	for (unsigned i = 0; i < 12; i += 2)
		drop(0, i);
}

static void free_3(void)
{
	drop(0, 3);
}

static void prepare_overflow(void)
{
	row(0, 0, 30, 0, 24);
	for (unsigned i = 5; i < 30; i += 2)
		drop(0, i);
}

/* The first one goes behind the lock, and makes room for others. */
static void prepare_remote(void)
{
	row(0, 0, 8, 1, 24);
	drop(0, 6);
}

static void prepare_remote_full(void)
{
	row(0, 0, 24, 1, 24);
	for (unsigned i = 4; i < 20; i++)
		drop(0, i);
}

static void prepare_grow(void)
{
	row(0, 0, 6, 0, 300);
	drop(0, 4);
}

static void change(uint32_t size)
{
	unsigned char *moved = nh_realloc(held[0][3].at, size);
	if (moved == NULL)
		return;
	/* all that was there is there */
	uint32_t common = size < held[0][3].size ? size : held[0][3].size;
	for (uint32_t i = 0; i < common; i++)
		if (moved[i] != 4u)
			faults++;
	held[0][3].at = NULL;
	keep(0, 3, moved, size);
}

static void grow_400(void)
{
	change(400);
}

static void grow_2000(void)
{
	change(2000);
}

static void shrink_100(void)
{
	change(100);
}

static void aligned(void)
{
	const nh_request request = { .alignment = 256 };
	keep(0, 40, nh_alloc(&request, 300), 300);
	if ((uintptr_t)held[0][40].at % 256u != 0)
		faults++;
}

/* All heaps full, but for six small neighbours in caches: only a reclaim makes one block of them. */
static void prepare_reclaim(void)
{
	row(0, 0, 12, 0, 24);
	for (int heap = 0; heap < 3; heap++)
		fill(heap);
	for (unsigned i = 3; i < 9; i++)
		drop(0, i);
}

static void malloc_140(void)
{
	keep(0, 40, nh_malloc(140), 140);
}

/* ---- the other CPU ----------------------------------------------------------------------------- */

static void other_local(void)
{
	keep(1, 0, from(0, 72), 72);
	keep(1, 1, nh_malloc(24), 24);
	drop(1, 0);
	drop(1, 1);
}

/* Takes from the heap of CPU 0 and frees a block of it, through the inbox. */
static void other_remote(void)
{
	drop(0, 1);
	keep(1, 2, from(0, 24), 24);
	keep(1, 3, from(0, 700), 700);
}

/* ---- which path it is -------------------------------------------------------------------------- */

enum path { ANY, HIT, MISS, OVERFLOW, INBOX, INBOX_FULL, RECLAIM };

struct counts {
	uint32_t of[RECLAIM + 1]; /* by path */
};

static struct counts counts(void)
{
	nh_cpu_stats near;
	nh_heap_stats heaps[3];
	if (nh_cpu_stats_get(0, 0, &near) != NH_OK)
		faults++;
	for (int heap = 0; heap < 3; heap++)
		if (nh_heap_stats_get(heap, &heaps[heap]) != NH_OK)
			faults++;
	return (struct counts){ {
		[HIT] = near.hits,
		[MISS] = near.misses,
		[OVERFLOW] = near.overflows,
		[INBOX] = heaps[1].remote_frees,
		[RECLAIM] = heaps[0].reclaims,
	} };
}

static struct counts before;

struct scene {
	enum path path;
	void (*prepare)(void), (*operate)(void), (*other)(void);
};

static const struct scene scenes[] = {
	{ HIT, malloc_prepare_hit, malloc_24, other_remote },
	{ MISS, malloc_prepare_hit, malloc_72, other_remote },
	{ ANY, prepare_holes, malloc_700, other_local },
	{ HIT, free_prepare_hit, free_3, other_remote },
	{ OVERFLOW, prepare_overflow, free_3, other_remote },
	{ ANY, prepare_holes, free_3, other_local },
	{ NH_CPUS > 1 ? INBOX : ANY, prepare_remote, free_3, other_local },
	{ NH_CPUS > 1 ? INBOX_FULL : ANY, prepare_remote_full, free_3, other_local },
	{ ANY, prepare_grow, grow_400, other_remote },
	{ ANY, prepare_grow, grow_2000, other_remote },
	{ ANY, prepare_grow, shrink_100, other_local },
	{ ANY, prepare_holes, aligned, other_local },
	{ NH_CPUS > 1 ? RECLAIM : ANY, prepare_reclaim, malloc_140, other_remote },
};
const uint32_t scene_count = sizeof scenes / sizeof *scenes;

/* ---- what the driver calls --------------------------------------------------------------------- */

void scene_prepare(uint32_t number)
{
	const nh_heap_config heaps[] = {
		{ .name = "0", .base = memory[0], .size = HEAP, .affinity = NH_CPU(0) },
		{ .name = "1", .base = memory[1], .size = HEAP, .affinity = NH_CPU(NH_CPUS - 1) },
		{ .name = "both", .base = memory[2], .size = HEAP },
	};
	faults = 0;
	nh_fatal_hook_set(note);
	if (nh_init(heaps, 3, NULL) != NH_OK)
		faults = 100;
	for (int heap = 0; heap < 3; heap++) {
		nh_heap_stats stats;
		if (nh_heap_stats_get(heap, &stats) != NH_OK)
			faults = 100;
		whole[heap] = stats.free;
	}
	/* what the handler frees: of its own CPU's heap and of the other's */
	row(0, HANDLER, 2, 0, 40);
	row(0, HANDLER + 2u, 1, 1, 24);
	scenes[number].prepare();
	before = counts();
}

uint32_t scene_path(uint32_t number)
{
	struct counts after = counts();
	enum path path = scenes[number].path;
	if (path == INBOX_FULL)
		return after.of[INBOX] == before.of[INBOX];
	return path == ANY || after.of[path] != before.of[path];
}

void scene_operate(uint32_t number)
{
	scenes[number].operate();
}

void scene_other(uint32_t number)
{
	scenes[number].other();
}

void scene_interrupt(void)
{
	keep(0, HANDLER + 3u, nh_malloc(24), 24);
	keep(0, HANDLER + 4u, nh_malloc(200), 200);
	drop(0, HANDLER);
	drop(0, HANDLER + 2u);
	if (held[0][HANDLER + 4u].at != NULL)
		drop(0, HANDLER + 4u);
	keep(0, HANDLER + 5u, nh_malloc(40), 40);
}

static bool first_live(const nh_block_info *block, void *context)
{
	void **found = context;
	if (block->state != NH_BLOCK_LIVE)
		return true;
	*found = block->address;
	return false;
}

uint32_t scene_check(void)
{
	if (faults != 0)
		return 1;
	for (unsigned cpu = 0; cpu < 2; cpu++)
		for (unsigned slot = 0; slot < HELD; slot++)
			for (uint32_t i = 0; held[cpu][slot].at != NULL && i < held[cpu][slot].size; i++)
				if (held[cpu][slot].at[i] != (unsigned char)(cpu * 100u + slot + 1u))
					return 2;
	if (nh_validate(-1, NULL) != NH_OK)
		return 3;
	for (unsigned cpu = 0; cpu < 2; cpu++)
		for (unsigned slot = 0; slot < HELD; slot++)
			drop(cpu, slot);
	/* what fill() took: from the first block on */
	for (int heap = 0; heap < 3; heap++) {
		void *block;
		do {
			block = NULL;
			if (nh_walk(heap, first_live, &block) != NH_OK)
				return 4;
			nh_free(block);
		} while (block != NULL);
	}
	if (nh_trim(-1) != NH_OK || nh_validate(-1, NULL) != NH_OK || faults != 0)
		return 5;
	for (int heap = 0; heap < 3; heap++) {
		nh_heap_stats stats;
		if (nh_heap_stats_get(heap, &stats) != NH_OK || stats.free != whole[heap] || stats.taken != 0)
			return 6;
	}
	return 0;
}

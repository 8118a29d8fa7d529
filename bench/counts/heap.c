/* SPDX-License-Identifier: MIT */
/* See heap.h. */
#include "heap.h"
#include "bench/demo/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct {
	void *base;
	size_t size;
} maps[NH_MAX_HEAPS];

static void *live[MOST_LIVE];
static uint32_t live_count, smallest, largest;
static uint32_t random_state;

static void die(const char *what)
{
	fprintf(stderr, "counts: %s\n", what);
	exit(2);
}

void *got(void *block)
{
	if (block == NULL)
		die("out of memory");
	return block;
}

static void *map(unsigned i, size_t size)
{
	if (maps[i].base != NULL)
		munmap(maps[i].base, maps[i].size);
	maps[i].size = size;
	maps[i].base =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (maps[i].base == MAP_FAILED)
		die("no memory for a heap");
	return maps[i].base;
}

void heaps_make(unsigned count, size_t size, uint32_t flags)
{
	nh_heap_config heaps[NH_MAX_HEAPS] = { 0 };
	const nh_status status = nh_deinit();
	if (count > NH_MAX_HEAPS || (status != NH_OK && status != NH_ENOINIT))
		die("no such heaps");
	for (unsigned i = 0; i < count; i++) {
		heaps[i].base = map(i, size);
		heaps[i].size = size;
		heaps[i].attributes = NH_ATTR_USER(i);
		heaps[i].flags = flags;
	}
	if (nh_init(heaps, count, NULL) != NH_OK)
		die("nh_init refused a heap");
	live_count = 0;
}

void live_settle(uint32_t count, uint32_t least, uint32_t most)
{
	random_state = demo_random_start(1, 0);
	smallest = least;
	largest = most;
	while (live_count < count)
		live[live_count++] = got(nh_malloc(demo_between(&random_state, smallest, largest)));
	for (uint32_t left = 2u * count; left != 0; left--)
		live_replace();
}

void live_replace(void)
{
	const uint32_t i = demo_between(&random_state, 0, live_count - 1u);
	nh_free(live[i]);
	live[i] = got(nh_malloc(demo_between(&random_state, smallest, largest)));
}

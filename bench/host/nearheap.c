/* SPDX-License-Identifier: MIT */
/*
 * nearheap as a shared object, one per hardening level. The table holds nh_malloc and so on themselves: what is
 * measured is one call through a pointer, as with every peer.
 */
#include "bench/host/allocator.h"
#include "bench/host/memory.h"

#include <nearheap/host.h>

/* BENCH_LEVEL: none, basic or moderate, as NH_HARDENING says. */
#define STRING(text) #text
#define NAME_OF(level) "nearheap_" STRING(level)
#define PASTE(level) bench_nearheap_##level
#define FUNCTION_OF(level) PASTE(level)

#define EXPORT __attribute__((visibility("default")))

static void must(nh_status status, const char *what)
{
	if (status == NH_OK)
		return;
	fprintf(stderr, "bench_host: %s: %s: %s\n", NAME_OF(BENCH_LEVEL), what, nh_status_string(status));
	exit(1);
}

struct opened {
	nh_instance_storage storage;
	nh_instance *instance;
	struct opened *next;
	unsigned count;
	nh_heap_config heaps[NH_MAX_HEAPS];
};

static struct opened *all_opened;

static nh_instance *open_instance(const nh_heap_config *heaps, unsigned count)
{
	struct opened *opened = calloc(1, sizeof *opened);
	if (opened == NULL || count > NH_MAX_HEAPS)
		must(NH_ENOSPC, "open");
	opened->count = count;
	for (unsigned i = 0; i < count; i++) {
		opened->heaps[i] = heaps[i];
		opened->heaps[i].base = bench_map(heaps[i].size);
	}
	must(nh_instance_init(&opened->storage, opened->heaps, count, NULL, &opened->instance),
	     "nh_instance_init");
	opened->next = all_opened;
	all_opened = opened;
	return opened->instance;
}

static void close_instance(nh_instance *instance)
{
	struct opened **link = &all_opened;
	while ((*link)->instance != instance)
		link = &(*link)->next;
	struct opened *opened = *link;
	*link = opened->next;
	must(nh_instance_deinit(instance), "nh_instance_deinit");
	for (unsigned i = 0; i < opened->count; i++)
		munmap(opened->heaps[i].base, opened->heaps[i].size);
	free(opened);
}

static const struct bench_nearheap nearheap = {
	.table = {
		.name = NAME_OF(BENCH_LEVEL),
		.malloc = nh_malloc,
		.free = nh_free,
		.realloc = nh_realloc,
		.calloc = nh_calloc,
		.aligned = nh_aligned_alloc,
	},
	.open = open_instance,
	.close = close_instance,
	.malloc = nh_instance_malloc,
	.malloc_attr = nh_instance_malloc_attr,
	.alloc = nh_instance_alloc,
	.free = nh_instance_free,
};

EXPORT const struct bench_nearheap *FUNCTION_OF(BENCH_LEVEL)(void)
{
	const nh_heap_config heap = { .name = "bench", .base = bench_map(BENCH_HEAP), .size = BENCH_HEAP };
	must(nh_init(&heap, 1, NULL), "nh_init");
	must(nh_host_attach(0), "nh_host_attach");
	return &nearheap;
}

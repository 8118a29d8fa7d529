/* SPDX-License-Identifier: MIT */
/*
 * The limit: what is left to do if nothing is checked, bounded, counted, shared or given back. A free list per thread
 * and size; a header says the list; blocks of a thread that ended are lost.
 */
#include "bench/host/allocator.h"
#include "bench/host/memory.h"

#define GRANULE 16u
#define LISTS 512u
#define CHUNK ((size_t)1 << 20)

struct free_block {
	struct free_block *next;
};

struct header {
	_Alignas(GRANULE) size_t list;
};

static _Thread_local struct free_block *lists[LISTS];
static _Thread_local unsigned char *fresh, *fresh_end;

/* Lists are of whole granules; 0 bytes have none. */
static __attribute__((noinline)) void *carve(size_t list)
{
	size_t bytes = sizeof(struct header) + list * GRANULE;
	if (list >= LISTS)
		return NULL;
	if ((size_t)(fresh_end - fresh) < bytes) {
		fresh = bench_map(CHUNK);
		fresh_end = fresh + CHUNK;
	}
	struct header *header = (struct header *)(void *)fresh;
	fresh += bytes;
	header->list = list;
	return header + 1;
}

static void *limit_malloc(size_t size)
{
	size_t list = (size + GRANULE - 1u) / GRANULE;
	if (list >= LISTS || lists[list] == NULL)
		return carve(list);
	struct free_block *block = lists[list];
	lists[list] = block->next;
	return block;
}

static void limit_free(void *payload)
{
	struct free_block *block = payload;
	size_t list = ((struct header *)payload - 1)->list;
	block->next = lists[list];
	lists[list] = block;
}

static const struct bench_allocator limit = {
	.name = "limit",
	.lacks = BENCH_ONE_THREAD | BENCH_ONLY_MALLOC,
	.malloc = limit_malloc,
	.free = limit_free,
};

const struct bench_allocator *bench_limit(void)
{
	return &limit;
}

/* SPDX-License-Identifier: MIT */
/*
 * A pool of fixed blocks on ConcurrencyKit's lock-free stack: what one shared list costs, however simple. Its pop
 * needs a compare-and-swap of two words against ABA.
 */
#include "bench/host/allocator.h"
#include "bench/host/memory.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#include <ck_stack.h>
#pragma GCC diagnostic pop

#define BLOCKS 8192u

static _Alignas(64) ck_stack_t pool = CK_STACK_INITIALIZER;

static void *pool_malloc(size_t size)
{
	(void)size;
	return ck_stack_pop_mpmc(&pool);
}

static void pool_free(void *block)
{
	ck_stack_push_mpmc(&pool, block);
}

static const struct bench_allocator ck_stack = {
	.name = "ck_stack",
	.lacks = BENCH_ONE_SIZE | BENCH_ONLY_MALLOC,
	.malloc = pool_malloc,
	.free = pool_free,
};

const struct bench_allocator *bench_ck_stack(void)
{
	unsigned char *memory = bench_map((size_t)BLOCKS * BENCH_ONE_SIZE_MAX);
	for (size_t i = BLOCKS; i-- > 0;)
		pool_free(memory + i * BENCH_ONE_SIZE_MAX);
	return &ck_stack;
}

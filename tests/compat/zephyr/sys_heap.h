/* SPDX-License-Identifier: MIT */
/* The heap that the programs about sys_heap begin each test with. */
#ifndef NHT_ZEPHYR_SYS_HEAP_H
#define NHT_ZEPHYR_SYS_HEAP_H

#include <zephyr/sys/sys_heap.h>

#include "tests/support/env.h"
#include "tests/support/unit.h"

#include <string.h>

#define HEAP_SIZE 4096u

static uint64_t heap_mem[HEAP_SIZE / sizeof(uint64_t)];
static struct sys_heap heap;

static inline size_t free_bytes(struct sys_heap *of)
{
	struct sys_memory_stats stats;
	assert_int_equal(sys_heap_runtime_stats_get(of, &stats), 0);
	return stats.free_bytes;
}

static inline int setup(void **state)
{
	(void)state;
	memset(heap_mem, 0xa5, sizeof heap_mem); /* init must not rely on cleared memory */
	sys_heap_init(&heap, heap_mem, sizeof heap_mem);
	nht_fault_catch();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	assert_true(sys_heap_validate(&heap));
	return nht_fault_release() == 0 ? 0 : -1;
}

/* Everything is one free block again. */
static inline void assert_empty(struct sys_heap *of, size_t before)
{
	assert_int_equal(free_bytes(of), before);
	void *all = sys_heap_alloc(of, before - NHT_HEADER);
	assert_non_null(all);
	sys_heap_free(of, all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What programs share even where each serialises its own heap: the list of listeners, the array of heaps, the
 * regions' pool. Four threads, each with a sys_heap of its own; ThreadSanitizer watches.
 */
#include <zephyr/dt-bindings/memory-attr/memory-attr-sw.h>
#include <zephyr/mem_mgmt/mem_attr_heap.h>
#include <zephyr/sys/heap_listener.h>
#include <zephyr/sys/sys_heap.h>

#include "tests/stress/stress.h"

#include <nearheap/zephyr.h>

#include <errno.h>
#include <stdio.h>

#define THREADS 4u
#define BYTES ((size_t)20 * 1024)

static uint64_t memory[THREADS][512], banks[2][BYTES / 8u];
static struct sys_heap heaps[THREADS];
static struct mem_attr_region_t regions[2];
static unsigned inits;

/* Each thread's heap has one listener for good and one that comes and goes: their counts. */
static struct {
	size_t allocs, frees, guest;
	bool guest_may_hear;
} heard[THREADS];

static unsigned thread_of(uintptr_t id)
{
	return (unsigned)((struct sys_heap *)id - heaps);
}

static void on_alloc(uintptr_t id, void *mem, size_t bytes)
{
	(void)mem, (void)bytes;
	heard[thread_of(id)].allocs++;
}

static void on_free(uintptr_t id, void *mem, size_t bytes)
{
	(void)mem, (void)bytes;
	heard[thread_of(id)].frees++;
}

static void on_guest(uintptr_t id, void *mem, size_t bytes)
{
	(void)mem, (void)bytes;
	NHT_CHECK(heard[thread_of(id)].guest_may_hear, "told after it had unregistered");
	heard[thread_of(id)].guest++;
}

static void use_heap(unsigned self, size_t operations)
{
	struct sys_heap *heap = &heaps[self];
	uintptr_t id = HEAP_ID_FROM_POINTER(heap);
	HEAP_LISTENER_ALLOC_DEFINE(allocs, id, on_alloc);
	HEAP_LISTENER_FREE_DEFINE(frees, id, on_free);
	sys_heap_init(heap, memory[self], sizeof memory[self]);
	heap_listener_register(&allocs);
	heap_listener_register(&frees);
	size_t guests = 0;
	for (size_t i = 0; i < operations; i++) {
		HEAP_LISTENER_ALLOC_DEFINE(guest, id, on_guest); /* gone with this iteration */
		heard[self].guest_may_hear = i % 3u == 0;
		if (i % 3u == 0) {
			heap_listener_register(&guest);
			guests++;
		}
		void *block = sys_heap_alloc(heap, 1 + i % 100u);
		NHT_CHECK(block != NULL, "no memory");
		if (i % 3u == 0)
			heap_listener_unregister(&guest);
		sys_heap_free(heap, block);
	}
	heap_listener_unregister(&allocs);
	heap_listener_unregister(&frees);
	NHT_CHECK(heard[self].allocs == operations && heard[self].frees == operations && heard[self].guest == guests,
	          "%zu operations, heard %zu, %zu; %zu of %zu", operations, heard[self].allocs, heard[self].frees,
	          heard[self].guest, guests);
}

static void use_regions(unsigned self, size_t operations)
{
	nht_random random = stress_random(self);
	for (size_t i = 0; i < operations; i++) {
		size_t size = nht_between(&random, STRESS_LEAST, 500);
		void *block = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, size);
		if (block == NULL)
			continue; /* another thread is still initialising */
		stress_fill(block, size, self);
		NHT_CHECK(mem_attr_heap_get_region(block) != NULL, "in no region");
		void *moved = mem_attr_heap_realloc(block, size + 100);
		stress_check(moved != NULL ? moved : block);
		mem_attr_heap_free(moved != NULL ? moved : block);
	}
}

static void work(unsigned self, void *context)
{
	size_t operations = *(const size_t *)context;
	int result = mem_attr_heap_pool_init();
	NHT_CHECK(result == 0 || result == -EALREADY, "pool_init: %d", result);
	if (result == 0)
		__atomic_fetch_add(&inits, 1u, __ATOMIC_RELAXED);
	use_regions(self, operations);
	use_heap(self, operations);
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	size_t operations = nht_stress_operations(60000);
	struct sys_heap **array;
	for (unsigned i = 0; i < 2; i++)
		regions[i] = (struct mem_attr_region_t){ "bank", (uintptr_t)banks[i], BYTES, DT_MEM_SW_ALLOC_DMA };
	nh_mem_attr_use(regions, 2);
	stress_threads(THREADS, work, &operations);
	NHT_CHECK(inits == 1, "%u of the calls of pool_init returned 0", inits);
	NHT_CHECK(sys_heap_array_get(&array) == (int)THREADS, "%d heaps", sys_heap_array_get(&array));
	unsigned seen = 0;
	for (unsigned i = 0; i < THREADS; i++)
		seen |= 1u << thread_of((uintptr_t)array[i]);
	NHT_CHECK(seen == (1u << THREADS) - 1u, "heaps %x", seen);
	printf("lists: %zu operations of each thread\n", operations);
	return 0;
}

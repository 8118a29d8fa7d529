/* SPDX-License-Identifier: MIT */
/*
 * Threads that allocate by index and without one, move blocks between heaps, free each other's, and ask
 * for numbers; each block is checked by whoever has it. More threads than CPU slots.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/env.h"

#define CONFIG_KMM_REGIONS 4
#define CONFIG_KMM_NHEAPS 3
#define CONFIG_RAM_KREGIONx_START "0x1000,0x5000,0x9000,0x10000"
#define CONFIG_RAM_KREGIONx_SIZE "8192,4096,16384,65536"
#define CONFIG_RAM_KREGIONx_HEAP_INDEX "0,1,1,2"
#define CONFIG_RAM_MALLOC_PRIOR_INDEX 1

#include <tinyara/mm/mm.h>

#include "logged.h"

#define THREADS (NH_CPUS > 8 ? 10u : NH_CPUS + 2u)
#define SLOTS 64u

struct block {
	size_t size;
	uint32_t seed;
	unsigned char bytes[];
};

static struct block *_Atomic slots[SLOTS];
static size_t operations;

static uint32_t next(uint32_t *random)
{
	*random = *random * 1664525u + 1013904223u;
	return *random >> 8;
}

static void paint(struct block *block, size_t size, uint32_t seed)
{
	block->size = size;
	block->seed = seed;
	for (size_t i = 0; i < size; i++)
		block->bytes[i] = (unsigned char)(seed + i * 31u);
}

static void check(const struct block *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		NHT_CHECK(block->bytes[i] == (unsigned char)(block->seed + i * 31u), "byte %zu of %zu", i,
		          block->size);
}

static struct block *take(uint32_t *random)
{
	size_t size = next(random) % (next(random) % 8u == 0 ? 3000u : 200u),
	       bytes = sizeof(struct block) + size;
	int index = (int)(next(random) % 3u);
	void *memory;
	switch (next(random) % 6u) {
	case 0:
		memory = malloc_at(index, bytes);
		break;
	case 1:
		memory = calloc_at(index, 1, bytes);
		break;
	case 2:
		memory = memalign_at(index, 64, bytes);
		break;
	case 3:
		memory = realloc_at(index, NULL, bytes);
		break;
	case 4:
		memory = kmm_zalloc(bytes);
		break;
	default:
		memory = malloc(bytes);
	}
	if (memory != NULL)
		paint(memory, size, next(random));
	return memory;
}

static struct block *resize(struct block *block, uint32_t *random)
{
	size_t size = next(random) % 500u, kept = size < block->size ? size : block->size;
	uint32_t seed = block->seed;
	int index = (int)(next(random) % 4u);
	struct block *moved = index == 3 ? realloc(block, sizeof *block + size)
	                                 : realloc_at(index, block, sizeof *block + size);
	if (moved == NULL)
		return block;
	NHT_CHECK(index == 3 || mm_get_index_of_heap(moved) == index, "not in heap %d", index);
	check(moved, kept);
	paint(moved, size, seed);
	return moved;
}

static void *run(void *argument)
{
	uint32_t random = (uint32_t)(uintptr_t)argument * 7919u + (uint32_t)nht_seed();
	for (size_t i = 0; i < operations; i++) {
		struct block *_Atomic *slot = &slots[next(&random) % SLOTS];
		/* acquire, release: of the thread that painted it, to the one that checks it */
		struct block *block = atomic_exchange_explicit(slot, NULL, memory_order_acq_rel);
		if (block == NULL) {
			block = take(&random);
		} else {
			check(block, block->size);
			if (next(&random) % 3u == 0) {
				block = resize(block, &random);
			} else {
				free(block);
				block = NULL;
			}
		}
		block = atomic_exchange_explicit(slot, block, memory_order_acq_rel);
		if (block != NULL)
			free(block);
		if (i % 256u == 0) {
			struct mallinfo info;
			int result = mm_mallinfo(mm_get_heap_with_index((int)(i / 256u % 3u)), &info);
			NHT_CHECK(result == -EBUSY ||
			                  (result == OK && info.arena == info.uordblks + info.fordblks),
			          "%d", result);
		}
	}
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	pthread_t threads[10];
	logged_begin();
	up_add_kregion();
	assert_nothing_logged();
	struct mallinfo before = mallinfo();
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)(i + 1u)), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i] != NULL)
			free(slots[i]);
	struct mallinfo after = mallinfo();
	assert_memory_equal(&before, &after, sizeof before);
	assert_nothing_logged();
	logged_end();
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	operations = nht_stress_operations(30000);
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_threads) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

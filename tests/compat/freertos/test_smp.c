/* SPDX-License-Identifier: MIT */
/* Several cores at once: nothing is lost, and the figures are what docs/FREERTOS.md says of them. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <nearheap_freertos.h>

#include "kernel.h"
#include "tests/support/unit.h"

#define CORES configNUMBER_OF_CORES
#define SLOTS 32u
#define OPERATIONS 2000u
#define LARGEST 400u

static pthread_barrier_t barrier;
static _Atomic(void *) shared[SLOTS]; /* whoever comes by takes or leaves a block */

static void together(void *(*core_main)(void *core))
{
	pthread_t threads[CORES];
	pthread_barrier_init(&barrier, NULL, CORES);
	for (uintptr_t core = 0; core < CORES; core++)
		assert_int_equal(pthread_create(&threads[core], NULL, core_main, (void *)core), 0);
	for (unsigned core = 0; core < CORES; core++)
		assert_int_equal(pthread_join(threads[core], NULL), 0);
	pthread_barrier_destroy(&barrier);
}

static int begin(void **state)
{
	(void)state;
	vPortHeapResetState();
	nht_fault_forbid();
	vPortFree(pvPortMalloc(8)); /* as creating the first task does, before the other cores run */
	xPortResetHeapMinimumEverFreeHeapSize();
	return 0;
}

static size_t all_bytes;

static void *churn(void *core)
{
	uint32_t random = (uint32_t)(uintptr_t)core * 77u + 1u;
	kernel_core_set((BaseType_t)(uintptr_t)core);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		random = random * 1664525u + 1013904223u;
		size_t size = 1 + (random >> 8) % LARGEST;
		unsigned char *block = pvPortMalloc(size);
		if (block != NULL)
			memset(block, (int)(uintptr_t)core, size);
		vPortFree(atomic_exchange(&shared[(random >> 20) % SLOTS], block));
		if (i % 512 == 0) {
			HeapStats_t stats;
			vPortGetHeapStats(&stats);
			assert_true(stats.xAvailableHeapSpaceInBytes <= all_bytes);
			/* The slots, and what each core has in hand: old and new block. */
			assert_true(all_bytes - stats.xMinimumEverFreeBytesRemaining <=
			            (SLOTS + 2 * CORES) * (LARGEST + 128));
		}
	}
	kernel_check_balanced();
	return NULL;
}

static void blocks_between_cores(void **state)
{
	(void)state;
	size_t all = all_bytes = xPortGetFreeHeapSize();
	together(churn);
	for (unsigned slot = 0; slot < SLOTS; slot++)
		vPortFree(atomic_exchange(&shared[slot], NULL));
	assert_int_equal(xPortGetFreeHeapSize(), all);
	nh_heap_stats stats;
	assert_status(nh_instance_heap_stats_get(nh_freertos_instance(), 0, &stats), NH_OK);
	assert_int_equal(stats.live, 0);
	assert_int_equal(stats.free + stats.cached, all);
	HeapStats_t figures;
	vPortGetHeapStats(&figures);
	assert_int_equal(figures.xNumberOfSuccessfulAllocations, figures.xNumberOfSuccessfulFrees);
	nh_report report;
	assert_status(nh_instance_validate(nh_freertos_instance(), -1, &report), NH_OK);
}

#define ROUNDS 50u
static _Atomic size_t held; /* bytes in the last round, as the heap counts them */

static size_t cost(const void *block)
{
	return nh_instance_usable_size(nh_freertos_instance(), block) + (NH_WIDE_HEADER || NH_64BIT ? 8 : 4);
}

/* All cores hold their blocks at one time: that is the minimum, to the byte, whoever was last. */
static void *hold(void *core)
{
	void *blocks[8];
	kernel_core_set((BaseType_t)(uintptr_t)core);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < 8; i++) {
			blocks[i] = pvPortMalloc(100 + 10 * i);
			assert_non_null(blocks[i]);
			if (round == ROUNDS - 1)
				atomic_fetch_add(&held, cost(blocks[i]));
		}
		pthread_barrier_wait(&barrier);
		if ((uintptr_t)core == round % CORES)
			assert_int_equal(xPortGetMinimumEverFreeHeapSize(), xPortGetFreeHeapSize());
		pthread_barrier_wait(&barrier);
		for (unsigned i = 0; i < 8; i++)
			vPortFree(blocks[i]);
		pthread_barrier_wait(&barrier);
		if ((uintptr_t)core == round % CORES && round != ROUNDS - 1) {
			xPortResetHeapMinimumEverFreeHeapSize();
			assert_int_equal(xPortGetMinimumEverFreeHeapSize(), xPortGetFreeHeapSize());
		}
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void minimum_of_all_cores(void **state)
{
	(void)state;
	size_t all = xPortGetFreeHeapSize();
	together(hold);
	assert_int_equal(xPortGetFreeHeapSize(), all);
	assert_int_equal(xPortGetMinimumEverFreeHeapSize(), all - atomic_load(&held));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(blocks_between_cores, begin),
		cmocka_unit_test_setup(minimum_of_all_cores, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

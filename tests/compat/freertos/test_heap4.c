/* SPDX-License-Identifier: MIT */
/* As heap_4.c: ucHeap of the application, hook, clearing and traces, on one core. */
#include <string.h>

#include <nearheap_freertos.h>

#include "kernel.h"
#include "tests/support/unit.h"

uint8_t ucHeap[configTOTAL_HEAP_SIZE];

static int begin(void **state)
{
	memset(ucHeap, 0xa5, sizeof ucHeap);
	return kernel_set_up(state);
}

/* The figures of the heap itself, whatever FreeRTOS's functions counted. */
static size_t really_free(void)
{
	nh_heap_stats stats;
	assert_status(nh_instance_heap_stats_get(nh_freertos_instance(), 0, &stats), NH_OK);
	return stats.free + stats.cached;
}

static void nothing_yet(void **state)
{
	(void)state;
	assert_null(nh_freertos_instance());
	assert_int_equal(xPortGetFreeHeapSize(), 0);
	assert_int_equal(xPortGetMinimumEverFreeHeapSize(), 0);
	vPortInitialiseBlocks();
	vPortFree(NULL);
	HeapStats_t stats;
	vPortGetHeapStats(&stats);
	assert_int_equal(stats.xAvailableHeapSpaceInBytes, 0);
	assert_int_equal(stats.xNumberOfFreeBlocks, 0);
	assert_int_equal(kernel_asserted, 0);
}

static void first_request_makes_the_heap(void **state)
{
	(void)state;
	uint8_t *block = pvPortMalloc(100);
	assert_non_null(block);
	assert_true(block > ucHeap && block + 100 <= ucHeap + sizeof ucHeap);
	assert_int_equal((uintptr_t)block % portBYTE_ALIGNMENT, 0);
	assert_int_equal(xPortGetFreeHeapSize(), really_free());
	vPortFree(block);
	assert_int_equal(xPortGetFreeHeapSize(), really_free());
	assert_true(xPortGetFreeHeapSize() > sizeof ucHeap / 2); /* a host's control memory is large */
}

/* Only the first request, statistics and the reset of the minimum suspend the scheduler. */
static void no_suspension(void **state)
{
	(void)state;
	void *first = pvPortMalloc(8);
	kernel_suspensions = 0;
	for (size_t size = 1; size < 3000; size += 37)
		vPortFree(pvPortMalloc(size));
	vPortFree(first);
	assert_int_equal(kernel_suspensions, 0);
}

static void refusals(void **state)
{
	(void)state;
	assert_null(pvPortMalloc(0));
	assert_int_equal(kernel_hooked, 1);
	assert_null(pvPortMalloc(sizeof ucHeap));
	assert_int_equal(kernel_hooked, 2);
	assert_int_equal(kernel_mallocs.count, 2);
	assert_null(kernel_mallocs.address);
	assert_int_equal(kernel_mallocs.size, sizeof ucHeap);
	assert_null(pvPortMalloc(SIZE_MAX));
	assert_null(
		pvPortCalloc(SIZE_MAX / 2, 3)); /* the product wraps; as in FreeRTOS no call of the hook */
	assert_int_equal(kernel_hooked, 3);
	assert_null(pvPortCalloc(0, 8));
	assert_null(pvPortCalloc(8, 0));
	assert_int_equal(xPortGetFreeHeapSize(), really_free());
}

static void traces(void **state)
{
	(void)state;
	void *block = pvPortMalloc(50);
	assert_int_equal(kernel_mallocs.count, 1);
	assert_ptr_equal(kernel_mallocs.address, block);
	size_t size = kernel_mallocs.size, before = xPortGetFreeHeapSize();
	assert_true(size >= 50 && size < 100);
	vPortFree(block);
	assert_int_equal(kernel_frees.count, 1);
	assert_ptr_equal(kernel_frees.address, block);
	assert_int_equal(kernel_frees.size, size);
	assert_int_equal(xPortGetFreeHeapSize(), before + size);
	vPortFree(NULL);
	assert_int_equal(kernel_frees.count, 1);
}

/* config_trace_free() has looked at each block as it was freed. */
static void cleared(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		unsigned char *block = pvPortMalloc(64);
		memset(block, 0xff, 64);
		vPortFree(block);
	}
	unsigned char *clear = pvPortCalloc(16, 16);
	for (int i = 0; i < 256; i++)
		assert_int_equal(clear[i], 0);
	vPortFree(clear);
	assert_int_equal(kernel_frees.count, 21);
}

static void wrong_pointers(void **state)
{
	(void)state;
	void *volatile block = pvPortMalloc(40);
	static long other[4];
	size_t before = xPortGetFreeHeapSize();
	vPortFree(&other[2]);
	assert_int_equal(kernel_asserted, 1);
	unit_expect_fault(NH_FAULT_POINTER, &other[2]);
	vPortFree((char *)block + 4);
	assert_int_equal(kernel_asserted, 2);
	unit_expect_fault(NH_FAULT_POINTER, (char *)block + 4);
	assert_int_equal(xPortGetFreeHeapSize(), before);
	vPortFree(block);
	vPortFree(block);
	assert_int_equal(kernel_asserted, 3);
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, block);
	assert_int_equal(kernel_frees.count, 1);
	assert_int_equal(xPortGetFreeHeapSize(), really_free());
}

static void minimum_ever(void **state)
{
	(void)state;
	vPortFree(pvPortMalloc(8));
	xPortResetHeapMinimumEverFreeHeapSize();
	size_t all = xPortGetFreeHeapSize();
	assert_int_equal(xPortGetMinimumEverFreeHeapSize(), all);
	void *one = pvPortMalloc(1000), *two = pvPortMalloc(5000);
	size_t least = xPortGetFreeHeapSize();
	assert_true(least < all - 6000);
	vPortFree(two);
	vPortFree(pvPortMalloc(3000)); /* less than there was */
	assert_int_equal(xPortGetMinimumEverFreeHeapSize(), least);
	size_t now = xPortGetFreeHeapSize();
	xPortResetHeapMinimumEverFreeHeapSize();
	assert_int_equal(xPortGetMinimumEverFreeHeapSize(), now);
	vPortFree(one);
	assert_int_equal(xPortGetMinimumEverFreeHeapSize(), now);
	assert_int_equal(xPortGetFreeHeapSize(), all);
}

static void statistics(void **state)
{
	(void)state;
	void *blocks[10];
	for (int i = 0; i < 10; i++)
		blocks[i] = pvPortMalloc(48);
	for (int i = 0; i < 10; i += 2)
		vPortFree(blocks[i]);
	HeapStats_t stats;
	vPortGetHeapStats(&stats);
	assert_int_equal(stats.xNumberOfSuccessfulAllocations, 10);
	assert_int_equal(stats.xNumberOfSuccessfulFrees, 5);
	assert_int_equal(stats.xAvailableHeapSpaceInBytes, really_free());
	assert_int_equal(stats.xMinimumEverFreeBytesRemaining, xPortGetMinimumEverFreeHeapSize());
	/* The five, cached or not, and the rest. */
	assert_true(stats.xNumberOfFreeBlocks >= 6);
	assert_true(stats.xSizeOfSmallestFreeBlockInBytes >= 48 &&
	            stats.xSizeOfSmallestFreeBlockInBytes < 300);
	void *largest = pvPortMalloc(stats.xSizeOfLargestFreeBlockInBytes);
	assert_non_null(largest);
	vPortFree(largest);
	for (int i = 1; i < 10; i += 2)
		vPortFree(blocks[i]);
	vPortGetHeapStats(&stats);
	assert_int_equal(stats.xAvailableHeapSpaceInBytes, really_free());
	assert_int_equal(stats.xNumberOfSuccessfulFrees, 11);
}

/* What is in caches is not lost: as many blocks again. */
static void all_of_it(void **state)
{
	(void)state;
	static void *blocks[configTOTAL_HEAP_SIZE / 64];
	unsigned count = 0, again = 0;
	while ((blocks[count] = pvPortMalloc(200)) != NULL)
		count++;
	assert_true(count > configTOTAL_HEAP_SIZE / 260);
	assert_int_equal(xPortGetFreeHeapSize(), really_free());
	for (unsigned i = 0; i < count; i++)
		vPortFree(blocks[i]);
	while ((blocks[again] = pvPortMalloc(200)) != NULL)
		again++;
	assert_int_equal(again, count);
	for (unsigned i = 0; i < again; i++)
		vPortFree(blocks[i]);
}

static void started_anew(void **state)
{
	(void)state;
	vPortFree(pvPortMalloc(1000));
	size_t all = xPortGetFreeHeapSize();
	assert_non_null(pvPortMalloc(all / 2)); /* forgotten */
	vPortHeapResetState();
	assert_null(nh_freertos_instance());
	void *block = pvPortMalloc(all / 4 * 3);
	assert_non_null(block);
	HeapStats_t stats;
	vPortGetHeapStats(&stats);
	assert_int_equal(stats.xNumberOfSuccessfulAllocations, 1);
	assert_int_equal(stats.xNumberOfSuccessfulFrees, 0);
	vPortFree(block);
	assert_int_equal(xPortGetFreeHeapSize(), all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_yet, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(first_request_makes_the_heap, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(no_suspension, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(refusals, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(traces, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(cleared, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(wrong_pointers, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(minimum_ever, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(statistics, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(all_of_it, begin, kernel_tear_down),
		cmocka_unit_test_setup_teardown(started_anew, begin, kernel_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

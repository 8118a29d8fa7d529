/* SPDX-License-Identifier: MIT */
/* As heap_5.c: regions, and an alignment beyond the heap's own. */
#include <nearheap_freertos.h>

#include "kernel.h"
#include "tests/support/unit.h"

#define FAR ((size_t)8 * 1024 * 1024) /* beyond a heap's reach */

static _Alignas(64) uint8_t memory[FAR + 65536];

static bool inside(const void *block, size_t from, size_t size)
{
	return (const uint8_t *)block >= memory + from && (const uint8_t *)block < memory + from + size;
}

/* Two that are near to each other are one heap, the one beyond is another; all are used up. */
static void three_regions(void **state)
{
	(void)state;
	const HeapRegion_t regions[] = {
		{ memory + 3, 20000 }, { memory + 30000, 30000 }, { memory + FAR, 40000 }, { NULL, 0 }
	};
	vPortDefineHeapRegions(regions);
	assert_int_equal(kernel_asserted, 0);
	assert_int_equal(nh_instance_heap_count(nh_freertos_instance()), 2);
	size_t all = xPortGetFreeHeapSize();
	assert_true(all > 60000 && all < 90000);

	static void *blocks[200];
	unsigned count = 0, in[3] = { 0 };
	while (count < 200 && (blocks[count] = pvPortMalloc(1000)) != NULL) {
		in[0] += inside(blocks[count], 0, 20003);
		in[1] += inside(blocks[count], 30000, 30000);
		in[2] += inside(blocks[count], FAR, 40000);
		assert_int_equal((uintptr_t)blocks[count] % portBYTE_ALIGNMENT, 0);
		count++;
	}
	assert_int_equal(in[0] + in[1] + in[2], count);
	assert_true(in[0] >= 8 && in[1] >= 20 && in[2] >= 20);
	for (unsigned i = 0; i < count; i++)
		vPortFree(blocks[i]);
	assert_int_equal(xPortGetFreeHeapSize(), all);
	void *first = pvPortMalloc(100); /* from the bottom, as heap_5.c has it */
	assert_true(inside(first, 0, 60000));
	vPortFree(first);
}

/* Each of these is refused as a whole, and the right list afterwards is not. */
static void wrong_lists(void **state)
{
	(void)state;
	const HeapRegion_t none[] = { { NULL, 0 } };
	const HeapRegion_t descending[] = { { memory + 40000, 20000 }, { memory, 20000 }, { NULL, 0 } };
	const HeapRegion_t overlapping[] = { { memory, 20000 }, { memory + 19999, 20000 }, { NULL, 0 } };
	const HeapRegion_t nowhere[] = { { NULL, 20000 }, { NULL, 0 } };
	const HeapRegion_t wraps[] = { { memory, SIZE_MAX - 100 }, { NULL, 0 } };
	const HeapRegion_t small[] = { { memory, 16 }, { NULL, 0 } };
	const HeapRegion_t *const wrong[] = { NULL, none, descending, overlapping, nowhere, wraps, small };
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		vPortDefineHeapRegions(wrong[i]);
		assert_int_equal(kernel_asserted, i + 1);
		assert_null(nh_freertos_instance());
		assert_int_equal(xPortGetFreeHeapSize(), 0);
	}
	const HeapRegion_t right[] = { { memory, 20000 }, { memory + 20000, 20000 }, { NULL, 0 } };
	vPortDefineHeapRegions(right);
	assert_int_equal(kernel_asserted, 7);
	vPortDefineHeapRegions(right); /* only once */
	assert_int_equal(kernel_asserted, 8);
	assert_true(xPortGetFreeHeapSize() > 20000);
}

static void before_the_regions(void **state)
{
	(void)state;
	assert_null(pvPortMalloc(8));
	assert_int_equal(kernel_asserted, 1);
	assert_int_equal(kernel_hooked, 0); /* this program has no hook */
}

/* xPortGetFreeHeapSize() against the heap: aligned blocks leave gaps, which are free. */
static void figures(void **state)
{
	(void)state;
	const HeapRegion_t regions[] = { { memory, 40000 }, { NULL, 0 } };
	vPortDefineHeapRegions(regions);
	void *blocks[40];
	for (unsigned i = 0; i < 40; i++)
		blocks[i] = pvPortMalloc(1 + i * 13);
	nh_heap_stats stats;
	assert_status(nh_instance_heap_stats_get(nh_freertos_instance(), 0, &stats), NH_OK);
	assert_int_equal(xPortGetFreeHeapSize(), stats.free + stats.cached);
	for (unsigned i = 0; i < 40; i++)
		vPortFree(blocks[i]);
	assert_int_equal(xPortGetFreeHeapSize(), stats.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(three_regions, kernel_set_up, kernel_tear_down),
		cmocka_unit_test_setup_teardown(wrong_lists, kernel_set_up, kernel_tear_down),
		cmocka_unit_test_setup_teardown(before_the_regions, kernel_set_up, kernel_tear_down),
		cmocka_unit_test_setup_teardown(figures, kernel_set_up, kernel_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

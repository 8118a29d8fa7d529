/* SPDX-License-Identifier: MIT */
/* What sys_heap says of itself: statistics, the array of heaps, faults, text; and its stress function. */
#include "tests/compat/zephyr/sys_heap.h"

#include <nearheap/zephyr.h>

#include <errno.h>
#include <stdio.h>

/* ---- statistics --------------------------------------------------------------------------- */

static void test_stats(void **state)
{
	(void)state;
	struct sys_memory_stats stats, later;
	assert_int_equal(sys_heap_runtime_stats_get(NULL, &stats), -EINVAL);
	assert_int_equal(sys_heap_runtime_stats_get(&heap, NULL), -EINVAL);
	assert_int_equal(sys_heap_runtime_stats_reset_max(NULL), -EINVAL);
	assert_int_equal(sys_heap_runtime_stats_get(&heap, &stats), 0);
	assert_int_equal(stats.allocated_bytes, 0);
	assert_int_equal(stats.max_allocated_bytes, 0);
	void *a = sys_heap_alloc(&heap, 1000), *b = sys_heap_alloc(&heap, 500);
	assert_int_equal(sys_heap_runtime_stats_get(&heap, &later), 0);
	assert_true(later.allocated_bytes >= 1500 && later.allocated_bytes < 1600);
	assert_int_equal(later.allocated_bytes + later.free_bytes, stats.free_bytes);
	assert_int_equal(later.max_allocated_bytes, later.allocated_bytes);
	sys_heap_free(&heap, a);
	assert_int_equal(sys_heap_runtime_stats_get(&heap, &stats), 0);
	assert_int_equal(stats.max_allocated_bytes, later.max_allocated_bytes);
	assert_true(stats.allocated_bytes < 600);
	assert_int_equal(sys_heap_runtime_stats_reset_max(&heap), 0);
	assert_int_equal(sys_heap_runtime_stats_get(&heap, &stats), 0);
	assert_int_equal(stats.max_allocated_bytes, stats.allocated_bytes);
	sys_heap_free(&heap, b);
}

static void test_array(void **state)
{
	(void)state;
	struct sys_heap **all;
	static struct sys_heap others[CONFIG_SYS_HEAP_ARRAY_SIZE];
	assert_int_equal(sys_heap_array_save(NULL), -EINVAL);
	assert_int_equal(sys_heap_array_get(NULL), -EINVAL);
	assert_int_equal(sys_heap_array_save(&heap), 0); /* init did that already: noted once */
	int count = sys_heap_array_get(&all), seen = 0;
	assert_true(count >= 1);
	for (int i = 0; i < count; i++)
		seen += all[i] == &heap;
	assert_int_equal(seen, 1);
	for (int i = count; i < CONFIG_SYS_HEAP_ARRAY_SIZE; i++) {
		assert_int_equal(sys_heap_array_save(&others[i]), 0);
		assert_int_equal(sys_heap_array_get(&all), i + 1);
		assert_ptr_equal(all[i], &others[i]);
	}
	static struct sys_heap one_more;
	assert_int_equal(sys_heap_array_save(&one_more), -EINVAL);
	sys_heap_init(&one_more, heap_mem, sizeof heap_mem); /* a heap all the same */
	assert_non_null(one_more.heap);
	sys_heap_init(&heap, heap_mem, sizeof heap_mem);
}

/* ---- faults ------------------------------------------------------------------------------- */

static void expect_fault(nh_fault_code code, const void *address)
{
	assert_int_equal(nht_fault_count(), 1);
	assert_int_equal(nht_fault_get(0).code, code);
	assert_ptr_equal(nht_fault_get(0).address, address);
	nht_fault_clear();
	assert_true(sys_heap_validate(&heap));
}

static void test_double_free(void **state)
{
	(void)state;
	char *a = sys_heap_alloc(&heap, 40), *b = sys_heap_alloc(&heap, 40), *c = sys_heap_alloc(&heap, 40);
	sys_heap_free(&heap, b);
	size_t before = free_bytes(&heap);
	sys_heap_free(&heap, b);
	expect_fault(NH_FAULT_DOUBLE_FREE, b);
	assert_null(sys_heap_realloc(&heap, b, 10));
	expect_fault(NH_FAULT_DOUBLE_FREE, b);
	assert_int_equal(sys_heap_usable_size(&heap, b), 0);
	int outside;
	sys_heap_free(&heap, &outside);
	assert_int_equal(nht_fault_count_of(NH_FAULT_POINTER), 1);
	nht_fault_clear();
	assert_int_equal(free_bytes(&heap), before);
	sys_heap_free(&heap, a);
	sys_heap_free(&heap, c);
}

#if NH_HARDENING >= NH_HARDENING_MODERATE
static void test_overrun(void **state)
{
	(void)state;
	unsigned char *a = sys_heap_alloc(&heap, 40), *b = sys_heap_alloc(&heap, 40);
	size_t usable = sys_heap_usable_size(&heap, a);
	unsigned char saved[16];
	memcpy(saved, a + usable, sizeof saved);
	memset(a + usable, 0xff, NHT_HEADER); /* b's header */
	assert_false(sys_heap_validate(&heap));
	sys_heap_free(&heap, a);
	assert_true(nht_fault_count() >= 1);
	assert_int_equal(nht_fault_get(0).code, NH_FAULT_NEIGHBOUR);
	nht_fault_clear();
	memcpy(a + usable, saved, sizeof saved);
	assert_true(sys_heap_validate(&heap));
	sys_heap_free(&heap, b);
}
#endif

/* ---- stress ------------------------------------------------------------------------------- */

static void *stress_alloc(void *arg, size_t bytes)
{
	void *block = sys_heap_alloc(arg, bytes);
	if (block != NULL)
		memset(block, 0xee, bytes);
	if (!sys_heap_validate(arg))
		fail_msg("damaged by an allocation of %zu", bytes);
	return block;
}

static void stress_free(void *arg, void *block)
{
	sys_heap_free(arg, block);
	if (!sys_heap_validate(arg))
		fail_msg("damaged by a free");
}

static struct z_heap_stress_result stress(uint32_t operations, int percent)
{
	static unsigned char scratch[2048];
	struct z_heap_stress_result result;
	struct sys_memory_stats stats;
	memset(&result, 0xff, sizeof result);
	sys_heap_init(&heap, heap_mem, sizeof heap_mem);
	sys_heap_stress(stress_alloc, stress_free, &heap, sizeof heap_mem, operations, scratch + 1,
	                sizeof scratch - 1, percent, &result);
	assert_int_equal(result.total_allocs + result.total_frees, operations);
	assert_true(result.successful_allocs <= result.total_allocs);
	assert_true(result.total_frees <= result.successful_allocs);
	assert_int_equal(sys_heap_runtime_stats_get(&heap, &stats), 0);
	assert_true((stats.allocated_bytes == 0) == (result.successful_allocs == result.total_frees));
	return result;
}

/* What is in use comes near the target; one that cannot be reached makes allocations fail. */
static void test_stress(void **state)
{
	(void)state;
	const uint32_t operations = (uint32_t)nht_test_operations(4000) + 1000u;
	for (int percent = 10; percent <= 50; percent += 20) {
		struct z_heap_stress_result result = stress(operations, percent);
		uint64_t mean = result.accumulated_in_use_bytes / operations * 100u / HEAP_SIZE;
		assert_in_range(mean, percent - 5, percent + 5);
		assert_true(result.successful_allocs > result.total_allocs / 10u * 9u);
	}
	struct z_heap_stress_result result = stress(operations, 100);
	assert_true(result.successful_allocs < result.total_allocs / 4u * 3u);
	static unsigned char scratch[3];
	sys_heap_stress(stress_alloc, stress_free, &heap, sizeof heap_mem, 10, scratch, sizeof scratch, 50, &result);
	assert_int_equal(result.total_allocs, 0); /* no room to note a block */
}

/* ---- text --------------------------------------------------------------------------------- */

static char text[16384];
static size_t text_length;

void nh_zephyr_print(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text + text_length, sizeof text - text_length, format, arguments);
	va_end(arguments);
	assert_true(length >= 0 && text_length + (size_t)length < sizeof text);
	text_length += (size_t)length;
}

static void test_print_info(void **state)
{
	(void)state;
	void *a = sys_heap_alloc(&heap, 100), *b = sys_heap_alloc(&heap, 200), *c = sys_heap_alloc(&heap, 300);
	char expected[100];
	sys_heap_free(&heap, b);
	text_length = 0;
	sys_heap_print_info(&heap, true);
	assert_non_null(strstr(text, "4 blocks, 2 of them free"));
	snprintf(expected, sizeof expected, "%p  %10zu  used", a, sys_heap_usable_size(&heap, a));
	assert_non_null(strstr(text, expected));
	snprintf(expected, sizeof expected, "%p  %10zu  used", c, sys_heap_usable_size(&heap, c));
	assert_non_null(strstr(text, expected));
	snprintf(expected, sizeof expected, "%p  ", b);
	assert_non_null(strstr(text, expected));
	snprintf(expected, sizeof expected, "bytes of blocks, %zu free", free_bytes(&heap));
	assert_non_null(strstr(text, expected));
	text_length = 0;
	sys_heap_print_info(&heap, false);
	snprintf(expected, sizeof expected, "%p  ", a);
	assert_null(strstr(text, expected));
	assert_non_null(strstr(text, "4 blocks, 2 of them free"));
	text_length = 0;
	struct sys_heap none;
	sys_heap_init(&none, heap_mem + 64, 20);
	assert_non_null(strstr(text, "sys_heap_init: 20 bytes"));
	assert_non_null(strstr(text, "too small"));
	sys_heap_free(&heap, a);
	sys_heap_free(&heap, c);
	text_length = 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stats),
		TEST(test_array),
		TEST(test_double_free),
#if NH_HARDENING >= NH_HARDENING_MODERATE
		TEST(test_overrun),
#endif
		TEST(test_stress),
		TEST(test_print_info),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

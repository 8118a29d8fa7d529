/* SPDX-License-Identifier: MIT */
/* Every function that allocates or frees: what it promises, and what the original gets wrong. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CONFIG_KMM_REGIONS 3
#define CONFIG_KMM_NHEAPS 3
#define CONFIG_RAM_KREGIONx_START "0x1000,0x5000,0x10000"
#define CONFIG_RAM_KREGIONx_SIZE "8192,4096,65536"
#define CONFIG_RAM_KREGIONx_HEAP_INDEX "0,1,2"

#include <tinyara/mm/mm.h>

#include "logged.h"

static int begin(void **state)
{
	logged_set_up(state);
	up_add_kregion();
	return 0;
}

static struct mallinfo info_of(int index)
{
	struct mallinfo info;
	assert_int_equal(mm_mallinfo(mm_get_heap_with_index(index), &info), OK);
	return info;
}

static void fill(unsigned char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		block[i] = (unsigned char)(i * 7 + 3);
}

static void assert_filled(const unsigned char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(block[i], (unsigned char)(i * 7 + 3));
}

static void assert_zero(const unsigned char *block, size_t size)
{
	assert_non_null(block);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(block[i], 0);
}

static void test_own_heap_or_null(void **state)
{
	(void)state;
	for (int index = 0; index < 3; index++) {
		struct mallinfo info = info_of(index);
		void *all = malloc_at(index, (size_t)info.mxordblk);
		assert_non_null(all);
		assert_int_equal(mm_get_index_of_heap(all), index);
		assert_null(malloc_at(index, 1));
		assert_null(calloc_at(index, 1, 1));
		assert_null(zalloc_at(index, 1));
		assert_null(memalign_at(index, 32, 1));
		assert_null(realloc_at(index, NULL, 1));
		free(all);
		assert_null(malloc_at(index, (size_t)info.mxordblk + 1));
	}
	assert_nothing_logged();
}

static void test_twins(void **state)
{
	(void)state;
	void *blocks[] = {
		kmm_malloc_at(1, 10),       kmm_calloc_at(1, 2, 5),      kmm_zalloc_at(1, 10),
		kmm_memalign_at(1, 64, 10), kmm_realloc_at(1, NULL, 10),
	};
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		assert_int_equal(mm_get_index_of_heap(blocks[i]), 1);
	assert_int_equal((uintptr_t)blocks[3] % 64, 0);
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		kmm_free(blocks[i]);
	void *plain[] = { kmm_malloc(10), kmm_calloc(2, 5), kmm_zalloc(10), kmm_memalign(64, 10),
		          kmm_realloc(NULL, 10) };
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		assert_int_equal(mm_get_index_of_heap(plain[i]), 0);
		free(plain[i]);
	}
	assert_int_equal(mallinfo().uordblks, 0);
	assert_nothing_logged();
}

static void test_size_0(void **state)
{
	(void)state;
	assert_null(malloc_at(0, 0));
	assert_null(zalloc_at(0, 0));
	assert_null(memalign_at(0, 64, 0));
	assert_null(realloc_at(0, NULL, 0));
	assert_null(malloc(0));
	assert_null(zalloc(0));
	assert_null(memalign(64, 0));
	assert_null(realloc(NULL, 0));
	/* In the original a division by zero. */
	assert_null(calloc_at(0, 7, 0));
	assert_null(calloc_at(0, 0, 7));
	assert_null(calloc(7, 0));
	assert_null(calloc(0, 7));
	assert_nothing_logged();
}

static void test_sizes_that_wrap(void **state)
{
	(void)state;
	assert_null(malloc_at(2, SIZE_MAX));
	assert_null(memalign_at(2, 4096, SIZE_MAX - 4000));
	assert_null(calloc_at(2, SIZE_MAX / 2 + 1, 2));
	assert_null(calloc_at(2, SIZE_MAX / 2 + 9, 2)); /* wraps to 16 */
	assert_null(calloc(SIZE_MAX / 4 + 1, 4));
	assert_null(calloc(SIZE_MAX, SIZE_MAX));
	assert_null(realloc(NULL, SIZE_MAX));
	void *block = malloc(100);
	assert_null(realloc(block, SIZE_MAX));
	assert_null(realloc_at(2, block, SIZE_MAX));
	assert_int_equal(mm_get_index_of_heap(block), 0);
	free(block);
	assert_nothing_logged();
}

static void test_zeroed(void **state)
{
	(void)state;
	void *dirty[3];
	for (int index = 0; index < 3; index++) {
		dirty[index] = malloc_at(index, 500);
		memset(dirty[index], 0xff, 500);
	}
	for (int index = 0; index < 3; index++)
		free(dirty[index]);
	for (int index = 0; index < 3; index++) {
		assert_zero(zalloc_at(index, 500), 500);
		assert_zero(calloc_at(index, 50, 10), 500);
	}
	assert_zero(zalloc(500), 500);
	assert_zero(calloc(50, 10), 500);
}

static void test_bad_index(void **state)
{
	(void)state;
	static const int bad[] = { -1, 3, 8, 31, 32, 64, INT_MAX, INT_MIN };
	void *block = malloc(20);
	fill(block, 20);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_null(malloc_at(bad[i], 8));
		assert_logged_with("mm: malloc_at: heap index ");
		assert_null(calloc_at(bad[i], 1, 8));
		assert_logged_with("mm: calloc_at: heap index ");
		assert_null(zalloc_at(bad[i], 8));
		assert_logged_with("mm: zalloc_at: heap index ");
		assert_null(memalign_at(bad[i], 32, 8));
		assert_logged_with("mm: memalign_at: heap index ");
		assert_null(realloc_at(bad[i], block, 8));
		assert_logged_with("mm: realloc_at: heap index ");
		assert_null(realloc_at(bad[i], block, 0));
		assert_logged_with(" is out of range, there are 3 heaps");
	}
	assert_filled(block, 20);
	free(block);
	assert_nothing_logged();
}

static void test_alignment(void **state)
{
	(void)state;
	/* 0 to 16: malloc, whatever it is; and the address is as said where it can be. */
	for (size_t alignment = 0; alignment <= 16; alignment++) {
		void *block = memalign_at(2, alignment, 24);
		assert_non_null(block);
		if (alignment != 0 && (alignment & (alignment - 1)) == 0)
			assert_int_equal((uintptr_t)block % alignment, 0);
		free(block);
	}
	for (size_t alignment = 32; alignment <= 4096; alignment *= 2) {
		void *block = memalign(alignment, 24), *other = memalign_at(2, alignment, 100);
		assert_non_null(block);
		assert_int_equal((uintptr_t)block % alignment, 0);
		assert_int_equal((uintptr_t)other % alignment, 0);
		free(other);
		free(block);
	}
	assert_nothing_logged();
	static const size_t bad[] = { 17, 24, 48, 4095, SIZE_MAX, SIZE_MAX / 2 };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_null(memalign_at(2, bad[i], 24));
		assert_logged_with("is no power of two");
		assert_null(memalign(bad[i], 24));
		assert_logged_with("is no power of two");
	}
	assert_null(memalign_at(2, SIZE_MAX / 2 + 1, 24)); /* a power of two that no heap has */
	assert_nothing_logged();
	assert_int_equal(mallinfo().uordblks, 0);
}

static void test_realloc_keeps_contents(void **state)
{
	(void)state;
	unsigned char *block = malloc_at(2, 100);
	fill(block, 100);
	for (size_t size = 100; size < 5000; size += 333) {
		unsigned char *wall = malloc_at(2, 8); /* no growing in place */
		block = realloc(block, size);
		assert_filled(block, size < 100 ? size : 100);
		assert_int_equal(mm_get_index_of_heap(block), 2);
		free(wall);
	}
	block = realloc(block, 10);
	assert_filled(block, 10);
	assert_null(realloc(block, 0));
	assert_int_equal(info_of(2).uordblks, 0);
	assert_nothing_logged();
}

/* In the original no byte is copied. */
static void test_realloc_across_heaps(void **state)
{
	(void)state;
	unsigned char *block = malloc_at(1, 3000);
	fill(block, 3000);
	block = realloc(block, 5000);
	assert_int_equal(mm_get_index_of_heap(block), 0); /* from 0 up */
	assert_filled(block, 3000);
	assert_int_equal(info_of(1).uordblks, 0);
	unsigned char *first = malloc_at(0, 1000);
	block = realloc(block, 9000);
	assert_int_equal(mm_get_index_of_heap(block), 2);
	assert_filled(block, 3000);
	free(first);
	assert_int_equal(info_of(0).uordblks, 0);
	/* No heap has so much: nothing changes. */
	assert_null(realloc(block, 70000));
	assert_filled(block, 3000);
	assert_int_equal(mm_get_index_of_heap(block), 2);
	free(block);
	assert_nothing_logged();
}

/* In the original it corrupts both heaps. */
static void test_realloc_at_moves_from_another_heap(void **state)
{
	(void)state;
	for (size_t size = 1; size < 3000; size = size * 2 + 1) {
		unsigned char *block = malloc_at(0, 1500);
		fill(block, 1500);
		block = realloc_at(1, block, size);
		assert_int_equal(mm_get_index_of_heap(block), 1);
		assert_filled(block, size < 1500 ? size : 1500);
		assert_int_equal(info_of(0).uordblks, 0);
		free(block);
		assert_int_equal(info_of(1).uordblks, 0);
	}
	unsigned char *block = malloc_at(0, 6000);
	fill(block, 6000);
	assert_null(realloc_at(1, block, 5000)); /* heap 1 has 4096 */
	assert_int_equal(mm_get_index_of_heap(block), 0);
	assert_filled(block, 6000);
	assert_null(realloc_at(1, block, 0));
	assert_int_equal(info_of(0).uordblks, 0);
	assert_nothing_logged();
}

static void test_realloc_at_stays(void **state)
{
	(void)state;
	unsigned char *block = malloc_at(1, 1500);
	fill(block, 1500);
	assert_null(realloc_at(1, block, 6000)); /* heap 2 would have it */
	assert_filled(block, 1500);
	assert_ptr_equal(realloc_at(1, block, 2500), block); /* in place */
	assert_filled(block, 1500);
	free(block);
}

/* Nothing changes: neither numbers nor contents. */
static void test_not_ours(void **state)
{
	(void)state;
	static unsigned char foreign[64];
	unsigned char *block = malloc_at(0, 100), local = 1;
	fill(block, 100);
	struct mallinfo before = mallinfo(), after;
	void *bad[] = { foreign, foreign + 16, &local, block + 1, block + 3, ram_at(0x8000), (void *)16 };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		free(bad[i]);
		assert_logged_with("mm: ");
		assert_null(realloc(bad[i], 10));
		assert_logged_with("mm: realloc: 0x");
		assert_null(realloc_at(2, bad[i], 10));
		assert_logged_with(" is no block in use");
		assert_null(realloc(bad[i], 0));
		assert_logged_with(" is no block in use");
	}
	free(NULL);
	assert_logged("mm: free: 0x0 is no block in use");
	kmm_free(NULL);
	assert_logged("mm: free: 0x0 is no block in use");
	after = mallinfo();
	assert_memory_equal(&before, &after, sizeof before);
	assert_filled(block, 100);
	free(block);
	assert_nothing_logged();
}

static void test_double_free(void **state)
{
	(void)state;
	for (int index = 0; index < 3; index++) {
		for (size_t size = 8; size < 2000; size = size * 3) {
			void *block = malloc_at(index, size), *wall = malloc_at(index, 8);
			free(block);
			struct mallinfo before = info_of(index);
			free(block);
			assert_logged_with("mm: ");
			assert_null(realloc(block, 10));
			assert_logged_with("is no block in use");
			assert_null(realloc_at(index, block, 10));
			assert_logged_with("is no block in use");
			struct mallinfo after = info_of(index);
			assert_memory_equal(&before, &after, sizeof before);
			/* Not handed out twice. */
			void *a = malloc_at(index, size), *b = malloc_at(index, size);
			assert_ptr_not_equal(a, b);
			free(a);
			free(b);
			free(wall);
		}
	}
	assert_nothing_logged();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_heap_or_null, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_twins, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_size_0, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_sizes_that_wrap, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_zeroed, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_bad_index, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_alignment, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_realloc_keeps_contents, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_realloc_across_heaps, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_realloc_at_moves_from_another_heap, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_realloc_at_stays, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_not_ours, begin, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_double_free, begin, logged_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

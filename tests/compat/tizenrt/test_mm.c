/* SPDX-License-Identifier: MIT */
/* Heaps made one by one, what is counted of them, and damage. No lists: malloc uses them all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tinyara/mm/mm.h>

#include "logged.h"

static struct mm_heap_s heaps[4];
static nh_fault_code stopped;

void nh_tizenrt_stop(const nh_fault *fault)
{
	stopped = fault->code;
}

static void test_before_the_first_heap(void **state)
{
	(void)state;
	int local;
	assert_null(malloc(8));
	assert_null(calloc(1, 8));
	assert_null(realloc(NULL, 8));
	assert_int_equal(mallinfo().arena, 0);
	assert_int_equal(mm_get_index_of_heap(&local), -1);
	assert_nothing_logged();
	assert_null(malloc_at(0, 8));
	assert_logged("mm: malloc_at: heap index 0 is out of range, there are 0 heaps");
	free(&local);
	assert_logged_with("mm: free: 0x");
	assert_null(realloc(&local, 8));
	assert_logged_with("is no block in use");
	assert_null(mm_get_heap(&local));
	assert_logged_with("is in no heap");
	struct mallinfo info;
	assert_int_equal(mm_mallinfo(&heaps[0], &info), -EINVAL);
	assert_logged_with("mm_mallinfo: no such heap");
}

static void test_initialize(void **state)
{
	(void)state;
	assert_int_equal(mm_initialize(&heaps[0], ram_at(0x1000), 256), OK);
	assert_int_equal(mm_initialize(&heaps[1], ram_at(0x1101), 1001), OK); /* any address */
	assert_int_equal(mm_initialize(&heaps[2], ram_at(0x2000), 0x10000), OK);
	assert_ptr_equal(mm_get_heap_with_index(0), &heaps[0]);
	assert_ptr_equal(mm_get_heap_with_index(2), &heaps[2]);
	for (int index = 0; index < 3; index++) {
		void *block = malloc_at(index, 60);
		assert_int_equal(mm_get_index_of_heap(block), index);
		assert_ptr_equal(mm_get_heap(block), &heaps[index]);
	}
	assert_nothing_logged();
}

static void assert_refused(int result, const char *line)
{
	assert_int_equal(result, -EINVAL);
	assert_logged(line);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(mm_initialize(&heaps[0], ram_at(0x1000), 4096), OK);
	void *block = malloc(64);
	assert_refused(mm_initialize(NULL, ram_at(0x4000), 256), "mm: mm_initialize: no heap");
	assert_refused(mm_initialize(&heaps[0], ram_at(0x4000), 256),
	               "mm: mm_initialize: the heap is in use");
	assert_int_equal(mm_initialize(&heaps[1], NULL, 256), -EINVAL);
	assert_logged_with("mm: mm_initialize: ");
	assert_int_equal(mm_initialize(&heaps[1], ram_at(0x4000), 0), -EINVAL);
	assert_logged_with("mm: mm_initialize: ");
	assert_int_equal(mm_initialize(&heaps[1], ram_at(0x4000), SIZE_MAX), -EINVAL);
	assert_logged_with("mm: mm_initialize: ");
	assert_int_equal(mm_initialize(&heaps[1], ram_at(0x4000), 16), -EINVAL);
	assert_logged_with("mm: mm_initialize: ");
	assert_int_equal(mm_initialize(&heaps[1], ram_at(0x1800), 4096), -EINVAL);
	assert_logged_with("mm: mm_initialize: ");
	assert_refused(mm_addregion(NULL, ram_at(0x4000), 256), "mm: mm_addregion: no such heap");
	assert_refused(mm_addregion(&heaps[1], ram_at(0x4000), 256), "mm: mm_addregion: no such heap");
	static const struct {
		unsigned address;
		size_t size;
	} bad[] = { { 0x4000, 0 }, { 0x4000, SIZE_MAX }, { 0x4000, 16 }, { 0x1100, 256 }, { 0x1000, 4096 } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(mm_addregion(&heaps[0], ram_at(bad[i].address), bad[i].size), -EINVAL);
		assert_logged_with("mm: mm_addregion: ");
	}
	assert_int_equal(mm_addregion(&heaps[0], NULL, 256), -EINVAL);
	assert_logged_with("mm: mm_addregion: ");
	/* What was refused left nothing behind. */
	assert_int_equal(mm_initialize(&heaps[1], ram_at(0x4000), 256), OK);
	free(block);
	assert_int_equal(mallinfo().uordblks, 0);
	assert_nothing_logged();
}

static void test_too_many_heaps(void **state)
{
	(void)state;
	static struct mm_heap_s many[NH_MAX_HEAPS + 1];
	for (unsigned i = 0; i < NH_MAX_HEAPS; i++)
		assert_int_equal(mm_initialize(&many[i], ram_at(0x1000 + i * 0x400), 256), OK);
	assert_nothing_logged();
	assert_int_equal(mm_initialize(&many[NH_MAX_HEAPS], ram_at(0x10000), 256), -EINVAL);
	assert_logged_with("mm: mm_initialize: ");
	assert_non_null(malloc_at(NH_MAX_HEAPS - 1, 16));
}

/* Regions below and far above the first. */
static void test_regions_anywhere(void **state)
{
	(void)state;
	assert_int_equal(mm_initialize(&heaps[0], ram_at(0x8000), 4096), OK);
	assert_int_equal(mm_addregion(&heaps[0], ram_at(0x1000), 8192), OK);
	assert_int_equal(mm_addregion(&heaps[0], ram_at(0x20000), 2048), OK);
	static const unsigned addresses[] = { 0x1000, 0x8000, 0x20000 };
	static const unsigned sizes[] = { 8192 - 200, 4096 - 200, 2048 - 200 };
	unsigned char *blocks[3];
	for (int i = 0; i < 3; i++) {
		blocks[i] = malloc_at(0, sizes[i]);
		assert_ptr_equal(mm_get_heap(blocks[i]), &heaps[0]);
		assert_in_range((uintptr_t)blocks[i], (uintptr_t)ram_at(addresses[i]),
		                (uintptr_t)ram_at(addresses[i]) + 256);
		memset(blocks[i], i, sizes[i]);
	}
	struct mallinfo info;
	for (int i = 0; i < 3; i++)
		free(blocks[i]);
	assert_int_equal(mm_mallinfo(&heaps[0], &info), OK);
	assert_int_equal(info.ordblks, 3);
	assert_nothing_logged();
}

/* Blocks of all small sizes, so that caches fill where there are any; then freed, and free they must be. */
static void test_mallinfo(void **state)
{
	(void)state;
	static const size_t sizes[] = { 256, 4096, 0x10000 };
	for (int index = 0; index < 3; index++)
		assert_int_equal(
			mm_initialize(&heaps[index], ram_at(0x1000 + (unsigned)index * 0x2000), sizes[index]),
			OK);
	struct mallinfo before[3], all = mallinfo(), now;
	for (int index = 0; index < 3; index++) {
		assert_int_equal(mm_mallinfo(&heaps[index], &before[index]), OK);
		assert_int_equal(before[index].arena, before[index].uordblks + before[index].fordblks);
		assert_int_equal(before[index].ordblks, 1);
	}
	assert_int_equal(all.arena, before[0].arena + before[1].arena + before[2].arena);
	assert_int_equal(all.ordblks, 3);
	assert_int_equal(all.mxordblk, before[2].mxordblk);
	assert_int_equal(all.fordblks, before[0].fordblks + before[1].fordblks + before[2].fordblks);

	static void *blocks[400];
	for (unsigned round = 0; round < 3; round++) {
		size_t used = 0;
		for (unsigned i = 0; i < 400; i++) {
			size_t size = 1 + (i * 37 + round) % 120;
			blocks[i] = malloc_at(2, size);
			used += blocks[i] == NULL ? 0 : size;
		}
		assert_int_equal(mm_mallinfo(&heaps[2], &now), OK);
		assert_in_range((size_t)now.uordblks, used, 0x10000);
		assert_int_equal(now.arena, now.uordblks + now.fordblks);
		for (unsigned i = 0; i < 400; i++)
			if (blocks[(i * 7) % 400] != NULL)
				free(blocks[(i * 7) % 400]);
		assert_int_equal(mm_mallinfo(&heaps[2], &now), OK);
		assert_memory_equal(&now, &before[2], sizeof now);
	}
	/* The largest can be had, one byte more cannot; also where memory is in pieces. */
	for (unsigned i = 0; i < 400; i++)
		blocks[i] = malloc_at(2, 100);
	for (unsigned i = 0; i < 400; i += 3)
		free(blocks[i]);
	assert_int_equal(mm_mallinfo(&heaps[2], &now), OK);
	assert_null(malloc_at(2, (size_t)now.mxordblk + 1));
	assert_non_null(malloc_at(2, (size_t)now.mxordblk));
	assert_int_equal(mm_mallinfo(&heaps[2], NULL), -EINVAL);
	assert_logged_with("mm_mallinfo");
}

static void test_damage_stops(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	assert_int_equal(mm_initialize(&heaps[0], ram_at(0x1000), 4096), OK);
	unsigned char *block = malloc(40), *next = malloc(40), *last = malloc(40);
	size_t usable = (size_t)(next - block);
	stopped = NH_FAULT_NONE;
	free(next);
	memset(next, 0x5a, usable - 16); /* written after free: links of a free block */
	free(block);
	free(last);
	assert_int_not_equal(stopped, NH_FAULT_NONE);
	const char *line;
	assert_true(logged(&line) > 0);
	assert_non_null(strstr(line, "mm: "));
#else
	assert_int_equal(stopped, NH_FAULT_NONE);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_before_the_first_heap, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_initialize, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_refused, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_heaps, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_regions_anywhere, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_mallinfo, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_damage_stops, logged_set_up, logged_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

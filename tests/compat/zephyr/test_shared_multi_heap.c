/* SPDX-License-Identifier: MIT */
/*
 * shared_multi_heap from one thread, in the order in which a system would: before the pool is there,
 * regions added, used, filled up. The pool lasts as long as the program, so tests build on each other.
 */
#include "tests/compat/zephyr/smh.h"

#include "tests/support/env.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <string.h>

#define BANK 4096u
#define BANKS 8u

/* Each bank an attribute's own; the last attribute is filled up with BANKS regions. */
static uint64_t cached[2][BANK / 8], uncached[BANK / 8], external[BANKS][BANK / 8], spare[BANK / 8];
static uint64_t own[BANK / 8];

static void test_before_init(void **state)
{
	(void)state;
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, cached[0], BANK), -ENODEV);
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 16));
	assert_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 64, 16));
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, NULL, 16));
	shared_multi_heap_free(NULL);
	shared_multi_heap_free(cached[0]);
}

static void test_init(void **state)
{
	(void)state;
	assert_int_equal(shared_multi_heap_pool_init(), 0);
	assert_int_equal(shared_multi_heap_pool_init(), -EALREADY);
	/* an attribute without a region */
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 16));
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, NULL, 16));
}

static void test_refused_regions(void **state)
{
	(void)state;
	assert_int_equal(shared_multi_heap_add(NULL, NULL), -EINVAL);
	assert_int_equal(add_region(MAX_SHARED_MULTI_HEAP_ATTR, spare, BANK), -EINVAL);
	assert_int_equal(add_region(UINT32_MAX, spare, BANK), -EINVAL);
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, spare, 0), -EINVAL);
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, NULL, 0), -EINVAL);
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, spare, 40), -EINVAL); /* holds no control memory */
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, (void *)(UINTPTR_MAX - 100u), 200), -EINVAL);
	/* nothing of it is kept: the same memory is welcome below */
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 8));
}

static void test_add(void **state)
{
	(void)state;
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, cached[1], BANK), 0);
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, cached[0], BANK), 0);
	assert_int_equal(add_region(SMH_REG_ATTR_NON_CACHEABLE, uncached, BANK), 0);
	if (HAS_OWN_ATTR) {
		assert_int_equal(add_region(OWN_ATTR, own, BANK), 0);
		void *block = shared_multi_heap_alloc(ATTR(OWN_ATTR), 100);
		assert_true(lies_in(block, own, BANK));
		shared_multi_heap_free(block);
	}
}

/* A defect of the original: the same region twice, under one attribute or two, destroyed live blocks. */
static void test_duplicates(void **state)
{
	(void)state;
	char *block = shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, 100);
	memset(block, 0x77, 100);
	assert_int_equal(add_region(SMH_REG_ATTR_NON_CACHEABLE, uncached, BANK), -EEXIST);
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, uncached, BANK), -EEXIST);
	assert_int_equal(add_region(SMH_REG_ATTR_CACHEABLE, (char *)uncached + 1000, 600), -EEXIST);
	assert_int_equal(add_region(SMH_REG_ATTR_EXTERNAL, (char *)uncached + BANK - 1, 600), -EEXIST);
	assert_int_equal(add_region(SMH_REG_ATTR_EXTERNAL, cached, sizeof cached), -EEXIST);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(block[i], 0x77);
	shared_multi_heap_free(block);
}

static void test_alloc(void **state)
{
	(void)state;
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 0));
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 3 * BANK));
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, SIZE_MAX));
	assert_null(shared_multi_heap_alloc(ATTR(MAX_SHARED_MULTI_HEAP_ATTR), 16));
	assert_null(shared_multi_heap_alloc(ATTR(-1), 16));
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, 16)); /* has no region: no other attribute serves */
	void *a = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 100);
	void *b = shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, 100);
	assert_true(lies_in(a, cached[1], BANK)); /* the one added first */
	assert_true(lies_in(b, uncached, BANK));
	for (size_t align = 1; align <= 1024; align *= 2) {
		void *c = shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, align, 100);
		assert_non_null(c);
		assert_int_equal((uintptr_t)c % align, 0);
		shared_multi_heap_free(c);
	}
	assert_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 48, 100));
	assert_null(shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 64, 0));
	assert_null(shared_multi_heap_aligned_alloc(ATTR(MAX_SHARED_MULTI_HEAP_ATTR), 64, 10));
	void *c = shared_multi_heap_aligned_alloc(SMH_REG_ATTR_CACHEABLE, 0, 100);
	assert_true(lies_in(c, cached[1], BANK));
	shared_multi_heap_free(c);
	shared_multi_heap_free(a);
	shared_multi_heap_free(b);
	shared_multi_heap_free(NULL);
}

static void test_first_fit(void **state)
{
	(void)state;
	void *blocks[2 * BANK / 512];
	unsigned count = 0, changes = 0;
	while ((blocks[count] = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 480)) != NULL) {
		assert_true(lies_in(blocks[count], cached, sizeof cached));
		if (count > 0 && lies_in(blocks[count], cached[0], BANK) != lies_in(blocks[count - 1], cached[0], BANK))
			changes++;
		count++;
	}
	assert_true(count > 8);
	assert_int_equal(changes, 1); /* the first region to its end, then the second */
	assert_true(lies_in(blocks[0], cached[1], BANK));
	assert_true(lies_in(blocks[count - 1], cached[0], BANK));
	/* a hole in the first is taken first */
	shared_multi_heap_free(blocks[1]);
	shared_multi_heap_free(blocks[count - 1]);
	blocks[1] = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 480);
	assert_true(lies_in(blocks[1], cached[1], BANK));
	/* memory of another attribute is no way out */
	blocks[count - 1] = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 480);
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 480));
	assert_true(lies_in(blocks[count - 1], cached[0], BANK));
	while (count > 0)
		shared_multi_heap_free(blocks[--count]);
}

static void paint(unsigned char *block, size_t size, unsigned salt)
{
	for (size_t i = 0; i < size; i++)
		block[i] = (unsigned char)(i * 13u + salt);
}

static void assert_painted(const unsigned char *block, size_t size, unsigned salt)
{
	for (size_t i = 0; i < size; i++)
		if (block[i] != (unsigned char)(i * 13u + salt))
			fail_msg("byte %zu of %zu changed", i, size);
}

static void test_resizing(void **state)
{
	(void)state;
	unsigned char *block = shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, NULL, 200);
	assert_true(lies_in(block, cached[1], BANK));
	paint(block, 200, 1);
	/* what can stay stays, whatever attribute is named */
	block = shared_multi_heap_realloc(SMH_REG_ATTR_NON_CACHEABLE, block, 1000);
	assert_true(lies_in(block, cached[1], BANK));
	assert_painted(block, 200, 1);
	block = shared_multi_heap_realloc(SMH_REG_ATTR_EXTERNAL, block, 150);
	assert_true(lies_in(block, cached[1], BANK));
	assert_painted(block, 150, 1);
	/* refused, and untouched */
	assert_null(shared_multi_heap_realloc(ATTR(MAX_SHARED_MULTI_HEAP_ATTR), block, 10));
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, 3 * BANK));
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_EXTERNAL, block, BANK));
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, SIZE_MAX));
	assert_painted(block, 150, 1);
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, 0)); /* frees */
	void *again = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 3000);
	assert_true(lies_in(again, cached[1], BANK));
	shared_multi_heap_free(again);
}

/* Where the own region is full the attribute decides, and every byte comes along. */
static void test_realloc_across(void **state)
{
	(void)state;
	for (size_t size = 16; size < 1500; size += 111) {
		void *wall = NULL;
		unsigned char *block = shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, size);
		paint(block, size, 7);
		for (size_t rest = BANK; rest >= 16; rest -= 8) { /* the largest that is left */
			wall = shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, rest);
			if (wall != NULL)
				break;
		}
		assert_non_null(wall);
		assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_NON_CACHEABLE, block, 2500));
		unsigned char *moved = shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, 2500);
		assert_true(lies_in(moved, cached[1], BANK));
		assert_painted(moved, size, 7);
		shared_multi_heap_free(wall);
		/* the old one is free: both together are one block */
		wall = shared_multi_heap_alloc(SMH_REG_ATTR_NON_CACHEABLE, 3000);
		assert_non_null(wall);
		shared_multi_heap_free(wall);
		shared_multi_heap_free(moved);
	}
}

/* Where a block may go that cannot stay in its region is for the attribute to say: not to the next region of
 * the old one. */
static void test_realloc_leaves(void **state)
{
	(void)state;
	unsigned char *block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 300);
	void *wall = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 2000);
	assert_true(lies_in(block, cached[1], BANK) && lies_in(wall, cached[1], BANK));
	paint(block, 300, 3);
	block = shared_multi_heap_realloc(SMH_REG_ATTR_NON_CACHEABLE, block, 2500);
	assert_true(lies_in(block, uncached, BANK));
	assert_painted(block, 300, 3);
	block = shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, 3300);
	assert_true(block != NULL && lies_in(block, uncached, BANK)); /* stays where it can */
	assert_painted(block, 300, 3);
	shared_multi_heap_free(block);
	shared_multi_heap_free(wall);
}

static void test_faults(void **state)
{
	(void)state;
	int outside;
	char *block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 40);
	nht_fault_catch();
	shared_multi_heap_free(&outside);
	assert_int_equal(nht_fault_count_of(NH_FAULT_POINTER), 1);
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, &outside, 10));
	assert_int_equal(nht_fault_count_of(NH_FAULT_POINTER), 2);
	shared_multi_heap_free(block);
	shared_multi_heap_free(block);
	assert_int_equal(nht_fault_count_of(NH_FAULT_DOUBLE_FREE), 1);
	assert_null(shared_multi_heap_realloc(SMH_REG_ATTR_CACHEABLE, block, 10));
	assert_int_equal(nht_fault_count_of(NH_FAULT_DOUBLE_FREE), 2);
	assert_int_equal(nht_fault_release(), 4);
}

/* A defect of the original: eight regions in all, though eight per attribute are promised. */
static void test_eight_each(void **state)
{
	(void)state;
	const unsigned most = NH_MAX_HEAPS < BANKS ? NH_MAX_HEAPS : BANKS;
	for (unsigned i = 0; i < most; i++)
		assert_int_equal(add_region(SMH_REG_ATTR_EXTERNAL, external[i], BANK), 0);
	assert_int_equal(add_region(SMH_REG_ATTR_EXTERNAL, spare, BANK), -ENOMEM);
	assert_int_equal(add_region(SMH_REG_ATTR_EXTERNAL, external[2], BANK), -EEXIST);
	void *blocks[BANKS];
	for (unsigned i = 0; i < most; i++) {
		blocks[i] = shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, BANK / 2 + 256);
		assert_true(lies_in(blocks[i], external[i], BANK)); /* in the order of addition */
	}
	assert_null(shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, BANK / 2 + 256));
	for (unsigned i = 0; i < most; i++)
		shared_multi_heap_free(blocks[i]);
	/* the others take more still: the spare bank was not lost when it was refused */
	assert_int_equal(add_region(SMH_REG_ATTR_NON_CACHEABLE, spare, BANK), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_init), cmocka_unit_test(test_init),
		cmocka_unit_test(test_refused_regions), cmocka_unit_test(test_add),
		cmocka_unit_test(test_duplicates),  cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_first_fit),   cmocka_unit_test(test_resizing),
		cmocka_unit_test(test_realloc_across), cmocka_unit_test(test_realloc_leaves),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_eight_each),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

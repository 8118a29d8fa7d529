/* SPDX-License-Identifier: MIT */
/* sys_heap, used as Zephyr's programs use it: allocating, aligning, resizing. */
#include "tests/compat/zephyr/sys_heap.h"

#include "tests/support/random.h"

/* ---- allocation --------------------------------------------------------------------------- */

static void test_sizes(void **state)
{
	(void)state;
	size_t before = free_bytes(&heap);
	assert_null(sys_heap_alloc(&heap, 0));
	assert_null(sys_heap_aligned_alloc(&heap, 64, 0));
	assert_null(sys_heap_alloc(&heap, HEAP_SIZE));
	assert_null(sys_heap_alloc(&heap, SIZE_MAX));
	assert_null(sys_heap_alloc(&heap, SIZE_MAX - 7u));
	assert_null(sys_heap_alloc(&heap, (size_t)INTPTR_MAX));
	sys_heap_free(&heap, NULL);
	for (size_t size = 1; size < 300; size++) {
		char *block = sys_heap_alloc(&heap, size);
		assert_non_null(block);
		assert_true((uintptr_t)block % sizeof(void *) == 0);
		assert_true(sys_heap_usable_size(&heap, block) >= size);
		assert_true(block >= (char *)heap_mem && block + size <= (char *)heap_mem + sizeof heap_mem);
		memset(block, 0x5a, sys_heap_usable_size(&heap, block));
		assert_true(sys_heap_validate(&heap));
		sys_heap_free(&heap, block);
	}
	assert_empty(&heap, before);
}

/* A freed block is reusable by the very next call, whatever its size: nothing is parked. */
static void test_reuse_at_once(void **state)
{
	(void)state;
	size_t before = free_bytes(&heap);
	for (size_t size = 1; size < 1000; size += 13) {
		void *a = sys_heap_alloc(&heap, size), *b = sys_heap_alloc(&heap, size);
		assert_non_null(a);
		assert_non_null(b);
		sys_heap_free(&heap, a);
		sys_heap_free(&heap, b);
		assert_empty(&heap, before);
	}
}

static void test_full(void **state)
{
	(void)state;
	void *blocks[HEAP_SIZE / 16];
	unsigned count = 0;
	size_t before = free_bytes(&heap);
	while ((blocks[count] = sys_heap_alloc(&heap, 16)) != NULL)
		memset(blocks[count++], 0xff, 16);
	assert_true(count > 100);
	assert_true(free_bytes(&heap) < 64);
	assert_true(sys_heap_validate(&heap));
	for (unsigned i = 0; i < count; i += 2)
		sys_heap_free(&heap, blocks[i]);
	assert_null(sys_heap_alloc(&heap, 64)); /* half is free, in pieces */
	assert_true(sys_heap_validate(&heap));
	for (unsigned i = 1; i < count; i += 2)
		sys_heap_free(&heap, blocks[i]);
	assert_empty(&heap, before);
}

/* From 128 bytes on, at any address and size: blocks are served, and nothing outside is touched. */
static void test_small_regions(void **state)
{
	(void)state;
	static unsigned char memory[700];
	for (size_t size = 128; size <= 640; size += 1) {
		size_t offset = 16u + size % 17u;
		struct sys_heap small;
		memset(memory, 0xc3, sizeof memory);
		sys_heap_init(&small, memory + offset, size);
		if (size % 17u > 0 && size < 144 && small.heap == NULL)
			continue; /* rounding both ends may cost the only block */
		void *one = sys_heap_alloc(&small, 8), *two = sys_heap_alloc(&small, 8);
		assert_non_null(one);
		if (size >= 160)
			assert_non_null(two);
		if (one != NULL)
			memset(one, 0, 8);
		assert_true(sys_heap_validate(&small));
		sys_heap_free(&small, one);
		sys_heap_free(&small, two);
		assert_empty(&small, free_bytes(&small));
		for (size_t i = 0; i < sizeof memory; i++)
			if (i < offset || i >= offset + size)
				assert_int_equal(memory[i], 0xc3);
	}
	struct sys_heap exact;
	sys_heap_init(&exact, heap_mem, 128);
	void *a = sys_heap_alloc(&exact, 16), *b = sys_heap_alloc(&exact, 16);
	assert_non_null(a);
	assert_non_null(b);
	sys_heap_free(&exact, b);
	sys_heap_free(&exact, a);
	assert_empty(&exact, free_bytes(&exact));
	sys_heap_init(&heap, heap_mem, sizeof heap_mem);
}

/* Too little memory is no heap, and no crash. */
static void test_no_memory(void **state)
{
	(void)state;
	struct sys_heap none = { (struct z_heap *)heap_mem, NULL, 0 };
	for (size_t size = 0; size < 48; size++) {
		sys_heap_init(&none, heap_mem, size);
		assert_null(none.heap);
	}
	sys_heap_init(&none, NULL, 1000);
	assert_null(none.heap);
	sys_heap_init(&none, (void *)(uintptr_t)(UINTPTR_MAX - 100u), 1000);
	assert_null(none.heap);
	assert_null(sys_heap_alloc(&none, 8));
	assert_null(sys_heap_aligned_alloc(&none, 64, 8));
	assert_null(sys_heap_realloc(&none, NULL, 8));
	assert_false(sys_heap_validate(&none));
	assert_int_equal(sys_heap_usable_size(&none, heap_mem), 0);
	sys_heap_free(&none, heap_mem);
	sys_heap_print_info(&none, true);
	sys_heap_init(&heap, heap_mem, sizeof heap_mem);
}

/* ---- alignment ---------------------------------------------------------------------------- */

static void test_aligned(void **state)
{
	(void)state;
	size_t before = free_bytes(&heap);
	for (size_t align = 1; align <= 1024; align *= 2) {
		for (size_t size = 1; size < 200; size += 31) {
			void *wedge = sys_heap_alloc(&heap, size); /* moves what follows off its alignment */
			void *block = sys_heap_aligned_alloc(&heap, align, size);
			assert_non_null(block);
			assert_true((uintptr_t)block % align == 0);
			assert_true(sys_heap_usable_size(&heap, block) >= size);
			memset(block, 1, size);
			assert_true(sys_heap_validate(&heap));
			sys_heap_free(&heap, wedge);
			sys_heap_free(&heap, block);
			assert_empty(&heap, before);
		}
	}
	void *plain = sys_heap_aligned_alloc(&heap, 0, 20);
	assert_non_null(plain);
	sys_heap_free(&heap, plain);
	assert_null(sys_heap_aligned_alloc(&heap, 0x38, 20)); /* three bits mean nothing */
	assert_null(sys_heap_aligned_alloc(&heap, (size_t)1 << (sizeof(size_t) * 8u - 1u), 20));
	plain = sys_heap_noalign_alloc(&heap, 0x38, 20);
	assert_non_null(plain);
	sys_heap_free(&heap, plain);
	assert_empty(&heap, before);
}

/* 0x28: the address plus 8 is 32-aligned. */
static void test_align_and_rewind(void **state)
{
	(void)state;
	size_t before = free_bytes(&heap);
	for (size_t align = 2; align <= 512; align *= 2) {
		for (size_t rewind = 1; rewind < align; rewind *= 2) {
			void *wedge = sys_heap_alloc(&heap, 3 * rewind);
			char *block = sys_heap_aligned_alloc(&heap, align | rewind, 40);
			assert_non_null(block);
			assert_int_equal(((uintptr_t)block + rewind) % align, 0);
			assert_true(sys_heap_usable_size(&heap, block) >= 40);
			memset(block, 0x11, sys_heap_usable_size(&heap, block));
			assert_true(sys_heap_validate(&heap));
			char *grown = sys_heap_aligned_realloc(&heap, block, align | rewind, 400);
			assert_non_null(grown);
			assert_int_equal(((uintptr_t)grown + rewind) % align, 0);
			for (unsigned i = 0; i < 40; i++)
				assert_int_equal(grown[i], 0x11);
			sys_heap_free(&heap, grown);
			sys_heap_free(&heap, wedge);
			assert_empty(&heap, before);
		}
	}
}

/* ---- realloc ------------------------------------------------------------------------------ */

static void test_resizing(void **state)
{
	(void)state;
	size_t before = free_bytes(&heap);
	char *block = sys_heap_realloc(&heap, NULL, 100);
	assert_non_null(block);
	memset(block, 0x22, 100);
	assert_null(sys_heap_realloc(&heap, NULL, 0));

	size_t free_then = free_bytes(&heap);
	assert_ptr_equal(sys_heap_realloc(&heap, block, 30), block); /* shrinks where it is */
	assert_true(free_bytes(&heap) > free_then);                  /* and its tail is free at once */
	assert_ptr_equal(sys_heap_realloc(&heap, block, 1000), block); /* grows to the right */
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(block[i], 0x22);

	char *wall = sys_heap_alloc(&heap, 8);
	memset(block, 0x33, 1000);
	char *moved = sys_heap_realloc(&heap, block, 1800); /* cannot grow: copies */
	assert_non_null(moved);
	assert_ptr_not_equal(moved, block);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(moved[i], 0x33);
	assert_null(sys_heap_realloc(&heap, moved, HEAP_SIZE)); /* fails: untouched */
	assert_null(sys_heap_realloc(&heap, moved, SIZE_MAX));
	assert_null(sys_heap_aligned_realloc(&heap, moved, 0x38, 20));
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(moved[i], 0x33);
	assert_true(sys_heap_usable_size(&heap, moved) >= 1800);
	assert_null(sys_heap_realloc(&heap, moved, 0)); /* frees */
	sys_heap_free(&heap, wall);
	assert_empty(&heap, before);
}

static void test_aligned_realloc(void **state)
{
	(void)state;
	char *block = sys_heap_aligned_realloc(&heap, NULL, 64, 50);
	assert_non_null(block);
	assert_int_equal((uintptr_t)block % 64, 0);
	memset(block, 0x44, 50);
	assert_ptr_equal(sys_heap_aligned_realloc(&heap, block, 64, 200), block);
	/* an address without the alignment has to move */
	char *wedge = sys_heap_alloc(&heap, 8);
	while ((uintptr_t)wedge % 512 == 0)
		wedge = sys_heap_alloc(&heap, 8);
	memset(wedge, 0x55, 8);
	char *aligned = sys_heap_aligned_realloc(&heap, wedge, 512, 8);
	assert_non_null(aligned);
	assert_int_equal((uintptr_t)aligned % 512, 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(aligned[i], 0x55);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(block[i], 0x44);
}

/* ---- random ------------------------------------------------------------------------------- */

#define LIVE 40u

struct live {
	unsigned char *block;
	size_t size;
	unsigned char fill;
};

static void check(const struct live *live, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (live->block[i] != live->fill)
			fail_msg("byte %zu of a block of %zu changed", i, live->size);
}

static void test_random(void **state)
{
	(void)state;
	struct live lives[LIVE];
	nht_random random;
	size_t before = free_bytes(&heap);
	memset(lives, 0, sizeof lives);
	nht_random_seed(&random, nht_seed());
	for (size_t op = nht_test_operations(100000); op > 0; op--) {
		struct live *live = &lives[nht_below(&random, LIVE)];
		size_t size = nht_between(&random, 1, nht_chance(&random, 10) ? 900 : 120);
		size_t align = nht_chance(&random, 30) ? (size_t)1 << nht_below(&random, 8) : 0;
		if (align > 2 && nht_chance(&random, 30))
			align |= align >> nht_between(&random, 1, 2);
		if (live->block == NULL || nht_chance(&random, 40)) {
			unsigned char *block = sys_heap_aligned_realloc(&heap, live->block, align, size);
			if (block == NULL)
				continue; /* the old one stays */
			if (live->block != NULL) {
				live->block = block;
				check(live, size < live->size ? size : live->size);
			}
			*live = (struct live){ block, size, (unsigned char)op };
			memset(block, live->fill, size);
		} else {
			check(live, live->size);
			sys_heap_free(&heap, live->block);
			live->block = NULL;
		}
		if (op % 64 == 0)
			assert_true(sys_heap_validate(&heap));
	}
	for (unsigned i = 0; i < LIVE; i++)
		sys_heap_free(&heap, lives[i].block);
	assert_empty(&heap, before);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sizes),
		TEST(test_reuse_at_once),
		TEST(test_full),
		TEST(test_small_regions),
		TEST(test_no_memory),
		TEST(test_aligned),
		TEST(test_align_and_rewind),
		TEST(test_resizing),
		TEST(test_aligned_realloc),
		TEST(test_random),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

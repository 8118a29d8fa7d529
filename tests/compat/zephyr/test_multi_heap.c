/* SPDX-License-Identifier: MIT */
/* sys_multi_heap: heaps of different kinds behind a choice function of the program's own. */
#include <zephyr/sys/multi_heap.h>

#include "tests/support/unit.h"

#include <nearheap/zephyr.h>

#include <string.h>

#define HEAPS 4u
#define HEAP_BYTES 1024u

static uint64_t memory[HEAPS][HEAP_BYTES / sizeof(uint64_t)];
static struct sys_heap heaps[HEAPS];
static struct sys_multi_heap multi;

/* What the last call of choice() was asked. */
static struct {
	unsigned calls;
	void *cfg;
	size_t align, size;
} asked;

static unsigned complaints;

void nh_zephyr_print(const char *format, ...)
{
	(void)format;
	complaints++;
}

/* cfg is the number of a heap plus one; 0: first fit over all. */
static void *choice(struct sys_multi_heap *mheap, void *cfg, size_t align, size_t size)
{
	uintptr_t wanted = (uintptr_t)cfg;
	asked.calls++;
	asked.cfg = cfg;
	asked.align = align;
	asked.size = size;
	for (unsigned i = 0; i < mheap->nheaps; i++) {
		void *block = NULL;
		if (wanted == 0 || (uintptr_t)mheap->heaps[i].user_data == wanted)
			block = sys_heap_aligned_alloc(mheap->heaps[i].heap, align, size);
		if (block != NULL)
			return block;
	}
	return NULL;
}

static void *number(uintptr_t heap)
{
	return (void *)(heap + 1u);
}

static int setup(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof asked);
	complaints = 0;
	nht_fault_catch();
	sys_multi_heap_init(&multi, choice);
	assert_int_equal(multi.nheaps, 0);
	for (unsigned i = 0; i < HEAPS; i++)
		sys_heap_init(&heaps[i], memory[i], sizeof memory[i]);
	/* not in the order of their addresses */
	for (unsigned i = 0; i < HEAPS; i++)
		sys_multi_heap_add_heap(&multi, &heaps[HEAPS - 1u - i], number(HEAPS - 1u - i));
	assert_int_equal(multi.nheaps, HEAPS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HEAPS; i++) {
		struct sys_memory_stats stats;
		assert_true(sys_heap_validate(&heaps[i]));
		assert_int_equal(sys_heap_runtime_stats_get(&heaps[i], &stats), 0);
		assert_int_equal(stats.allocated_bytes, 0);
	}
	return nht_fault_release() == 0 ? 0 : -1;
}

static void test_choice(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HEAPS; i++) {
		void *block = sys_multi_heap_alloc(&multi, number(i), 40);
		assert_true((char *)block >= (char *)memory[i] && (char *)block < (char *)memory[i] + HEAP_BYTES);
		assert_int_equal(asked.align, 0);
		assert_int_equal(asked.size, 40);
		assert_ptr_equal(asked.cfg, number(i));
		const struct sys_multi_heap_rec *record = sys_multi_heap_get_heap(&multi, block);
		assert_ptr_equal(record->heap, &heaps[i]);
		assert_ptr_equal(record->user_data, number(i));
		sys_multi_heap_free(&multi, block);
	}
	void *block = sys_multi_heap_aligned_alloc(&multi, NULL, 256, 40);
	assert_int_equal(asked.align, 256);
	assert_int_equal((uintptr_t)block % 256, 0);
	sys_multi_heap_free(&multi, block);
	/* size 0 and unknown cfg are the callback's business */
	asked.calls = 0;
	assert_null(sys_multi_heap_alloc(&multi, NULL, 0));
	assert_null(sys_multi_heap_alloc(&multi, number(77), 10));
	assert_int_equal(asked.calls, 2);
	sys_multi_heap_free(&multi, NULL);
	assert_int_equal(complaints, 0);
}

/* Defects of the original: an address above all heaps belonged to the last one, one below to heaps[-1]. */
static void test_bounds(void **state)
{
	(void)state;
	int outside;
	assert_null(sys_multi_heap_get_heap(&multi, (char *)memory + sizeof memory));
	assert_null(sys_multi_heap_get_heap(&multi, (void *)((uintptr_t)memory - 1u)));
	assert_null(sys_multi_heap_get_heap(&multi, (void *)1));
	assert_null(sys_multi_heap_get_heap(&multi, (void *)UINTPTR_MAX));
	assert_null(sys_multi_heap_get_heap(&multi, NULL));
	assert_null(sys_multi_heap_get_heap(&multi, &outside));
	struct sys_multi_heap none;
	sys_multi_heap_init(&none, choice);
	assert_null(sys_multi_heap_get_heap(&none, memory));
	sys_multi_heap_free(&multi, &outside);
	assert_int_equal(complaints, 1);
	asked.calls = 0;
	assert_null(sys_multi_heap_realloc(&multi, NULL, &outside, 10));
	assert_int_equal(asked.calls, 0);
	assert_int_equal(complaints, 2);
}

/* A defect of the original: the ninth overwrote what followed. Another: records moved. */
static void test_ninth(void **state)
{
	(void)state;
	static uint64_t more[MAX_MULTI_HEAPS][32];
	static struct sys_heap extra[MAX_MULTI_HEAPS];
	struct {
		struct sys_multi_heap multi;
		uint64_t behind;
	} box;
	const struct sys_multi_heap_rec *records[MAX_MULTI_HEAPS];
	box.behind = UINT64_C(0x1122334455667788);
	sys_multi_heap_init(&box.multi, choice);
	for (unsigned i = 0; i < MAX_MULTI_HEAPS; i++) {
		unsigned at = (i * 3u) % MAX_MULTI_HEAPS;
		sys_heap_init(&extra[at], more[at], sizeof more[at]);
		sys_multi_heap_add_heap(&box.multi, &extra[at], number(at));
		void *block = sys_heap_alloc(&extra[at], 8);
		records[i] = sys_multi_heap_get_heap(&box.multi, block);
		sys_heap_free(&extra[at], block);
	}
	for (unsigned i = 0; i < MAX_MULTI_HEAPS; i++) {
		assert_ptr_equal(records[i], &box.multi.heaps[i]);
		assert_ptr_equal(records[i]->heap, &extra[(i * 3u) % MAX_MULTI_HEAPS]);
	}
	struct sys_multi_heap before = box.multi;
	assert_int_equal(complaints, 0);
	sys_multi_heap_add_heap(&box.multi, &heaps[0], NULL);
	assert_int_equal(complaints, 1);
	assert_int_equal(box.multi.nheaps, MAX_MULTI_HEAPS);
	assert_memory_equal(&box.multi, &before, sizeof before);
	assert_true(box.behind == UINT64_C(0x1122334455667788));
}

static void test_bad_heaps(void **state)
{
	(void)state;
	struct sys_heap none = { NULL, NULL, 0 };
	sys_multi_heap_add_heap(&multi, NULL, NULL);
	sys_multi_heap_add_heap(&multi, &none, NULL);
	assert_int_equal(multi.nheaps, HEAPS);
	assert_int_equal(complaints, 2);
}

static void paint(unsigned char *block, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		block[i] = (unsigned char)(i * 7u + 1u);
}

static void assert_painted(const unsigned char *block, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(block[i], (unsigned char)(i * 7u + 1u));
}

static void test_realloc_within(void **state)
{
	(void)state;
	unsigned char *block = sys_multi_heap_realloc(&multi, number(1), NULL, 100);
	assert_ptr_equal(sys_multi_heap_get_heap(&multi, block)->heap, &heaps[1]);
	paint(block, 100);
	asked.calls = 0;
	/* in place, then moved: its own heap comes first, whatever cfg says */
	assert_ptr_equal(sys_multi_heap_realloc(&multi, number(2), block, 200), block);
	void *wall = sys_heap_alloc(&heaps[1], 8);
	unsigned char *moved = sys_multi_heap_realloc(&multi, number(2), block, 400);
	assert_ptr_equal(sys_multi_heap_get_heap(&multi, moved)->heap, &heaps[1]);
	assert_ptr_not_equal(moved, block);
	assert_int_equal(asked.calls, 0);
	assert_painted(moved, 100);
	assert_null(sys_multi_heap_realloc(&multi, number(2), moved, 0));
	sys_heap_free(&heaps[1], wall);
}

/* Into another heap, larger and smaller: every byte that fits is there. */
static void test_realloc_across(void **state)
{
	(void)state;
	for (size_t size = 1; size < 700; size += 37) {
		unsigned char *block = sys_multi_heap_alloc(&multi, number(0), size);
		paint(block, size);
		void *rest[40];
		unsigned count = 0;
		while ((rest[count] = sys_heap_alloc(&heaps[0], 16)) != NULL)
			count++;
		unsigned char *moved = sys_multi_heap_realloc(&multi, number(3), block, 800);
		assert_non_null(moved);
		assert_ptr_equal(sys_multi_heap_get_heap(&multi, moved)->heap, &heaps[3]);
		assert_painted(moved, size);
		assert_true(asked.size == 800);
		/* the old one is free */
		assert_non_null(rest[count] = sys_heap_alloc(&heaps[0], size));
		sys_multi_heap_free(&multi, rest[count]);
		while (count > 0)
			sys_multi_heap_free(&multi, rest[--count]);
		sys_multi_heap_free(&multi, moved);
	}
}

static void test_realloc_fails(void **state)
{
	(void)state;
	unsigned char *block = sys_multi_heap_alloc(&multi, number(0), 300);
	paint(block, 300);
	assert_null(sys_multi_heap_realloc(&multi, NULL, block, 2 * HEAP_BYTES));
	assert_null(sys_multi_heap_realloc(&multi, number(77), block, 2 * HEAP_BYTES));
	assert_null(sys_multi_heap_realloc(&multi, NULL, block, SIZE_MAX));
	assert_painted(block, 300);
	assert_ptr_equal(sys_multi_heap_aligned_realloc(&multi, NULL, block, 8, 200), block);
	unsigned char *aligned = sys_multi_heap_aligned_realloc(&multi, NULL, block, 512, 200);
	assert_int_equal((uintptr_t)aligned % 512, 0);
	assert_painted(aligned, 200);
	sys_multi_heap_free(&multi, aligned);
	assert_null(sys_multi_heap_realloc(&multi, NULL, aligned, 10)); /* freed already: reported */
	assert_int_equal(nht_fault_count(), 1);
	nht_fault_clear();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_choice),         TEST(test_bounds),         TEST(test_ninth),
		TEST(test_bad_heaps),      TEST(test_realloc_within), TEST(test_realloc_across),
		TEST(test_realloc_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Sizes, products and alignments at the edges: a documented answer, and nothing changed by a refusal. */
#include <string.h>

#include "tests/support/unit.h"

static unit u;
static unsigned char *kept; /* a live block that no refusal may touch */

#define KEPT_SIZE 200u

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 64 * KIB, 0);
	kept = nh_instance_malloc(u.instance, KEPT_SIZE);
	if (kept == NULL)
		return -1;
	memset(kept, 0x3c, KEPT_SIZE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KEPT_SIZE; i++)
		assert_int_equal(kept[i], 0x3c);
	nh_instance_free(u.instance, kept);
	unit_end(&u);
	return 0;
}

/* Every entry point refuses `size`, and realloc keeps the old block. */
static void refuse_everywhere(size_t size)
{
	nh_instance *in = u.instance;
	nh_request aligned = {.alignment = 256};
	nh_request zeroed = {.flags = NH_ZERO | NH_NO_RECLAIM};
	assert_null(nh_instance_malloc(in, size));
	assert_null(nh_instance_calloc(in, 1, size));
	assert_null(nh_instance_calloc(in, size, 1));
	assert_null(nh_instance_aligned_alloc(in, 8, size));
	assert_null(nh_instance_aligned_alloc(in, 4096, size));
	assert_null(nh_instance_realloc(in, NULL, size));
	assert_null(nh_instance_realloc(in, kept, size));
	assert_null(nh_instance_alloc(in, &aligned, size));
	assert_null(nh_instance_alloc(in, &zeroed, size));
	assert_null(nh_instance_realloc_request(in, &aligned, kept, size));
	assert_null(nh_instance_malloc_attr(in, 0, size));
	assert_null(nh_instance_calloc_attr(in, 0, size, 1));
	assert_null(nh_instance_realloc_attr(in, 0, kept, size));
	assert_null(nh_instance_aligned_alloc_attr(in, 0, 64, size));
}

static void huge_sizes(void **state)
{
	(void)state;
	nh_heap_stats before = unit_stats(&u, 0);
	for (size_t k = 0; k <= 4096; k++)
		refuse_everywhere(SIZE_MAX - k);
	for (unsigned bit = 17; bit < sizeof(size_t) * 8u; bit++)
		for (size_t around = 0; around < 3; around++)
			refuse_everywhere(((size_t)1 << bit) + around - 1u);
	nh_heap_stats after = unit_stats(&u, 0);
	assert_int_equal(after.live, before.live);
	assert_int_equal(after.peak, before.peak);
	assert_int_equal(after.size, before.size);
	assert_sound(nht_valid(u.instance));
	assert_sound(nht_accounts_balance(u.instance, 0));
	for (unsigned i = 0; i < KEPT_SIZE; i++)
		assert_int_equal(kept[i], 0x3c);
}

static void size_zero(void **state)
{
	(void)state;
	nh_heap_stats before = unit_stats(&u, 0);
	nh_request request = {0};
	assert_null(nh_instance_malloc(u.instance, 0));
	assert_null(nh_instance_calloc(u.instance, 0, 8));
	assert_null(nh_instance_calloc(u.instance, 8, 0));
	assert_null(nh_instance_calloc(u.instance, 0, 0));
	assert_null(nh_instance_aligned_alloc(u.instance, 64, 0));
	assert_null(nh_instance_realloc(u.instance, NULL, 0));
	assert_null(nh_instance_alloc(u.instance, &request, 0));
	assert_int_equal(unit_stats(&u, 0).taken, before.taken);
	/* realloc to 0 frees */
	void *block = nh_instance_malloc(u.instance, 40);
	assert_non_null(block);
	assert_null(nh_instance_realloc(u.instance, block, 0));
	assert_int_equal(nh_instance_usable_size(u.instance, block), 0);
	assert_int_equal(unit_stats(&u, 0).live, before.live);
}

static void products_that_wrap(void **state)
{
	(void)state;
	size_t half = SIZE_MAX / 2u + 1u;
	size_t root = (size_t)1 << (sizeof(size_t) * 4u);
	assert_null(nh_instance_calloc(u.instance, half, 2));
	assert_null(nh_instance_calloc(u.instance, 2, half));
	assert_null(nh_instance_calloc(u.instance, root, root));
	assert_null(nh_instance_calloc(u.instance, root + 1u, root));
	assert_null(nh_instance_calloc(u.instance, SIZE_MAX, SIZE_MAX));
	assert_null(nh_instance_calloc(u.instance, SIZE_MAX / 3u + 1u, 3)); /* wraps to 1 */
	assert_null(nh_instance_calloc(u.instance, SIZE_MAX / 16u + 2u, 16)); /* wraps to 16 */
	assert_null(nh_instance_calloc_attr(u.instance, 0, SIZE_MAX / 16u + 2u, 16));
}

static void calloc_clears(void **state)
{
	(void)state;
	for (size_t size = 1; size < 3000; size += size / 3u + 1u) {
		unsigned char *dirty = nh_instance_malloc(u.instance, size);
		assert_non_null(dirty);
		memset(dirty, 0xff, nh_instance_usable_size(u.instance, dirty));
		nh_instance_free(u.instance, dirty);
		unsigned char *clean = nh_instance_calloc(u.instance, size, 1);
		assert_non_null(clean);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(clean[i], 0);
		nh_instance_free(u.instance, clean);
	}
}

/* The largest block exactly, one byte more, one less. */
static void largest_block(void **state)
{
	(void)state;
	size_t largest = unit_stats(&u, 0).largest_free;
	assert_null(nh_instance_malloc(u.instance, largest + 1u));
	assert_null(nh_instance_realloc(u.instance, NULL, largest + 1u));
	for (size_t less = 0; less < 2; less++) {
		unsigned char *block = nh_instance_malloc(u.instance, largest - less);
		assert_non_null(block);
		assert_int_equal(nh_instance_usable_size(u.instance, block), NHT_EXACT ? largest - less : largest);
		memset(block, 0x11, NHT_EXACT ? largest - less : largest);
		assert_sound(nht_valid(u.instance));
		nh_instance_free(u.instance, block);
	}
	unsigned char *block = nh_instance_malloc(u.instance, 1);
	assert_non_null(block);
	block = nh_instance_realloc(u.instance, block, largest - NHT_LEAST_SPAN);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
}

static void usable_sizes(void **state)
{
	(void)state;
	for (size_t size = 1; size < 600; size++) {
		unsigned char *block = nh_instance_malloc(u.instance, size);
		assert_non_null(block);
		size_t usable = nh_instance_usable_size(u.instance, block);
		assert_true(usable >= size && usable < size + 64u);
		assert_int_equal((uintptr_t)block % NHT_ALIGNMENT, 0);
		memset(block, (int)size, usable);
		nh_instance_free(u.instance, block);
	}
	assert_int_equal(nh_instance_usable_size(u.instance, NULL), 0);
	assert_int_equal(nh_instance_usable_size(u.instance, &u), 0);
	assert_int_equal(nh_instance_usable_size(u.instance, kept + NHT_ALIGNMENT), 0);
	assert_int_equal(nh_instance_usable_size(u.instance, kept + 1), 0);
	assert_int_equal(nh_instance_usable_size(u.instance, u.arena.parts[0].base), 0);
}

/* ---- alignment ---------------------------------------------------------------------------- */

static void good_alignments(void **state)
{
	(void)state;
	for (size_t alignment = 1; alignment <= 16384; alignment *= 2)
		for (size_t size = 1; size < 5000; size = size * 3u + 1u) {
			unsigned char *block = nh_instance_aligned_alloc(u.instance, alignment, size);
			assert_non_null(block);
			assert_int_equal((uintptr_t)block % alignment, 0);
			assert_true(nh_instance_usable_size(u.instance, block) >= size);
			memset(block, 0xee, size);
			assert_sound(nht_valid(u.instance));
			nh_instance_free(u.instance, block);
		}
	void *block = nh_instance_aligned_alloc(u.instance, 0, 10);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
}

static void bad_alignments(void **state)
{
	(void)state;
	nh_heap_stats before = unit_stats(&u, 0);
	for (size_t alignment = 3; alignment < 300; alignment++)
		if ((alignment & (alignment - 1u)) != 0)
			assert_null(nh_instance_aligned_alloc(u.instance, alignment, 16));
	assert_null(nh_instance_aligned_alloc(u.instance, SIZE_MAX, 16));
	assert_null(nh_instance_aligned_alloc(u.instance, SIZE_MAX - 15u, 16));
	assert_null(nh_instance_aligned_alloc(u.instance, 24, SIZE_MAX));
	/* as large as the region, and larger: no such place, or a right one */
	for (size_t alignment = 64 * KIB; alignment != 0; alignment *= 2) {
		nh_request request = {.alignment = alignment};
		void *block = nh_instance_aligned_alloc(u.instance, alignment, 16);
		assert_int_equal((uintptr_t)block & (alignment - 1u), 0);
		nh_instance_free(u.instance, block);
		assert_null(nh_instance_aligned_alloc(u.instance, alignment, SIZE_MAX - alignment + 1u));
		assert_null(nh_instance_aligned_alloc(u.instance, alignment, SIZE_MAX - alignment + 17u));
		block = nh_instance_alloc(u.instance, &request, 16);
		assert_int_equal((uintptr_t)block & (alignment - 1u), 0);
		nh_instance_free(u.instance, block);
	}
	nh_request request = {.alignment = 48};
	assert_null(nh_instance_alloc(u.instance, &request, 16));
	assert_null(nh_instance_realloc_request(u.instance, &request, kept, 16));
	assert_int_equal(unit_stats(&u, 0).live, before.live);
}

/* ---- realloc ------------------------------------------------------------------------------ */

static void fill(unsigned char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		block[i] = (unsigned char)(i * 7u + 1u);
}

static void assert_filled(const unsigned char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(block[i], (unsigned char)(i * 7u + 1u));
}

static void realloc_in_place(void **state)
{
	(void)state;
	nh_instance *in = u.instance;
	unsigned char *block = nh_instance_malloc(in, 1000);
	fill(block, 1000);
	/* its successor is free */
	unsigned char *grown = nh_instance_realloc(in, block, 3000);
	assert_ptr_equal(grown, block);
	assert_filled(grown, 1000);
	fill(grown, 3000);
	unsigned char *shrunk = nh_instance_realloc(in, grown, 500);
	assert_ptr_equal(shrunk, grown);
	assert_true(nh_instance_usable_size(in, shrunk) < 600);
	assert_filled(shrunk, 500);
	nh_instance_free(in, shrunk);
}

/* All memory is live but a free block before: the block slides down over it. */
static void realloc_downwards(void **state)
{
	(void)state;
	nh_instance *in = u.instance;
	unsigned char *low = nh_instance_malloc(in, 8000);
	unsigned char *block = nh_instance_malloc(in, 8000);
	assert_true(low != NULL && block > low);
	size_t rest = unit_stats(&u, 0).largest_free;
	unsigned char *wall = nh_instance_malloc(in, rest);
	assert_non_null(wall);
	fill(block, 8000);
	nh_instance_free(in, low);
	unsigned char *moved = nh_instance_realloc(in, block, 12000);
	assert_ptr_equal(moved, low);
	assert_filled(moved, 8000);
	assert_sound(nht_valid(in));
	nh_instance_free(in, moved);
	nh_instance_free(in, wall);
}

static void realloc_moves_and_keeps(void **state)
{
	(void)state;
	nh_instance *in = u.instance;
	unsigned char *block = nh_instance_malloc(in, 300);
	unsigned char *wall = nh_instance_malloc(in, 300);
	fill(block, 300);
	unsigned char *moved = nh_instance_realloc(in, block, 5000);
	assert_non_null(moved);
	assert_filled(moved, 300);
	/* refused: the old one stays as it is */
	assert_null(nh_instance_realloc(in, moved, 64 * KIB));
	assert_filled(moved, 300);
	nh_request aligned = {.alignment = 1024};
	moved = nh_instance_realloc_request(in, &aligned, moved, 400);
	assert_non_null(moved);
	assert_int_equal((uintptr_t)moved % 1024u, 0);
	assert_filled(moved, 300);
	nh_instance_free(in, moved);
	nh_instance_free(in, wall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(huge_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(size_zero, set_up, tear_down),
		cmocka_unit_test_setup_teardown(products_that_wrap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(calloc_clears, set_up, tear_down),
		cmocka_unit_test_setup_teardown(largest_block, set_up, tear_down),
		cmocka_unit_test_setup_teardown(usable_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(good_alignments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_alignments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(realloc_in_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(realloc_downwards, set_up, tear_down),
		cmocka_unit_test_setup_teardown(realloc_moves_and_keeps, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

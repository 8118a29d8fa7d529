/* SPDX-License-Identifier: MIT */
/*
 * Resizing, on a heap without caches, so that every neighbour is where the test put it.
 *
 *      | a | b | c | wall |        free a: b may grow down; free c: b may grow up
 */
#include "tests/support/unit.h"

#include <string.h>

#include "core/instance.h"

enum { SIZE = 200 };

static unit u;
static unsigned char *a, *b, *c, *wall;

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 64 * KIB, NH_HEAP_NO_CACHES);
	a = nh_instance_malloc(u.instance, SIZE);
	b = nh_instance_malloc(u.instance, SIZE);
	c = nh_instance_malloc(u.instance, SIZE);
	wall = nh_instance_malloc(u.instance, SIZE);
	assert_true(a < b && b < c && c < wall); /* a fresh heap is cut from its start */
	for (unsigned i = 0; i < SIZE; i++)
		b[i] = (unsigned char)(i * 7u + 1u);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nh_instance_free(u.instance, a);
	nh_instance_free(u.instance, b);
	nh_instance_free(u.instance, c);
	nh_instance_free(u.instance, wall);
	unit_end(&u);
	return 0;
}

/* Of a block of just the span for `size`. */
static size_t usable_of(size_t size)
{
	return NHT_EXACT ? size : NH_USABLE(nh__span(size));
}

static void assert_kept(const unsigned char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (block[i] != (unsigned char)(i * 7u + 1u))
			fail_msg("byte %zu of %zu is lost", i, size);
}

static void release(unsigned char **block)
{
	nh_instance_free(u.instance, *block);
	*block = NULL;
}

/* ---- in place ----------------------------------------------------------------------------- */

static void shrinks_in_place(void **state)
{
	(void)state;
	size_t before = unit_stats(&u, 0).free;
	assert_ptr_equal(nh_instance_realloc(u.instance, b, 40), b);
	assert_kept(b, 40);
	uint32_t returned = nh__span(SIZE) - nh__span(40);
	assert_int_equal(unit_stats(&u, 0).free, before + (size_t)returned * NH_GRANULE);
	assert_int_equal(nh_instance_usable_size(u.instance, b), usable_of(40));
}

/* What could be cut off is no block: nothing changes, not even a lock is needed. */
static void too_little_to_shrink(void **state)
{
	(void)state;
	uint32_t changes = u.instance->heap[0]->tlsf.changes;
	assert_ptr_equal(nh_instance_realloc(u.instance, b, SIZE - NH_GRANULE + 1u), b);
	assert_ptr_equal(nh_instance_realloc(u.instance, b, nh_instance_usable_size(u.instance, b)), b);
	assert_int_equal(u.instance->heap[0]->tlsf.changes, changes);
	assert_kept(b, nh_instance_usable_size(u.instance, b) < SIZE ? SIZE - NH_GRANULE + 1u : SIZE);
}

static void grows_over_successor(void **state)
{
	(void)state;
	release(&c);
	assert_ptr_equal(nh_instance_realloc(u.instance, b, SIZE + 100), b);
	assert_kept(b, SIZE);
	/* what is too much went back: the next block of that size lies right behind */
	assert_int_equal(nh_instance_usable_size(u.instance, b), usable_of(SIZE + 100));
	assert_sound(nht_valid(u.instance));
}

static void grows_over_predecessor(void **state)
{
	(void)state;
	unsigned char *below = a;
	release(&a);
	b = nh_instance_realloc(u.instance, b, SIZE + 100);
	assert_ptr_equal(b, below);
	assert_kept(b, SIZE);
	assert_int_equal(nh_instance_usable_size(u.instance, b), usable_of(SIZE + 100));
	assert_sound(nht_valid(u.instance));
}

/* Neither neighbour alone is enough, both are. */
static void grows_over_both(void **state)
{
	(void)state;
	unsigned char *below = a;
	release(&a);
	release(&c);
	size_t all = NH_USABLE(3u * nh__span(SIZE));
	b = nh_instance_realloc(u.instance, b, all);
	assert_ptr_equal(b, below);
	assert_kept(b, SIZE);
	assert_int_equal(nh_instance_usable_size(u.instance, b), all);
}

/* One granule more than all three have. */
static void moves_if_neighbours_do_not_suffice(void **state)
{
	(void)state;
	unsigned char *old = b;
	release(&a);
	release(&c);
	b = nh_instance_realloc(u.instance, b, NH_USABLE(3u * nh__span(SIZE)) + 1u);
	assert_true(b > wall && b != old);
	assert_kept(b, SIZE);
}

/* ---- moving, refusing --------------------------------------------------------------------- */

static void moves_and_gives_back(void **state)
{
	(void)state;
	size_t before = unit_stats(&u, 0).free;
	b = nh_instance_realloc(u.instance, b, 5000);
	assert_true(b > wall);
	assert_kept(b, SIZE);
	size_t more = (size_t)(nh__span(5000) - nh__span(SIZE)) * NH_GRANULE;
	assert_int_equal(unit_stats(&u, 0).free, before - more);
}

static void refusal_changes_nothing(void **state)
{
	(void)state;
	size_t before = unit_stats(&u, 0).free;
	assert_null(nh_instance_realloc(u.instance, b, 64 * KIB - 100));
	assert_null(nh_instance_realloc(u.instance, b, SIZE_MAX));
	assert_int_equal(unit_stats(&u, 0).free, before);
	assert_kept(b, SIZE);
}

/* A block that can stay meets the request's alignment too; a predecessor is not grown over then. */
static void alignment_of_a_request(void **state)
{
	(void)state;
	nh_request aligned = {.alignment = 256};
	release(&a);
	b = nh_instance_realloc_request(u.instance, &aligned, b, SIZE + 50);
	assert_non_null(b);
	assert_int_equal((uintptr_t)b % 256, 0);
	assert_kept(b, SIZE);
	aligned.alignment = 3;
	assert_null(nh_instance_realloc_request(u.instance, &aligned, b, SIZE + 60));
	assert_kept(b, SIZE);
}

static void null_and_zero(void **state)
{
	(void)state;
	void *fresh = nh_instance_realloc(u.instance, NULL, 30);
	assert_non_null(fresh);
	assert_null(nh_instance_realloc(u.instance, fresh, 0));
	assert_null(nh_instance_realloc(u.instance, NULL, 0));
	fresh = nh_instance_realloc_request(u.instance, NULL, NULL, 30);
	assert_non_null(fresh);
	assert_null(nh_instance_realloc_request(u.instance, NULL, fresh, 0));
}

static void what_is_no_block(void **state)
{
	(void)state;
	unsigned char local[64];
	assert_null(nh_instance_realloc(u.instance, local, 10));
	unit_expect_fault(NH_FAULT_POINTER, local);
	unsigned char *old = c;
	release(&c);
	assert_null(nh_instance_realloc(u.instance, old, 10));
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shrinks_in_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_little_to_shrink, set_up, tear_down),
		cmocka_unit_test_setup_teardown(grows_over_successor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(grows_over_predecessor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(grows_over_both, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moves_if_neighbours_do_not_suffice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moves_and_gives_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refusal_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(alignment_of_a_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(null_and_zero, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_block, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

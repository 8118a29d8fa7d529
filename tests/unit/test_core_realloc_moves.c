/* SPDX-License-Identifier: MIT */
/*
 * Where a block goes that cannot stay: to its own heap if the request allows it, else to memory as good as the old. And
 * resizing at its edges: exactly a block too much, exactly a class, neighbours that only a reclaim frees.
 */
#include <string.h>

#include "core/instance.h"
#include "tests/support/unit.h"

#define USER1 NH_ATTR_USER(1)
#define USER2 NH_ATTR_USER(2)

enum { PLAIN, FIRST_LIKE, HIDDEN, NAMELESS, SECOND_LIKE, HIDDEN_BOTH, HEAPS };

static unit u;

static int set_up(void **state)
{
	static const size_t sizes[HEAPS] = {16 * KIB, 16 * KIB, 16 * KIB, 16 * KIB, 16 * KIB, 16 * KIB};
	*state = &u;
	unit_lay_out(&u, HEAPS, sizes);
	for (unsigned i = 0; i < HEAPS; i++)
		u.configs[i].flags = NH_HEAP_NO_CACHES;
	u.configs[FIRST_LIKE].attributes = u.configs[SECOND_LIKE].attributes = USER1;
	u.configs[HIDDEN].attributes = USER2;
	u.configs[HIDDEN_BOTH].attributes = USER1 | USER2;
	u.configs[HIDDEN].flags |= NH_HEAP_NOT_DEFAULT;
	u.configs[NAMELESS].flags |= NH_HEAP_NOT_DEFAULT;
	u.configs[HIDDEN_BOTH].flags |= NH_HEAP_NOT_DEFAULT;
	unit_begin(&u, HEAPS);
	return 0;
}

/* A block with its end taken, so that it cannot grow where it is. */
static void *walled(int heap, void **wall)
{
	unsigned char *block = unit_take(&u, heap, 100);
	*wall = unit_take(&u, heap, 100);
	assert_true(block < (unsigned char *)*wall);
	for (unsigned i = 0; i < 100; i++)
		block[i] = (unsigned char)(i * 3u + 5u);
	return block;
}

static void expect_in(const unsigned char *block, int heap)
{
	assert_non_null(block);
	assert_int_equal(nh_instance_heap_of(u.instance, block), heap);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(block[i], (unsigned char)(i * 3u + 5u));
}

static void stays_in_its_heap(void **state)
{
	(void)state;
	for (int heap = 0; heap < HEAPS; heap++) {
		void *wall, *block = walled(heap, &wall);
		void *moved = nh_instance_realloc(u.instance, block, 500);
		expect_in(moved, heap);
		assert_ptr_not_equal(moved, block);
		nh_instance_free(u.instance, moved);
		nh_instance_free(u.instance, wall);
	}
}

static void goes_where_the_request_says(void **state)
{
	(void)state;
	const nh_request others = {.heaps = 1u << FIRST_LIKE | 1u << HIDDEN}, own = {.heaps = 1u << PLAIN | 1u << SECOND_LIKE},
	                 any = {0};
	void *wall, *block = walled(SECOND_LIKE, &wall);
	block = nh_instance_realloc_request(u.instance, &others, block, 500);
	expect_in(block, FIRST_LIKE);
	nh_instance_free(u.instance, wall);
	nh_instance_free(u.instance, block);

	block = walled(SECOND_LIKE, &wall);
	block = nh_instance_realloc_request(u.instance, &own, block, 500);
	expect_in(block, SECOND_LIKE);
	nh_instance_free(u.instance, wall);
	nh_instance_free(u.instance, block);

	block = walled(HIDDEN, &wall); /* a request for nothing special is not for this heap */
	block = nh_instance_realloc_request(u.instance, &any, block, 500);
	expect_in(block, PLAIN);
	nh_instance_free(u.instance, wall);
	nh_instance_free(u.instance, block);
}

/* A request without a block is one for a block. */
static void begins_where_the_request_says(void **state)
{
	(void)state;
	const nh_request request = {.heaps = 1u << HIDDEN};
	void *block = nh_instance_realloc_request(u.instance, &request, NULL, 100);
	assert_int_equal(nh_instance_heap_of(u.instance, block), HIDDEN);
	nh_instance_free(u.instance, block);
}

/* Moves a block out of a heap that is full, with others full too; -1 = it cannot. */
static int moves_to(int heap, unsigned full)
{
	void *wall, *block = walled(heap, &wall), *filled[HEAPS] = {NULL};
	for (int i = 0; i < HEAPS; i++)
		filled[i] = (full >> i & 1u) || i == heap ? unit_fill(&u, i) : NULL;
	void *moved = nh_instance_realloc(u.instance, block, 500);
	int where = moved == NULL ? -1 : nh_instance_heap_of(u.instance, moved);
	expect_in(moved == NULL ? block : moved, moved == NULL ? heap : where);
	nh_instance_free(u.instance, moved == NULL ? block : moved);
	nh_instance_free(u.instance, wall);
	for (unsigned i = 0; i < HEAPS; i++)
		unit_free_chain(&u, filled[i]);
	return where;
}

static void moves_to_memory_as_good(void **state)
{
	(void)state;
	const unsigned plain = 1u << PLAIN, likes = 1u << FIRST_LIKE | 1u << SECOND_LIKE;
	assert_int_equal(moves_to(SECOND_LIKE, 0), FIRST_LIKE);
	assert_int_equal(moves_to(FIRST_LIKE, 0), SECOND_LIKE);
	assert_int_equal(moves_to(SECOND_LIKE, likes), PLAIN); /* what is for all goes to what is for all */
	assert_int_equal(moves_to(SECOND_LIKE, likes | plain), -1);
	assert_int_equal(moves_to(PLAIN, 0), FIRST_LIKE);
	assert_int_equal(moves_to(PLAIN, likes), -1);
}

/* A block of a heap that must be asked for keeps its attributes, or cannot move. */
static void keeps_what_it_was_asked_for(void **state)
{
	(void)state;
	assert_int_equal(moves_to(HIDDEN, 0), HIDDEN_BOTH);
	assert_int_equal(moves_to(HIDDEN, 1u << HIDDEN_BOTH), -1);
	assert_int_equal(moves_to(HIDDEN_BOTH, 0), -1);
	assert_int_equal(moves_to(NAMELESS, 0), -1);
}

/* ---- edges -------------------------------------------------------------------------------- */

/* What is left over is just a block: it goes back. */
static void one_least_block_too_much(void **state)
{
	(void)state;
	const uint32_t span = 600; /* of no class */
	void *block = unit_take(&u, PLAIN, NH_USABLE(span)), *wall = unit_take(&u, PLAIN, 100);
	size_t before = unit_stats(&u, PLAIN).free;
	assert_ptr_equal(nh_instance_realloc(u.instance, block, NH_USABLE(span - NH_SPAN_MIN + 1u)), block);
	assert_int_equal(unit_stats(&u, PLAIN).free, before);
	assert_ptr_equal(nh_instance_realloc(u.instance, block, NH_USABLE(span - NH_SPAN_MIN)), block);
	assert_int_equal(unit_stats(&u, PLAIN).free, before + (size_t)NH_SPAN_MIN * NH_GRANULE);
	nh_instance_free(u.instance, block);
	nh_instance_free(u.instance, wall);
}

/* What a list's damage makes of a neighbour is reported, and the block moves. */
static void damage_is_reported(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_FULL
	void *block = unit_take(&u, PLAIN, 100), *behind = unit_take(&u, PLAIN, 100), *wall = unit_take(&u, PLAIN, 100);
	(void)wall;
	nh_instance_free(u.instance, behind);
	memset(behind, 0xa5, 8);
	void *moved = nh_instance_realloc(u.instance, block, 200);
	assert_non_null(moved);
	assert_in_range(nht_fault_count(), 1, 2); /* for its class, and for its size */
	assert_int_equal(nht_fault_get(0).code, NH_FAULT_LIST);
	assert_ptr_equal(nht_fault_get(0).address, nh__block_at(behind));
#endif
	unit_abandon(&u);
}

#if NH_CACHES

static unit cached;

/* Joined with the one below it is exactly a class: nothing is cut off, so that it fits again where others of its class
 * did. */
static void exactly_a_class(void **state)
{
	(void)state;
#if NH_CLASS_DOUBLINGS > 1
	const uint32_t rounded = 36, exact = 33, half = rounded / 2u; /* classes of 32, 36, 40 granules */
	unit_one(&cached, 64 * KIB, 0);
	assert_int_equal(nh__need_of(nh__class_table_of(cached.instance), NH_USABLE(exact), 1).class_span, rounded);
	unsigned char *lower = nh_instance_malloc(cached.instance, NH_USABLE(half));
	unsigned char *block = nh_instance_malloc(cached.instance, NH_USABLE(half));
	void *wall = nh_instance_malloc(cached.instance, 1000);
	assert_ptr_equal(block, lower + (size_t)half * NH_GRANULE);
	nh_instance_free(cached.instance, lower);
	assert_status(nh_instance_trim(cached.instance, -1), NH_OK);
	block = nh_instance_realloc(cached.instance, block, NH_USABLE(exact));
	assert_ptr_equal(block, lower);
	assert_int_equal(nh__block_span(nh__block_at(block)), rounded);
	nh_instance_free(cached.instance, block);
	nh_instance_free(cached.instance, wall);
	unit_end(&cached);
#endif
}

/* Nothing is free, but the neighbour is in a cache: found by a reclaim, and then grown over. */
static void a_cached_neighbour(void **state)
{
	(void)state;
	unit_one(&cached, 64 * KIB, 0);
	unsigned char *block = nh_instance_malloc(cached.instance, 60);
	unsigned char *behind = nh_instance_malloc(cached.instance, 60);
	void *wall = nh_instance_malloc(cached.instance, 60);
	assert_true(block < behind);
	void *all = unit_take_all(&cached, 2000, NULL), *rest = unit_take_all(&cached, 60, NULL);
	void *crumbs = unit_take_all(&cached, 8, NULL);
	nh_instance_free(cached.instance, behind);
	assert_int_equal(unit_stats(&cached, 0).free, 0);
	memset(block, 0x3c, 60);
	assert_ptr_equal(nh_instance_realloc(cached.instance, block, 110), block);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(block[i], 0x3c);
	nh_instance_free(cached.instance, block);
	nh_instance_free(cached.instance, wall);
	unit_free_chain(&cached, all);
	unit_free_chain(&cached, rest);
	unit_free_chain(&cached, crumbs);
	unit_end(&cached);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(stays_in_its_heap, set_up),
		unit_case(goes_where_the_request_says, set_up),
		unit_case(begins_where_the_request_says, set_up),
		unit_case(moves_to_memory_as_good, set_up),
		unit_case(keeps_what_it_was_asked_for, set_up),
		unit_case(one_least_block_too_much, set_up),
		cmocka_unit_test_setup(damage_is_reported, set_up),
#if NH_CACHES
		cmocka_unit_test(exactly_a_class),
		cmocka_unit_test(a_cached_neighbour),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

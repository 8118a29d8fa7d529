/* SPDX-License-Identifier: MIT */
/*
 * What NH_HARDENING_EXTREME adds: each call validates all heaps first and says what it finds, and that walk keeps its place
 * beside one that a user makes. At the other levels, the user's alone.
 */
#include "core/sweep.h"
#include "white.h"

#define EXTREME (NH_HARDENING >= NH_HARDENING_EXTREME)

static unit u;

/* ---- the walk's place --------------------------------------------------------------------- */

static white_tlsf w;
static size_t at[5];

static void lay_row(void)
{
	static const uint32_t spans[] = {40, 40, 40, 40, 40};
	white_one_region(&w, 400);
	white_row(&w, spans, 5, at);
}

/* Where the block goes that a walk comes to next, if those at these places are given in turn. */
static void expect_place(struct nh__block **place, size_t next, size_t one, size_t other, size_t then)
{
	*place = white_at(&w, next);
	white_give(&w, one);
	white_give(&w, other);
	assert_ptr_equal(*place, white_at(&w, then));
	*place = NULL;
}

static void swallowed_places(struct nh__block **place)
{
	lay_row();
	expect_place(place, at[1], at[0], at[1], at[2]); /* into the one before */
	white_tlsf_drop(&w);
	lay_row();
	expect_place(place, at[2], at[2], at[1], at[3]); /* by the one before */
	white_tlsf_drop(&w);
	lay_row();
	expect_place(place, at[4], at[0], at[1], at[4]); /* another one */
	assert_int_equal(white_blocks(&w.tlsf), 5);
	white_tlsf_drop(&w);
}

/* A walk does not go on inside of a block: what it would have come to next may have become part of another. */
static void places_move_on(void **state)
{
	(void)state;
	swallowed_places(&w.tlsf.walk);
#if EXTREME
	swallowed_places(&w.tlsf.call_walk);
#endif
}

/* All walks of the heap are over, and none of a later turn can be taken for one of these. */
static void ended_walks(void **state)
{
	(void)state;
	struct nh__heap *heap = u.instance->heap[0];
	struct nh__block *first = nh__block_at((void *)heap->tlsf.regions->first);
	uint32_t turn = heap->walk_turn;
	heap->tlsf.walk = first;
#if EXTREME
	uint32_t call_turn = heap->call_turn;
	heap->tlsf.call_walk = first;
#endif
	nh__walks_end(heap);
	assert_int_equal(heap->walk_turn, turn + 1u);
	assert_null(heap->tlsf.walk);
#if EXTREME
	assert_int_equal(heap->call_turn, call_turn + 1u);
	assert_null(heap->tlsf.call_walk);
#endif
}

static int set_up(void **state)
{
	static const size_t sizes[] = {64 * KIB, 64 * KIB};
	*state = &u;
	unit_lay_out(&u, 2, sizes);
	unit_begin(&u, 2);
	return 0;
}

/* ---- before each call --------------------------------------------------------------------- */

#if EXTREME

static void *live;
static struct nh__block *damaged;
static nh_report found;

/* Damage in the second heap, which the calls below have nothing to do with. */
static void damage(void)
{
	live = nh_instance_malloc(u.instance, 40);
	void *block = unit_take(&u, 1, 40);
	assert_int_equal(nh_instance_heap_of(u.instance, block), 1);
	assert_int_equal(nh_instance_heap_of(u.instance, live), 0);
	assert_status(nh_instance_validate(u.instance, -1, &found), NH_OK);
	assert_int_equal(nht_fault_count(), 0);
	damaged = nh__block_at(block);
	nh__store_relaxed(&damaged->owner, 0u);
	assert_status(nh_instance_validate(u.instance, -1, &found), NH_ECORRUPT);
	assert_int_equal(found.heap, 1);
}

/* Each says so once, and is served. */
static void every_call_validates(void **state)
{
	(void)state;
	const nh_request request = {.require = 0};
	damage();
	void *one = nh_instance_malloc(u.instance, 40);
	unit_expect_fault(NH_FAULT_CORRUPT, found.address);
	assert_non_null(one);
	void *other = nh_instance_alloc(u.instance, &request, 40);
	unit_expect_fault(NH_FAULT_CORRUPT, found.address);
	assert_non_null(other);
	nh_instance_free(u.instance, one);
	unit_expect_fault(NH_FAULT_CORRUPT, found.address);
	other = nh_instance_realloc(u.instance, other, 60);
	unit_expect_fault(NH_FAULT_CORRUPT, found.address);
	assert_non_null(other);
}

static unsigned told;

static void calling_hook(const nh_fault *fault)
{
	told++;
	assert_int_equal(fault->code, NH_FAULT_CORRUPT);
	assert_non_null(nh_instance_malloc(u.instance, 40));
}

/* The hook's own calls do not: it would be told of the same damage for ever. */
static void the_hook_may_call(void **state)
{
	(void)state;
	damage();
	told = 0;
	nh_fatal_hook_set(calling_hook);
	nh_instance_free(u.instance, live);
	nht_fault_catch();
	assert_int_equal(told, 1);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_move_on),
		unit_case_damaged(ended_walks, set_up),
#if EXTREME
		unit_case_damaged(every_call_validates, set_up),
		unit_case_damaged(the_hook_may_call, set_up),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

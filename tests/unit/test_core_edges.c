/* SPDX-License-Identifier: MIT */
/* What happens seldom: removals that meet damage, debts of removed regions, heads of lists that are wrong, heaps without attributes. */
#include "core/sweep.h"

#include "white.h"

static unit u;
static struct nh__heap *heap;

/* Heap 0 with two regions. */
static int set_up(void **state)
{
	static const size_t sizes[] = { 128 * KIB, 32 * KIB, 4 * KIB };
	*state = &u;
	unit_lay_out(&u, 3, sizes);
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	unit_add_region(&u, 0, 1);
	return 0;
}

static nh_status remove_second(size_t *live)
{
	return nh_instance_region_remove(u.instance, 0, u.arena.parts[1].base, live);
}

/* The one free block of the second region. */
static struct nh__block *block_of_second(void)
{
	struct nh__region *region = heap->tlsf.regions;
	while (nht_arena_find(&u.arena, (void *)region->first, 1) != 1)
		region = region->next;
	return nh__block_at((void *)region->first);
}

/* A region through which there is no way is not given back. */
static void removal_meets_a_damaged_size(void **state)
{
	struct nh__block *block = block_of_second();
	uint32_t span = nh__block_span(block);
	size_t live = 0;
	(void)state;
	const uint32_t wrong[] = { 0, span + 1u };
	for (unsigned i = 0; i < 2; i++) {
		nh__block_set(block, wrong[i], nh__flags(block));
		assert_status(remove_second(&live), NH_EBUSY);
		assert_true(live != 0);
		nh__block_set(block, span, nh__flags(block));
	}
	nht_fault_clear(); /* the removal may have told of it */
	assert_sound(nht_valid(u.instance));
	assert_status(remove_second(&live), NH_OK);
}

static void removal_meets_damaged_links(void **state)
{
	uint32_t *links = nh__payload(block_of_second()), before = links[1];
	size_t live = 0;
	(void)state;
	if (NH_HARDENING < NH_HARDENING_MODERATE)
		return;
	links[1] = heap->tlsf.total * 2u;
	assert_status(remove_second(&live), NH_EBUSY);
	assert_int_equal(live, 1);
	assert_true(nht_fault_count_of(NH_FAULT_LIST) != 0);
	nht_fault_clear();
	links[1] = before;
	assert_status(remove_second(&live), NH_OK);
}

static void no_removal_while_a_region_is_added(void **state)
{
	size_t live;
	(void)state;
	for (unsigned i = 0; i < NH_MAX_REGIONS; i++) {
		live = 99;
		u.instance->adding[i] = nh__adding_by(1, 0);
		assert_status(nh_instance_heap_remove(u.instance, 0, &live), NH_EBUSY);
		assert_int_equal(live, 0);
		u.instance->adding[i] = 0;
	}
}

#if NH_CACHES

/* A region that brings less than a removed one left owing adds nothing to what caches may hold. */
static void a_debt_larger_than_a_region(void **state)
{
	(void)state;
	assert_status(remove_second(NULL), NH_OK);
	uint32_t allowance = heap->allowance, granules;
	heap->owed = 1000;
	unit_add_region(&u, 0, 2);
	granules = 1000u - heap->owed;
	assert_true(granules > 0 && granules < 1000);
	heap->owed = 0;
	assert_true(heap->allowance - allowance <= granules);
	assert_sound(nht_valid(u.instance));
}

#endif

/* Plain requests do not get it, and it has no attribute to ask by: a block of it stays there. */
static void a_heap_that_only_its_number_finds(void **state)
{
	static nh_instance_storage storage;
	nh_instance *instance;
	nh_heap_config configs[2] = {
		{ .base = u.arena.parts[1].base, .size = 32 * KIB },
		{ .base = u.arena.parts[2].base, .size = 4 * KIB, .flags = NH_HEAP_NOT_DEFAULT }
	};
	const nh_request second = { .heaps = 2 };
	(void)state;
	assert_status(remove_second(NULL), NH_OK);
	assert_status(nh_instance_init(&storage, configs, 2, NULL, &instance), NH_OK);
	void *block = nh_instance_alloc(instance, &second, 100),
	     *wall = nh_instance_alloc(instance, &second, 100);
	assert_non_null(wall);
	block = nh_instance_realloc(instance, block, 300);
	assert_int_equal(nh_instance_heap_of(instance, block), 1);
	assert_null(nh_instance_realloc(instance, block, 8 * KIB));
	assert_int_equal(nh_instance_heap_of(instance, block), 1);
	assert_status(nh_instance_deinit(instance), NH_OK);
}

/* ---- heads of lists ----------------------------------------------------------------------- */

static void head_of(white_tlsf *w, unsigned list, uint32_t offset)
{
	if (w->tlsf.wide)
		((uint32_t *)w->tlsf.heads)[list] = offset;
	else
		((uint16_t *)w->tlsf.heads)[list] = (uint16_t)offset;
	w->tlsf.map[list / 32u] |= UINT32_C(1) << list % 32u;
}

static void expect_bad_head(white_tlsf *w, uint32_t offset)
{
	static const char what[] = "a list's head is no free block of its size";
	const void *bad = NULL;
	uint32_t map = w->tlsf.map[0];
	head_of(w, 3, offset); /* no block is so small */
	const char *told = nh__tlsf_check_level(&w->tlsf, 0, &bad);
	assert_non_null(told);
	assert_string_equal(told, what);
	assert_ptr_equal(bad, &w->tlsf.map[0]);
	head_of(w, 3, 0);
	w->tlsf.map[0] = map;
	assert_null(nh__tlsf_check_level(&w->tlsf, 0, &bad));
}

static void wrong_heads(void **state)
{
	white_tlsf w;
	(void)state;
	white_one_region(&w, 600);
	size_t taken = white_take(&w, 10, 1);
	assert_true(taken != 0);
	expect_bad_head(&w, 700);                  /* outside */
	expect_bad_head(&w, (uint32_t)taken);      /* not free */
	expect_bad_head(&w, (uint32_t)taken + 10); /* free, of another size */
	white_tlsf_drop(&w);
}

/* The second block of a list in the place of its first. */
static void head_leads_to_the_second(void **state)
{
	static const uint32_t spans[] = { 10, 10, 10, 10, 10 };
	white_tlsf w;
	size_t at[5];
	const void *bad = NULL;
	unsigned list = 0;
	(void)state;
	white_one_region(&w, 50);
	white_row(&w, spans, 5, at);
	white_give(&w, at[1]);
	white_give(&w, at[3]);
	while ((w.tlsf.map[list / 32u] >> list % 32u & 1u) == 0)
		list++;
	uint32_t *links = nh__payload(white_at(&w, at[1])), *other = nh__payload(white_at(&w, at[3]));
	assert_true(links[0] != 0 || other[0] != 0);
	head_of(&w, list, links[0] != 0 ? links[0] : other[0]);
	assert_string_equal(nh__tlsf_check_level(&w.tlsf, list / 8u, &bad),
	                    "a list's head is no free block of its size");
	white_tlsf_drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(removal_meets_a_damaged_size, set_up),
		unit_case(removal_meets_damaged_links, set_up),
		unit_case(no_removal_while_a_region_is_added, set_up),
#if NH_CACHES
		unit_case(a_debt_larger_than_a_region, set_up),
#endif
		unit_case(a_heap_that_only_its_number_finds, set_up),
		cmocka_unit_test(wrong_heads),
		cmocka_unit_test(head_leads_to_the_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * A CPU that stopped while it added a region or a heap, step by step: whoever recovers it takes back what is reserved, keeps
 * what is in place, and leaves alone what others add.
 */
#include <string.h>

#include "stopped.h"

#if STOPPED_SKIPPED

int main(void)
{
	return unit_all_skipped("needs caches, gates, two CPUs and locks that can be recovered");
}

#else

#define ENTRY 2u /* the next one, after those of the two heaps */

/* What it does first: the entry is its, as far as a reset lets it come. */
static struct nh__region_entry *reserve(unsigned cpu, unsigned tag)
{
	uintptr_t first, end;
	assert_true(nh__region_layout((uintptr_t)u.arena.parts[2].base, u.arena.parts[2].size, &first, &end) != 0);
	assert_int_equal(nh__region_reserve(u.instance, nh__adding_by(cpu, tag & 15u) | (tag & NH__ADDING_HEAP), first, end),
	                 ENTRY);
	return &u.instance->regions[ENTRY];
}

static bool is_reserved(void)
{
	uintptr_t base = (uintptr_t)u.arena.parts[2].base;
	return nh__in_use(u.instance, base, base + u.arena.parts[2].size);
}

static nh_status add_region(void)
{
	return nh_instance_region_add(u.instance, 1, u.arena.parts[2].base, u.arena.parts[2].size);
}

/* The memory can be added, and the heap that was to get it can go. */
static void assert_nobodys(void)
{
	const struct nh__region_entry *entry = &u.instance->regions[ENTRY];
	assert_recovered();
	assert_int_equal(nht_fault_count(), 0);
	assert_null(nh__load_relaxed(&entry->heap));
	assert_int_equal(nh__load_relaxed(&entry->first), 0);
	assert_int_equal(nh__load_relaxed(&entry->end), 0);
	assert_int_equal(nh__load_relaxed(&u.instance->adding[ENTRY]), 0);
	assert_false(is_reserved());
	assert_status(add_region(), NH_OK);
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_OK);
}

static void inside_admin(void)
{
	nh__store_relaxed(&u.instance->admin.word, DEAD + 1u);
	nh__store_relaxed(&u.instance->admin.inside, (uint16_t)(DEAD + 1u));
}

/* ---- a region ----------------------------------------------------------------------------- */

static void stopped_when_a_region_was_reserved(void **state)
{
	(void)state;
	reserve(DEAD, 1);
	assert_status(add_region(), NH_EOVERLAP);
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_EBUSY);
	assert_nobodys();
}

/* In the lock hold that reserves: the word is there, and the bounds for readers are not yet. */
static void stopped_while_it_reserved(void **state)
{
	struct nh__region_entry *entry = reserve(DEAD, 1);
	(void)state;
	inside_admin();
	nh__store_relaxed(&entry->end, 0);
	assert_nobodys();
}

static void stopped_before_anything_was_reserved(void **state)
{
	(void)state;
	inside_admin();
	nh__store_relaxed(&u.instance->adding[ENTRY], nh__adding_by(DEAD, 1));
	assert_nobodys();
}

/* In the heap's lock: the heap is out of service, but this region another one may have. */
static void stopped_while_a_region_was_linked(void **state)
{
	struct nh__region_entry *entry = reserve(DEAD, 1);
	(void)state;
	nh__region_prepare(&entry->region);
	nh__tlsf_add(&other->tlsf, &entry->region);
	nh__store_relaxed(&entry->heap, other);
	nh__store_relaxed(&other->lock.word, DEAD + 1u);
	nh__store_relaxed(&other->lock.inside, (uint16_t)(DEAD + 1u));
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_ECORRUPT);
	assert_int_equal(nht_fault_count_of(NH_FAULT_BROKEN), 1);
	nht_fault_clear();
	assert_false(is_reserved());
	assert_int_equal(nh__load_relaxed(&u.instance->adding[ENTRY]), 0);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[2].base, u.arena.parts[2].size), NH_OK);
	assert_status(nh_instance_region_remove(u.instance, 0, u.arena.parts[2].base, NULL), NH_OK);
}

static void another_cpu_adds(void **state)
{
	(void)state;
	reserve(0, 1);
	assert_recovered();
	assert_true(is_reserved());
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_EBUSY); /* blocks are out */
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_EBUSY);
	nh__entry_clear(&u.instance->regions[ENTRY]);
	nh__store_relaxed(&u.instance->adding[ENTRY], 0);
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_OK);
}

/* ---- a heap ------------------------------------------------------------------------------- */

static struct nh__addition addition;

static void prepare(void)
{
	unit_on_cpu(DEAD);
	assert_status(nh__heap_prepare(u.instance, &u.configs[2], 0, &addition), NH_OK);
	unit_on_cpu(0);
	assert_int_equal(addition.heap->id, 2);
	assert_int_not_equal(u.instance->control[2].end, 0);
	assert_status(nh_instance_heap_add(u.instance, &u.configs[2], NULL), NH_EOVERLAP);
}

/* The number is free, no set names it, and the heap comes as if nothing had been. */
static void assert_heap_is_nobodys(void)
{
	int number = -1;
	assert_recovered();
	assert_int_equal(nht_fault_count(), 0);
	assert_int_equal(u.instance->control[2].end, 0);
	assert_int_equal(nh__load_relaxed(&u.instance->adding[ENTRY]), 0);
	assert_int_equal(nh__load_relaxed(&u.instance->eligible), 3);
	assert_int_equal(nh__load_relaxed(&u.instance->shared), 3);
	assert_false(is_reserved());
	assert_int_equal(nh_instance_heap_count(u.instance), 2);
	assert_status(nh_instance_heap_add(u.instance, &u.configs[2], &number), NH_OK);
	assert_int_equal(number, 2);
	assert_status(nh_instance_heap_remove(u.instance, 2, NULL), NH_OK);
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_OK);
}

static void stopped_when_a_heap_was_reserved(void **state)
{
	(void)state;
	prepare();
	assert_heap_is_nobodys();
}

/* It is no region of heap 2 that would be added, and other heaps may go. */
static void a_heap_that_is_added_holds_no_other(void **state)
{
	(void)state;
	prepare();
	assert_false(nh__heap_grows(u.instance, 2));
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_OK);
	assert_recovered();
	assert_false(is_reserved());
}

static void stopped_before_the_claim(void **state)
{
	(void)state;
	reserve(DEAD, 2u | NH__ADDING_HEAP);
	inside_admin();
	assert_heap_is_nobodys();
}

/* All of it is shown but the bit by which it is found. */
static void stopped_while_a_heap_was_shown(void **state)
{
	(void)state;
	prepare();
	nh__heap_fresh(&addition);
	inside_admin();
	nh__heap_show(u.instance, addition.heap, addition.entry);
	nh__store_relaxed(&u.instance->heaps, 3);
	assert_heap_is_nobodys();
}

static void stopped_when_a_heap_was_shown(void **state)
{
	const nh_request third = {.heaps = 4u};
	(void)state;
	prepare();
	nh__heap_fresh(&addition);
	inside_admin();
	nh__heap_show(u.instance, addition.heap, addition.entry);
	assert_recovered();
	assert_int_equal(nh_instance_heap_count(u.instance), 3);
	assert_int_equal(nh__load_relaxed(&u.instance->adding[ENTRY]), 0);
	void *block = nh_instance_alloc(u.instance, &third, 400);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
	assert_status(nh_instance_heap_remove(u.instance, 2, NULL), NH_OK);
}

/* The table's first entry, after the first heap has gone. */
static void stopped_when_the_first_entry_was_reserved(void **state)
{
	int number = -1;
	(void)state;
	drop_live();
	memset(live, 0, sizeof live);
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_OK);
	unit_on_cpu(DEAD);
	assert_status(nh__heap_prepare(u.instance, &u.configs[0], 0, &addition), NH_OK);
	unit_on_cpu(0);
	assert_ptr_equal(addition.entry, &u.instance->regions[0]);
	assert_recovered();
	assert_status(nh_instance_heap_add(u.instance, &u.configs[0], &number), NH_OK);
	assert_int_equal(number, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(stopped_when_a_region_was_reserved),
		CASE(stopped_while_it_reserved),
		CASE(stopped_before_anything_was_reserved),
		CASE(stopped_while_a_region_was_linked),
		CASE(another_cpu_adds),
		CASE(stopped_when_a_heap_was_reserved),
		CASE(a_heap_that_is_added_holds_no_other),
		CASE(stopped_before_the_claim),
		CASE(stopped_while_a_heap_was_shown),
		CASE(stopped_when_a_heap_was_shown),
		CASE(stopped_when_the_first_entry_was_reserved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

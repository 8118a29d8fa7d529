/* SPDX-License-Identifier: MIT */
/*
 * core/instance.c: how heaps are found by address and by number; a look at an entry of the table of regions while the entry is
 * given to another region. The source is included, so that somebody can come between any two of the loads.
 */
#include <limits.h>
#include <string.h>

#include "core/instance.h"

static const volatile void *awaited; /* before this word is read with acquire, once */
static void (*then)(void);

static void seen_load(const volatile void *word)
{
	if (word == awaited) {
		awaited = NULL;
		then();
	}
}

#undef nh__load_acquire
#define nh__load_acquire(word) (seen_load(word), atomic_load_explicit((word), memory_order_acquire))
#include "core/instance.c"

#include "white.h"

static unit u;
static struct nh__region_entry *entry;
static uintptr_t first, end, moved_first, moved_end;

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 64 * KIB, 0);
	entry = &u.instance->regions[0];
	first = nh__load_relaxed(&entry->first);
	end = nh__load_relaxed(&entry->end);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nh__store_relaxed(&entry->first, first);
	nh__store_relaxed(&entry->end, end);
	unit_end(&u);
	return 0;
}

static void move(void)
{
	nh__store_relaxed(&entry->first, moved_first);
	nh__store_relaxed(&entry->end, moved_end);
}

/* The heap that is found for an address if the bounds change just before `word` is read. */
static struct nh__heap *found(uintptr_t payload, const volatile void *word, uintptr_t to_first, uintptr_t to_end)
{
	nh__store_relaxed(&entry->first, first);
	nh__store_relaxed(&entry->end, end);
	moved_first = to_first;
	moved_end = to_end;
	then = move;
	awaited = word;
	struct nh__heap *heap = nh__heap_at(u.instance, payload);
	assert_null(awaited); /* somebody did come */
	return heap;
}

/* Bounds that do not stand from before the heap is read until after it are nobody's. */
static void bounds_that_change(void **state)
{
	(void)state;
	struct nh__heap *heap = u.instance->heap[0];
	uintptr_t inside = first + 1000u;
	assert_ptr_equal(found(inside, &entry->heap, first, end), heap);
	assert_null(found(inside, &entry->heap, first + NH_GRANULE, end));
	assert_null(found(inside, &entry->heap, first, end - NH_GRANULE));
	assert_null(found(inside, &entry->heap, first - NH_GRANULE, end + NH_GRANULE));
	assert_null(found(inside, &entry->heap, 0, 0));
}

/* What has moved before it is looked at is judged by where it is now. */
static void bounds_that_have_changed(void **state)
{
	(void)state;
	struct nh__heap *heap = u.instance->heap[0];
	uintptr_t inside = first + 1000u;
	assert_ptr_equal(found(inside, &entry->first, first + 500u, end - 500u), heap);
	assert_ptr_equal(found(inside, &entry->first, inside, end), heap);
	assert_ptr_equal(found(inside, &entry->first, first, inside + 1u), heap);
	assert_null(found(inside, &entry->first, inside + 1u, end));
	assert_null(found(inside, &entry->first, first, inside));
	assert_null(found(inside, &entry->first, inside + 500u, end));
	assert_null(found(inside, &entry->first, first, inside - 500u));
}

/* What lies nowhere has no heap: that is said, not left as it was. */
static void nowhere(void **state)
{
	(void)state;
	const uintptr_t addresses[] = {0, first - 1u, end, end + 1u, (uintptr_t)&u, UINTPTR_MAX};
	for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct nh__heap *heap = u.instance->heap[0];
		uintptr_t behind;
		assert_null(entry_at(u.instance, addresses[i], &heap, &behind));
		assert_null(heap);
		assert_null(nh__heap_at(u.instance, addresses[i]));
	}
	assert_non_null(nh__heap_at(u.instance, first));
	assert_non_null(nh__heap_at(u.instance, end - 1u));
}

/* Numbers that no shift should see are no heap's, either. */
static void numbers(void **state)
{
	(void)state;
	for (int id = -200; id < 200; id++)
		assert_ptr_equal(nh__heap_by_id(u.instance, id), id == 0 ? u.instance->heap[0] : NULL);
	assert_null(nh__heap_by_id(u.instance, INT_MIN));
	assert_null(nh__heap_by_id(u.instance, INT_MAX));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bounds_that_change),
		TEST(bounds_that_have_changed),
		TEST(nowhere),
		TEST(numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

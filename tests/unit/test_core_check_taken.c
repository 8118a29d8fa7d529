/* SPDX-License-Identifier: MIT */
/*
 * core/check.c looks at depots and inboxes by taking the chain and putting it back: what if others come in between? Nothing is lost,
 * and nothing is called damage. The source is included, so that they can.
 */
#include "core/check.h"

/* Run once each: before the chain is taken, and in place of what would put it back. */
static void (*before_taking)(void), (*before_putting)(void);
static bool locks_refused;

static void run_once(void (**action)(void))
{
	void (*now)(void) = *action;
	*action = NULL;
	if (now != NULL)
		now();
}

static inline uint32_t late_exchange(_Atomic uint32_t *word, uint32_t value)
{
	run_once(&before_taking);
	return atomic_exchange_explicit(word, value, memory_order_acquire);
}

static inline bool late_cas(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired)
{
	run_once(&before_putting);
	return atomic_compare_exchange_strong_explicit(word, expected, desired, memory_order_release,
	                                               memory_order_relaxed);
}

static bool refusable(struct nh__heap *heap, unsigned cpu)
{
	return !locks_refused && nh__heap_lock(heap, cpu);
}

#undef nh_port_exchange_acquire
#define nh_port_exchange_acquire(word, value) late_exchange((word), (value))
#undef nh_port_cas_release
#define nh_port_cas_release(word, expected, desired) late_cas((word), (expected), (desired))
#define nh__heap_lock refusable
#include "core/check.c"
#undef nh__heap_lock

#include "white.h"

#if !NH_CACHES || !NH__DEPOT

int main(void)
{
	(void)before_taking;
	(void)late_exchange;
	(void)late_cas;
	(void)refusable;
	return unit_all_skipped("no depot and no inbox");
}

#else

static unit u;
static struct nh__heap *heap;
static struct nh__note note;
static unsigned klass;
static uint32_t first, second;
static _Atomic uint32_t *word;

/* A chain of one block, as an owner would put it into the depot. */
static uint32_t chain_of_one(void)
{
	void *payload = nh_instance_malloc(u.instance, 24);
	struct nh__block *block = nh__block_at(payload);
	const struct nh__cache_head *head = &heap->cache[0]->head;
	klass = nh__load_relaxed(&block->owner) - NH__OWNER_LIVE;
	white_blank(block);
	return nh__chain_link(head->secret, 0, 0, block, nh__chain_offset(head, block));
}

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 256 * KIB, 0);
	heap = u.instance->heap[0];
	note = (struct nh__note){NH_FAULT_NONE, NULL};
	first = chain_of_one();
	second = chain_of_one();
	word = &heap->shared[klass].depot[0];
	nh__store_relaxed(word, first);
	before_taking = before_putting = NULL;
	locks_refused = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(note.code, NH_FAULT_NONE);
	assert_true(before_taking == NULL && before_putting == NULL);
	assert_status(nh_instance_trim(u.instance, 0), NH_OK);
	unit_end(&u);
	return 0;
}

static void check(void)
{
	const void *bad;
	assert_null(nh__check_caches(u.instance, heap, &bad, &note));
}

static void take_all(void)
{
	nh__store_relaxed(word, 0);
}

static void put_another(void)
{
	nh__store_relaxed(word, second);
}

static void put_and_refuse(void)
{
	put_another();
	locks_refused = true;
}

static void back_where_it_was(void **state)
{
	(void)state;
	check();
	assert_int_equal(nh__load_relaxed(word), first);
	nh__store_relaxed(&heap->shared[klass].depot[NH_DEPOT_SLOTS - 1u], second);
	check();
}

/* Somebody was faster: his is the chain. */
static void taken_before(void **state)
{
	(void)state;
	before_taking = take_all;
	check();
	assert_int_equal(nh__load_relaxed(word), 0);
	put_another();
	before_taking = NULL;
	nh__store_relaxed(&heap->shared[klass].inbox, first);
}

/* Its place was taken: what it held is free memory now. */
static void place_taken_meanwhile(void **state)
{
	(void)state;
	uint32_t before = heap->tlsf.free;
	before_putting = put_another;
	check();
	assert_int_equal(nh__load_relaxed(word), second);
	assert_true(heap->tlsf.free > before);
}

/* Not from here: it is in nobody's hands then, as with a CPU that stopped, and a salvage finds it. */
static void place_taken_and_no_lock(void **state)
{
	(void)state;
	size_t blocks = 0;
	before_putting = put_and_refuse;
	check();
	assert_int_equal(nh__load_relaxed(word), second);
	locks_refused = false;
	assert_status(nh_instance_heap_salvage(u.instance, 0, &blocks), NH_OK);
	assert_int_equal(blocks, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(back_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(taken_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(place_taken_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(place_taken_and_no_lock, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Steps of core/heap.c that a program seldom takes, each alone: threads without a slot, caps that are at their limits
 * already, magazines that turn out to be damaged, a lock that may not be waited for. The source is included, because the steps
 * are static there.
 */
#include <string.h>

#include "core/heap.h"

static bool locks_refused;

static bool refusable(void)
{
	return !locks_refused && nh_port_lock_begin();
}

#if NH_CACHES && NH__DEPOT

/* Another CPU takes the inbox after this one has looked at it. */
static bool taken_before;

static uint32_t late_take(struct nh__shared *shared)
{
	if (taken_before)
		nh__store_relaxed(&shared->inbox, 0);
	return nh__inbox_take(shared);
}

#define nh__inbox_take late_take
#endif
#define nh_port_lock_begin refusable
#include "core/heap.c"
#undef nh_port_lock_begin
#undef nh__inbox_take

#include "white.h"

#if !NH_CACHES || !NH__DEPOT

int main(void)
{
	(void)refusable;
	return unit_all_skipped("no caches, or one CPU");
}

#else

static unit u;
static struct nh__heap *heap;
static struct nh__cache *cache;
static struct nh__note note;

static void begin(uint32_t affinity, uint32_t flags)
{
	static const size_t size = 256 * KIB;
	unit_lay_out(&u, 1, &size);
	u.configs[0].affinity = affinity;
	u.configs[0].flags = flags;
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	cache = heap->cache[0];
	note = (struct nh__note){NH_FAULT_NONE, NULL};
	locks_refused = false;
}

static int set_up(void **state)
{
	(void)state;
	begin(0, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	locks_refused = false;
	unit_abandon(&u);
	return 0;
}

static struct nh__need need_of(size_t size)
{
	return nh__need_of(nh__class_table_of(u.instance), size, 1);
}

/* ---- threads without a slot --------------------------------------------------------------- */

/* It frees as a CPU does to which the heap is not local, and no CPU's count changes. */
static void freed_by_an_outsider(void **state)
{
	begin(NH_CPU(0), 0);
	(void)state;
	void *block = nh_instance_malloc(u.instance, 24);
	uint8_t owner = nh__load_relaxed(&nh__block_at(block)->owner);
	struct nh__shared *shared = &heap->shared[owner - NH__OWNER_LIVE];
	nh__store_relaxed(&shared->inbox_limit, 1u);
	white_blank(nh__block_at(block));
	nh__heap_give(heap, NH_CPUS, block, owner, &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	assert_int_equal(NH__COUNT(nh__load_relaxed(&shared->inbox)), 1);
#if NH_STATS
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		assert_int_equal(nh__load_relaxed(&heap->remote[cpu]), 0);
#endif
	assert_status(nh_instance_trim(u.instance, 0), NH_OK);
	assert_sound(nht_all_returned(u.instance, 0));
}

/* It has no magazine to look at, but TLSF can tell. */
static void asked_by_an_outsider(void **state)
{
	(void)state;
	struct nh__need small = need_of(24), large = need_of(200 * KIB), impossible = need_of(500 * KIB);
	nh_host_detach();
	bool could[] = {nh__heap_could(heap, &small, &note), nh__heap_could(heap, &large, &note),
	                nh__heap_could(heap, &impossible, &note)};
	assert_status(nh_host_attach(0), NH_OK);
	assert_true(could[0] && could[1] && !could[2]);
}

/* CPUs that no affinity can name are local to heaps that are local to all. */
static void affinity_of_high_slots(void **state)
{
	(void)state;
	for (unsigned cpu = 0; cpu < 64; cpu++) {
		assert_true(nh__is_local(0, cpu));
		assert_int_equal(nh__is_local(UINT32_C(0x80000001), cpu), cpu == 0 || cpu == 31);
	}
}

/* ---- gates -------------------------------------------------------------------------------- */

static void an_inbox_that_another_takes(void **state)
{
	(void)state;
	struct nh__need need = need_of(24);
	cache->slot[need.klass].cur = 0;
	cache->prev[need.klass] = 0;
	nh__store_relaxed(&heap->shared[need.klass].inbox, 1u << NH__COUNT_BITS | 1u);
	taken_before = true;
	assert_null(take_cached(heap, cache, &need));
	taken_before = false;
	assert_int_equal(cache->slot[need.klass].cur, 0);
}

/* ---- caps --------------------------------------------------------------------------------- */

static void no_growth_at_the_limit(void **state)
{
	(void)state;
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		struct nh__slot *slot = &cache->slot[klass];
		uint32_t budget = heap->budget;
		uint8_t kept = slot->cap;
		slot->cap = (uint8_t)cap_limit(heap, nh__slot_span(slot, klass));
		grow_cap(heap, cache, klass);
		assert_int_equal(slot->cap, cap_limit(heap, nh__slot_span(slot, klass)));
		assert_int_equal(heap->budget, budget);
		slot->cap = kept;
	}
}

#if NH_HARDENING >= NH_HARDENING_MODERATE

/* A class that is not used gives back a block, but not one that somebody has written to. */
static void aging_a_damaged_magazine(void **state)
{
	(void)state;
	void *block = nh_instance_malloc(u.instance, 24);
	unsigned klass = nh__load_relaxed(&nh__block_at(block)->owner) - NH__OWNER_LIVE;
	struct nh__slot *slot = &cache->slot[klass];
	slot->cur = 0;
	cache->prev[klass] = 0;
	white_blank(nh__block_at(block));
	push(cache, slot, nh__block_at(block));
	slot->cap = 1;
	slot->last = 0;
	nh__store_relaxed(&nh__block_at(block)->owner, NH__OWNER_TLSF); /* two freed it at once, and one has taken it again */
	cache->visit = (uint8_t)klass;
	uint32_t chain = slot->cur, free_before = heap->tlsf.free;
	age(heap, cache, NH_CLASSES, 0);
	assert_int_equal(slot->cur, chain); /* the next malloc of the class finds the damage, and tells */
	assert_int_equal(heap->tlsf.free, free_before);
	assert_int_equal(slot->cap, 1);
}

#endif

#if NH_REFILL > 1

/* Chain words do not reach all of the heap: what is cut at once might lie beyond. */
static void no_refill_where_caches_do_not_reach(void **state)
{
	(void)state;
	struct nh__need need = need_of(24);
	cache->slot[need.klass].cap = 8;
	heap->far = true;
	assert_null(refill(heap, cache, &need));
	heap->far = false;
	need.align = 4; /* nor where one of them must lie right */
	assert_null(refill(heap, cache, &need));
	need.align = 1;
	void *block = refill(heap, cache, &need);
	assert_non_null(block);
	assert_true(NH__COUNT(cache->slot[need.klass].cur) != 0);
}

/* ---- locks -------------------------------------------------------------------------------- */

static void no_widening_without_the_lock(void **state)
{
	(void)state;
	void *block = nh_instance_malloc(u.instance, 24);
	unsigned klass = nh__load_relaxed(&nh__block_at(block)->owner) - NH__OWNER_LIVE;
	struct nh__slot *slot = &cache->slot[klass];
	white_blank(nh__block_at(block));
	slot->cur = 0;
	cache->prev[klass] = 0;
	cache->spent = false;
	push(cache, slot, nh__block_at(block));
	slot->cap = 1;
	locks_refused = true;
	assert_false(widen(heap, cache, 0, klass, &note));
	locks_refused = false;
	assert_int_equal(slot->cap, 1);
	assert_false(cache->spent);
	assert_true(widen(heap, cache, 0, klass, &note));
	assert_true(slot->cap > 1);
}

#endif

/* ---- owner bytes -------------------------------------------------------------------------- */

/* A byte that names a class in a heap that has none: flipped, where nothing checks it. */
static void a_class_without_caches(void **state)
{
	(void)state;
	begin(NH_CPU(NH_CPUS - 1u), NH_HEAP_NO_CACHES);
	void *block = nh_instance_malloc(u.instance, 24);
	uint32_t before = heap->tlsf.free;
	white_blank(nh__block_at(block));
	nh__heap_give(heap, 0, block, NH__OWNER_LIVE, &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	assert_true(heap->tlsf.free > before);
	assert_sound(nht_all_returned(u.instance, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(freed_by_an_outsider, tear_down),
		cmocka_unit_test_setup_teardown(asked_by_an_outsider, set_up, tear_down),
		cmocka_unit_test(affinity_of_high_slots),
		cmocka_unit_test_setup_teardown(an_inbox_that_another_takes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_growth_at_the_limit, set_up, tear_down),
#if NH_HARDENING >= NH_HARDENING_MODERATE
		cmocka_unit_test_setup_teardown(aging_a_damaged_magazine, set_up, tear_down),
#endif
#if NH_REFILL > 1
		cmocka_unit_test_setup_teardown(no_refill_where_caches_do_not_reach, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_widening_without_the_lock, set_up, tear_down),
#endif
		cmocka_unit_test_teardown(a_class_without_caches, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

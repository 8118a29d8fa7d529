/* SPDX-License-Identifier: MIT */
/* core/inspect.c: what is added up, what is said of blocks and of heaps, and that damage which a look meets is reported. The source is included. */
#include <limits.h>
#include <string.h>

#include "core/inspect.c"

#include "white.h"

static unit u;
static struct nh__heap *heap;

/* Heap 0: plain. Heap 1: of another CPU, if there is one, and not for plain requests. */
static int set_up(void **state)
{
	static const size_t sizes[] = {64 * KIB, 32 * KIB, 8 * KIB};
	*state = &u;
	unit_lay_out(&u, 3, sizes);
	u.configs[0].name = "near";
	u.configs[1].affinity = NH_CPU(NH_CPUS - 1);
	u.configs[1].flags = NH_HEAP_NOT_DEFAULT;
	u.configs[1].attributes = NH_ATTR_EXEC;
	unit_begin(&u, 2);
	heap = u.instance->heap[0];
	return 0;
}

/* ---- explain ------------------------------------------------------------------------------ */

static nh_reason reason_of(const nh_request *request, int number)
{
	nh_explanation entries[2] = {{-1, NH_TAKEN}, {-1, NH_TAKEN}};
	assert_int_equal(nh_instance_explain(u.instance, request, 100, entries, 2), 2);
	return entries[entries[0].heap == number ? 0 : 1].reason;
}

/* That a heap is another's matters only to those who forbid it. */
static void why_a_heap_is_none(void **state)
{
	(void)state;
	const nh_request plain = {0}, own = {.flags = NH_NO_FOREIGN}, own_exec = {.require = NH_ATTR_EXEC, .flags = NH_NO_FOREIGN},
	                 exec = {.require = NH_ATTR_EXEC}, first = {.heaps = 1};
	assert_int_equal(reason_of(&plain, 1), NH_NOT_ELIGIBLE);
	assert_int_equal(reason_of(&own, 1), NH_CPUS > 1 ? NH_FOREIGN : NH_NOT_ELIGIBLE);
	assert_int_equal(reason_of(&own_exec, 1), NH_CPUS > 1 ? NH_FOREIGN : NH_TAKEN);
	assert_int_equal(reason_of(&exec, 1), NH_TAKEN);
	assert_int_equal(reason_of(&exec, 0), NH_NO_ATTRIBUTE);
	assert_int_equal(reason_of(&first, 1), NH_NOT_IN_HEAPS);
	assert_int_equal(reason_of(&first, 0), NH_TAKEN);
	assert_int_equal(nh_instance_explain(u.instance, &plain, 0, NULL, 0), 2);
}

#if NH_CACHES

/* What is in a magazine cannot be seen from on top of its owner. */
static void asked_inside_the_gate(void **state)
{
	(void)state;
	struct nh__need need = nh__need_of(nh__class_table_of(u.instance), 24, 1);
	struct nh__cache *cache = heap->cache[0];
	void *block = nh_instance_malloc(u.instance, 24);
	nh_instance_free(u.instance, block);
	assert_true(cached_here(heap, &need));
	assert_true(nh__gate_enter(&cache->head.gate, 0));
	assert_false(cached_here(heap, &need));
	nh__gate_cancel(&cache->head.gate, 0);
	assert_true(cached_here(heap, &need));
}

#endif

/* ---- statistics --------------------------------------------------------------------------- */

static void told_as_configured(void **state)
{
	(void)state;
	nh_heap_stats stats = unit_stats(&u, 0);
	assert_string_equal(stats.name, "near");
	assert_int_equal(stats.affinity, 0);
	stats = unit_stats(&u, 1);
	assert_null(stats.name);
	assert_int_equal(stats.affinity, NH_CPU(NH_CPUS - 1));
	assert_int_equal(stats.flags, NH_HEAP_NOT_DEFAULT);
	assert_int_equal(stats.attributes, NH_ATTR_EXEC);
}

/* Of all CPUs together; each counter is another number. */
static void counters_are_added(void **state)
{
	(void)state;
#if NH_CACHES
	nh_heap_stats stats;
	uint32_t factor = 0;
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		_Atomic uint32_t *counters = heap->cache[cpu]->counters;
		nh__store_relaxed(&counters[NH__DEPOT_PUTS], cpu + 1u);
		nh__store_relaxed(&counters[NH__DEPOT_GETS], 100u * (cpu + 1u));
		nh__store_relaxed(&counters[NH__INBOX_TAKES], 10000u * (cpu + 1u));
		nh__store_relaxed(&heap->remote[cpu], 1000000u * (cpu + 1u));
		factor += cpu + 1u;
	}
	heap->allowance = 77;
	stats = unit_stats(&u, 0);
	assert_int_equal(stats.depot_puts, factor);
	assert_int_equal(stats.depot_gets, 100u * factor);
	assert_int_equal(stats.inbox_takes, 10000u * factor);
	assert_int_equal(stats.remote_frees, 1000000u * factor);
	assert_int_equal(stats.cache_limit, 77u * NH_GRANULE);
#else
	unit_skip("no caches");
#endif
}

static void numbers_that_are_kept(void **state)
{
	(void)state;
	heap->tlsf.lost = 3;
	heap->reclaims = 5;
	heap->refusals = 7;
	heap->lock.waits = 11;
	nh_heap_stats stats = unit_stats(&u, 0);
	assert_int_equal(stats.quarantined, 3u * NH_GRANULE);
	assert_int_equal(stats.reclaims, 5);
	assert_int_equal(stats.refusals, 7);
	assert_int_equal(stats.lock_waits, 11);
	assert_int_equal(stats.regions, 1);
	assert_int_equal(stats.largest_free, NH_USABLE(heap->tlsf.total));
}

/* ---- walk --------------------------------------------------------------------------------- */

struct seen {
	const void *address;
	nh_block_state state;
	bool met;
};

static bool look_for(const nh_block_info *block, void *context)
{
	struct seen *seen = context;
	if (block->address == seen->address) {
		seen->state = block->state;
		seen->met = true;
		assert_int_equal(block->heap, 0);
		assert_int_equal(block->size, NH_USABLE(nh__block_span(nh__block_at(block->address))));
	}
	return true;
}

static nh_block_state state_of(const void *address)
{
	struct seen seen = {address, NH_BLOCK_LIVE, false};
	assert_status(nh_instance_walk(u.instance, 0, look_for, &seen), NH_OK);
	assert_true(seen.met);
	return seen.state;
}

/* What a removal holds is free, though in no list; what is in a magazine is cached. */
static void states_of_blocks(void **state)
{
	(void)state;
	void *block = nh_instance_malloc(u.instance, 5000);
	struct nh__block *header = nh__block_at(block);
	assert_int_equal(state_of(block), NH_BLOCK_LIVE);
	nh__store_relaxed(&header->owner, NH__OWNER_CACHED);
	assert_int_equal(state_of(block), NH_BLOCK_CACHED);
	nh__store_relaxed(&header->owner, NH__OWNER_TLSF);
	assert_int_equal(state_of(block), NH_BLOCK_FREE);
	nh__flag_set(header, NH__FREE);
	assert_int_equal(state_of(block), NH_BLOCK_FREE);
}

/* ---- validate ----------------------------------------------------------------------------- */

/* What is not known of the block before is not compared with it; a block's class always is with its size. */
static void one_block(void **state)
{
	(void)state;
	const void *bad = NULL;
	void *block = nh_instance_malloc(u.instance, 40);
	struct nh__block *header = nh__block_at(block);
	struct nh__walk walk = {.heap = heap, .region = heap->tlsf.regions};
	uint8_t flags = nh__flags(header), owner = nh__load_relaxed(&header->owner);
	for (unsigned previous = 0; previous < 2; previous++) {
		if (previous)
			nh__flag_set(header, NH__PREV_FREE);
		else
			nh__flag_clear(header, NH__PREV_FREE);
		walk.certain = false;
		for (unsigned claimed = 0; claimed < 2; claimed++) {
			walk.previous_free = claimed;
			assert_null(check_block(&walk, header, &bad));
		}
		walk.certain = true;
		walk.previous_free = previous;
		assert_null(check_block(&walk, header, &bad));
		walk.previous_free = !previous;
		assert_non_null(check_block(&walk, header, &bad));
	}
	nh__block_set(header, nh__block_span(header), flags);
	walk.previous_free = (flags & NH__PREV_FREE) != 0;
	nh__store_relaxed(&header->owner, NH__OWNER_LARGE);
	assert_null(check_block(&walk, header, &bad));
	if (NH_CACHES) {
		nh__store_relaxed(&header->owner, (uint8_t)(NH__OWNER_LIVE + (owner == NH__OWNER_LIVE)));
		bad = NULL;
		const char *what = check_block(&walk, header, &bad);
		assert_non_null(what);
		assert_string_equal(what, "a block's class is not that of its size");
		assert_ptr_equal(bad, header);
	}
	nh__store_relaxed(&header->owner, owner);
	assert_null(check_block(&walk, header, &bad));
}

/* Nothing is in front of a region: its first block may not say that something free is. */
static void first_blocks(void **state)
{
	nh_report report;
	(void)state;
	assert_status(nh_instance_region_add(u.instance, 0, u.configs[2].base, u.configs[2].size), NH_OK);
	unsigned regions = 0;
	for (const struct nh__region *region = heap->tlsf.regions; region != NULL; region = region->next, regions++) {
		struct nh__block *first = nh__block_at((void *)region->first);
		assert_status(nh_instance_validate(u.instance, 0, &report), NH_OK);
		nh__flag_set(first, NH__PREV_FREE);
		assert_status(nh_instance_validate(u.instance, 0, &report), NH_ECORRUPT);
		assert_ptr_equal(report.address, first);
		nh__flag_clear(first, NH__PREV_FREE);
	}
	assert_int_equal(regions, 2);
}

static void numbers_of_no_heap(void **state)
{
	static const int numbers[] = {INT_MIN, -2, 2, NH_MAX_HEAPS, INT_MAX};
	nh_report report;
	(void)state;
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		assert_status(nh_instance_validate(u.instance, numbers[i], &report), NH_ENOENT);
		assert_int_equal(report.heap, -1);
	}
}

/* ---- damage on the way -------------------------------------------------------------------- */

static void look(unsigned which)
{
	nh_heap_stats stats;
	struct seen seen = {NULL, NH_BLOCK_LIVE, false};
	if (which == 0)
		nh_instance_explain(u.instance, NULL, 100, NULL, 0);
	else if (which == 1)
		nh_instance_heap_stats_get(u.instance, 0, &stats);
	else if (which == 2)
		nh_instance_walk(u.instance, 0, look_for, &seen);
	else
		nh_instance_validate(u.instance, 0, NULL);
}

/* What somebody's lock hold found and nobody told yet is told by the next. */
static void damage_is_told(void **state)
{
	(void)state;
	for (unsigned which = 0; which < 4; which++) {
		heap->tlsf.fault = NH_FAULT_LIST;
		heap->tlsf.fault_at = heap;
		look(which);
		unit_expect_fault(NH_FAULT_LIST, heap);
		look(which);
		assert_int_equal(nht_fault_count(), 0);
	}
}

#define WITH(function) unit_case_damaged(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(why_a_heap_is_none),
#if NH_CACHES
		WITH(asked_inside_the_gate),
#endif
		WITH(told_as_configured),
		WITH(counters_are_added),
		WITH(numbers_that_are_kept),
		WITH(states_of_blocks),
		WITH(one_block),
		WITH(first_blocks),
		WITH(numbers_of_no_heap),
		WITH(damage_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

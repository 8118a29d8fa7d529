/* SPDX-License-Identifier: MIT */
/*
 * core/heap.c: what the caches may hold, by the account of caching.h, what comes with a miss, aligned blocks, and what is
 * merged rather than kept. When it gives way: test_core_heap_ageing.c.
 */
#include <string.h>

#include "caching.h"
#include "tests/support/random.h"

#if !NH_CACHES
int main(void)
{
	return unit_all_skipped("no caches in this configuration");
}
#else

/* ---- the account -------------------------------------------------------------------------- */

static void allowance_is_a_share(void **state)
{
	(void)state;
	assert_int_equal(heap->allowance, heap->tlsf.total >> NH_CACHE_SHARE);
	check_account();
	assert_int_equal(heap->two, NH_CPUS > 1);
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		assert_int_equal(cache->slot[klass].cap, 0); /* grown on demand only */
		assert_int_equal(nh__slot_span(&cache->slot[klass], klass), nh__class_span(klass));
		assert_int_equal(nh__slot_live(&cache->slot[klass], klass), NH__OWNER_LIVE + klass);
	}
}

/* What one CPU may hold never exceeds the share, however it allocates. */
static void patterns(unsigned cpus, uint32_t seed)
{
	enum { LIVE = 300 };
	static void *live[LIVE];
	nht_random random;
	nht_random_seed(&random, nht_seed() + seed);
	memset(live, 0, sizeof live);
	size_t operations = nht_test_operations(6000), least = 1, range = 100;
	for (size_t i = 0; i < operations; i++) {
		if (i % 250u == 0)
			unit_on_cpu((unsigned)nht_below(&random, cpus));
		if (i % 500u == 0) { /* another pattern: sizes, and whether it grows or shrinks */
			least = nht_between(&random, 1, 400);
			range = nht_between(&random, 1, nht_chance(&random, 50) ? 60 : 2000);
		}
		void **slot = &live[nht_below(&random, LIVE)];
		if (*slot != NULL)
			release(*slot);
		*slot = i / 250u % 3u == 2u
		                ? NULL
		                : nh_instance_malloc(u.instance, least + nht_below(&random, range));
		if (i % 16u == 0)
			check_account();
	}
	unit_on_cpu(0);
	for (unsigned i = 0; i < LIVE; i++)
		release(live[i]);
	check_account();
}

/* Blocks that a CPU took over from the depot were not charged to it: giving them back must not be credited. */
static void ageing_credits_what_was_charged(void **state)
{
	(void)state;
#if NH__DEPOT
	unsigned klass = class_of(PARKED);
	void *blocks[40];
	for (unsigned i = 0; i < 40; i++)
		blocks[i] = allocate(PARKED);
	heap->budget += (cache->slot[klass].cap - 3u) * 2u * span_of(PARKED); /* exact */
	cache->slot[klass].cap = 3;
	uint32_t budget = heap->budget;
	heap->budget = 0;
	for (unsigned i = 0; i < 40; i += 2)
		release(blocks[i]);
	unit_on_cpu(1);
	allocate(PARKED);
	struct nh__slot *slot = &heap->cache[1]->slot[klass];
	assert_true(NH__COUNT(slot->cur) > slot->cap);
	watched = slot;
	stash = 0;
	assert_false(overflow(not_empty));
	heap->budget += budget + stash;
	check_account();
#else
	unit_skip("one CPU takes over from nobody");
#endif
}

/* The same with CPUs that the heap is not local to, whose frees go through the inboxes. */
static void foreign_cpus_keep_the_share(void **state)
{
	(void)state;
#if NH_CPUS > 2
	const size_t size = 256 * KIB;
	unit_abandon(&u);
	unit_lay_out(&u, 1, &size);
	u.configs[0].affinity = NH_CPU(0) | NH_CPU(1);
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	for (uint32_t seed = 0; seed < 4; seed++)
		patterns(4 < NH_CPUS ? 4 : NH_CPUS, 200u + seed);
#else
	unit_skip("no CPU is foreign");
#endif
}

static void one_cpu_keeps_the_share(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 4; seed++)
		patterns(1, seed);
}

static void all_cpus_keep_the_share(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 4; seed++)
		patterns(NH_CPUS, 100u + seed);
}

/* ---- refill ------------------------------------------------------------------------------- */

static void refill_in_address_order(void **state)
{
	(void)state;
	struct nh__slot *slot = &cache->slot[class_of(SMALL)];
	uint32_t span = span_of(SMALL);
	allocate(SMALL);
	assert_true(slot->cur == 0); /* nothing may be parked yet */
	slot->cap = heap->refill;
	uint32_t changes = heap->tlsf.changes;
	unsigned char *first = allocate(SMALL);
	assert_int_equal(heap->tlsf.changes - changes, 1);
	assert_int_equal(NH__COUNT(slot->cur), heap->refill - 1u);
	changes = heap->tlsf.changes;
	for (unsigned i = 1; i < heap->refill; i++) {
		assert_ptr_equal(allocate(SMALL), first + (size_t)i * span * NH_GRANULE);
		assert_int_equal(nh__block_span(nh__block_at(first)), span);
	}
	assert_true(heap->tlsf.changes == changes);
	assert_int_equal(heap->refill, NH_REFILL);
}

static void large_classes_are_not_refilled(void **state)
{
	(void)state;
	size_t size = NH_CAP_SMALL_SPAN + 1u;
	if (size > NH_USABLE(NH__CLASS_SPAN_MAX))
		unit_skip("no class is large");
	assert_true(span_of(size) * NH_GRANULE > NH_CAP_SMALL_SPAN);
	void *block = allocate(size);
	assert_true(cache->slot[class_of(size)].cur == 0);
	assert_int_equal(owner_of(block), NH__OWNER_LIVE + class_of(size));
	assert_int_equal(nh__block_span(nh__block_at(block)), span_of(size));
}

/* Without budget, one block at a time and nothing is parked. */
static void no_budget_no_cache(void **state)
{
	(void)state;
	heap->budget = 0;
	void *blocks[6];
	for (unsigned i = 0; i < 6; i++)
		blocks[i] = allocate(SMALL);
	assert_int_equal(cache->slot[class_of(SMALL)].cap, 0);
	for (unsigned i = 0; i < 6; i += 2)
		release(blocks[i]);
	assert_true(cache->slot[class_of(SMALL)].cur == 0);
	assert_int_equal(owner_of(blocks[2]), NH__OWNER_TLSF);
}

static void caps_end_at_the_limit(void **state)
{
	(void)state;
	heap->budget = 1u << 24; /* as if the heap were endless */
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		size_t size = NH_USABLE(nh__class_span(klass));
		unsigned limit = nh__class_span(klass) * NH_GRANULE <= NH_CAP_SMALL_SPAN ? heap->cap_small
		                                                                         : heap->cap_large;
		static void *blocks[600];
		unsigned count = 0;
		while (count < 600 && (blocks[count] = nh_instance_malloc(u.instance, size)) != NULL)
			count++;
		for (unsigned step = 0; step < 2; step++)
			for (unsigned i = step; i < count; i += 2) { /* neighbours last */
				release(blocks[i]);
				assert_true(cache->slot[klass].cap <= limit);
			}
		assert_true(klass > 8 || cache->slot[klass].cap == limit);
		assert_true(limit <= 62);
		assert_status(nh_instance_trim(u.instance, 0), NH_OK);
	}
}

/* ---- aligned ------------------------------------------------------------------------------ */

static void *aligned(size_t alignment, size_t size)
{
	unsigned char *block = nh_instance_aligned_alloc(u.instance, alignment, size);
	assert_non_null(block);
	assert_int_equal((uintptr_t)block % alignment, 0);
	return block;
}

/* What was given back comes again, if it lies right: TLSF has nothing to do. */
static void aligned_blocks_come_again(void **state)
{
	(void)state;
	const size_t alignment = 8 * NH_GRANULE;
	struct nh__slot *slot = &cache->slot[class_of(SMALL)];
	void *first = aligned(alignment, SMALL);
	release(first);
	release(aligned(alignment, SMALL)); /* the cap has grown */
	assert_int_equal(NH__COUNT(slot->cur), 1);
	uint32_t changes = heap->tlsf.changes;
	for (unsigned i = 0; i < 10; i++) {
		void *again = aligned(alignment, SMALL);
		assert_int_equal(owner_of(again), NH__OWNER_LIVE + class_of(SMALL));
		assert_true(slot->cur == 0);
		release(again);
	}
	assert_true(heap->tlsf.changes == changes);
}

/* What does not lie right stays where it is, whole, and is no damage. */
static void misaligned_magazines_are_passed_by(void **state)
{
	(void)state;
	const size_t alignment = 8 * NH_GRANULE;
	struct nh__slot *slot = &cache->slot[class_of(SMALL)];
	void *blocks[5];
	for (unsigned i = 0; i < 5; i++)
		blocks[i] = allocate(SMALL);
	void *wrong = (uintptr_t)blocks[1] % alignment != 0 ? blocks[1] : blocks[3];
	assert_true((uintptr_t)wrong % alignment != 0);
	release(wrong);
	uint32_t parked = slot->cur, changes = heap->tlsf.changes;
	assert_int_equal(NH__COUNT(parked), 1);
	aligned(alignment, SMALL);
	assert_true(slot->cur == parked);
	assert_true(heap->tlsf.changes != changes);
	assert_int_equal(nht_fault_count(), 0);
	assert_ptr_equal(allocate(SMALL), wrong);
	check_account();
}

/* An aligned miss brings one block only. */
static void aligned_misses_refill_nothing(void **state)
{
	(void)state;
	struct nh__slot *slot = &cache->slot[class_of(SMALL)];
	slot->cap = heap->refill;
	aligned(8 * NH_GRANULE, SMALL);
	assert_true(slot->cur == 0);
}

/* ---- coalesce first ----------------------------------------------------------------------- */

/* A block between two live ones is parked; one beside a FREE one is merged at once, cached or not. */
static void beside_a_free_block(void **state)
{
	(void)state;
	struct nh__slot *slot = &cache->slot[class_of(SMALL)];
	uint32_t budget = heap->budget;
	enum { LAST = 6 + 2 * NH_REFILL };
	void *blocks[LAST + 1];
	for (unsigned i = 0; i <= LAST; i++)
		blocks[i] = allocate(SMALL);
	heap->budget = 0;
	release(blocks[3]);
	assert_int_equal(owner_of(blocks[3]), NH__OWNER_TLSF);
	heap->budget = budget;
	for (unsigned i = 6; i < LAST; i += 2) {
		assert_true(nh__scarce(slot->cur));
		release(blocks[i]);
		assert_int_equal(owner_of(blocks[i]), NH__OWNER_CACHED);
	}
	assert_false(nh__scarce(slot->cur));
	uint32_t parked = slot->cur, changes = heap->tlsf.changes;
	assert_int_equal(NH__COUNT(parked), NH_REFILL);
	release(blocks[4]); /* behind a free one */
#if NH__GUARDED
	assert_int_equal(owner_of(blocks[4]), NH__FILL); /* what was its header */
#else
	assert_int_equal(owner_of(blocks[4]), NH__OWNER_TLSF);
#endif
	assert_int_equal(nh__block_span(nh__block_at(blocks[3])), 2u * span_of(SMALL));
	assert_int_equal(heap->tlsf.changes - changes, 1);
	assert_true(slot->cur == parked);
#if NH_MERGE_LOOK > 1
	release(blocks[2]); /* before a free one */
	assert_int_equal(nh__block_span(nh__block_at(blocks[2])), 3u * span_of(SMALL));
	assert_int_equal(heap->tlsf.changes - changes, 2);
	assert_true(slot->cur == parked);
	release(blocks[LAST]); /* the end of the heap is behind it */
	assert_true(slot->cur == parked);
#endif
}

/* At the edge of free memory too, taking and giving in turn is no work for TLSF. */
static void taking_and_giving(void **state)
{
	(void)state;
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		size_t size = NH_USABLE(nh__class_span(klass));
		if (nh__class_most(klass, nh__class_span(klass)) * (2u + NH_DEPOT_SLOTS + NH_CPUS) > heap->budget)
			break;
		release(allocate(size));
		uint32_t changes = heap->tlsf.changes;
		for (unsigned i = 0; i < 10; i++)
			release(allocate(size));
		assert_true(heap->tlsf.changes == changes);
	}
}

/* A header that lies about its neighbour is found when the block should merge, not believed. */
static void a_lie_about_the_neighbour(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	void *blocks[3 + 2 * NH_REFILL];
	for (unsigned i = 0; i < 3 + 2 * NH_REFILL; i++)
		blocks[i] = allocate(SMALL);
	for (unsigned i = 0; i < NH_REFILL; i++) /* a magazine that has next to nothing takes what comes, without a look */
		release(blocks[3 + 2 * i]);
	struct nh__block *block = nh__block_at(blocks[1]);
	uint32_t *footer = (uint32_t *)(void *)block - 1, kept = *footer;
	nh__flag_set(block, NH__PREV_FREE);
	*footer = 0;
	release(blocks[1]);
	assert_int_equal(nht_fault_count_of(NH_FAULT_NEIGHBOUR), 1);
	assert_int_equal(owner_of(blocks[1]), NH__OWNER_LOST);
	*footer = kept;
	nht_fault_clear();
#else
	unit_skip("neighbours are checked from NH_HARDENING_MODERATE on");
#endif
}

#define TEST(function) unit_case_damaged(function, set_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(allowance_is_a_share),
		TEST(one_cpu_keeps_the_share),
		TEST(all_cpus_keep_the_share),
		TEST(foreign_cpus_keep_the_share),
		TEST(ageing_credits_what_was_charged),
		TEST(refill_in_address_order),
		TEST(large_classes_are_not_refilled),
		TEST(no_budget_no_cache),
		TEST(caps_end_at_the_limit),
		TEST(aligned_blocks_come_again),
		TEST(misaligned_magazines_are_passed_by),
		TEST(aligned_misses_refill_nothing),
		TEST(beside_a_free_block),
		TEST(taking_and_giving),
		TEST(a_lie_about_the_neighbour),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

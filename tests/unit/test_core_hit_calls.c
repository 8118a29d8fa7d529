/* SPDX-License-Identifier: MIT */
/*
 * core/hit.h, called as the public functions call it: which malloc and free is a hit, and that one which is none changes
 * nothing. The slow path would do the same work under another name, so from outside nobody could tell.
 */
#include "core/hit.h"

#include "caching.h"

#if !NH_CACHES || NH_HARDENING >= NH_HARDENING_FULL

int main(void)
{
	return unit_all_skipped("no hits in both directions in this configuration");
}

#else

#define SIZE PARKED /* of a class that is not the first: of that all offsets are 0 */
#define ROW 40u
#define HELD 8u

static struct nh__slot *slot; /* of SIZE */

/* Where hits would need a fence, all that they are to do is left to others. */
static bool hits_are_shut(void)
{
#if NH_PORT_GATE_BOUNDS
	return NH_PORT_GATE_OPEN != 0;
#else
	return false;
#endif
}

static bool alone(struct nh__block *block)
{
	return ((nh__flags(block) & NH__PREV_FREE) | (nh__flags(nh__block_after(block, span_of(SIZE))) & NH__FREE)) == 0;
}

/* Live blocks of the class beside which nothing is FREE; the magazine is empty, and has room for all of them. */
static void row(struct nh__block **blocks)
{
	struct nh__block *all[ROW];
	unsigned found = 0;
	for (unsigned i = 0; i < ROW; i++)
		all[i] = nh__block_at(allocate(SIZE));
	while (!NH__EMPTY(slot->cur))
		allocate(SIZE);
	for (unsigned i = 0; i < ROW && found < HELD; i++)
		if (alone(all[i]))
			blocks[found++] = all[i];
	assert_int_equal(found, HELD);
	slot->cap = HELD;
	if (hits_are_shut())
		unit_skip("no hits on this host");
}

static int set_up_slot(void **state)
{
	set_up(state);
	slot = &cache->slot[class_of(SIZE)];
	return 0;
}

static void expect_refused(struct nh__block *block)
{
	uint32_t chain = slot->cur, busy = nh__load_relaxed(&cache->head.gate.busy);
	uint8_t owner = nh__load_relaxed(&block->owner);
	assert_false(nh__free_hit(u.instance, block));
	assert_int_equal(slot->cur, chain);
	assert_int_equal(nh__load_relaxed(&block->owner), owner);
	assert_int_equal(nh__load_relaxed(&cache->head.gate.busy), busy);
}

/* What is parked by hits comes back by hits, the last one first, each counted once; a full magazine refuses, an empty one has
 * missed in its class. */
static void there_and_back(void **state)
{
	(void)state;
	struct nh__block *blocks[HELD], *block = NULL;
	unsigned klass = NH_CLASSES;
	row(blocks);
	uint32_t busy = nh__load_relaxed(&cache->head.gate.busy);
	for (unsigned i = 0; i < HELD; i++) {
		assert_true(nh__free_hit(u.instance, blocks[i]));
		assert_ptr_equal(nh__chain_top(&cache->head, slot->cur), blocks[i]);
		assert_int_equal(NH__COUNT(slot->cur), i + 1u);
		assert_int_equal(nh__load_relaxed(&blocks[i]->owner), NH__OWNER_CACHED);
		if (i + 1u == HELD - 1u) {
			slot->cap = (uint8_t)(i + 1u);
			expect_refused(blocks[i + 1u]);
			slot->cap = HELD;
		}
	}
	for (unsigned i = HELD; i-- != 0;) {
		assert_int_equal(nh__malloc_hit(u.instance, SIZE, &block, &klass), NH__HIT);
		assert_ptr_equal(block, blocks[i]);
		assert_int_equal(nh__load_relaxed(&block->owner), NH__OWNER_LIVE + class_of(SIZE));
	}
	assert_int_equal(nh__load_relaxed(&cache->head.gate.busy) - busy, 2u * 2u * HELD);
	assert_int_equal(nh__malloc_hit(u.instance, SIZE, &block, &klass), NH__MISSED);
	assert_int_equal(klass, class_of(SIZE));
	assert_int_equal(nh__load_relaxed(&cache->head.gate.busy) - busy, 2u * 2u * HELD);
}

/* No class: the size alone says how it goes on. */
static void sizes_without_a_class(void **state)
{
	(void)state;
	const size_t largest = NH_USABLE(NH__CLASS_SPAN_MAX), none[] = {0, largest + 1u, SIZE_MAX};
	struct nh__block *block = NULL;
	unsigned klass = NH_CLASSES;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(nh__malloc_hit(u.instance, none[i], &block, &klass), NH__SIZE);
	assert_int_equal(klass, NH_CLASSES);
	assert_int_equal(nh__malloc_hit(u.instance, largest, &block, &klass), NH__MISSED);
	assert_int_equal(klass, NH_CLASSES - 1u);
	assert_null(block);
}

/* Beside free memory a block merges, but where the magazine has next to nothing. */
static void beside_free_memory(void **state)
{
	(void)state;
	struct nh__block *blocks[HELD];
	row(blocks);
	for (unsigned i = 0; i < HELD; i++) {
		bool scarce = nh__scarce(slot->cur);
		assert_true(scarce || i != 0);
		nh__flag_set(blocks[i], NH__PREV_FREE);
		if (!scarce)
			expect_refused(blocks[i]);
		else
			assert_true(nh__free_hit(u.instance, blocks[i]));
		nh__flag_clear(blocks[i], NH__PREV_FREE);
		if (scarce)
			continue;
		struct nh__block *after = nh__block_after(blocks[i], span_of(SIZE));
		nh__flag_set(after, NH__FREE);
		if (NH_MERGE_LOOK > 1)
			expect_refused(blocks[i]);
		nh__flag_clear(after, NH__FREE);
		assert_true(nh__free_hit(u.instance, blocks[i]));
	}
	assert_false(nh__scarce(slot->cur));
}

/* What is no live block of this CPU's heap is no hit, and nothing was done to it. */
static void no_block_of_this_heap(void **state)
{
	(void)state;
	struct nh__block *blocks[HELD];
	row(blocks);
	const uint8_t owners[] = {NH__OWNER_CACHED, NH__OWNER_LARGE, NH__OWNER_LOST, (uint8_t)(NH__OWNER_LIVE + NH_CLASSES)};
	uint8_t live = nh__load_relaxed(&blocks[0]->owner);
	for (unsigned i = 0; i < sizeof owners; i++) {
		nh__store_relaxed(&blocks[0]->owner, owners[i]);
		expect_refused(blocks[0]);
	}
	nh__store_relaxed(&blocks[0]->owner, live);
	expect_refused((struct nh__block *)((uintptr_t)blocks[0] + NH_GRANULE / 2u));
	static _Alignas(64) unsigned char elsewhere[64];
	expect_refused(nh__block_at(elsewhere + 32));
	assert_true(nh__free_hit(u.instance, blocks[0]));
}

/* The bound is the first offset that is none: at 0, as while the gate is seized, not even the first block's. */
static void behind_the_bound(void **state)
{
	(void)state;
	struct nh__block *blocks[HELD];
	row(blocks);
	_Atomic uintptr_t *bound = &cache->head.limit;
	uintptr_t limit = nh__load_relaxed(bound), offset = nh__rotated_offset(&cache->head, blocks[0]);
	nh__store_relaxed(bound, offset);
	expect_refused(blocks[0]);
	nh__store_relaxed(bound, offset + 1u);
	assert_true(nh__free_hit(u.instance, blocks[0]));
	nh__store_relaxed(bound, limit);
}

#define TEST(function) unit_case_damaged(function, set_up_slot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_and_back),
		TEST(sizes_without_a_class),
		TEST(beside_free_memory),
		TEST(no_block_of_this_heap),
		TEST(behind_the_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

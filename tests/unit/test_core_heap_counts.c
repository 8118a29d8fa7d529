/* SPDX-License-Identifier: MIT */
/*
 * What the caches count, call by call: each call is one operation of its gate and one of hit, miss, overflow or none; what a
 * miss brings in, what comes from inbox and depot. The state before the call says which it must be.
 */
#include "core/gate.h"
#include "affine.h"
#include "tests/support/random.h"

#if !NH_CACHES || !NH__GATE || !NH_STATS || !NH__DEPOT || NH_HARDENING >= NH_HARDENING_FULL

int main(void)
{
	return unit_all_skipped("needs caches, a gate and statistics; at NH_HARDENING_FULL no free is a hit");
}

#else

#define HELD 200u
#define CALLS 6000u

struct account {
	nh_cpu_stats told;
	uint32_t count[NH__COUNTERS], operations;
};

static struct account account(void)
{
	struct account now;
	assert_status(nh_instance_cpu_stats_get(u.instance, 0, 0, &now.told), NH_OK);
	for (unsigned i = 0; i < NH__COUNTERS; i++)
		now.count[i] = nh__load_relaxed(&cache->counters[i]);
	now.operations = nh__load_relaxed(&cache->head.gate.busy) / 2u;
	return now;
}

static uint32_t in_depot(unsigned klass)
{
	uint32_t blocks = 0;
	for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
		blocks += NH__COUNT(nh__load_relaxed(&heap->shared[klass].depot[i]));
	return blocks;
}

static uint32_t second(unsigned klass)
{
	return heap->two ? NH__COUNT(cache->prev[klass]) : 0;
}

/* A malloc of the class, or of none. */
static void *take(size_t size, unsigned klass)
{
	bool classed = klass != NH__NO_CLASS;
	struct account before = account();
	uint32_t top = classed ? NH__COUNT(cache->slot[klass].cur) : 0, next = classed ? second(klass) : 0;
	uint32_t depot = classed ? in_depot(klass) : 0;
	bool inbox = classed && nh__load_relaxed(&heap->shared[klass].inbox) != 0, from_depot = heap->two && depot != 0 && !inbox;
	void *block = nh_instance_malloc(u.instance, size);
	struct account after = account();
	bool hit = top != 0, miss = classed && !hit && next == 0 && !inbox && !from_depot;
	assert_non_null(block);
	assert_int_equal(after.operations - before.operations, 1);
	assert_int_equal(after.told.hits - before.told.hits, hit);
	assert_int_equal(after.told.misses - before.told.misses, miss);
	assert_int_equal(after.told.refills - before.told.refills, miss ? NH__COUNT(cache->slot[klass].cur) : 0);
	assert_int_equal(after.told.overflows, before.told.overflows);
	assert_int_equal(after.count[NH__BARREN], before.count[NH__BARREN]);
	assert_int_equal(after.count[NH__INBOX_TAKES] - before.count[NH__INBOX_TAKES], !hit && next == 0 && inbox);
	assert_int_equal(after.count[NH__DEPOT_GETS] - before.count[NH__DEPOT_GETS], !hit && next == 0 && from_depot);
	assert_int_equal(after.told.bypasses, before.told.bypasses);
	return block;
}

/* A cap grows to what the configuration allows, which two magazines share. */
static void check_caps(void)
{
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		bool small = nh__class_span(klass) * NH_GRANULE <= NH_CAP_SMALL_SPAN;
		assert_in_range(cache->slot[klass].cap * (heap->two ? 2u : 1u), 0, small ? NH_CAP_SMALL : NH_CAP_LARGE);
	}
}

static void give(void *payload)
{
	struct nh__block *block = nh__block_at(payload);
	unsigned klass = (unsigned)nh__load_relaxed(&block->owner) - NH__OWNER_LIVE;
	struct account before = account();
	bool hit = false;
	uint32_t depot = 0;
	if (klass < NH_CLASSES) {
		struct nh__slot *slot = &cache->slot[klass];
		struct nh__block *behind = nh__block_after(block, nh__class_span(klass));
		depot = in_depot(klass);
		hit = NH__COUNT(slot->cur) < slot->cap && (nh__scarce(slot->cur) || !nh__should_merge(block, behind));
	}
	nh_instance_free(u.instance, payload);
	struct account after = account();
	assert_int_equal(after.operations - before.operations, 1);
	assert_int_equal(after.told.hits - before.told.hits, hit);
	assert_int_equal(after.told.misses, before.told.misses);
	assert_int_equal(after.told.refills, before.told.refills);
	assert_int_equal(after.count[NH__BARREN], before.count[NH__BARREN]);
	uint32_t overflows = after.told.overflows - before.told.overflows;
	if (klass >= NH_CLASSES || hit)
		assert_int_equal(overflows, 0);
	else if (!heap->two)
		assert_int_equal(overflows, 1);
	else
		assert_in_range(overflows, 0, 1); /* 0: the second magazine took it, or the cap grew */
	if (klass < NH_CLASSES)
		assert_int_equal(after.count[NH__DEPOT_PUTS] - before.count[NH__DEPOT_PUTS], in_depot(klass) > depot);
}

static unsigned class_of(size_t size)
{
	return nh__need_of(nh__class_table_of(u.instance), size, 1).klass;
}

static void calls_of(uint32_t affinity, uint64_t seed)
{
	static const size_t sizes[] = {16, 24, 40, 100, 260, 5000, 9000};
	void *held[HELD];
	unsigned count = 0, classes = 0;
	nht_random random;
	begin(affinity);
	nht_random_seed(&random, seed);
	for (unsigned i = 0; i < CALLS; i++) {
		/* swells and shrinks, so that magazines run full and empty */
		bool taking = nht_below(&random, 8) < (i / 300u % 2u == 0 ? 6u : 2u);
		if (count == HELD || (count > 0 && !taking)) {
			unsigned which = (unsigned)nht_below(&random, count);
			give(held[which]);
			held[which] = held[--count];
		} else {
			size_t size = sizes[nht_below(&random, i % 64u == 0 ? 7 : 5)];
			classes += class_of(size) != NH__NO_CLASS;
			held[count++] = take(size, class_of(size));
		}
	}
	assert_true(classes > CALLS / 4u);
	check_caps();
	while (count > 0)
		give(held[--count]);
	unit_end(&u);
}

static void one_magazine(void **state)
{
	(void)state;
	calls_of(NH_CPU(0), 1);
	calls_of(NH_CPU(0), 2);
}

static void two_magazines(void **state)
{
	(void)state;
	calls_of(0, 3);
	calls_of(0, 4);
}

/* A refusal has parked nothing. */
static void a_refusal_is_barren(void **state)
{
	(void)state;
	begin(FOR_ONE);
	struct account before = account();
	const nh_request hurry = {.flags = NH_NO_RECLAIM};
	assert_null(nh_instance_alloc(u.instance, &hurry, 300 * KIB));
	struct account after = account();
	assert_int_equal(after.count[NH__BARREN] - before.count[NH__BARREN], 1);
	assert_int_equal(after.told.hits, before.told.hits);
	unit_end(&u);
}

/* While a reclaim has seized the gate, calls pass by the caches. */
static void bypasses(void **state)
{
	(void)state;
	begin(FOR_ONE);
	void *block = take(40, class_of(40));
	struct account before = account();
	nh__fork_hold(heap, 0);
	nh__lock_release(&heap->lock, 0);
	void *other = nh_instance_malloc(u.instance, 40);
	nh_instance_free(u.instance, block);
	nh__lock_acquire(&heap->lock, 0);
	nh__fork_release(heap, 0);
	struct account after = account();
	assert_int_equal(after.told.bypasses - before.told.bypasses, 2);
	assert_int_equal(after.operations, before.operations);
	give(other);
	unit_end(&u);
}

/* What another CPU frees is counted as its own, comes to the inbox while that has room, and out of it whole. */
static void remote(void **state)
{
	(void)state;
	void *blocks[24];
	nh_cpu_stats stats;
	begin(FOR_ONE);
	unsigned klass = class_of(40), pushed = 0, inbox = 0;
	uint32_t budget = heap->inbox_budget;
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned i = 0; i < 24; i++)
			blocks[i] = take(40, klass);
		assert_status(nh_host_attach(1), NH_OK);
		for (unsigned i = 0; i < 24; i++) {
			nh_instance_free(u.instance, blocks[i]);
			inbox = NH__COUNT(nh__load_relaxed(&heap->shared[klass].inbox));
			assert_status(nh_instance_cpu_stats_get(u.instance, 0, 1, &stats), NH_OK);
			assert_in_range(stats.remote, pushed, pushed + 1u);
			pushed = stats.remote;
		}
		assert_status(nh_host_attach(0), NH_OK);
		assert_int_equal(inbox, nh__load_relaxed(&heap->shared[klass].inbox_limit));
	}
	assert_true(pushed > 0);
	assert_int_equal(nh__load_relaxed(&heap->shared[klass].inbox_limit), NH_INBOX_LIMIT);
	/* paid twice: in the inbox, and in the magazine of the one CPU that may have taken it */
	assert_int_equal(budget - heap->inbox_budget, 2u * NH_INBOX_LIMIT * nh__class_most(klass, nh__class_span(klass)));
	unit_end(&u);
}

/* ---- could it? ---------------------------------------------------------------------------- */

static bool could_aligned(size_t size, uint32_t align)
{
	struct nh__need need = nh__need_of(nh__class_table_of(u.instance), size, align);
	struct nh__note note = {NH_FAULT_NONE, NULL};
	bool found = nh__heap_could(heap, &need, &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	return found;
}

static bool could(size_t size)
{
	return could_aligned(size, 1);
}

/* Wherever a block of the class lies in reach of this CPU, if all else is out. */
static void what_is_cached_could_be_had(void **state)
{
	(void)state;
	begin(FOR_ALL);
	assert_true(could(40));
	assert_false(could(300 * KIB));
	void *all = unit_take_all(&u, 5000, NULL), *rest = unit_take_all(&u, 40, NULL), *crumbs = unit_take_all(&u, 8, NULL);
	unsigned klass = class_of(40);
	assert_false(could(40));
	void *one = *(void **)rest; /* the last that was taken may be a granule too large */
	*(void **)rest = *(void **)one;
	nh_instance_free(u.instance, one);
	uint32_t *cur = &cache->slot[klass].cur, chain = *cur;
	_Atomic uint32_t *depot = heap->shared[klass].depot, *inbox = &heap->shared[klass].inbox;
	assert_int_equal(NH__COUNT(chain), 1);
	assert_true(could(40));
	assert_false(could(100));
	assert_false(could(5000));
	assert_false(could_aligned(40, 1024)); /* it does not lie right */
	uint32_t operations = account().operations;
	*cur = 0;
	assert_false(could(40));
	cache->prev[klass] = chain;
	assert_true(could(40));
	cache->prev[klass] = 0;
	for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++) {
		nh__store_relaxed(&depot[i], chain);
		assert_true(could(40));
		nh__store_relaxed(&depot[i], 0);
	}
	nh__store_relaxed(inbox, chain);
	assert_true(could(40));
	nh__store_relaxed(inbox, 0);
	*cur = chain;
	assert_int_equal(account().operations, operations); /* looking is none */
	unit_free_chain(&u, rest);
	unit_free_chain(&u, all);
	unit_free_chain(&u, crumbs);
	unit_end(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_magazine),    cmocka_unit_test(two_magazines), cmocka_unit_test(a_refusal_is_barren),
		cmocka_unit_test(bypasses),        cmocka_unit_test(remote),        cmocka_unit_test(what_is_cached_could_be_had),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

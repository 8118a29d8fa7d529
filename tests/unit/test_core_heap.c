/* SPDX-License-Identifier: MIT */
/*
 * core/heap.c: what the caches may hold and when they give it back. The account that everything
 * hangs on:
 *
 *   budgets of magazines and inboxes
 *          + sum over classes of span * (caps * magazines + depot_cap * (slots + other CPUs)
 *                                        + inbox_limit * (1 + CPUs))               == allowance
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/support/random.h"
#include "white.h"

#if !NH_CACHES
int main(void)
{
	return unit_all_skipped("no caches in this configuration");
}
#else

#define SMALL ((size_t)24)  /* bytes of the small class most tests use */
#define PARKED ((size_t)56) /* and of one that gives way to smaller ones */

static unit u;
static struct nh__heap *heap;
static struct nh__cache *cache; /* of CPU 0 */

static int set_up_sized(size_t size)
{
	unit_one(&u, size, 0);
	heap = u.instance->heap[0];
	cache = heap->cache[0];
	return 0;
}

static int set_up(void **state)
{
	*state = &u;
	return set_up_sized(256 * KIB);
}

static void *allocate(size_t size)
{
	void *block = nh_instance_malloc(u.instance, size);
	assert_non_null(block);
	return block;
}

static void release(void *block)
{
	nh_instance_free(u.instance, block);
}

static unsigned class_of(size_t size)
{
	return nh__need_of(nh__class_table_of(u.instance), size, 1).klass;
}

static uint32_t span_of(size_t size)
{
	return nh__class_span(class_of(size));
}

static unsigned owner_of(void *block)
{
	return nh__load_relaxed(&nh__block_at(block)->owner);
}

/* ---- the account -------------------------------------------------------------------------- */

static uint32_t charged(void)
{
	uint32_t sum = 0;
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		uint32_t blocks = 0;
		for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
			blocks += heap->cache[cpu] == NULL
			                  ? 0u
			                  : heap->cache[cpu]->slot[klass].cap * (heap->two ? 2u : 1u);
		/* the depot's slots, and each CPU but the one that has that cap may have taken such a magazine */
		blocks +=
			heap->two ? heap->shared[klass].depot_cap * (NH_DEPOT_SLOTS + heap->locals - 1u) : 0u;
		blocks += nh__load_relaxed(&heap->shared[klass].inbox_limit) * (1u + heap->locals);
		sum += blocks * nh__class_most(klass, nh__class_span(klass));
	}
	return sum;
}

static void check_account(void)
{
	assert_int_equal(charged() + heap->budget + heap->inbox_budget, heap->allowance);
	nh_heap_stats stats = unit_stats(&u, 0);
	assert_int_equal(stats.cache_limit, (size_t)heap->allowance * NH_GRANULE);
	assert_true(stats.cached <= stats.cache_limit);
}

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

static uint32_t stash; /* granules that overflow() took out of the game */

/* Frees of SMALL that overflow with no budget left, half of them when it is PARKED's turn to be visited. Calls `seen`
 * after each until it says false; returns that. */
static bool overflow(bool (*seen)(void))
{
	struct nh__cache *own = heap->cache[nh_host_cpu()];
	struct nh__slot *slot = &own->slot[class_of(SMALL)];
	bool more = true;
	for (unsigned i = 0; more && i < 1000; i++) {
		void *blocks[3];
		for (unsigned k = 0; k < 3; k++)
			blocks[k] = allocate(SMALL);
		stash += heap->budget + (slot->cap - NH__COUNT(slot->cur)) * (heap->two ? 2u : 1u) * span_of(SMALL);
		heap->budget = 0;
		slot->cap = (uint8_t)NH__COUNT(slot->cur);
		if (i % 2u == 0)
			own->visit = (uint8_t)class_of(PARKED);
		release(blocks[1]);
		more = seen();
	}
	return more;
}

static struct nh__slot *watched; /* by the functions that overflow() calls */

#if NH__DEPOT
static bool not_empty(void)
{
	return watched->cur != 0;
}
#endif

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

/* ---- ageing ------------------------------------------------------------------------------- */

static void park(unsigned count)
{
	static void *blocks[80];
	unsigned klass = class_of(PARKED);
	for (unsigned i = 0; i <= 2u * count; i++)
		blocks[i] = allocate(PARKED);
	cache->slot[klass].cap = (uint8_t)count;
	heap->budget -= count * (heap->two ? 2u : 1u) * span_of(PARKED);
	for (unsigned i = 0; i < count; i++)
		release(blocks[2u * i + 1u]);
	watched = &cache->slot[klass];
	assert_int_equal(NH__COUNT(watched->cur), count);
}

static uint32_t last_count, falls;

static bool falls_one_by_one(void)
{
	uint32_t count = NH__COUNT(watched->cur);
	assert_true(count <= last_count && last_count - count <= 1);
	falls += last_count - count;
	last_count = count;
	return count != 0;
}

/* When the budget is spent, a class that is not used loses its blocks, one a time, and its cap's charge with them, to
 * classes that are. */
static void idle_classes_shrink(void **state)
{
	(void)state;
	park(8);
	uint32_t cap = watched->cap;
	last_count = 8;
	falls = stash = 0;
	assert_false(overflow(falls_one_by_one));
	assert_int_equal(falls, 8);
	assert_true(watched->cap < cap);
	heap->budget += stash;
	check_account();
}

static bool was_used(void)
{
	watched->last = (uint8_t)(NH__COUNT(watched->cur) + 1u); /* as if some had been taken since */
	return NH__COUNT(watched->cur) == last_count;
}

/* A class in use keeps its blocks. */
static void busy_classes_stay(void **state)
{
	(void)state;
	park(8);
	last_count = 8;
	was_used();
	assert_true(overflow(was_used));
}

/* Where there is budget, nothing ages. */
static void no_ageing_without_need(void **state)
{
	(void)state;
	park(8);
	assert_int_equal(cache->visit, 0);
}

/* Every class has its turn. */
static void visits_go_round(void **state)
{
	(void)state;
	void *blocks[9];
	for (unsigned i = 0; i < 9; i++)
		blocks[i] = allocate(SMALL);
	heap->budget = 0;
	cache->visit = (uint8_t)(NH_CLASSES - 1u);
	release(blocks[1]);
	assert_int_equal(cache->visit, 0);
	release(blocks[4]);
	assert_int_equal(cache->visit, 1);
	release(blocks[7]);
	assert_int_equal(cache->visit, 2);
}

/* ---- rotation ----------------------------------------------------------------------------- */

#if NH__DEPOT

/* cur -> prev -> depot, whole magazines; when all are full, TLSF. And back in the same order. */
static void rotation(void **state)
{
	(void)state;
	enum { CAP = 3, BLOCKS = 2 * CAP * (3 + NH_DEPOT_SLOTS) };
	unsigned klass = class_of(SMALL);
	struct nh__slot *slot = &cache->slot[klass];
	struct nh__shared *shared = &heap->shared[klass];
	void *blocks[BLOCKS];
	heap->budget = 0;
	for (unsigned i = 0; i < BLOCKS; i++)
		blocks[i] = allocate(SMALL);
	slot->cap = CAP;
	unsigned next = 0;
	for (unsigned filled = 1; filled <= CAP * (2u + NH_DEPOT_SLOTS); filled++, next += 2) {
		release(blocks[next]);
		unsigned whole = (filled - 1u) / CAP; /* magazines before this one */
		assert_int_equal(NH__COUNT(slot->cur), filled - whole * CAP);
		assert_int_equal(NH__COUNT(cache->prev[klass]), whole > 0 ? CAP : 0);
		for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
			assert_int_equal(NH__COUNT(nh__load_relaxed(&shared->depot[i])),
			                 whole > i + 1u ? CAP : 0);
	}
	release(blocks[next]);
	assert_int_equal(owner_of(blocks[next]), NH__OWNER_TLSF);
	assert_int_equal(NH__COUNT(slot->cur), CAP);
	assert_int_equal(NH__COUNT(cache->prev[klass]), CAP);
	/* another CPU finds the depot's, this one first its own */
	uint32_t changes = heap->tlsf.changes;
	for (unsigned i = 0; i < CAP * (2u + NH_DEPOT_SLOTS); i++) {
		if (i == 2u * CAP)
			unit_on_cpu(1);
		uint8_t owner = (uint8_t)owner_of(allocate(SMALL));
		assert_int_equal(owner, NH__OWNER_LIVE + klass);
	}
	assert_true(heap->tlsf.changes == changes);
	assert_true(slot->cur == 0 && cache->prev[klass] == 0);
	assert_true(heap->cache[1]->slot[klass].cur == 0);
}

/* A full magazine beside an empty second one grows, where memory is spent on speed, until the budget or its limit ends;
 * then the two are swapped, and nobody asks the budget again. */
static void widening(void **state)
{
	(void)state;
	enum { CAP = 2 };
	unsigned klass = class_of(SMALL), cap = CAP;
	struct nh__slot *slot = &cache->slot[klass];
	void *blocks[4 * NH_CAP_SMALL];
	unsigned left = 4 * NH_CAP_SMALL;
	for (unsigned i = 0; i < left; i++)
		blocks[i] = allocate(SMALL);
	slot->cap = CAP;
	heap->shared[klass].depot_cap = CAP;
	heap->budget = NH_REFILL * (3u + NH_DEPOT_SLOTS + heap->locals) * span_of(SMALL) * 2u;
	heap->allowance = charged() + heap->budget + heap->inbox_budget;
	for (unsigned i = 0; i < CAP; i++)
		release(blocks[left -= 2]); /* no two neighbours */
	assert_int_equal(NH__COUNT(slot->cur), CAP);
	while (cache->prev[klass] == 0 && left > 2) {
		release(blocks[left -= 2]);
		assert_true(cache->prev[klass] != 0 || slot->cap >= NH__COUNT(slot->cur));
		cap = slot->cap;
	}
	assert_true(NH_REFILL > 1 ? cap > CAP : cap == CAP);
	assert_int_equal(NH__COUNT(cache->prev[klass]), cap);
	assert_int_equal(NH__COUNT(slot->cur), 1);
	assert_int_equal(cache->spent, NH_REFILL > 1 && cap < heap->cap_small);
	check_account();
}

/* A magazine from another CPU, larger than this one's cap, is swapped; what the cap grew by is no less for that. */
static void larger_magazines_do_not_end_widening(void **state)
{
	(void)state;
	unsigned klass = class_of(SMALL);
	struct nh__slot *slot = &cache->slot[klass];
	void *blocks[NH_CAP_SMALL];
	const unsigned large = heap->cap_small / 2u;
	for (unsigned i = 0; i < 2u * large; i++)
		blocks[i] = allocate(SMALL);
	slot->cap = heap->shared[klass].depot_cap = (uint8_t)large;
	for (unsigned i = 0; i < large; i++)
		release(blocks[2u * i + 1u]);
	assert_int_equal(NH__COUNT(slot->cur), large);
	slot->cap = 1;
	release(blocks[0]);
	assert_int_equal(slot->cap, NH_REFILL > 1 ? 1u + heap->refill : 1);
	assert_false(cache->spent);
	assert_int_equal(NH__COUNT(cache->prev[klass]), large);
	assert_int_equal(NH__COUNT(slot->cur), 1);
}

/* A full depot leaves prev where it was. */
static void full_depot_keeps_prev(void **state)
{
	(void)state;
	unsigned klass = class_of(SMALL);
	void *blocks[8];
	heap->budget = 0;
	for (unsigned i = 0; i < 8; i++)
		blocks[i] = allocate(SMALL);
	cache->slot[klass].cap = 1;
	release(blocks[0]);
	release(blocks[2]);
	uint32_t prev = cache->prev[klass], cur = cache->slot[klass].cur;
	for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
		nh__store_relaxed(&heap->shared[klass].depot[i], 4711u << NH__COUNT_BITS | 1u);
	release(blocks[4]);
	assert_true(cache->prev[klass] == prev && cache->slot[klass].cur == cur);
	assert_int_equal(owner_of(blocks[4]), NH__OWNER_TLSF);
	for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
		nh__store_relaxed(&heap->shared[klass].depot[i], 0);
}

#endif

#if NH_PORT_GATE_BOUNDS

/* Where hits have no fence, their bounds stay closed, and every call takes the slow path. */
static void bounds_say_whether_hits_may(void **state)
{
	(void)state;
	const bool open = NH_PORT_GATE_OPEN == 0;
	struct nh__cache_head *head = &heap->cache[0]->head;
	assert_int_equal(nh__load_relaxed(&head->limit), open ? heap->tlsf.primary : 0);
	assert_int_equal(nh__load_relaxed(&head->open), open ? nh__load_relaxed(&head->reach) : 0);
}

#endif

/* ---- bounds ------------------------------------------------------------------------------- */

/* One TLSF operation a call, two in a free where several CPUs are local. */
static void one_operation_per_call(void **state)
{
	(void)state;
	enum { LIVE = 400 };
	const uint32_t bound = heap->two ? 2 : 1;
	static void *live[LIVE];
	nht_random random;
	nht_random_seed(&random, nht_seed());
	memset(live, 0, sizeof live);
	size_t operations = nht_test_operations(20000);
	uint32_t most = 0;
	for (size_t i = 0; i < operations; i++) {
		void **slot = &live[nht_below(&random, LIVE)];
		uint32_t changes = heap->tlsf.changes;
		if (*slot != NULL) {
			release(*slot);
			*slot = NULL;
		} else {
			*slot = nh_instance_malloc(
				u.instance, nht_between(&random, 1, nht_chance(&random, 80) ? 100 : 600));
		}
		changes = heap->tlsf.changes - changes;
		assert_true(changes <= bound);
		most = changes > most ? changes : most;
	}
	assert_true(most == bound || operations < 10000); /* the test did reach the worst */
	for (unsigned i = 0; i < LIVE; i++)
		release(live[i]);
}

/* Chain words count 2^26 granules from the origin; what lies beyond is no class's, and is not parked. */
static void beyond_the_window(void **state)
{
	(void)state;
	size_t reach = (size_t)NH__WINDOW * NH_GRANULE, size = reach + 256 * KIB;
	unsigned char *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		unit_skip("no address space for a far region");
	unit far_unit;
	nh_heap_config config = { .base = memory, .size = 64 * KIB, .window = size };
	memset(&far_unit, 0, sizeof far_unit);
	assert_status(nh_instance_init(&far_unit.storage, &config, 1, NULL, &far_unit.instance), NH_OK);
	struct nh__heap *wide = far_unit.instance->heap[0];
	uintptr_t border = wide->tlsf.origin + reach;
	assert_status(nh_instance_region_add(far_unit.instance, 0, (void *)(border - 32 * KIB), 64 * KIB),
	              NH_OK);
	unsigned near = 0, far = 0;
	void *all = NULL;
	for (;;) {
		void **block = nh_instance_malloc(far_unit.instance, SMALL);
		if (block == NULL)
			break;
		bool beyond = (uintptr_t)block >= border;
		near += !beyond;
		far += beyond;
		if (beyond)
			assert_int_equal(owner_of(block), NH__OWNER_LARGE);
		*block = all;
		all = block;
	}
	assert_true(near > 100 && far > 100);
	for (void *next; all != NULL; all = next) {
		next = *(void **)all;
		nh_instance_free(far_unit.instance, all);
		assert_true((uintptr_t)all < border || owner_of(all) == NH__OWNER_TLSF);
	}
	assert_status(nh_instance_trim(far_unit.instance, 0), NH_OK);
	assert_sound(nht_all_returned(far_unit.instance, 0));
	assert_status(nh_instance_deinit(far_unit.instance), NH_OK);
	munmap(memory, size);
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
		TEST(idle_classes_shrink),
		TEST(busy_classes_stay),
		TEST(no_ageing_without_need),
		TEST(visits_go_round),
#if NH_PORT_GATE_BOUNDS
		TEST(bounds_say_whether_hits_may),
#endif
#if NH__DEPOT
		TEST(rotation),
		TEST(widening),
		TEST(larger_magazines_do_not_end_widening),
		TEST(full_depot_keeps_prev),
#endif
		TEST(one_operation_per_call),
		TEST(beyond_the_window),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

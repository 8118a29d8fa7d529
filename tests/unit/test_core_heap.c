/* SPDX-License-Identifier: MIT */
/*
 * core/heap.c: what the caches may hold and when they give it back. The account that everything
 * hangs on:
 *
 *   budgets of magazines and inboxes + what may be pending
 *          + sum over classes of span * (caps * magazines + depot_cap * (slots + other CPUs)
 *                                        + inbox_limit * (1 + CPUs))               == allowance
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/support/random.h"
#include "white.h"

#if !NH_CACHES
static void skipped(void **state)
{
	(void)state;
	white_skip("no caches in this configuration");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(skipped) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else

#define SMALL ((size_t)24) /* bytes of the small class most tests use */

static unit u;
static struct nh__heap *heap;
static struct nh__cache *cache; /* of CPU 0 */

static void on_cpu(unsigned cpu)
{
	assert_status(nh_host_attach((int)cpu), NH_OK);
}

static int set_up_sized(size_t size)
{
	unit_one(&u, size, 0);
	heap = u.instance->heap[0];
	cache = heap->cache[0];
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_sized(256 * KIB);
}

static int tear_down(void **state)
{
	(void)state;
	unit_abandon(&u);
	return 0;
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
	uint32_t sum = heap->pend * heap->locals * (uint32_t)(NH_CAP_SMALL_SPAN / NH_GRANULE);
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
		sum += blocks * nh__class_span(klass);
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
		assert_int_equal(cache->slot[klass].span, nh__class_span(klass));
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
			on_cpu((unsigned)nht_below(&random, cpus));
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
	on_cpu(0);
	for (unsigned i = 0; i < LIVE; i++)
		release(live[i]);
	check_account();
}

/* Blocks that a CPU took over from the depot were not charged to it: giving them back must not be credited. */
static void ageing_credits_what_was_charged(void **state)
{
	(void)state;
#if NH__DEPOT
	unsigned klass = class_of(SMALL);
	void *blocks[40];
	for (unsigned i = 0; i < 40; i++)
		blocks[i] = allocate(SMALL);
	heap->budget += (cache->slot[klass].cap - 3u) * 2u * span_of(SMALL);
	cache->slot[klass].cap = 3;
	uint32_t budget = heap->budget;
	heap->budget = 0;
	for (unsigned i = 0; i < 40; i += 2)
		release(blocks[i]);
	on_cpu(1);
	allocate(SMALL);
	struct nh__slot *slot = &heap->cache[1]->slot[klass];
	assert_true(NH__COUNT(slot->cur) > slot->cap);
	for (unsigned i = 0; i < NH_AGE_PERIOD * NH_CLASSES * 4u; i++)
		release(allocate(30000));
	assert_true(slot->cur == 0);
	heap->budget += budget;
	check_account();
#else
	white_skip("one CPU takes over from nobody");
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
	white_skip("no CPU is foreign");
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
	uint32_t span = span_of(SMALL);
	uint32_t changes = heap->tlsf.changes;
	unsigned char *first = allocate(SMALL);
	assert_int_equal(heap->tlsf.changes - changes, 2); /* one block out, its rest in */
	assert_int_equal(NH__COUNT(cache->slot[class_of(SMALL)].cur), heap->refill - 1u);
	changes = heap->tlsf.changes;
	for (unsigned i = 1; i < heap->refill; i++) {
		assert_ptr_equal(allocate(SMALL), first + (size_t)i * span * NH_GRANULE);
		assert_int_equal(nh__block_span(nh__block_at(first)), span);
	}
	assert_true(heap->tlsf.changes == changes);
	assert_int_equal(cache->slot[class_of(SMALL)].cap, heap->refill);
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
		void *all = NULL;
		for (unsigned i = 0; i < 300; i++) {
			void **block = nh_instance_malloc(u.instance, size);
			if (block == NULL)
				break;
			*block = all;
			all = block;
			assert_true(cache->slot[klass].cap <= limit);
		}
		assert_true(klass > 8 || cache->slot[klass].cap == limit);
		unit_free_chain(&u, all);
		assert_true(cache->slot[klass].cap <= limit && limit <= 62);
		assert_status(nh_instance_trim(u.instance, 0), NH_OK);
	}
}

/* ---- coalesce first ----------------------------------------------------------------------- */

/* A block between two live ones is parked; one beside a FREE one waits to be merged. */
static void pending_is_bounded_and_flushed(void **state)
{
	(void)state;
	unsigned klass = class_of(SMALL);
	struct nh__slot *slot = &cache->slot[klass];
	void *blocks[12];
	assert_int_equal(heap->pend, NH_PENDING);
	for (unsigned i = 0; i < 12; i++)
		blocks[i] = allocate(SMALL);
	uint32_t parked = NH__COUNT(slot->cur);
	for (unsigned i = 0; i < NH_PENDING; i++) {
		nh__flag_set(nh__block_at(blocks[2u * i]),
		             NH__PREV_FREE); /* as if the one before were free */
		release(blocks[2u * i]);
		assert_int_equal(NH__COUNT(cache->pending), i + 1u);
		assert_int_equal(NH__COUNT(slot->cur), parked);
		assert_int_equal(owner_of(blocks[2u * i]), NH__OWNER_CACHED);
		nh__flag_clear(nh__block_at(blocks[2u * i]), NH__PREV_FREE);
	}
	uint32_t free_before = heap->tlsf.free, taken = nh__span(20000);
	allocate(20000); /* the next slow path of this CPU */
	assert_true(cache->pending == 0);
	assert_int_equal(owner_of(blocks[0]), NH__OWNER_TLSF);
	assert_true(heap->tlsf.free + taken >= free_before + NH_PENDING * slot->span);
	release(blocks[1]); /* really beside a free one now */
	assert_int_equal(NH__COUNT(cache->pending), 1);
	release(blocks[9]);
	assert_int_equal(NH__COUNT(slot->cur), parked + 1u);
}

/* One more than may wait: all of them are merged at once. */
static void full_pending_goes_to_tlsf(void **state)
{
	(void)state;
	void *blocks[2u * NH_PENDING + 4u];
	unsigned count = 2u * NH_PENDING + 4u;
	for (unsigned i = 0; i < count; i++)
		blocks[i] = allocate(SMALL);
	for (unsigned i = 0; i <= NH_PENDING; i++) {
		nh__flag_set(nh__block_after(nh__block_at(blocks[2u * i]), span_of(SMALL)), NH__FREE);
		if (i < NH_PENDING)
			release(blocks[2u * i]);
		nh__flag_clear(nh__block_after(nh__block_at(blocks[2u * i]), span_of(SMALL)), NH__FREE);
	}
	assert_int_equal(NH__COUNT(cache->pending), NH_PENDING);
	release(blocks[1]); /* between two that wait, neither FREE yet: it is parked */
	assert_int_equal(NH__COUNT(cache->pending), NH_PENDING);
	assert_int_equal(owner_of(blocks[1]), NH__OWNER_CACHED);
	struct nh__block *last = nh__block_at(blocks[2u * NH_PENDING]);
	nh__flag_set(last, NH__PREV_FREE);
	uint32_t *footer = (uint32_t *)(void *)last - 1;
	uint32_t kept = *footer;
	*footer = 0;
#if NH_HARDENING < NH_HARDENING_MODERATE
	nh__flag_clear(last, NH__PREV_FREE); /* a lie would be believed there */
	(void)kept;
	return;
#else
	release(blocks[2u * NH_PENDING]); /* the lie is seen, but those that waited went back before */
	assert_true(cache->pending == 0);
	assert_int_equal(owner_of(blocks[0]), NH__OWNER_TLSF);
	assert_int_equal(nht_fault_count_of(NH_FAULT_NEIGHBOUR), 1);
	*footer = kept;
	nht_fault_clear();
#endif
}

/* Blocks of large classes never wait: they would be a large part of the share. */
static void large_blocks_do_not_wait(void **state)
{
	(void)state;
	void *block = allocate(NH_CAP_SMALL_SPAN + 1u); /* the rest of the heap behind it is free */
	release(block);
	assert_true(cache->pending == 0);
	assert_int_equal(owner_of(block), NH__OWNER_TLSF);
}

/* ---- ageing ------------------------------------------------------------------------------- */

/* A class that is not used any more loses its blocks by other classes' slow paths, a few at a time,
 * and its cap's charge with them. */
static void idle_classes_shrink(void **state)
{
	(void)state;
	unsigned klass = class_of(SMALL);
	struct nh__slot *slot = &cache->slot[klass];
	void *blocks[40];
	for (unsigned i = 0; i < 40; i++)
		blocks[i] = allocate(SMALL);
	for (unsigned i = 0; i < 16; i += 2)
		release(blocks[i]);
	uint32_t before = NH__COUNT(slot->cur), budget = heap->budget, cap = slot->cap;
	assert_true(before > 2 && cap > 0);
	unsigned visits = 0;
	for (unsigned i = 0; i < NH_AGE_PERIOD * NH_CLASSES * 40u && slot->cur != 0; i++) {
		uint32_t count = NH__COUNT(slot->cur);
		release(allocate(30000)); /* two slow paths, no class */
		uint32_t now = NH__COUNT(slot->cur);
		assert_true(now <= count &&
		            count - now <= NH_AGE_RETURN); /* one visit at most in two slow paths */
		visits += now != count;
	}
	assert_true(slot->cur == 0);
	assert_true(visits >= before / NH_AGE_RETURN);
	assert_true(slot->cap < cap);
	assert_true(heap->budget > budget);
	check_account();
}

/* A class in use keeps its blocks, unless they can merge. */
static void busy_classes_stay(void **state)
{
	(void)state;
	struct nh__slot *slot = &cache->slot[class_of(SMALL)];
	void *blocks[40];
	for (unsigned i = 0; i < 40; i++)
		blocks[i] = allocate(SMALL);
	for (unsigned i = 0; i < 16; i += 2)
		release(blocks[i]);
	uint32_t before = NH__COUNT(slot->cur);
	for (unsigned i = 0; i < NH_AGE_PERIOD * NH_CLASSES * 4u; i++) {
		slot->last = (uint8_t)(NH__COUNT(slot->cur) + 1u); /* as if some had been taken since */
		release(allocate(30000));
	}
	assert_int_equal(NH__COUNT(slot->cur), before);
}

static void age_period(void **state)
{
	(void)state;
	assert_int_equal(cache->visit, 0);
	for (unsigned i = 1; i <= 5u * NH_AGE_PERIOD; i++) {
		allocate(1000 + NH_USABLE(NH__CLASS_SPAN_MAX)); /* a slow path, no class */
		assert_int_equal(cache->visit, i / NH_AGE_PERIOD % NH_CLASSES);
	}
	cache->visit = (uint8_t)(NH_CLASSES - 1u);
	cache->tick = NH_AGE_PERIOD - 1u;
	allocate(1 + NH_USABLE(NH__CLASS_SPAN_MAX));
	assert_int_equal(cache->visit, 0);
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
			on_cpu(1);
		uint8_t owner = (uint8_t)owner_of(allocate(SMALL));
		assert_int_equal(owner, NH__OWNER_LIVE + klass);
	}
	assert_true(heap->tlsf.changes == changes);
	assert_true(slot->cur == 0 && cache->prev[klass] == 0);
	assert_true(heap->cache[1]->slot[klass].cur == 0);
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
	cache->tick = 0; /* no ageing now */
	release(blocks[4]);
	assert_true(cache->prev[klass] == prev && cache->slot[klass].cur == cur);
	assert_int_equal(owner_of(blocks[4]), NH__OWNER_TLSF);
	for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++)
		nh__store_relaxed(&heap->shared[klass].depot[i], 0);
}

#endif

/* ---- bounds ------------------------------------------------------------------------------- */

/* Every TLSF operation makes at most three changes: two neighbours or a block out, one or two in. */
static void five_operations_per_call(void **state)
{
	(void)state;
	enum { LIVE = 400, MOST = 5 * 3 };
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
		assert_true(changes <= MOST);
		most = changes > most ? changes : most;
	}
	assert_true(most > 3); /* the test did reach calls that pay debts */
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
		white_skip("no address space for a far region");
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

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
		TEST(pending_is_bounded_and_flushed),
		TEST(full_pending_goes_to_tlsf),
		TEST(large_blocks_do_not_wait),
		TEST(idle_classes_shrink),
		TEST(busy_classes_stay),
		TEST(age_period),
#if NH__DEPOT
		TEST(rotation),
		TEST(full_depot_keeps_prev),
#endif
		TEST(five_operations_per_call),
		TEST(beyond_the_window),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * core/heap.c: when the caches give back what they hold, how magazines, depot and inboxes take turns, and what bounds an
 * operation.
 */
#include <string.h>
#include <sys/mman.h>

#include "caching.h"
#include "tests/support/random.h"

#if !NH_CACHES
int main(void)
{
	return unit_all_skipped("no caches in this configuration");
}
#else

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

#if NH_REFILL > 1

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
	assert_int_equal(slot->cap, 1u + heap->refill);
	assert_false(cache->spent);
	assert_int_equal(NH__COUNT(cache->prev[klass]), large);
	assert_int_equal(NH__COUNT(slot->cur), 1);
}

#endif

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
#if NH_REFILL > 1
		TEST(larger_magazines_do_not_end_widening),
#endif
		TEST(full_depot_keeps_prev),
#endif
		TEST(one_operation_per_call),
		TEST(beyond_the_window),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

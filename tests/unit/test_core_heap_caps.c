/* SPDX-License-Identifier: MIT */
/*
 * core/heap.c: how caps grow and fall, by what the account in that file says they cost, and what a visit of ageing takes. The
 * source is included, for its static functions.
 */
#include <string.h>

#include "core/heap.c"

#include "affine.h"

#if !NH_CACHES

int main(void)
{
	return unit_all_skipped("no caches in this configuration");
}

#else

#define SMALL ((size_t)24)

static struct nh__slot *slot; /* of SMALL */
static unsigned klass;
static uint32_t most;

static void start(uint32_t affinity)
{
	begin(affinity);
	klass = nh__need_of(nh__class_table_of(u.instance), SMALL, 1).klass;
	slot = &cache->slot[klass];
	most = nh__class_most(klass, nh__class_span(klass));
}

/* ---- growth ------------------------------------------------------------------------------- */

static void a_budget_is_spent_to_the_last(void **state)
{
	(void)state;
	start(FOR_ONE);
	uint32_t budget = 5;
	assert_false(charge(&budget, 6));
	assert_int_equal(budget, 5);
	assert_true(charge(&budget, 2));
	assert_int_equal(budget, 3);
	assert_true(charge(&budget, 3));
	assert_int_equal(budget, 0);
	assert_true(charge(&budget, 0));
	assert_false(charge(&budget, 1));
	assert_int_equal(budget, 0);
}

static void limits_go_by_the_span(void **state)
{
	(void)state;
	start(FOR_ONE);
	const unsigned edge = NH_CAP_SMALL_SPAN / NH_GRANULE;
	heap->cap_small = 20;
	heap->cap_large = 7;
	assert_int_equal(cap_limit(heap, NH_SPAN_MIN), 20);
	assert_int_equal(cap_limit(heap, edge), 20);
	assert_int_equal(cap_limit(heap, edge + 1u), 7);
}

/* Granules that `step` blocks more in the cap cost, by the account. */
static uint32_t price(unsigned step, unsigned depot_cap)
{
	unsigned cap = slot->cap + step, depot = heap->two && cap > depot_cap ? cap - depot_cap : 0;
	return (step * (heap->two ? 2u : 1u) + depot * (NH_DEPOT_SLOTS + heap->locals - 1u)) * most;
}

/* The step is what one refill brings, less at the limit; or half of it, and so on, if the budget is small. */
static void grown(unsigned cap, unsigned limit, unsigned depot_cap, uint32_t budget)
{
	heap->cap_small = heap->cap_large = (uint8_t)limit;
	slot->cap = (uint8_t)cap;
	heap->shared[klass].depot_cap = (uint8_t)depot_cap;
	heap->budget = budget;
	unsigned step = limit - cap < heap->refill ? limit - cap : heap->refill;
	while (step != 0 && price(step, depot_cap) > budget)
		step /= 2;
	uint32_t cost = price(step, depot_cap);
	grow_cap(heap, cache, klass);
	assert_int_equal(slot->cap, cap + step);
	assert_int_equal(heap->budget, step == 0 ? budget : budget - cost);
	assert_int_equal(heap->shared[klass].depot_cap, heap->two && step != 0 && cap + step > depot_cap ? cap + step : depot_cap);
}

static void growth_is_paid_for(void **state)
{
	(void)state;
	for (unsigned all = 0; all < 2; all++) {
		start(all ? FOR_ALL : FOR_ONE);
		for (unsigned refill = 1; refill <= 8; refill++) {
			heap->refill = (uint8_t)refill;
			for (unsigned cap = 0; cap <= 12; cap++)
				for (unsigned depot_cap = 0; depot_cap <= 14; depot_cap += 2)
					for (uint32_t blocks = 0; blocks < 60; blocks++)
						for (uint32_t less = 0; less < 2 && less <= blocks; less++)
							grown(cap, 12, depot_cap, blocks * most - less);
		}
		unit_abandon(&u);
	}
	start(FOR_ONE);
}

/* ---- ageing ------------------------------------------------------------------------------- */

/* A chain of `count` of SMALL. */
static uint32_t chain_of(unsigned count)
{
	void *blocks[41];
	assert_true(2u * count < 41u);
	for (unsigned i = 0; i <= 2u * count; i++)
		blocks[i] = nh_instance_malloc(u.instance, SMALL);
	slot->cap = (uint8_t)count;
	slot->cur = 0;
	for (unsigned i = 0; i < count; i++)
		nh_instance_free(u.instance, blocks[2u * i + 1u]);
	uint32_t chain = slot->cur;
	assert_int_equal(NH__COUNT(chain), count);
	slot->cur = 0;
	return chain;
}

struct visit {
	unsigned cap, last, cur, prev; /* before */
	uint32_t budget, needed;
	unsigned cap_after, cur_after, prev_after;
};

static void visited(const struct visit *visit, bool two, bool wanted)
{
	start(two ? FOR_ALL : FOR_ONE);
	uint32_t cur = chain_of(visit->cur), prev = visit->prev == 0 ? 0 : chain_of(visit->prev);
	uint32_t credit = most * (heap->two ? 2u : 1u), changes = heap->tlsf.changes;
	slot->cap = (uint8_t)visit->cap;
	slot->last = (uint8_t)visit->last;
	slot->cur = cur;
	if (heap->two)
		cache->prev[klass] = prev;
	heap->budget = visit->budget;
	cache->visit = (uint8_t)klass;
	cache->spent = true;
	age(heap, cache, wanted ? klass : klass + 1u, visit->needed == 0 ? 0 : credit + visit->budget + visit->needed - 1u);
	assert_int_equal(cache->visit, klass + 1u);
	assert_int_equal(NH__COUNT(slot->cur), visit->cur_after);
	assert_int_equal(slot->cap, visit->cap_after);
	assert_int_equal(slot->last, visit->cur_after); /* what the next visit compares with */
	if (heap->two)
		assert_int_equal(NH__COUNT(cache->prev[klass]), visit->prev_after);
	assert_int_equal(heap->tlsf.changes - changes, visit->cur - visit->cur_after + visit->prev - visit->prev_after);
	assert_int_equal(heap->budget, visit->budget + (visit->cap - visit->cap_after) * credit);
	assert_int_equal(cache->spent, visit->cap == visit->cap_after);
	unit_abandon(&u);
}

static void what_a_visit_takes(void **state)
{
	static const struct visit visits[] = {
		{.cap = 5, .last = 4, .cur = 3, .cap_after = 5, .cur_after = 3},              /* some were taken since: it is used */
		{.cap = 5, .last = 3, .cur = 3, .cap_after = 4, .cur_after = 3},              /* the cap is more than it holds */
		{.cap = 5, .last = 0, .cur = 3, .budget = 9, .cap_after = 4, .cur_after = 3},
		{.cap = 3, .last = 3, .cur = 3, .cap_after = 2, .cur_after = 2},              /* full: a block makes room */
		{.cap = 3, .last = 3, .cur = 3, .needed = 1, .cap_after = 2, .cur_after = 2}, /* and that is just enough */
		{.cap = 3, .last = 3, .cur = 3, .needed = 2, .cap_after = 3, .cur_after = 3}, /* or would not be */
		{.cap = 4, .last = 3, .cur = 3, .needed = 2, .cap_after = 3, .cur_after = 3}, /* what costs no block is taken all the same */
		{.cap = 1, .last = 1, .cur = 1, .cap_after = 0, .cur_after = 0},
		{.cap = 2, .last = 5, .cur = 5, .cap_after = 2, .cur_after = 4},              /* larger than what was charged: no credit */
		{.cap = 2, .last = 5, .cur = 5, .needed = 2, .cap_after = 2, .cur_after = 4},
		{.cap = 4, .last = 5, .cur = 5, .cap_after = 4, .cur_after = 4},
		{.cap = 0},                                                                   /* nothing to take */
		{.cap = 3, .cap_after = 2},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof visits / sizeof *visits; i++)
		for (unsigned two = 0; two < 2; two++)
			visited(&visits[i], two != 0, false);
	start(FOR_ONE);
}

#if NH__DEPOT

/* The second magazine goes first, a block a visit; until it is gone the cap is not credited. */
static void the_second_magazine_first(void **state)
{
	static const struct visit visits[] = {
		{.cap = 3, .last = 3, .cur = 3, .prev = 3, .cap_after = 3, .cur_after = 3, .prev_after = 2},
		{.cap = 3, .last = 3, .cur = 3, .prev = 3, .needed = 5, .cap_after = 3, .cur_after = 3, .prev_after = 2},
		{.cap = 3, .last = 3, .cur = 3, .prev = 1, .cap_after = 3, .cur_after = 3},
		{.cap = 3, .last = 2, .cur = 2, .prev = 2, .cap_after = 3, .cur_after = 2, .prev_after = 1},
		{.cap = 3, .last = 2, .cur = 2, .prev = 1, .cap_after = 2, .cur_after = 2}, /* that was its last */
		{.cap = 3, .last = 0, .cur = 0, .prev = 1, .cap_after = 2},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof visits / sizeof *visits; i++)
		visited(&visits[i], true, false);
	start(FOR_ONE);
}

#endif

/* The class that memory is wanted for keeps its own; the last class is followed by the first. */
static void whom_a_visit_spares(void **state)
{
	static const struct visit own = {.cap = 3, .last = 3, .cur = 3, .cap_after = 3, .cur_after = 3};
	(void)state;
	visited(&own, false, true);
	start(FOR_ONE);
	cache->visit = (uint8_t)(NH_CLASSES - 2u);
	age(heap, cache, klass, 0);
	assert_int_equal(cache->visit, NH_CLASSES - 1u);
	age(heap, cache, klass, 0);
	assert_int_equal(cache->visit, 0);
}

/* ---- room for one more -------------------------------------------------------------------- */

/* A magazine that is full at its cap, `budget` granules to grow by, and behind its class one that does not use its cap of `idle`. */
static void full(uint32_t affinity, unsigned cap, uint32_t budget, unsigned idle)
{
	start(affinity);
	slot->cur = chain_of(cap);
	slot->cap = (uint8_t)cap;
	heap->budget = budget;
	cache->visit = (uint8_t)(klass + 1u);
	cache->slot[klass + 1u].cap = (uint8_t)idle;
}

static void room_from_the_budget_or_from_others(void **state)
{
	(void)state;
	full(FOR_ONE, 3, most, 2);
	assert_true(make_room(heap, cache, klass));
	assert_int_equal(slot->cap, 4);
	assert_int_equal(cache->visit, klass + 1u); /* nobody else was asked */
	assert_int_equal(cache->slot[klass + 1u].cap, 2);
	unit_abandon(&u);
	full(FOR_ONE, 3, 0, 2);
	assert_true(make_room(heap, cache, klass));
	assert_int_equal(slot->cap, 4);
	assert_int_equal(cache->visit, klass + 2u);
	assert_int_equal(cache->slot[klass + 1u].cap, 1);
	unit_abandon(&u);
	full(FOR_ONE, 3, 0, 0);
	assert_false(make_room(heap, cache, klass));
	assert_int_equal(slot->cap, 3);
	unit_abandon(&u);
	full(FOR_ONE, 3, 100u * most, 2); /* at its limit nobody is asked */
	heap->cap_small = 3;
	assert_false(make_room(heap, cache, klass));
	assert_int_equal(slot->cap, 3);
	assert_int_equal(heap->budget, 100u * most);
	assert_int_equal(cache->visit, klass + 1u);
}

#if NH_REFILL > 1 && NH__DEPOT

static bool widened(void)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	bool done = widen(heap, cache, 0, klass, &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	return done;
}

/* It stays as it is, and nobody asked the budget. */
static void assert_not_widened(unsigned cap, bool spent)
{
	uint32_t budget = heap->budget;
	assert_false(widened());
	assert_int_equal(slot->cap, cap);
	assert_int_equal(heap->budget, budget);
	assert_int_equal(cache->spent, spent);
	unit_abandon(&u);
}

static void what_is_widened(void **state)
{
	(void)state;
	enum { PLENTY = 1 << 20 };
	full(FOR_ALL, 3, PLENTY, 0);
	assert_true(widened());
	assert_int_equal(slot->cap, 3u + heap->refill);
	assert_false(cache->spent);
	unit_abandon(&u);
	full(FOR_ALL, 3, 0, 0);
	assert_not_widened(3, true); /* until something is credited */
	full(FOR_ALL, 3, PLENTY, 0);
	cache->spent = true;
	assert_not_widened(3, true);
	full(FOR_ALL, 3, PLENTY, 0);
	cache->prev[klass] = slot->cur; /* the second one is in use */
	assert_not_widened(3, false);
	full(FOR_ALL, 0, PLENTY, 0); /* empty: what comes once is no reason to park */
	assert_not_widened(0, false);
	full(FOR_ALL, 3, PLENTY, 0);
	heap->cap_small = 3;
	assert_not_widened(3, false);
	full(FOR_ONE, 3, PLENTY, 0);
	assert_not_widened(3, false);
	full(FOR_ALL, 3, PLENTY, 0);
	assert_true(nh_port_lock_begin()); /* a handler on top of a lock hold */
	bool done = widened();
	nh_port_lock_end();
	assert_false(done);
	assert_int_equal(slot->cap, 3);
}

#endif

/* ---- refill ------------------------------------------------------------------------------- */

#if NH_REFILL > 1

static void *refilled(unsigned number, uint32_t align, uint32_t *changes)
{
	struct nh__need need = {nh__class_span(number), align, nh__class_span(number), (uint8_t)number};
	*changes = heap->tlsf.changes;
	void *payload = refill(heap, cache, &need);
	*changes = heap->tlsf.changes - *changes;
	return payload;
}

/* One block more than the cap, since that goes to the caller, and no more than configured, by one operation. */
static void a_refill_fills_the_cap(void **state)
{
	(void)state;
	for (unsigned limit = 1; limit <= NH_REFILL; limit++) {
		for (unsigned cap = 0; cap <= NH_REFILL + 1u; cap++) {
			uint32_t changes;
			start(FOR_ONE);
			heap->refill = (uint8_t)limit;
			slot->cap = (uint8_t)cap;
			unsigned blocks = cap + 1u < limit ? cap + 1u : limit;
			unsigned char *payload = refilled(klass, 1, &changes);
			assert_int_equal(payload != NULL, blocks > 1);
			assert_int_equal(changes, blocks > 1);
			assert_int_equal(NH__COUNT(slot->cur), blocks - 1u);
			for (unsigned i = 1; i < blocks; i++) {
				void *next = nh__payload(nh__chain_pop(&cache->head, &slot->cur));
				assert_ptr_equal(next, payload + (size_t)i * nh__class_span(klass) * NH_GRANULE);
			}
			unit_abandon(&u);
		}
	}
	start(FOR_ONE);
}

/* Not where blocks are large, nor where some have no class. */
static void what_is_not_refilled(void **state)
{
	(void)state;
	uint32_t changes;
	start(FOR_ONE);
	for (unsigned number = 0; number < NH_CLASSES; number++) {
		bool small = nh__class_span(number) * NH_GRANULE <= NH_CAP_SMALL_SPAN;
		cache->slot[number].cap = 1;
		assert_int_equal(refilled(number, 1, &changes) != NULL, small);
		assert_int_equal(NH__COUNT(cache->slot[number].cur), small);
		assert_int_equal(changes, small);
	}
	heap->far = 1;
	slot->cap = 3;
	assert_null(refilled(klass, 1, &changes));
	assert_int_equal(changes, 0);
	heap->far = 0;
	assert_null(refilled(klass, 2, &changes)); /* of several only one would lie right */
	assert_int_equal(changes, 0);
}

#endif

/* ---- damage ------------------------------------------------------------------------------- */

#if NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_EXTREME

/* What hangs on a damaged block is cut off with it, counted once, and reported once. */
static void a_damaged_chain_is_counted(void **state)
{
	(void)state;
	start(FOR_ONE);
	slot->cur = chain_of(3);
	struct nh__block *top = nh__chain_top(&cache->head, slot->cur);
	*nh__link(top) ^= 1u; /* its count */
	void *block = nh_instance_malloc(u.instance, SMALL);
	assert_non_null(block);
	unit_expect_fault(NH_FAULT_LINK, nh__payload(top));
	assert_int_equal(heap->tlsf.lost, 3u * nh__class_span(klass));
	assert_int_equal(unit_stats(&u, 0).quarantined, 3u * nh__class_span(klass) * NH_GRANULE);
	for (unsigned i = 0; i < 10; i++)
		assert_non_null(nh_instance_malloc(u.instance, SMALL));
	assert_int_equal(nht_fault_count(), 0);
}

#endif

#define TEST(function) unit_case_damaged(function, none_yet)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_budget_is_spent_to_the_last),
		TEST(limits_go_by_the_span),
		TEST(growth_is_paid_for),
		TEST(what_a_visit_takes),
#if NH__DEPOT
		TEST(the_second_magazine_first),
#endif
		TEST(whom_a_visit_spares),
		TEST(room_from_the_budget_or_from_others),
#if NH_REFILL > 1 && NH__DEPOT
		TEST(what_is_widened),
#endif
#if NH_REFILL > 1
		TEST(a_refill_fills_the_cap),
		TEST(what_is_not_refilled),
#endif
#if NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_EXTREME
		TEST(a_damaged_chain_is_counted),
#endif
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * core/check.c: each word of control memory and caches is made wrong in turn. The check must name it, with the address where
 * it is, and be content with the largest and smallest values that are right.
 */
#include <string.h>

#include "checked.h"
#include "core/check.h"
#include "core/starts.h"
#include "core/sweep.h"

/* What the checks of a heap say, and where. */
static const char *control_of(int number, const void **at)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *checked;
	const char *what = nh__check_control(u.instance, number, &checked, at, &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	assert_ptr_equal(checked, u.instance->heap[number]);
	return what;
}

static void expect(int number, const char *what, const void *at)
{
	const void *bad;
	const char *said = control_of(number, &bad);
	if (what == NULL && said != NULL)
		fail_msg("what is right is called '%s'", said);
	if (what == NULL)
		return;
	if (said == NULL)
		fail_msg("not found: %s", what);
	assert_string_equal(said, what);
	assert_ptr_equal(bad, at);
}

/* `place` of heap `number` holds `value` for a moment. */
#define WRONG(number, place, value, what, at)                                                                \
	do {                                                                                                 \
		const __typeof__(place) kept_ = (place);                                                     \
		(place) = (value);                                                                           \
		expect((number), (what), (at));                                                              \
		(place) = kept_;                                                                             \
		expect((number), NULL, NULL);                                                                \
	} while (0)
#define RIGHT(number, place, value) WRONG(number, place, value, NULL, NULL)

static void regions(void **state)
{
	(void)state;
	const char *elsewhere = "the list of regions leads elsewhere", *number = "the number of regions is wrong",
	           *sums = "a heap's sums are wrong";
	struct nh__region *first = tlsf->regions;
	unsigned reserved = nh__load_relaxed(&u.instance->regions_reserved);
	expect(0, NULL, NULL); /* all is free: sums are at their largest */
	assert_int_equal(tlsf->free, tlsf->total);
	assert_int_equal(heap->regions, 2);
	WRONG(0, tlsf->regions, (struct nh__region *)((uintptr_t)first + 8u), elsewhere, &tlsf->regions);
	WRONG(0, tlsf->regions, &u.instance->regions[reserved].region, elsewhere, &tlsf->regions);
	WRONG(0, first->next, (struct nh__region *)&heap->tlsf, elsewhere, &tlsf->regions);
	WRONG(0, first->next, first, elsewhere, &tlsf->regions); /* in a circle */
	WRONG(0, first->next, NULL, number, &tlsf->regions);
	WRONG(0, tlsf->regions, NULL, number, &tlsf->regions); /* only of a heap that was hidden before */
	WRONG(0, heap->regions, 1, number, &tlsf->regions);
	WRONG(0, heap->regions, 3, number, &tlsf->regions);
	WRONG(0, tlsf->total, tlsf->total + 1u, sums, tlsf);
	WRONG(0, tlsf->total, tlsf->total - 1u, sums, tlsf);
	WRONG(0, tlsf->primary, tlsf->primary + 1u, sums, tlsf);
	WRONG(0, tlsf->primary, 0, sums, tlsf);
	WRONG(0, tlsf->free, tlsf->total + 1u, sums, tlsf);
	WRONG(0, tlsf->least_free, tlsf->total + 1u, sums, tlsf);
	RIGHT(0, tlsf->least_free, 0);
	RIGHT(0, tlsf->least_free, tlsf->total);
	WRONG(0, tlsf->regions->end, tlsf->regions->end + NH_GRANULE, sums, tlsf);
#if NH__STARTS
	const char *starts = "a bitmap of starts is elsewhere";
	WRONG(0, first->starts, first->starts + 1, starts, first);
	WRONG(0, first->starts, NULL, starts, first);
	WRONG(0, first->next->starts, first->next->starts - 1, starts, first->next);
#endif
}

static void lists(void **state)
{
	(void)state;
	const char *elsewhere = "the lists are elsewhere";
	const void *at = &tlsf->heads;
	uintptr_t end = (uintptr_t)tlsf->map + (tlsf->lists + 31u) / 32u * sizeof(uint32_t);
	WRONG(0, tlsf->heads, (void *)((uintptr_t)tlsf->heads + 4u), elsewhere, at);
	WRONG(0, tlsf->map, tlsf->map + 1, elsewhere, at);
	WRONG(0, tlsf->lists, 0, elsewhere, at);
	WRONG(0, tlsf->lists, (uint8_t)(tlsf->lists + 1u), elsewhere, at);
	WRONG(0, tlsf->lists, (uint8_t)(tlsf->lists + 8u), elsewhere, at);
	WRONG(0, tlsf->wide, !tlsf->wide, elsewhere, at);
	for (unsigned bit = 1; bit < 8; bit++)
		WRONG(0, tlsf->wide, (uint8_t)(tlsf->wide ^ 1u << bit), elsewhere, at);
	WRONG(0, claim->end, end - 1u, elsewhere, at);

	/* no lists at all, and the map where it would be then */
	uint8_t count = tlsf->lists;
	uint32_t *map = tlsf->map;
	tlsf->lists = 0;
	tlsf->map = tlsf->heads;
	expect(0, elsewhere, at);
	tlsf->map = (uint32_t *)((uintptr_t)tlsf->heads + nh__heads_size(count + 4u, tlsf->wide));
	tlsf->lists = (uint8_t)(count + 4u);
	expect(0, elsewhere, at);
	tlsf->lists = count;
	tlsf->map = map;

	/* the claim may end behind the map, as far as this check goes */
	uintptr_t kept = claim->end;
	const void *bad;
	claim->end = end;
	const char *what = control_of(0, &bad);
	assert_true(what == NULL || strcmp(what, elsewhere) != 0);
	claim->end = kept;
}

static void the_heap_itself(void **state)
{
	(void)state;
	const char *elsewhere = "a heap is elsewhere";
	const void *at = (const void *)&u.instance->heap[0];
	WRONG(0, claim->base, claim->base + 16u, elsewhere, at);
	WRONG(0, claim->end, claim->base + sizeof *heap - 1u, elsewhere, at);
	WRONG(0, claim->end, claim->base - 1u, elsewhere, at);
	WRONG(0, claim->end, 0, elsewhere, at);
	WRONG(0, heap->id, 1, "a heap's number is wrong", &heap->id);
	WRONG(1, single->id, 0, "a heap's number is wrong", &single->id);
	/* consistent, but a heap has at least one region */
	struct nh__tlsf kept = *tlsf;
	tlsf->regions = NULL;
	tlsf->total = tlsf->primary = tlsf->free = tlsf->least_free = 0;
	heap->regions = 0;
	expect(0, "the number of regions is wrong", &tlsf->regions);
	*tlsf = kept;
	heap->regions = 2;
	expect(0, NULL, NULL);
}

/* Of a heap that has lost its number, nothing is looked at, whatever is there. */
static void no_heap(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *checked = heap;
	const struct nh__tlsf kept = *tlsf;
	const void *bad;
	nh_report report;
	tlsf->regions = NULL;
	tlsf->heads = tlsf->map = NULL;
	nh__heap_hide(u.instance, heap->id);
	assert_null(nh__check_control(u.instance, 0, &checked, &bad, &note));
	assert_null(checked);
	assert_status(nh_instance_validate(u.instance, 0, &report), NH_ENOENT);
	assert_status(nh_instance_validate(u.instance, -1, &report), NH_OK); /* heap 1 */
	assert_status(nh_instance_validate(u.instance, -2, &report), NH_ENOENT);
	assert_status(nh_instance_validate(u.instance, NH_MAX_HEAPS, &report), NH_ENOENT);
	single->id = 0;
	assert_status(nh_instance_validate(u.instance, -1, &report), NH_ECORRUPT);
	assert_int_equal(report.heap, 1);
	single->id = 1;
	*tlsf = kept;
	nh__heap_restore(u.instance, heap, true);
	expect(0, NULL, NULL);
}

#if NH_CACHES

static void caches(void **state)
{
	(void)state;
	const char *elsewhere = "a cache is elsewhere", *others = "a cache is not of its heap",
	           *missing = "a CPU's cache is missing, or too many", *depot = "depot and inboxes are elsewhere";
	const unsigned last = NH_CPUS - 1u;
	size_t size = sizeof(struct nh__cache) + (heap->two ? NH_CLASSES * sizeof(uint32_t) : 0u);
	struct nh__cache *cache = heap->cache[last];
	WRONG(0, heap->shared, (struct nh__shared *)((uintptr_t)heap->shared + 2u), depot, &heap->shared);
	WRONG(0, heap->shared, (struct nh__shared *)(claim->base - 64u), depot, &heap->shared);
	WRONG(0, heap->shared, (struct nh__shared *)(claim->end - 4u), depot, &heap->shared);
	WRONG(0, heap->shared, (struct nh__shared *)(claim->end + 4u), depot, &heap->shared);
	WRONG(0, heap->shared, NULL, missing, &heap->cache[0]);
	WRONG(0, heap->cache[last], NULL, missing, &heap->cache[last]);
#if NH_CPUS > 1
	WRONG(1, single->cache[0], heap->cache[0], missing, &single->cache[0]);
#endif
	WRONG(0, heap->cache[last], (struct nh__cache *)((uintptr_t)cache + 2u), elsewhere, (void *)((uintptr_t)cache + 2u));
	uintptr_t between = (uintptr_t)cache + _Alignof(struct nh__cache) / 2u;
	WRONG(0, heap->cache[last], (struct nh__cache *)between, elsewhere, (void *)between);
	WRONG(0, heap->cache[last], (struct nh__cache *)(claim->end - size + 4u), elsewhere, (void *)(claim->end - size + 4u));
	WRONG(0, heap->cache[last], (struct nh__cache *)(claim->base - 64u), elsewhere, (void *)(claim->base - 64u));
	/* a claim may end with the last cache, with one magazine or with two */
	struct nh__cache *lone = single->cache[NEAR];
	RIGHT(1, u.instance->control[1].end, (uintptr_t)lone + sizeof *lone);
	WRONG(1, u.instance->control[1].end, (uintptr_t)lone + sizeof *lone - 1u, elsewhere, lone);
	RIGHT(0, claim->end, (uintptr_t)cache + size);
	WRONG(0, claim->end, (uintptr_t)cache + size - 1u, elsewhere, cache);
	WRONG(0, cache->heap, single, others, cache);
	WRONG(0, cache->head.secret, cache->head.secret ^ 1u, others, cache);
	WRONG(0, cache->head.first, cache->head.first + NH_GRANULE, others, cache);
	uint32_t reach = nh__load_relaxed(&cache->head.reach);
	nh__store_relaxed(&cache->head.reach, reach + 1u);
	expect(0, others, cache);
	nh__store_relaxed(&cache->head.reach, reach);
	expect(0, NULL, NULL);
}

static void limits(void **state)
{
	(void)state;
	const char *limit = "a limit of the caches is wrong", *shared_limit = "a limit of depot or inbox is wrong";
	uint32_t most = tlsf->total + heap->owed + heap->inbox_owed;
	WRONG(0, heap->locals, (uint8_t)(heap->locals + 1u), limit, &heap->locals);
#if NH_CPUS > 1
	WRONG(0, heap->two, !heap->two, limit, &heap->locals);
#endif
	for (unsigned bit = 1; bit < 8 && heap->two; bit++)
		WRONG(0, heap->two, (uint8_t)(heap->two ^ 1u << bit), limit, &heap->locals);
	if (NH_CLASSES * sizeof(uint32_t) > 2u * NH_PORT_LINE) /* it would be larger, and not fit */
		WRONG(1, single->two, !single->two, "a cache is elsewhere", single->cache[NEAR]);
	WRONG(0, heap->cap_small, NH_CAP_SMALL + 1, limit, &heap->locals);
	RIGHT(0, heap->cap_small, NH_CAP_SMALL);
	WRONG(0, heap->cap_large, NH_CAP_SMALL + NH_CAP_LARGE + 1, limit, &heap->locals);
	RIGHT(0, heap->cap_large, NH_CAP_SMALL + NH_CAP_LARGE);
	WRONG(0, heap->refill, NH_REFILL + 1, limit, &heap->locals);
	RIGHT(0, heap->refill, NH_REFILL);
	WRONG(0, heap->budget, heap->allowance + 1u, limit, &heap->locals);
	RIGHT(0, heap->budget, heap->allowance);
	WRONG(0, heap->inbox_budget, heap->allowance + 1u, limit, &heap->locals);
	RIGHT(0, heap->inbox_budget, heap->allowance);
	WRONG(0, heap->allowance, most + 1u, limit, &heap->locals);
	RIGHT(0, heap->allowance, most);
	heap->owed = 10;
	heap->inbox_owed = 3;
	WRONG(0, heap->allowance, tlsf->total + 14u, limit, &heap->locals);
	RIGHT(0, heap->allowance, tlsf->total + 13u);
	heap->owed = heap->inbox_owed = 0;
	for (unsigned klass = 0; klass < NH_CLASSES; klass += NH_CLASSES - 1u) {
		struct nh__shared *shared = &heap->shared[klass];
		uint8_t kept = nh__load_relaxed(&shared->inbox_limit);
		nh__store_relaxed(&shared->inbox_limit, NH_INBOX_LIMIT + 1);
		expect(0, shared_limit, shared);
		nh__store_relaxed(&shared->inbox_limit, NH_INBOX_LIMIT);
		expect(0, NULL, NULL);
		nh__store_relaxed(&shared->inbox_limit, kept);
		WRONG(0, shared->depot_cap, NH_CAP_SMALL + 1, shared_limit, shared);
		RIGHT(0, shared->depot_cap, NH_CAP_SMALL);
	}
}

#endif

/* ---- what is in caches -------------------------------------------------------------------- */

#if NH_CACHES && NH__DEPOT && NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_FULL

static void expect_cached(const char *what, const void *at)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	const void *bad;
	const char *said = nh__check_caches(u.instance, heap, &bad, &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	if ((what == NULL) != (said == NULL))
		fail_msg("'%s' instead of '%s'", said == NULL ? "nothing" : said, what == NULL ? "nothing" : what);
	if (what == NULL)
		return;
	assert_string_equal(said, what);
	assert_ptr_equal(bad, at);
}

#define WRONG_CACHED(place, value, what, at)                                                                 \
	do {                                                                                                 \
		const __typeof__(place) kept_ = (place);                                                     \
		(place) = (value);                                                                           \
		expect_cached((what), (at));                                                                 \
		(place) = kept_;                                                                             \
		expect_cached(NULL, NULL);                                                                   \
	} while (0)

/* A chain of two: in cur, in prev, in the first and the last slot of the depot, in the inbox. */
static void chains(void **state)
{
	(void)state;
	const char *overwritten = "a cached block was overwritten", *out = "a magazine leads out of the heap";
	void *blocks[5];
	for (unsigned i = 0; i < 5; i++)
		blocks[i] = nh_instance_malloc(u.instance, 40);
	struct nh__cache *cache = heap->cache[0];
	unsigned klass = nh__need_of(nh__class_table_of(u.instance), 40, 1).klass;
	struct nh__slot *slot = &cache->slot[klass];
	uint32_t kept = slot->cur; /* what a refill brought */
	slot->cur = 0;
	slot->cap = 4;
	nh_instance_free(u.instance, blocks[1]);
	nh_instance_free(u.instance, blocks[3]);
	uint32_t chain = slot->cur;
	assert_int_equal(NH__COUNT(chain), 2);
	expect_cached(NULL, NULL);

	WRONG_CACHED(slot->cap, NH_CAP_SMALL + 1, "a magazine's constants are wrong", slot);
	WRONG_CACHED(slot->cap, NH_CAP_SMALL, NULL, NULL);
#if NH_CLASS_DOUBLINGS
	WRONG_CACHED(slot->span, (uint16_t)(slot->span + 1u), "a magazine's constants are wrong", slot);
#else
	WRONG_CACHED(slot->live, (uint8_t)(slot->live + 1u), "a magazine's constants are wrong", slot);
#endif
	struct nh__shared *shared = &heap->shared[klass];
	_Atomic uint32_t *words[] = {&shared->depot[0], &shared->depot[NH_DEPOT_SLOTS - 1u], &shared->inbox};
	uint32_t *link = nh__link(nh__block_at(blocks[1])), link_kept = *link;
	for (unsigned place = 0; place < 5; place++) {
		slot->cur = place == 0 ? chain : 0;
		cache->prev[klass] = place == 1 ? chain : 0;
		for (unsigned i = 0; i < 3; i++)
			nh__store_relaxed(words[i], 0);
		if (place >= 2)
			nh__store_relaxed(words[place - 2u], chain);
		expect_cached(NULL, NULL);
		*link ^= 1u; /* of the second block, its count */
		expect_cached(overwritten, blocks[1]);
		*link = link_kept;
		nh__store_relaxed(&nh__block_at(blocks[3])->owner, NH__OWNER_LARGE);
		expect_cached(overwritten, blocks[3]);
		nh__store_relaxed(&nh__block_at(blocks[3])->owner, NH__OWNER_CACHED);
		expect_cached(NULL, NULL);
		/* looking leaves the words as they were */
		assert_int_equal(place < 2 ? slot->cur + cache->prev[klass] : nh__load_relaxed(words[place - 2u]), chain);
	}
	nh__store_relaxed(words[2], 0);
	slot->cur = chain;
	uint32_t outside = ((tlsf->primary + 100u) << NH__COUNT_BITS) + 2u;
	WRONG_CACHED(slot->cur, outside, out, nh__payload(nh__chain_top(&cache->head, outside)));
	WRONG_CACHED(slot->cur, chain + 1u, overwritten, blocks[3]);
	WRONG_CACHED(slot->cur, chain - 1u, overwritten, blocks[3]);

	slot->cur = kept;
	nh_instance_free(u.instance, blocks[0]);
	nh__store_relaxed(words[0], chain); /* so that a trim finds it */
	for (unsigned i = 2; i < 5; i += 2)
		nh_instance_free(u.instance, blocks[i]);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(regions, set_up),
		unit_case(lists, set_up),
		unit_case(the_heap_itself, set_up),
		unit_case(no_heap, set_up),
#if NH_CACHES
		unit_case(caches, set_up),
		unit_case(limits, set_up),
#endif
#if NH_CACHES && NH__DEPOT && NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_FULL
		unit_case(chains, set_up),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Validate names each damaged word of the control memory, and follows none of them. */
#include <stdlib.h>
#include <string.h>

#include "checked.h"

static void expect_damage(const char *what)
{
	nh_report report;
	assert_status(nh_instance_validate(u.instance, 0, &report), NH_ECORRUPT);
	assert_string_equal(report.what, what);
	assert_int_equal(report.heap, 0);
	assert_non_null(report.address);
}

/* The member holds `value` while validate looks. */
#define DAMAGED(member, value, what)                                                                         \
	do {                                                                                                 \
		__typeof__((void)0, (member)) before_ = (member); /* a value's type: not atomic */           \
		(member) = (__typeof__((void)0, (member)))(value);                                           \
		expect_damage(what);                                                                         \
		(member) = before_;                                                                          \
		assert_sound(nht_valid(u.instance));                                                         \
	} while (0)

static void regions(void **state)
{
	struct nh__region *first = tlsf->regions, *last = first->next;
	(void)state;
	DAMAGED(tlsf->regions, (uintptr_t)first + 8u, "the list of regions leads elsewhere");
	DAMAGED(tlsf->regions, &u.instance->regions[NH_MAX_REGIONS], "the list of regions leads elsewhere");
	DAMAGED(last->next, first, "the list of regions leads elsewhere");
	DAMAGED(first->next, NULL, "the number of regions is wrong");
	DAMAGED(tlsf->regions, NULL, "the number of regions is wrong");
	DAMAGED(heap->regions, 3, "the number of regions is wrong");
	DAMAGED(tlsf->total, tlsf->total + 1u, "a heap's sums are wrong");
	DAMAGED(tlsf->primary, tlsf->primary + 1u, "a heap's sums are wrong");
	DAMAGED(tlsf->free, tlsf->total + 1u, "a heap's sums are wrong");
	DAMAGED(tlsf->least_free, tlsf->total + 1u, "a heap's sums are wrong");
}

static void lists(void **state)
{
	(void)state;
	DAMAGED(tlsf->lists, 0, "the lists are elsewhere");
	DAMAGED(tlsf->lists, tlsf->lists + 1u, "the lists are elsewhere");
	DAMAGED(tlsf->heads, (uintptr_t)tlsf->heads + 4u, "the lists are elsewhere");
	DAMAGED(tlsf->map, tlsf->map + 1, "the lists are elsewhere");
	DAMAGED(claim->end, (uintptr_t)tlsf->map, "the lists are elsewhere");
}

static void numbers(void **state)
{
	(void)state;
	DAMAGED(heap->id, 1, "a heap's number is wrong");
	DAMAGED(u.instance->heap[0], (uintptr_t)heap + 64u, "a heap is elsewhere");
	DAMAGED(claim->end, (uintptr_t)heap + 64u, "a heap is elsewhere");
	DAMAGED(claim->base, (uintptr_t)heap + 64u, "a heap is elsewhere");
}

/* All of it, as after a loss of power; only the lock can be waited for. */
static void cleared(void **state)
{
	(void)state;
	size_t size = claim->end - (uintptr_t)&heap->tlsf;
	unsigned char *kept = malloc(size);
	assert_non_null(kept);
	for (unsigned byte = 0; byte < 256; byte += 255) {
		memcpy(kept, &heap->tlsf, size);
		memset(&heap->tlsf, (int)byte, size);
		heap->tlsf.fault = NH_FAULT_NONE; /* it would be reported */
		expect_damage(byte == 0 ? "the number of regions is wrong" : "the list of regions leads elsewhere");
		memcpy(&heap->tlsf, kept, size);
		assert_sound(nht_valid(u.instance));
	}
	free(kept);
}

#if NH_CACHES

static void caches(void **state)
{
	struct nh__cache *cache = heap->cache[0];
	(void)state;
	assert_non_null(cache);
	DAMAGED(heap->cache[0], (uintptr_t)cache + 2u, "a cache is elsewhere");
	DAMAGED(heap->cache[0], u.arena.memory, "a cache is elsewhere");
	DAMAGED(heap->cache[0], claim->end - 8u, "a cache is elsewhere");
	DAMAGED(heap->cache[0], NULL, "a CPU's cache is missing, or too many");
	DAMAGED(heap->affinity, NH_CPU(0) << 1 << (NH_CPUS > 1), "a CPU's cache is missing, or too many");
	DAMAGED(cache->heap, NULL, "a cache is not of its heap");
	DAMAGED(cache->head.secret, cache->head.secret ^ 1u, "a cache is not of its heap");
	DAMAGED(cache->head.first, cache->head.first + NH_GRANULE, "a cache is not of its heap");
	DAMAGED(heap->reach, heap->reach - 1u, "a cache is not of its heap");
	DAMAGED(heap->shared, u.arena.memory, "depot and inboxes are elsewhere");
}

static void limits(void **state)
{
	(void)state;
	DAMAGED(heap->locals, heap->locals + 1u, "a limit of the caches is wrong");
	DAMAGED(heap->cap_small, NH_CAP_SMALL + 1u, "a limit of the caches is wrong");
	DAMAGED(heap->cap_large, NH_CAP_SMALL + NH_CAP_LARGE + 1u, "a limit of the caches is wrong");
	DAMAGED(heap->refill, NH_REFILL + 1u, "a limit of the caches is wrong");
	DAMAGED(heap->budget, heap->allowance + 1u, "a limit of the caches is wrong");
	DAMAGED(heap->inbox_budget, heap->allowance + 1u, "a limit of the caches is wrong");
	DAMAGED(heap->allowance, heap->tlsf.total + heap->owed + heap->inbox_owed + 1u,
	        "a limit of the caches is wrong");
	DAMAGED(heap->shared[0].inbox_limit, NH_INBOX_LIMIT + 1u, "a limit of depot or inbox is wrong");
	DAMAGED(heap->shared[0].depot_cap, NH_CAP_SMALL + 1u, "a limit of depot or inbox is wrong");
	if (heap->locals > 1)
		DAMAGED(heap->two, false, "a limit of the caches is wrong");
}

static void magazines(void **state)
{
	struct nh__slot *slot = &heap->cache[0]->slot[0];
	uint32_t outside = (heap->tlsf.total + 64u) << NH__COUNT_BITS;
	(void)state;
	DAMAGED(slot->cap, NH_CAP_SMALL + 1u, "a magazine's constants are wrong");
	DAMAGED(slot->cur, outside | 1u, "a magazine leads out of the heap");
	if (heap->two)
		DAMAGED(heap->cache[0]->prev[0], outside | 1u, "a magazine leads out of the heap");
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(regions, set_up),
		unit_case(lists, set_up),
		unit_case(numbers, set_up),
		unit_case(cleared, set_up),
#if NH_CACHES
		unit_case(caches, set_up),
		unit_case(limits, set_up),
		unit_case(magazines, set_up),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

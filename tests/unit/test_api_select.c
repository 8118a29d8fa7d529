/* SPDX-License-Identifier: MIT */
/* Which heap serves a request: tiers, nearness, flags, fallback, and what explain says about it. */
#include <string.h>

#include "tests/support/unit.h"

#if NH_CPUS < 2 || NH_MAX_HEAPS < 6
int main(void)
{
	return unit_all_skipped("needs two CPUs and six heaps");
}
#else

enum { SHARED, NEAR_0, NEAR_1, DMA, PSRAM, FAST_DMA, HEAPS };

static unit u;
static unsigned char control[64 * 1024] __attribute__((aligned(16))); /* enough for any configuration */

static int set_up(void **state)
{
	static const size_t sizes[HEAPS] = {8 * KIB, 6 * KIB, 6 * KIB, 6 * KIB, 20 * KIB, 6 * KIB};
	*state = &u;
	unit_lay_out(&u, HEAPS, sizes);
	u.configs[NEAR_0].affinity = NH_CPU(0);
	u.configs[NEAR_1].affinity = NH_CPU(1);
	u.configs[DMA].attributes = NH_ATTR_DMA | NH_ATTR_SHAREABLE;
	u.configs[PSRAM].attributes = NH_ATTR_EXTERNAL | NH_ATTR_CACHEABLE;
	u.configs[PSRAM].flags = NH_HEAP_NOT_DEFAULT;
	u.configs[PSRAM].control = control;
	u.configs[PSRAM].control_size = sizeof control;
	u.configs[FAST_DMA].attributes = NH_ATTR_DMA | NH_ATTR_FAST;
	u.configs[FAST_DMA].affinity = NH_CPU(1);
	unit_begin(&u, HEAPS);
	return 0;
}

/* The heap that serves this request now; the block goes back at once. -1 = NULL. */
static int served_by(const nh_request *request, size_t size)
{
	void *block = nh_instance_alloc(u.instance, request, size);
	int heap = nh_instance_heap_of(u.instance, block);
	assert_true((block == NULL) == (heap == -1));
	nh_instance_free(u.instance, block);
	return heap;
}

static void plain_goes_near_first(void **state)
{
	(void)state;
	nh_request plain = {0};
	assert_int_equal(served_by(&plain, 100), NEAR_0);
	unit_on_cpu(1);
	assert_int_equal(served_by(&plain, 100), NEAR_1);
	unit_on_cpu(NH_CPUS > 2 ? 2 : 0);
	assert_int_equal(served_by(&plain, 100), NH_CPUS > 2 ? SHARED : NEAR_0);
}

/* near, then shared in order of addition, then other CPUs' */
static void falls_back_in_order(void **state)
{
	static const int order[] = {NEAR_0, SHARED, DMA, NEAR_1, FAST_DMA};
	void *chains[5];
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		void *block = nh_instance_malloc(u.instance, 200);
		assert_int_equal(nh_instance_heap_of(u.instance, block), order[i]);
		nh_instance_free(u.instance, block);
		chains[i] = unit_fill(&u, order[i]);
	}
	/* PSRAM has room, but is not default-eligible */
	assert_null(nh_instance_malloc(u.instance, 200));
	assert_null(nh_instance_calloc(u.instance, 1, 200));
	assert_null(nh_instance_aligned_alloc(u.instance, 64, 200));
	nh_request named = {.heaps = UINT32_C(1) << PSRAM};
	assert_int_equal(served_by(&named, 200), PSRAM);
	for (unsigned i = 0; i < 5; i++)
		unit_free_chain(&u, chains[i]);
}

static void no_foreign(void **state)
{
	(void)state;
	nh_request own = {.flags = NH_NO_FOREIGN};
	nh_request any = {0};
	nh_request fast = {.require = NH_ATTR_FAST, .flags = NH_NO_FOREIGN};
	void *chains[3] = {unit_fill(&u, NEAR_0), unit_fill(&u, SHARED), unit_fill(&u, DMA)};
	assert_int_equal(served_by(&any, 64), NEAR_1);
	assert_int_equal(served_by(&own, 64), -1);
	assert_int_equal(served_by(&fast, 64), -1);
	fast.flags = 0;
	assert_int_equal(served_by(&fast, 64), FAST_DMA);
	unit_on_cpu(1);
	fast.flags = NH_NO_FOREIGN;
	assert_int_equal(served_by(&fast, 64), FAST_DMA);
	assert_int_equal(served_by(&own, 64), NEAR_1);
	for (unsigned i = 0; i < 3; i++)
		unit_free_chain(&u, chains[i]);
}

static void required(void **state)
{
	(void)state;
	nh_request request = {.require = NH_ATTR_DMA};
	assert_int_equal(served_by(&request, 64), DMA);
	unit_on_cpu(1);
	assert_int_equal(served_by(&request, 64), FAST_DMA); /* near */
	unit_on_cpu(0);
	request.require = NH_ATTR_DMA | NH_ATTR_FAST;
	assert_int_equal(served_by(&request, 64), FAST_DMA);
	request.require = NH_ATTR_DMA | NH_ATTR_EXTERNAL;
	assert_int_equal(served_by(&request, 64), -1);
	request.require = NH_ATTR_USER(7);
	assert_int_equal(served_by(&request, 64), -1);
	request.require = NH_ATTR_CACHEABLE;
	assert_int_equal(served_by(&request, 64), PSRAM);
	/* the short forms */
	void *block = nh_instance_malloc_attr(u.instance, NH_ATTR_EXTERNAL, 64);
	assert_int_equal(nh_instance_heap_of(u.instance, block), PSRAM);
	block = nh_instance_realloc_attr(u.instance, NH_ATTR_EXTERNAL, block, 3000);
	assert_int_equal(nh_instance_heap_of(u.instance, block), PSRAM);
	nh_instance_free(u.instance, block);
	block = nh_instance_calloc_attr(u.instance, NH_ATTR_DMA, 3, 64);
	assert_int_equal(nh_instance_heap_of(u.instance, block), DMA);
	nh_instance_free(u.instance, block);
	block = nh_instance_aligned_alloc_attr(u.instance, NH_ATTR_DMA, 256, 64);
	assert_int_equal(nh_instance_heap_of(u.instance, block), DMA);
	assert_int_equal((uintptr_t)block % 256u, 0);
	nh_instance_free(u.instance, block);
	block = nh_instance_malloc_attr(u.instance, 0, 64);
	assert_int_equal(nh_instance_heap_of(u.instance, block), NEAR_0);
	nh_instance_free(u.instance, block);
}

static void preferred(void **state)
{
	static const uint32_t list[] = {NH_ATTR_RETAINED, NH_ATTR_CACHEABLE, NH_ATTR_DMA};
	(void)state;
	nh_request request = {.prefer = NH_ATTR_DMA};
	assert_int_equal(served_by(&request, 64), DMA);
	void *chain = unit_fill(&u, DMA);
	/* the rest before other CPUs' */
	assert_int_equal(served_by(&request, 64), NEAR_0);
	request = (nh_request){.preferences = list, .preference_count = 3};
	assert_int_equal(served_by(&request, 64), PSRAM);
	request.preference_count = 1;
	assert_int_equal(served_by(&request, 64), NEAR_0);
	request.prefer = NH_ATTR_EXTERNAL;
	assert_int_equal(served_by(&request, 64), PSRAM);
	request = (nh_request){.preferences = list, .preference_count = 3, .require = NH_ATTR_SHAREABLE};
	assert_int_equal(served_by(&request, 64), -1); /* only DMA has it, and that is full */
	/* not default-eligible: a candidate only for those who prefer something it has */
	request = (nh_request){.prefer = NH_ATTR_USER(1)};
	void *chains[3] = {unit_fill(&u, NEAR_0), unit_fill(&u, SHARED), NULL};
	assert_int_equal(served_by(&request, 64), NEAR_1);
	request = (nh_request){.prefer = NH_ATTR_EXTERNAL | NH_ATTR_CACHEABLE, .flags = NH_NO_FOREIGN};
	assert_int_equal(served_by(&request, 64), PSRAM);
	for (unsigned i = 0; i < 3; i++)
		unit_free_chain(&u, chains[i]);
	unit_free_chain(&u, chain);
}

static void named_heaps(void **state)
{
	(void)state;
	nh_request request = {.heaps = UINT32_C(1) << PSRAM | UINT32_C(1) << NEAR_1};
	assert_int_equal(served_by(&request, 64), PSRAM);
	request.heaps |= UINT32_C(1) << NEAR_0;
	assert_int_equal(served_by(&request, 64), NEAR_0);
	request.heaps = UINT32_C(1) << 15; /* not there */
	assert_int_equal(served_by(&request, 64), -1);
	request = (nh_request){.heaps = UINT32_C(1) << SHARED, .require = NH_ATTR_DMA};
	assert_int_equal(served_by(&request, 64), -1);
}

/* What is cached is not given up under NH_NO_RECLAIM, and is without it. */
static void no_reclaim(void **state)
{
	(void)state;
	unit_abandon(&u);
	unit_one(&u, 64 * KIB, 0);
	unsigned count;
	void *chain = unit_take_all(&u, 40, &count);
	/* every second block back: as many as caches hold stay apart */
	void *kept = NULL;
	unsigned freed = 0;
	while (chain != NULL) {
		void *next = *(void **)chain;
		if (freed < 2 && kept != NULL) {
			nh_instance_free(u.instance, chain);
			freed++;
		} else {
			*(void **)chain = kept;
			kept = chain;
		}
		chain = next;
	}
	nh_heap_stats stats = unit_stats(&u, 0);
	size_t cached = stats.cached;
	nh_request quick = {.flags = NH_NO_RECLAIM};
	nh_request patient = {0};
	if (cached != 0 && stats.largest_free < 24) {
		unit_on_cpu(1); /* another CPU's magazines */
		assert_null(nh_instance_alloc(u.instance, &quick, 24));
		assert_int_equal(unit_stats(&u, 0).cached, cached);
		void *block = nh_instance_alloc(u.instance, &patient, 24);
		assert_non_null(block);
		nh_instance_free(u.instance, block);
		unit_on_cpu(0);
	} else {
		print_message("nothing was cached: no reclaim to forbid\n");
	}
	unit_free_chain(&u, kept);
}

static void zeroed(void **state)
{
	(void)state;
	nh_request request = {.flags = NH_ZERO, .alignment = 128};
	for (unsigned round = 0; round < 3; round++) {
		unsigned char *block = nh_instance_alloc(u.instance, &request, 500);
		assert_non_null(block);
		for (unsigned i = 0; i < 500; i++)
			assert_int_equal(block[i], 0);
		memset(block, 0xff, 500);
		nh_instance_free(u.instance, block);
	}
}

/* ---- realloc ------------------------------------------------------------------------------ */

/* Plain realloc prefers memory as good as the old; what must keep an attribute says so. */
static void realloc_keeps_attributes(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc_attr(u.instance, NH_ATTR_SHAREABLE, 100);
	assert_int_equal(nh_instance_heap_of(u.instance, block), DMA);
	memset(block, 0x21, 100);
	void *rest = unit_fill(&u, DMA);
	/* no other heap has it */
	assert_null(nh_instance_realloc_attr(u.instance, NH_ATTR_SHAREABLE, block, 3000));
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(block[i], 0x21);
	/* DMA is default-eligible: any such heap may take the block */
	unsigned char *moved = nh_instance_realloc(u.instance, block, 3000);
	assert_non_null(moved);
	assert_int_not_equal(nh_instance_heap_of(u.instance, moved), DMA);
	assert_int_not_equal(nh_instance_heap_of(u.instance, moved), PSRAM);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(moved[i], 0x21);
	nh_instance_free(u.instance, moved);
	unit_free_chain(&u, rest);
}

/* A block of a heap that plain requests do not get stays with its attributes, or where it is. */
static void realloc_not_default(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc_attr(u.instance, NH_ATTR_EXTERNAL, 100);
	assert_int_equal(nh_instance_heap_of(u.instance, block), PSRAM);
	void *rest = unit_fill(&u, PSRAM);
	assert_null(nh_instance_realloc(u.instance, block, 3000));
	nh_instance_free(u.instance, block);
	unit_free_chain(&u, rest);
}

/* A block of a heap that is default-eligible does not end in one that is not. */
static void realloc_stays_eligible(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 100);
	assert_int_equal(nh_instance_heap_of(u.instance, block), NEAR_0);
	assert_null(nh_instance_realloc(u.instance, block, 15 * KIB)); /* only PSRAM could */
	block = nh_instance_realloc(u.instance, block, 6 * KIB);
	assert_int_equal(nh_instance_heap_of(u.instance, block), SHARED);
	nh_instance_free(u.instance, block);
}

/* ---- explain ------------------------------------------------------------------------------ */

static void assert_entry(const nh_explanation *entry, int heap, nh_reason reason)
{
	if (entry->heap != heap || entry->reason != reason)
		fail_msg("heap %d: %s; expected heap %d: %s", entry->heap, nh_reason_string(entry->reason), heap,
		         nh_reason_string(reason));
}

static nh_reason reason_of(const nh_explanation *entries, unsigned count, int heap)
{
	for (unsigned i = 0; i < count; i++)
		if (entries[i].heap == heap)
			return entries[i].reason;
	fail_msg("heap %d is not explained", heap);
	return NH_TAKEN;
}

static void explained(void **state)
{
	(void)state;
	nh_explanation out[NH_MAX_HEAPS];
	nh_request plain = {0};
	void *chain = unit_fill(&u, NEAR_0);
	nh_heap_stats before = unit_stats(&u, SHARED);
	assert_int_equal(nh_instance_explain(u.instance, &plain, 64, out, NH_MAX_HEAPS), HEAPS);
	assert_int_equal(unit_stats(&u, SHARED).taken, before.taken);
	assert_entry(&out[0], NEAR_0, NH_FULL);
	assert_entry(&out[1], SHARED, NH_TAKEN);
	assert_entry(&out[2], DMA, NH_NOT_REACHED);
	assert_entry(&out[3], NEAR_1, NH_NOT_REACHED);
	assert_entry(&out[4], FAST_DMA, NH_NOT_REACHED);
	assert_entry(&out[5], PSRAM, NH_NOT_ELIGIBLE);
	unit_free_chain(&u, chain);

	nh_request dma = {.require = NH_ATTR_DMA, .flags = NH_NO_FOREIGN,
	                  .heaps = UINT32_C(1) << DMA | UINT32_C(1) << FAST_DMA | UINT32_C(1) << SHARED};
	assert_int_equal(nh_instance_explain(u.instance, &dma, 64, out, NH_MAX_HEAPS), HEAPS);
	assert_entry(&out[0], DMA, NH_TAKEN);
	assert_int_equal(reason_of(out, HEAPS, FAST_DMA), NH_FOREIGN);
	assert_int_equal(reason_of(out, HEAPS, SHARED), NH_NO_ATTRIBUTE);
	assert_int_equal(reason_of(out, HEAPS, PSRAM) == NH_NOT_IN_HEAPS ||
	                 reason_of(out, HEAPS, PSRAM) == NH_NO_ATTRIBUTE, 1);

	/* nothing fits: all candidates are full; a short buffer gets the first entries only */
	assert_int_equal(nh_instance_explain(u.instance, &plain, 1 << 20, out, NH_MAX_HEAPS), HEAPS);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(out[i].reason, NH_FULL);
	memset(out, 0x7f, sizeof out);
	assert_int_equal(nh_instance_explain(u.instance, &plain, 64, out, 1), HEAPS);
	assert_entry(&out[0], NEAR_0, NH_TAKEN);
	assert_int_equal(out[1].heap, 0x7f7f7f7f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(plain_goes_near_first, set_up),
		unit_case(falls_back_in_order, set_up),
		unit_case(no_foreign, set_up),
		unit_case(required, set_up),
		unit_case(preferred, set_up),
		unit_case(named_heaps, set_up),
		unit_case(no_reclaim, set_up),
		unit_case(zeroed, set_up),
		unit_case(realloc_keeps_attributes, set_up),
		unit_case(realloc_not_default, set_up),
		unit_case(realloc_stays_eligible, set_up),
		unit_case(explained, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

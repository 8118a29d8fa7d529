/* SPDX-License-Identifier: MIT */
/*
 * core/instance.c and core/admit.c: where control memory lies, what overlaps what, reservation and
 * publication of regions, how far a heap reaches, which cache each CPU tries first, and what
 * an address resolves to.
 */
#include <string.h>

#include "core/lifecycle.h"
#include "white.h"

#define CONTROL_ALIGN (NH_64BIT ? 16u : 8u)

static unit u;

static unsigned numbers_given(void)
{
	unsigned count = 0;
	for (unsigned i = 0; i < NH_MAX_HEAPS; i++)
		count += u.instance->control[i].end != 0;
	return count;
}

static struct nh__heap *heap_of(unsigned id)
{
	return u.instance->heap[id];
}

/* One arena part of `size`, nothing added. */
static int set_up_empty(void **state)
{
	*state = &u;
	const size_t sizes[] = { 64 * KIB, 24 * KIB, 24 * KIB, 24 * KIB };
	unit_lay_out(&u, 4, sizes);
	unit_begin(&u, 0);
	return 0;
}

static nh_status add(const nh_heap_config *config)
{
	return nh_instance_heap_add(u.instance, config, NULL);
}

/* A bitmap is planned for the granules that it takes itself, too. */
static size_t starts_slack(const struct nh__region *region)
{
	return nh__starts_size(nh__granules(region->end - region->first)) / 32u + (NH__STARTS ? 4u : 0u);
}

/* ---- control memory ----------------------------------------------------------------------- */

/* At the head of the region, aligned; the rest is blocks. For every misalignment of the base. */
static void control_at_the_head(void **state)
{
	(void)state;
	for (size_t off = 0; off < 2u * CONTROL_ALIGN; off++) {
		nh_heap_config config = { .base = u.arena.parts[0].base + off,
			                  .size = 64 * KIB - 64u + off % 7u };
		size_t control = nh_heap_control_size(&config);
		assert_true(control > 0 && control % CONTROL_ALIGN == 0);
		assert_status(add(&config), NH_OK);
		uintptr_t base = (uintptr_t)config.base, at = (uintptr_t)heap_of(0);
		const struct nh__region *region = heap_of(0)->tlsf.regions;
		assert_true(at % CONTROL_ALIGN == 0 && at >= base && at < base + CONTROL_ALIGN);
		assert_true(nh__region_base(region) >= at + control);
		assert_true(nh__region_base(region) < at + control + 2u * NH_GRANULE + starts_slack(region));
		assert_true(region->end <= base + config.size &&
		            base + config.size - region->end < NH_GRANULE);
		assert_true(heap_of(0)->tlsf.origin == region->first - NH_GRANULE);
		assert_true(u.instance->control[0].base == at && u.instance->control[0].end == at + control);
		assert_true(nht_arena_intact(&u.arena));
		assert_status(nh_instance_deinit(u.instance), NH_OK);
		assert_status(nh_instance_init(&u.storage, NULL, 0, NULL, &u.instance), NH_OK);
	}
}

/* Apart from the region: aligned or refused, large enough or refused, and never inside the region. */
static void control_apart(void **state)
{
	(void)state;
	unsigned char *memory = u.arena.parts[1].base;
	nh_heap_config config = { .base = u.arena.parts[0].base, .size = 48 * KIB };
	size_t control = nh_heap_control_size(&config);
	config.control = memory;
	for (size_t off = 0; off < CONTROL_ALIGN; off++) {
		config.control = memory + off;
		config.control_size = control - 1u;
		assert_status(add(&config), off == 0 ? NH_ESMALL : NH_EALIGN);
	}
	config.control = memory;
	config.control_size = control;
	config.attributes = NH_ATTR_EXTERNAL; /* allowed: its control memory is elsewhere */
	assert_status(add(&config), NH_OK);
	assert_ptr_equal(heap_of(0), memory);
	const struct nh__region *region = heap_of(0)->tlsf.regions;
	assert_true(nh__region_base(region) - (uintptr_t)config.base < NH_GRANULE + starts_slack(region));
	assert_int_equal(heap_of(0)->tlsf.total, (region->end - region->first) / NH_GRANULE);
	config.control = config.base;
	config.base = u.arena.parts[2].base;
	config.size = 16 * KIB;
	assert_status(add(&config), NH_EOVERLAP); /* control in heap 0's region */
	config.control = (unsigned char *)config.base + 8 * KIB;
	config.control_size = 16 * KIB;
	assert_status(add(&config), NH_EOVERLAP); /* control in its own region */
	config.control = NULL;
	assert_status(add(&config), NH_ENOTSUP); /* external, and nowhere else to put it */
}

/* What a heap is told to hold, and what of it does not depend on its size. */
static void control_is_scaled(void **state)
{
	(void)state;
	size_t before = 0;
	for (size_t size = 1 * KIB; size <= 256 * KIB; size *= 2) {
		nh_heap_config config = { .base = u.arena.parts[0].base,
			                  .size = size,
			                  .flags = NH_HEAP_NO_CACHES };
		size_t plain = nh_heap_control_size(&config);
		assert_true(plain >= sizeof(struct nh__heap));
		assert_true(before == 0 ||
		            (plain >= before && plain - before <= 8u * 4u + 1u + 2u * CONTROL_ALIGN));
		config.flags = 0;
		size_t cached = nh_heap_control_size(&config);
		assert_int_equal(cached > plain, NH_CACHES && size > NH_CACHE_MIN_HEAP);
		config.flags = NH_HEAP_NO_CACHES;
		config.window = (size_t)NH_GRANULE * 70000u;
		assert_true(nh_heap_control_size(&config) > plain); /* 32-bit heads */
		before = plain;
	}
	nh_heap_config one = { .base = u.arena.parts[0].base, .size = 64 * KIB, .affinity = NH_CPU(0) };
	nh_heap_config all = { .base = u.arena.parts[0].base, .size = 64 * KIB };
	assert_int_equal(nh_heap_control_size(&all) > nh_heap_control_size(&one), NH_CACHES && NH_CPUS > 1);
}

/* ---- claims ------------------------------------------------------------------------------- */

static void nothing_overlaps(void **state)
{
	(void)state;
	unsigned char *base = u.arena.parts[0].base;
	nh_heap_config config = { .base = base + 16 * KIB,
		                  .size = 16 * KIB,
		                  .window = 65600u * (size_t)NH_GRANULE };
	assert_status(add(&config), NH_OK);
	const struct {
		size_t from, size;
		nh_status expected;
	} trials[] = {
		{ 16 * KIB, 16 * KIB, NH_EOVERLAP },
		{ 12 * KIB, 8 * KIB, NH_EOVERLAP },
		{ 28 * KIB, 8 * KIB, NH_EOVERLAP },
		{ 20 * KIB, 4 * KIB, NH_EOVERLAP },
		{ 8 * KIB, 32 * KIB, NH_EOVERLAP },
		{ 15 * KIB, KIB + 1u, NH_EOVERLAP },
		{ 0, 16 * KIB, NH_OK },
		{ 32 * KIB, 8 * KIB, NH_OK },
	};
	unsigned heaps = 1;
	for (unsigned i = 0; i < sizeof trials / sizeof *trials; i++) {
		nh_heap_config trial = { .base = base + trials[i].from, .size = trials[i].size };
		unsigned reserved = numbers_given(),
			 regions = nh__load_relaxed(&u.instance->regions_reserved);
		assert_status(add(&trial), trials[i].expected);
		heaps += trials[i].expected == NH_OK;
		assert_int_equal(numbers_given(), heaps);
		if (trials[i].expected != NH_OK) {
			assert_int_equal(numbers_given(), reserved); /* nothing is half reserved */
			assert_int_equal(nh__load_relaxed(&u.instance->regions_reserved), regions);
			assert_status(nh_instance_region_add(u.instance, 0, trial.base, trial.size),
			              NH_EOVERLAP);
		}
	}
	assert_int_equal(nh_instance_heap_count(u.instance), heaps);
}

/* ---- publication -------------------------------------------------------------------------- */

/* Of two that add at once, the one that reserved second may publish first. */
static void published_out_of_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		nh_heap_config config = { .base = u.arena.parts[i].base, .size = 24 * KIB };
		assert_status(add(&config), NH_OK);
	}
	struct nh__heap *first = heap_of(0);
	nh__heap_set all = nh__load_relaxed(&u.instance->heaps);
	u.instance->heap[0] = NULL; /* as it is until then */
	nh__store_relaxed(&u.instance->heaps, 2);
	nh__first_update(u.instance);
	nh_explanation explained[2];
	assert_int_equal(nh_instance_explain(u.instance, NULL, 100, explained, 2), 1);
	assert_int_equal(explained[0].heap, 1);
	assert_status(nh_instance_trim(u.instance, -1), NH_OK);
	assert_status(nh_instance_trim(u.instance, 0), NH_ENOENT);
	assert_status(nh_instance_validate(u.instance, -1, NULL), NH_OK);
#if NH_PORT_OUTSIDERS
	nh__cpu_drain(nh_port_cpu());
	nh__fork_prepare();
	nh__fork_parent();
#endif
	u.instance->heap[0] = first;
	nh__store_relaxed(&u.instance->heaps, all);
	nh__first_update(u.instance);
	assert_status(nh_instance_validate(u.instance, -1, NULL), NH_OK);
}

/* A reserved entry without a heap is nobody's memory, whatever its bounds are. */
static void reserved_is_not_published(void **state)
{
	(void)state;
	nh_heap_config config = { .base = u.arena.parts[0].base, .size = 32 * KIB };
	assert_status(add(&config), NH_OK);
	void *block = nh_instance_malloc(u.instance, 100);
	assert_int_equal(nh_instance_heap_of(u.instance, block), 0);
#if NH_CACHES
	nh__store_relaxed(&u.instance->first[0], NH__NO_CACHE); /* as it is before publication */
#endif
	nh__store_relaxed(&u.instance->regions[0].heap, NULL);
	assert_int_equal(nh_instance_heap_of(u.instance, block), -1);
	assert_int_equal(nh__resolve(u.instance, block).fault, NH_FAULT_POINTER);
	nh__store_relaxed(&u.instance->regions[0].heap, heap_of(0));
	nh__store_relaxed(&u.instance->regions_reserved, 0);
	assert_int_equal(nh_instance_heap_of(u.instance, block), -1);
	nh__store_relaxed(&u.instance->regions_reserved, 1);
	assert_int_equal(nh_instance_heap_of(u.instance, block), 0);
	assert_null(nh__heap_by_id(u.instance, 1));
	assert_null(nh__heap_by_id(u.instance, -1));
	assert_null(nh__heap_by_id(u.instance, NH_MAX_HEAPS));
	nh__store_relaxed(&u.instance->heaps, 0);
	assert_null(nh__heap_by_id(u.instance, 0));
	nh__store_relaxed(&u.instance->heaps, 1);
	assert_ptr_equal(nh__heap_by_id(u.instance, 0), heap_of(0));
}

static void regions_are_added(void **state)
{
	(void)state;
	nh_heap_config config = { .base = u.arena.parts[0].base,
		                  .size = 32 * KIB,
		                  .window = u.configs[0].window };
	assert_status(add(&config), NH_OK);
	uint32_t total = heap_of(0)->tlsf.total;
	for (unsigned i = 1; i < 3; i++) {
		unsigned char *base = u.arena.parts[i].base + i; /* any address */
		assert_status(nh_instance_region_add(u.instance, 0, base, 10 * KIB), NH_OK);
		const struct nh__region *region = &u.instance->regions[i].region;
		assert_true(region->first - NH_HEADER >= (uintptr_t)base &&
		            region->end <= (uintptr_t)base + 10 * KIB);
		total += (uint32_t)((region->end - region->first) / NH_GRANULE);
		assert_int_equal(heap_of(0)->tlsf.total, total);
		assert_int_equal(heap_of(0)->regions, i + 1u);
		assert_int_equal(nh_instance_heap_of(u.instance, (void *)region->first), 0);
		assert_int_equal(nh_instance_heap_of(u.instance, (void *)(region->end - 1u)), 0);
		assert_int_equal(nh_instance_heap_of(u.instance, (void *)region->end), -1);
		assert_int_equal(nh_instance_heap_of(u.instance, (void *)(region->first - 1u)), -1);
	}
	assert_sound(white_sound(&heap_of(0)->tlsf));
	for (unsigned i = 3; i < NH_MAX_REGIONS; i++)
		assert_status(
			nh_instance_region_add(u.instance, 0, u.arena.parts[3].base + (i - 3u) * 64u, 64),
			NH_OK);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[3].base + 20 * KIB, 1024),
	              NH_ENOSPC);
	assert_int_equal(heap_of(0)->regions, NH_MAX_REGIONS);
	assert_sound(white_sound(&heap_of(0)->tlsf));
}

/* ---- reach -------------------------------------------------------------------------------- */

/* 16-bit heads count 65536 granules upward from the origin; wide ones do not care. Refused regions are
 * looked at by address only: nothing is written there. */
static void reach_of_heads(void **state)
{
	(void)state;
	nh_heap_config config = { .base = u.arena.parts[1].base, .size = 20 * KIB };
	assert_status(add(&config), NH_OK);
	assert_false(heap_of(0)->tlsf.wide);
	uintptr_t limit = heap_of(0)->tlsf.origin + 65536u * NH_GRANULE; /* first payload out of reach */
	assert_status(nh_instance_region_add(u.instance, 0, (void *)(limit - 2048u), 2048u + NH_GRANULE),
	              NH_ERANGE);
	assert_status(nh_instance_region_add(u.instance, 0, (void *)limit, 4096), NH_ERANGE);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[0].base, 4096),
	              NH_ERANGE); /* below */
	nh_heap_config wide = { .base = u.arena.parts[2].base,
		                .size = 20 * KIB,
		                .window = 65600u * (size_t)NH_GRANULE };
	assert_status(add(&wide), NH_OK);
	assert_true(heap_of(1)->tlsf.wide);
	assert_status(nh_instance_region_add(u.instance, 1, u.arena.parts[0].base, 4096), NH_OK);
	assert_sound(white_sound(&heap_of(1)->tlsf));
	unsigned parts = 0;
	for (unsigned i = 0; i < 2; i++) {
		void *block = nh_instance_alloc(u.instance, &(nh_request){ .heaps = 2 }, i ? 3000 : 8000);
		assert_non_null(block);
		parts |= 1u << nht_arena_find(&u.arena, block, 3000);
		nh_instance_free(u.instance, block);
	}
	assert_true(parts != 0);
#if NH_64BIT
	uintptr_t far = heap_of(1)->tlsf.origin + (uintptr_t)INT32_MAX * NH_GRANULE;
	assert_status(nh_instance_region_add(u.instance, 1, (void *)far, 4096), NH_ERANGE);
#endif
	assert_status(nh_instance_region_add(u.instance, 2, u.arena.parts[3].base, 4096), NH_ENOENT);
}

/* ---- the first cache ---------------------------------------------------------------------- */

#if NH_CACHES

static void expect_first(unsigned cpu, int heap)
{
	struct nh__cache_head *first = nh__load_relaxed(&u.instance->first[cpu]);
	if (heap < 0)
		assert_ptr_equal(first, NH__NO_CACHE);
	else
		assert_ptr_equal(first, &heap_of((unsigned)heap)->cache[cpu]->head);
}

/* Each addition may change what a CPU tries first: local before shared, caches or none. */
static void first_caches(void **state)
{
	(void)state;
	nh_heap_config config = { .base = u.arena.parts[0].base,
		                  .size = 24 * KIB,
		                  .flags = NH_HEAP_NOT_DEFAULT };
	for (unsigned cpu = 0; cpu <= NH_CPUS; cpu++)
		expect_first(cpu, -1);
	assert_status(add(&config), NH_OK);
	for (unsigned cpu = 0; cpu <= NH_CPUS; cpu++)
		expect_first(cpu, -1); /* not for plain requests */
	config = (nh_heap_config){ .base = u.arena.parts[1].base, .size = 24 * KIB };
	assert_status(add(&config), NH_OK);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		expect_first(cpu, 1);
	expect_first(NH_CPUS, -1); /* threads without a CPU */
	config = (nh_heap_config){ .base = u.arena.parts[2].base,
		                   .size = 24 * KIB,
		                   .affinity = NH_CPU(NH_CPUS - 1) };
	assert_status(add(&config), NH_OK);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		expect_first(cpu, cpu == NH_CPUS - 1u ? 2 : 1);
	for (unsigned cpu = 0; cpu + 1u < NH_CPUS; cpu++)
		assert_null(heap_of(2)->cache[cpu]);
	/* its first heap has no caches: then none, though a later one has */
	config = (nh_heap_config){ .base = u.arena.parts[3].base, .size = 8 * KIB, .affinity = NH_CPU(0) };
	assert_status(add(&config), NH_OK);
	assert_null(heap_of(3)->cache[0]);
	if (NH_CPUS > 1)
		expect_first(0, -1);
}

static void caches_are_apart(void **state)
{
	(void)state;
	nh_heap_config config = { .base = u.arena.parts[0].base, .size = 64 * KIB };
	assert_status(add(&config), NH_OK);
	const struct nh__heap *heap = heap_of(0);
	size_t size = sizeof(struct nh__cache) + (NH_CPUS > 1 ? NH_CLASSES * sizeof(uint32_t) : 0u);
	uintptr_t before = (uintptr_t)(heap->shared + NH_CLASSES);
	assert_true((uintptr_t)heap->shared >= (uintptr_t)heap->tlsf.map + heap->tlsf.lists / 8u);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		const struct nh__cache *cache = heap->cache[cpu];
		assert_true((uintptr_t)cache >= before && (uintptr_t)cache % 8u == 0);
		before = (uintptr_t)cache + size;
		assert_true(cache->head.first == heap->tlsf.origin + NH_GRANULE - NH_HEADER &&
		            cache->head.secret == heap->tlsf.secret);
		assert_int_equal(cache->head.limit, heap->tlsf.total);
		assert_int_equal(nh__load_relaxed(&cache->head.gate.busy), 0);
	}
	assert_true(before <= u.instance->control[0].end);
}

#endif

/* ---- resolving ---------------------------------------------------------------------------- */

static nh_fault_code fault_of(const void *address)
{
	struct nh__block_ref ref = nh__resolve(u.instance, address);
	assert_int_equal(ref.heap != NULL, ref.fault == NH_FAULT_NONE);
	return ref.fault;
}

static void resolving(void **state)
{
	(void)state;
	nh_heap_config config = { .base = u.arena.parts[0].base, .size = 64 * KIB };
	assert_status(add(&config), NH_OK);
	unsigned char *block = nh_instance_malloc(u.instance, 100),
		      *other = nh_instance_malloc(u.instance, 100);
	struct nh__block_ref ref = nh__resolve(u.instance, block);
	assert_ptr_equal(ref.heap, heap_of(0));
	assert_true(nh__owner_is_live(ref.owner));
	assert_int_equal(ref.fault, NH_FAULT_NONE);
	for (size_t off = 1; off < NH_GRANULE; off++)
		assert_int_equal(fault_of(block + off), NH_FAULT_POINTER);
	if (NH_HEADER % NH_GRANULE !=
	    0) { /* misaligned is refused even where the payload looks like a header */
		struct nh__block *fake = (struct nh__block *)(void *)block;
		nh__store_relaxed(&fake->owner, NH__OWNER_LARGE);
#if NH_WIDE
		fake->key = nh__block_key(heap_of(0)->tlsf.secret, fake);
#endif
		assert_int_equal(fault_of(block + NH_HEADER), NH_FAULT_POINTER);
	}
	assert_int_equal(fault_of(NULL), NH_FAULT_POINTER);
	assert_int_equal(fault_of(u.arena.parts[1].base), NH_FAULT_POINTER);
	assert_int_equal(fault_of(heap_of(0)), NH_FAULT_POINTER); /* control memory */
	assert_int_equal(fault_of((void *)heap_of(0)->tlsf.regions->end), NH_FAULT_POINTER); /* the fence */
	nh_instance_free(u.instance, block);
	assert_int_equal(fault_of(block), NH_FAULT_DOUBLE_FREE);
	const unsigned live = nh__load_relaxed(&nh__block_at(other)->owner);
	for (unsigned owner = 0; owner < 256; owner++) {
		nh__store_relaxed(&nh__block_at(other)->owner, (uint8_t)owner);
		nh_fault_code expected = nh__owner_is_live((uint8_t)owner)
		                                 ? (NHT_EXACT && owner != live ? NH_FAULT_NEIGHBOUR : NH_FAULT_NONE)
		                         : owner == NH__OWNER_CACHED || owner == NH__OWNER_TLSF ||
		                                         (NHT_EXACT && (owner == NH__OWNER_BUSY || owner == NH__OWNER_GONE))
		                                 ? NH_FAULT_DOUBLE_FREE
		                                 : NH_FAULT_POINTER;
		assert_int_equal(fault_of(other), expected);
	}
	nh__store_relaxed(&nh__block_at(other)->owner, (uint8_t)live);
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
	nh__block_at(other)->key ^= 0x100;
	assert_int_equal(fault_of(other), NH_FAULT_POINTER);
	nh__block_at(other)->key ^= 0x100;
#endif
	assert_int_equal(fault_of(other), NH_FAULT_NONE);
}

#define TEST(function) unit_case_damaged(function, set_up_empty)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(control_at_the_head),
		TEST(control_apart),
		TEST(control_is_scaled),
		TEST(nothing_overlaps),
		TEST(regions_are_added),
		TEST(published_out_of_order),
		TEST(reserved_is_not_published),
		TEST(reach_of_heads),
#if NH_CACHES
		TEST(first_caches),
		TEST(caches_are_apart),
#endif
		TEST(resolving),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

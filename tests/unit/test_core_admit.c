/* SPDX-License-Identifier: MIT */
/*
 * core/admit.c, part by part and at its bounds: what a configuration comes to, where its parts lie, how far a heap reaches,
 * what caches may hold as regions come and go. The source is included, because these are static there.
 */
#include "core/admit.c"
#include "core/retain.h"

#include "white.h"

#define BASE ((uintptr_t)1 << 20)
#define HALF_WORD 65536u /* granules that 16-bit heads count, the origin's included */

static nh_heap_config of_granules(size_t granules)
{
	return (nh_heap_config){.base = (void *)BASE, .size = granules * NH_GRANULE, .flags = NH_HEAP_NO_CACHES};
}

static struct plan plan_of(const nh_heap_config *config)
{
	struct plan plan;
	memset(&plan, 0xa5, sizeof plan);
	assert_status(plan_make(&plan, config), NH_OK);
	return plan;
}

/* ---- plans -------------------------------------------------------------------------------- */

static void largest_and_too_large(void **state)
{
	(void)state;
#if NH_64BIT || !NH_WIDE
	nh_heap_config config = of_granules(NH_SPAN_MAX);
	struct plan plan = plan_of(&config);
	assert_int_equal(plan.granules, NH_SPAN_MAX);
	config.size += NH_GRANULE;
	assert_status(plan_make(&plan, &config), NH_ERANGE);
	assert_int_equal(nh_heap_control_size(&config), 0);
#else
	unit_skip("more than the addresses there are");
#endif
}

/* 16-bit heads reach over a granule in front of the first block, and the region's end. */
static void width_of_heads(void **state)
{
	static const struct {
		size_t granules, window;
		bool wide;
	} trials[] = {
		{HALF_WORD - 2u, 0, false},
		{HALF_WORD - 1u, 0, true},
		{100, HALF_WORD, false},
		{100, HALF_WORD + 1u, true},
		{HALF_WORD - 2u, HALF_WORD - 2u, false},
		{HALF_WORD - 1u, HALF_WORD - 2u, true},
		{HALF_WORD - 1u, HALF_WORD - 4u, true},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof trials / sizeof *trials; i++) {
		nh_heap_config config = of_granules(trials[i].granules);
		config.window = trials[i].window * NH_GRANULE;
		struct plan plan = plan_of(&config);
		assert_int_equal(plan.wide, trials[i].wide);
		assert_true(plan.window >= plan.granules + 2u);
		assert_int_equal(plan.lists, nh__tlsf_lists_size(plan.largest, trials[i].wide));
	}
}

/* A region of 1024 granules has no block so large: the header that ends it is in there. */
static void lists_for_the_largest_block(void **state)
{
	(void)state;
	static const size_t granules[] = {1, 2, 1023, 1024, 1025};
	for (unsigned i = 0; i < 5; i++) {
		nh_heap_config config = of_granules(granules[i]);
		struct plan plan = plan_of(&config);
		assert_int_equal(plan.largest, granules[i] - 1u);
		assert_int_equal(plan.lists, nh__tlsf_lists_size((uint32_t)granules[i] - 1u, false));
		size_t least = sizeof(struct nh__heap) + plan.lists;
		assert_true(plan.total >= least && plan.total < least + CONTROL_ALIGN + 4u);
		assert_int_equal(plan.total % CONTROL_ALIGN, 0);
		assert_int_equal(plan.total, nh_heap_control_size(&config));
	}
	nh_heap_config config = of_granules(1);
	config.size = NH_GRANULE - 1u;
	assert_int_equal(plan_of(&config).largest, 0);
}

#if NH_CACHES

/* Of so many CPUs each its own, apart from each other by lines. */
static void room_for_caches(void **state)
{
	(void)state;
	for (unsigned locals = 1; locals <= NH_CPUS && locals < 32; locals++) {
		nh_heap_config config = of_granules(4096);
		config.size = NH_CACHE_MIN_HEAP;
		config.affinity = (UINT32_C(1) << locals) - 1u;
		config.flags = 0;
		assert_false(plan_of(&config).cached);
		config.size++;
		struct plan plan = plan_of(&config);
		assert_true(plan.cached);
		assert_int_equal(plan.locals, locals);
		assert_int_equal(plan.two, locals > 1);
		size_t each = sizeof(struct nh__cache) + (locals > 1 ? NH_CLASSES * sizeof(uint32_t) : 0u);
		assert_true(plan.cache_each >= each && plan.cache_each < each + NH_PORT_LINE);
		assert_int_equal(plan.cache_each % NH_PORT_LINE, 0);
		assert_int_equal(plan.shared, NH_CLASSES * sizeof(struct nh__shared));
		assert_int_equal(plan.caches, locals * plan.cache_each + NH_PORT_LINE);
		assert_true(plan.total >= sizeof(struct nh__heap) + plan.lists + plan.shared + plan.caches);
		assert_int_equal(plan.total % CONTROL_ALIGN, 0);
	}
	nh_heap_config config = of_granules(4096);
	config.affinity = 0;
	assert_int_equal(plan_of(&config).locals, NH_CPUS);
#if NH_CPUS < 32
	struct plan plan;
	config.affinity = NH_CPU(NH_CPUS);
	assert_status(plan_make(&plan, &config), NH_EINVAL);
#endif
}

#endif

/* ---- sites -------------------------------------------------------------------------------- */

static nh_status site_of(const nh_heap_config *config, uint32_t head, struct site *site)
{
	struct plan plan = plan_of(config);
	return site_make(site, &plan, config, head);
}

/* Control memory and region may touch, either one first. */
static void side_by_side(void **state)
{
	(void)state;
	nh_heap_config config = of_granules(1000);
	struct site site;
	size_t control = nh_heap_control_size(&config);
	uintptr_t end = BASE + config.size;
	config.control_size = control;
	config.control = (void *)end;
	assert_status(site_of(&config, 0, &site), NH_OK);
	assert_true(site.control == end && site.control_end == end + control && site.end <= end);
	config.control = (void *)(end - CONTROL_ALIGN);
	assert_status(site_of(&config, 0, &site), NH_EOVERLAP);
	config.control = (void *)(BASE - control);
	assert_status(site_of(&config, 0, &site), NH_OK);
	assert_true(site.control_end == BASE && site.first >= BASE);
	config.control = (void *)(BASE - control + CONTROL_ALIGN);
	assert_status(site_of(&config, 0, &site), NH_EOVERLAP);
	config.control_size = 2u * control; /* what is more is not used */
	config.control = (void *)(BASE - control);
	assert_status(site_of(&config, 0, &site), NH_OK);
	assert_int_equal(site.control_end, BASE);
	config.control_size = (size_t)(0u - BASE + control); /* up to the last address, and one byte more */
	assert_status(site_of(&config, 0, &site), NH_EWRAP);
	config.control_size--;
	assert_status(site_of(&config, 0, &site), NH_OK);
}

/* What stays free in front of the region is as asked for, with both kinds of control memory. */
static void room_in_front(void **state)
{
	(void)state;
	nh_heap_config config = of_granules(1000);
	struct site plain, with;
	for (unsigned apart = 0; apart < 2; apart++) {
		assert_status(site_of(&config, 0, &plain), NH_OK);
		assert_status(site_of(&config, 4u * NH_GRANULE, &with), NH_OK);
		assert_int_equal(with.first - plain.first, 4u * NH_GRANULE);
		assert_int_equal(with.end, plain.end);
		assert_status(site_of(&config, (uint32_t)config.size, &with), NH_ESMALL);
		assert_status(site_of(&config, (uint32_t)config.size + 1u, &with), NH_ESMALL);
		assert_status(site_of(&config, UINT32_MAX, &with), NH_ESMALL);
		config.control_size = nh_heap_control_size(&config);
		config.control = (void *)(2u * BASE);
	}
}

/* ---- reach -------------------------------------------------------------------------------- */

static void how_far_heads_reach(void **state)
{
	(void)state;
	static struct nh__heap heap;
	const uintptr_t origin = 16u * BASE, far = origin + (uintptr_t)HALF_WORD * NH_GRANULE;
	heap.tlsf.origin = origin;
	heap.tlsf.wide = 0;
	assert_true(in_reach(&heap, origin + NH_GRANULE, far));
	assert_true(in_reach(&heap, far - NH_GRANULE, far));
	assert_false(in_reach(&heap, far, far + NH_GRANULE));
	assert_false(in_reach(&heap, origin, far));
	assert_false(in_reach(&heap, origin - NH_GRANULE, origin + NH_GRANULE));
	heap.tlsf.wide = 1;
	assert_true(in_reach(&heap, far, far + NH_GRANULE));
	assert_true(in_reach(&heap, BASE, 2u * BASE));
#if NH_64BIT
	const uintptr_t wide = (uintptr_t)INT32_MAX * NH_GRANULE;
	heap.tlsf.origin = 4u * wide;
	assert_true(in_reach(&heap, 4u * wide + NH_GRANULE, 5u * wide));
	assert_false(in_reach(&heap, 4u * wide + NH_GRANULE, 5u * wide + 1u));
	assert_true(in_reach(&heap, 3u * wide, 3u * wide + NH_GRANULE));
	assert_false(in_reach(&heap, 3u * wide - 1u, 3u * wide + NH_GRANULE));
#endif
}

#if NH_CACHES

/* Chain words count from the first block: the farthest region says how far, and what none can name makes a heap far. */
static void how_far_chains_reach(void **state)
{
	(void)state;
	static struct nh__heap heap;
	const uintptr_t first = 64u * BASE, most = (uintptr_t)NH__WINDOW * NH_GRANULE;
	heap.tlsf.origin = first - NH_GRANULE;
	reach_add(&heap, first + 100u * NH_GRANULE);
	assert_int_equal(heap.reach, 100);
	reach_add(&heap, first + 50u * NH_GRANULE);
	assert_int_equal(heap.reach, 100);
	reach_add(&heap, first);
	assert_int_equal(heap.reach, 100);
	assert_false(heap.far);
	reach_add(&heap, first - NH_GRANULE); /* below */
	assert_true(heap.far);
	assert_int_equal(heap.reach, 100);
#if NH_64BIT
	heap.far = false;
	reach_add(&heap, first + most);
	assert_false(heap.far);
	assert_int_equal(heap.reach, NH__WINDOW);
	heap.reach = 100;
	reach_add(&heap, first + most + NH_GRANULE);
	assert_true(heap.far);
	assert_int_equal(heap.reach, NH__WINDOW);
#else
	(void)most;
#endif
}

/* ---- what caches may hold ----------------------------------------------------------------- */

static void budgets(void **state)
{
	(void)state;
	static struct nh__heap heap;
	uint32_t budget = 10, owed = 0;
	heap.allowance = 50;
	budget_take(&heap, &budget, &owed, 4);
	assert_true(budget == 6 && owed == 0 && heap.allowance == 46);
	budget_take(&heap, &budget, &owed, 9); /* three of them are in use as caps */
	assert_true(budget == 0 && owed == 3 && heap.allowance == 40);
	budget_take(&heap, &budget, &owed, 1);
	assert_true(budget == 0 && owed == 4 && heap.allowance == 40);
	budget_give(&heap, &budget, &owed, 3);
	assert_true(budget == 0 && owed == 1 && heap.allowance == 40);
	budget_give(&heap, &budget, &owed, 8);
	assert_true(budget == 7 && owed == 0 && heap.allowance == 47);
}

/* What a region brings, and what it takes along. */
static void shares(void **state)
{
	(void)state;
	static struct nh__heap heap;
	const uint32_t granules = 100u << NH_CACHE_SHARE;
	budget_add(&heap, granules);
	nh__budget_shrink(&heap, granules);
	assert_true(heap.budget == 0 && heap.inbox_budget == 0 && heap.owed == 0 && heap.inbox_owed == 0);
	for (unsigned others = 0; others < 2 && others < NH_CPUS; others++) {
		heap = (struct nh__heap){.shared = (struct nh__shared *)&heap, .locals = (uint16_t)(NH_CPUS - others)};
		uint32_t inboxes = others ? 25 : 0;
		budget_add(&heap, granules);
		assert_int_equal(heap.inbox_budget, inboxes);
		assert_int_equal(heap.budget, 100u - inboxes);
		assert_int_equal(heap.allowance, 100);
		heap.budget -= 10;
		nh__budget_shrink(&heap, granules);
		assert_int_equal(heap.inbox_budget + heap.budget, 0);
		assert_int_equal(heap.owed, 10);
		assert_int_equal(heap.inbox_owed, 0);
		assert_int_equal(heap.allowance, 10);
	}
}

/* Halved where a CPU has two, and again in a small heap; a quarter may be none, but one of the large. */
static void caps(void **state)
{
	(void)state;
	static _Alignas(64) unsigned char memory[256 * 1024];
	for (unsigned trial = 0; trial < 4; trial++) {
		bool small = trial % 2 != 0, two = trial / 2 != 0;
		if (two && NH_CPUS == 1)
			break;
		struct nh__heap *heap = (struct nh__heap *)(void *)memory;
		struct plan plan = {.granules = NH_CACHE_SMALL_HEAP / NH_GRANULE + !small, .two = two, .locals = two ? 2 : 1};
		unsigned halvings = small + two;
		memset(heap, 0, sizeof *heap);
		plan.shared = NH_CLASSES * sizeof(struct nh__shared);
		plan.cache_each = ALIGN_UP(sizeof(struct nh__cache) + NH_CLASSES * sizeof(uint32_t), NH_PORT_LINE);
		heap->affinity = two ? 3 : 1;
		caches_build(heap, &plan, (unsigned char *)(heap + 1), 5);
		assert_int_equal(heap->cap_small, NH_CAP_SMALL >> halvings);
		assert_int_equal(heap->cap_large, NH_CAP_LARGE >> halvings > 0 ? NH_CAP_LARGE >> halvings : 1);
		assert_int_equal(heap->refill, small && NH_REFILL > 1 ? NH_REFILL / 2 : NH_REFILL);
		assert_int_equal(heap->two, two);
		assert_int_equal(heap->locals, plan.locals);
		assert_ptr_equal(heap->shared, heap + 1);
		for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
			assert_int_equal(heap->cache[cpu] != NULL, cpu < plan.locals);
		assert_int_equal((uintptr_t)heap->cache[0] % NH_PORT_LINE, 0);
		assert_true((uintptr_t)heap->cache[0] - (uintptr_t)(heap->shared + NH_CLASSES) < NH_PORT_LINE);
		if (two)
			assert_int_equal((uintptr_t)heap->cache[1] - (uintptr_t)heap->cache[0], plan.cache_each);
		assert_int_equal(nh__load_relaxed(&heap->cache[0]->head.limit), 5);
	}
}

/* While a freeze holds the gates shut, a region that is added opens no bound: the freeze's end does. */
static void a_region_comes_in_a_freeze(void **state)
{
	(void)state;
#if NH__GATE && NH_PORT_GATE_BOUNDS
	static struct nh__heap heap;
	static struct nh__cache cache;
	heap.reach = 7;
	heap.freeze.phase = NH__DRAIN;
	reach_set(&heap, &cache.head);
	assert_int_equal(nh__load_relaxed(&cache.head.reach), nh__chain_bound(7));
	assert_int_equal(nh__load_relaxed(&cache.head.open), 0);
#else
	unit_skip("hits look at the gate's word");
#endif
}

#endif

/* ---- what is in use ----------------------------------------------------------------------- */

static unit u;

static int set_up(void **state)
{
	static const size_t sizes[] = {32 * KIB, 16 * KIB, 16 * KIB, 16 * KIB};
	*state = &u;
	unit_lay_out(&u, 4, sizes);
	unit_begin(&u, 0);
	return 0;
}

/* A CPU that is none, named beside one that is: nobody is near to it. */
static void near_to_nobody(void **state)
{
	(void)state;
	nh_heap_config config = u.configs[0];
	config.affinity = NH_CPU(0) | (NH_CPUS < 32 ? NH_CPU(NH_CPUS % 32) : 0);
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_OK);
	for (unsigned cpu = 0; cpu <= NH_CPUS; cpu++)
		assert_int_equal(nh__load_relaxed(&u.instance->local[cpu]), cpu == 0);
	assert_int_equal(nh__load_relaxed(&u.instance->shared), 0);
}

/* Each attribute's set, and no other's. */
static void sets_of_attributes(void **state)
{
	(void)state;
	nh_heap_config config = u.configs[0];
	config.attributes = NH_ATTR_DMA | NH_ATTR_USER(15);
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_OK);
	for (unsigned bit = 0; bit < 32; bit++)
		assert_int_equal(nh__load_relaxed(&u.instance->has[bit]), bit == 0 || bit == 31);
	assert_ptr_equal(u.instance->heap[0], nh__heap_by_id(u.instance, 0));
}

/* The records of all retained heaps are in use, also where control memory is apart. */
static void records_are_in_use(void **state)
{
	(void)state;
	static _Alignas(64) unsigned char control[2][8 * KIB + NH_CPUS * 4 * KIB];
	nh_heap_config config = u.configs[3];
	for (unsigned i = 0; i < 2; i++) {
		u.configs[i].control = control[i];
		u.configs[i].control_size = sizeof control[i];
		u.configs[i].attributes = NH_ATTR_RETAINED;
	}
	/* the first only says so: the granule in front of it is nobody's */
	assert_status(nh_instance_heap_add(u.instance, &u.configs[0], NULL), NH_OK);
	assert_false(nh__in_use(u.instance, (uintptr_t)u.configs[0].base - 64u, (uintptr_t)u.configs[0].base - 1u));
	assert_status(nh_instance_heap_add_retained(u.instance, &u.configs[1], NULL, NULL), NH_OK);
	uintptr_t record = (uintptr_t)nh__record_of(nh__heap_by_id(u.instance, 1));
	assert_true(nh__in_use(u.instance, record, record + 1u));
	assert_true(nh__in_use(u.instance, record + 4u, record + sizeof(struct nh__record)));
	assert_false(nh__in_use(u.instance, record - 1u, record));
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_OK); /* and the rest is not */
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_OK);
	assert_false(nh__in_use(u.instance, record, record + 1u));
	assert_status(nh_instance_heap_remove(u.instance, 2, NULL), NH_OK);
}

/* A region that would lie on the heap's origin is out of reach before anybody looks whose memory that is. */
static void on_the_origin(void **state)
{
	(void)state;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[0], NULL), NH_OK);
	const struct nh__heap *heap = nh__heap_by_id(u.instance, 0);
	if (heap->tlsf.wide || NH__STARTS)
		return;
	assert_status(nh_instance_region_add(u.instance, 0, (void *)(heap->tlsf.origin - NH_HEADER), 256), NH_ERANGE);
	assert_false(nh__heap_grows(u.instance, heap->id));
}

/* What the lock hold before found and nobody told yet. */
static void damage_is_told(void **state)
{
	(void)state;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[0], NULL), NH_OK);
	struct nh__tlsf *tlsf = &nh__heap_by_id(u.instance, 0)->tlsf;
	tlsf->fault = NH_FAULT_LIST;
	tlsf->fault_at = tlsf;
	unit_add_region(&u, 0, 1);
	unit_expect_fault(NH_FAULT_LIST, tlsf);
}

/* A handler on top of the admin lock may not wait for another one. */
static void no_other_lock_inside(void **state)
{
	(void)state;
	unsigned cpu = NH_CPUS + 1u;
	nh_port_irq irq = nh__admin_enter(u.instance, &cpu);
	bool another = nh_port_lock_begin();
	nh__admin_leave(u.instance, cpu, irq);
	assert_false(another);
	assert_int_equal(cpu, nh_port_cpu());
	assert_true(nh_port_lock_begin());
	nh_port_lock_end();
}

#if NH_CACHES && NH__GATE

/* Where an open gate is no 0, a cache begins with that. Fences are forced for the rest of the program: the last test. */
static void gates_begin_open(void **state)
{
	(void)state;
	nh_host_force_fences();
	assert_int_not_equal(NH_PORT_GATE_OPEN, 0);
	assert_status(nh_instance_heap_add(u.instance, &u.configs[0], NULL), NH_OK);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		assert_int_equal(nh__load_relaxed(&u.instance->heap[0]->cache[cpu]->head.gate.seized), NH_PORT_GATE_OPEN);
}

#endif

/* A heap is taken out of service after the region's entry was reserved: it gets no region, and the memory is free for others. */
static void region_of_a_heap_out_of_service(void **state)
{
	(void)state;
	nht_part part = u.arena.parts[2];
	int broken, other;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[0], &broken), NH_OK);
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], &other), NH_OK);
	struct nh__heap *heap = u.instance->heap[broken];
	nh__tlsf_condemn(&heap->tlsf);
	assert_status(nh_instance_region_add(u.instance, broken, part.base, part.size), NH_ECORRUPT);
	assert_null(heap->tlsf.regions);
	for (unsigned i = 0; i < NH_MAX_REGIONS; i++)
		assert_int_equal(u.instance->adding[i], 0);
	assert_status(nh_instance_region_add(u.instance, other, part.base, part.size), NH_OK);
}

#define WITH(function) unit_case(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(largest_and_too_large),
		cmocka_unit_test(width_of_heads),
		cmocka_unit_test(lists_for_the_largest_block),
		cmocka_unit_test(side_by_side),
		cmocka_unit_test(room_in_front),
		cmocka_unit_test(how_far_heads_reach),
#if NH_CACHES
		cmocka_unit_test(room_for_caches),
		cmocka_unit_test(how_far_chains_reach),
		cmocka_unit_test(budgets),
		cmocka_unit_test(shares),
		cmocka_unit_test(caps),
		cmocka_unit_test(a_region_comes_in_a_freeze),
#endif
		WITH(near_to_nobody),
		unit_case_damaged(region_of_a_heap_out_of_service, set_up),
		WITH(sets_of_attributes),
		WITH(records_are_in_use),
		WITH(on_the_origin),
		WITH(damage_is_told),
		WITH(no_other_lock_inside),
#if NH_CACHES && NH__GATE
		WITH(gates_begin_open),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

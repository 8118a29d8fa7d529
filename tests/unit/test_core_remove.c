/* SPDX-License-Identifier: MIT */
/*
 * What a removal leaves in the tables: nothing, so that a region or heap that comes after does not inherit anything; and
 * what it makes of damaged memory. tests/unit/test_api_remove.c has what programs see.
 */
#include <string.h>

#include "white.h"

static unit u;
static _Alignas(64) unsigned char apart[2][64 * KIB];

/* Heaps 0 and 1 over parts 0 and 1, with their control memory elsewhere; part 2 is a region of both in turn. */
static int set_up(void **state)
{
	static const size_t sizes[] = {40 * KIB, 40 * KIB, 24 * KIB, 24 * KIB};
	*state = &u;
	unit_lay_out(&u, 4, sizes);
	for (unsigned i = 0; i < 2; i++) {
		u.configs[i].control = apart[i];
		u.configs[i].control_size = sizeof apart[i];
	}
	unit_begin(&u, 2);
	return 0;
}

static nh_status remove_part(int heap, unsigned part)
{
	return nh_instance_region_remove(u.instance, heap, u.arena.parts[part].base, NULL);
}

/* So many entries are somebody's, and the others say nothing at all. */
static void assert_entries(unsigned used)
{
	unsigned found = 0;
	for (unsigned i = 0; i < NH_MAX_REGIONS; i++) {
		struct nh__region_entry *entry = &u.instance->regions[i];
		if (nh__load_relaxed(&entry->heap) != NULL) {
			found++;
			continue;
		}
		assert_int_equal(nh__load_relaxed(&entry->first), 0);
		assert_int_equal(nh__load_relaxed(&entry->end), 0);
		assert_int_equal(entry->region.first, 0);
		assert_int_equal(entry->region.end, 0);
	}
	assert_int_equal(found, used);
}

static void assert_thawed(struct nh__heap *heap)
{
#if NH_CACHES && NH__GATE
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.waiters, 0);
#else
	(void)heap;
#endif
	assert_null(u.instance->removal.heap);
}

static void entries_are_cleared(void **state)
{
	(void)state;
	unit_add_region(&u, 0, 2);
	assert_entries(3);
	assert_status(remove_part(0, 2), NH_OK);
	assert_entries(2);
	assert_thawed(u.instance->heap[0]);
	struct nh__heap *heap = u.instance->heap[0];
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_OK); /* after its region: no entry is left to stumble over */
	assert_entries(1);
	assert_thawed(heap);
	assert_int_equal(u.instance->control[0].base, 0);
	assert_int_equal(u.instance->control[0].end, 0);
}

static void a_refusal_thaws(void **state)
{
	(void)state;
	const nh_request first = {.heaps = 1u};
	void *block = nh_instance_alloc(u.instance, &first, 100);
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_EBUSY);
	assert_thawed(u.instance->heap[0]);
	assert_entries(2);
	nh_instance_free(u.instance, block);
}

/* Also where no control memory marks it: hits compare with its bounds. */
static void a_first_region_stays(void **state)
{
	(void)state;
	unit_add_region(&u, 1, 2);
	assert_status(remove_part(1, 1), NH_ENOTSUP);
	assert_status(remove_part(1, 2), NH_OK);
	assert_status(remove_part(0, 0), NH_ENOTSUP);
	assert_status(remove_part(0, 1), NH_ENOENT);
	assert_entries(2);
}

/* Where the control memory lies does not matter to other regions, be they below or above it. */
static void control_on_either_side(void **state)
{
	(void)state;
	/* a heap's regions lie above its first */
	unsigned first = u.arena.parts[2].base < u.arena.parts[3].base ? 2 : 3, second = 5u - first;
	nh_heap_config config = {
		.base = u.arena.parts[first].base, .size = u.arena.parts[first].size, .flags = NH_HEAP_NO_CACHES};
	unsigned char *below = u.arena.parts[second].base, *middle = below + 8 * KIB, *above = middle + 8 * KIB;
	int number;
	config.window = (size_t)1 << 20; /* counts for the control memory's size */
	config.control = middle;
	config.control_size = nh_heap_control_size(&config);
	assert_in_range(config.control_size, 1, 8 * KIB);
	assert_status(nh_instance_heap_add(u.instance, &config, &number), NH_OK);
	assert_int_equal(number, 2);
	assert_status(nh_instance_region_add(u.instance, number, below, 4 * KIB), NH_OK);
	assert_status(nh_instance_region_remove(u.instance, number, below, NULL), NH_OK);
	assert_status(nh_instance_region_add(u.instance, number, above, 4 * KIB), NH_OK);
	assert_status(nh_instance_region_remove(u.instance, number, above, NULL), NH_OK);
	assert_status(nh_instance_region_remove(u.instance, number, middle, NULL), NH_ENOTSUP);
	/* where it was given may be the alignment of control memory below it, and no more */
	const size_t alignment = NH_64BIT ? 16u : 8u;
	assert_status(nh_instance_region_remove(u.instance, number, middle - alignment + 1, NULL), NH_ENOTSUP);
	assert_status(nh_instance_region_remove(u.instance, number, middle - alignment, NULL), NH_ENOENT);
	assert_status(nh_instance_heap_remove(u.instance, number, NULL), NH_OK);
}

static void somebody_else_is_removing(void **state)
{
	(void)state;
	unit_add_region(&u, 0, 2);
	u.instance->removal = (struct nh__removal){.heap = u.instance->heap[1], .cpu = 0};
	assert_status(remove_part(0, 2), NH_EBUSY);
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_EBUSY);
	assert_ptr_equal(u.instance->removal.heap, u.instance->heap[1]);
	u.instance->removal.heap = NULL;
	u.instance->adding[5] = nh__adding_by(0, 0); /* a region is under way to it */
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_EBUSY);
	u.instance->adding[5] = 0;
	assert_status(remove_part(0, 2), NH_OK);
}

/* ---- a number that is given again --------------------------------------------------------- */

static _Alignas(64) unsigned char control[64 * KIB];

static int add_like(uint32_t attributes, uint32_t affinity, uint32_t flags)
{
	nh_heap_config config = {.base = u.arena.parts[3].base, .size = u.arena.parts[3].size};
	int number = -1;
	config.control = control; /* external memory demands that */
	config.control_size = sizeof control;
	config.attributes = attributes;
	config.affinity = affinity;
	config.flags = flags;
	assert_status(nh_instance_heap_add(u.instance, &config, &number), NH_OK);
	assert_int_equal(number, 2);
	return number;
}

static void drop_added(void)
{
	assert_status(nh_instance_heap_remove(u.instance, 2, NULL), NH_OK);
}

static void attributes_are_not_inherited(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		const nh_request request = {.require = UINT32_C(1) << bit};
		add_like(request.require, 0, 0);
		void *block = nh_instance_alloc(u.instance, &request, 40);
		assert_int_equal(nh_instance_heap_of(u.instance, block), 2);
		nh_instance_free(u.instance, block);
		drop_added();
		add_like(0, 0, 0);
		assert_null(nh_instance_alloc(u.instance, &request, 40));
		drop_added();
	}
}

/* Nor that it was for everybody. */
static void eligibility_is_not_inherited(void **state)
{
	(void)state;
	add_like(0, 0, 0);
	drop_added();
	add_like(0, 0, NH_HEAP_NOT_DEFAULT);
	void *all = unit_take_all(&u, 3000, NULL);
	for (void **block = all; block != NULL; block = *block)
		assert_int_not_equal(nh_instance_heap_of(u.instance, block), 2);
	unit_free_chain(&u, all);
	drop_added();
}

#if NH_CPUS > 1

static void nearness_is_not_inherited(void **state)
{
	(void)state;
	const nh_request near = {.heaps = 1u << 2, .flags = NH_NO_FOREIGN};
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		const uint32_t own = NH_CPU(cpu), others = NH_CPU(1u - cpu);
		assert_status(nh_host_attach((int)cpu), NH_OK);
		for (unsigned shared = 0; shared < 2; shared++) {
			add_like(0, shared ? 0 : own, 0);
			void *block = nh_instance_alloc(u.instance, &near, 40);
			assert_non_null(block);
			nh_instance_free(u.instance, block);
			drop_added();
			add_like(0, others, 0);
			assert_null(nh_instance_alloc(u.instance, &near, 40));
			drop_added();
		}
	}
	assert_status(nh_host_attach(0), NH_OK);
}

#endif

/* ---- damage ------------------------------------------------------------------------------- */

#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE

/* A span that leads nowhere ends the sweep: the memory stays. */
static void a_damaged_span_keeps_it(void **state)
{
	(void)state;
	static const uint32_t spans[] = {0, 1u << 20};
	unit_add_region(&u, 0, 2);
	struct nh__block *block = nh__block_at((void *)u.instance->heap[0]->tlsf.regions->first);
	uint32_t span = block->span;
	for (unsigned i = 0; i < 2; i++) {
		size_t live = 0;
		block->span = spans[i];
		assert_status(nh_instance_region_remove(u.instance, 0, u.arena.parts[2].base, &live), NH_EBUSY);
		assert_int_equal(live, 1);
		assert_entries(3);
	}
	block->span = span;
	assert_status(remove_part(0, 2), NH_OK);
}

/* A block whose links are damaged cannot be held: that is reported, and counts as a live one. */
static void a_damaged_list_keeps_it(void **state)
{
	(void)state;
	unit_add_region(&u, 0, 2);
	struct nh__block *block = nh__block_at((void *)u.instance->heap[0]->tlsf.regions->first);
	memset(nh__payload(block), 0xa5, 8);
	assert_status(remove_part(0, 2), NH_EBUSY);
	assert_true(nht_fault_count() != 0);
	assert_int_equal(nht_fault_get(0).code, NH_FAULT_LIST);
	nht_fault_clear();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case_damaged(entries_are_cleared, set_up),
		unit_case(a_refusal_thaws, set_up),
		unit_case(a_first_region_stays, set_up),
		unit_case(control_on_either_side, set_up),
		unit_case(somebody_else_is_removing, set_up),
		unit_case(attributes_are_not_inherited, set_up),
		unit_case(eligibility_is_not_inherited, set_up),
#if NH_CPUS > 1
		unit_case(nearness_is_not_inherited, set_up),
#endif
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
		unit_case_damaged(a_damaged_span_keeps_it, set_up),
		unit_case_damaged(a_damaged_list_keeps_it, set_up),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

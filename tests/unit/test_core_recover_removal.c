/* SPDX-License-Identifier: MIT */
/* A CPU that stopped at the end of a removal, in each of its steps: whoever recovers it ends the removal. */
#include "stopped.h"

#if STOPPED_SKIPPED

int main(void)
{
	return unit_all_skipped("needs caches, gates, two CPUs and locks that can be recovered");
}

#else

/* A removal by the dead CPU that has found nothing out; region NULL = the other heap and all of its regions. */
static void decided(const struct nh__region *region)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	u.instance->removal = (struct nh__removal){.heap = other, .region = region, .cpu = DEAD, .decided = true};
	if (region == NULL)
		nh__heap_hide(u.instance, other->id);
	struct nh__tally tally = nh__sweep(u.instance, &u.instance->removal, NH__HOLD, &note);
	assert_int_equal(tally.live + tally.cached, 0);
}

static void assert_nobodys(const struct nh__region_entry *entry)
{
	assert_null(nh__load_relaxed(&entry->heap));
	assert_int_equal(nh__load_relaxed(&entry->first), 0);
	assert_int_equal(nh__load_relaxed(&entry->end), 0);
	assert_int_equal(entry->region.first, 0);
	assert_int_equal(entry->region.end, 0);
}

static void inside_admin(void)
{
	nh__store_relaxed(&u.instance->admin.word, DEAD + 1u);
	nh__store_relaxed(&u.instance->admin.inside, (uint16_t)(DEAD + 1u));
}

/* Nothing is reported, nothing is left of the removal, and what it removed can come again, and go. */
static void assert_region_went(const struct nh__region_entry *entry)
{
	void *base = u.arena.parts[2].base;
	assert_recovered();
	assert_int_equal(nht_fault_count(), 0);
	assert_null(u.instance->removal.heap);
	assert_null(u.instance->removal.leaving);
	assert_nobodys(entry);
	assert_int_not_equal(u.instance->control[1].end, 0);
	assert_int_equal(other->regions, 1);
	assert_int_equal(other->tlsf.free, other->tlsf.total);
	assert_status(nh_instance_region_add(u.instance, 1, base, u.arena.parts[2].size), NH_OK);
	assert_status(nh_instance_region_remove(u.instance, 1, base, NULL), NH_OK);
}

static struct nh__region_entry *add_region(void)
{
	void *base = u.arena.parts[2].base;
	assert_status(nh_instance_region_add(u.instance, 1, base, u.arena.parts[2].size), NH_OK);
	return &u.instance->regions[2];
}

static void stopped_when_a_region_was_to_go(void **state)
{
	(void)state;
	struct nh__region_entry *entry = add_region();
	decided(&entry->region);
	assert_region_went(entry);
}

/* What the heap's half of it leaves. */
static void heap_forgets(struct nh__region_entry *entry)
{
	assert_true(nh__tlsf_remove(&other->tlsf, &entry->region));
	assert_false(nh__tlsf_remove(&other->tlsf, &entry->region));
	nh__budget_shrink(other, nh__granules(entry->region.end - entry->region.first));
	other->regions--;
}

static void stopped_when_the_heap_had_forgotten_a_region(void **state)
{
	(void)state;
	struct nh__region_entry *entry = add_region();
	decided(&entry->region);
	heap_forgets(entry);
	assert_region_went(entry);
}

static void stopped_while_clearing_a_region(void **state)
{
	(void)state;
	struct nh__region_entry *entry = add_region();
	decided(&entry->region);
	heap_forgets(entry);
	inside_admin();
	u.instance->removal.leaving = entry;
	nh__store_relaxed(&entry->heap, NULL);
	nh__store_relaxed(&entry->end, 0);
	assert_region_went(entry);
}

/* The heap's number, memory and control memory are free again. */
static void assert_heap_went(void)
{
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_OK);
	assert_int_equal(nht_fault_count(), 0);
	assert_null(u.instance->removal.heap);
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
	for (unsigned i = 1; i < NH_MAX_REGIONS; i++)
		assert_nobodys(&u.instance->regions[i]);
	assert_int_equal(u.instance->control[1].base, 0);
	assert_int_equal(u.instance->control[1].end, 0);
	int number = -1;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], &number), NH_OK);
	assert_int_equal(number, 1);
	assert_recovered();
}

static void stopped_between_two_regions_of_a_heap(void **state)
{
	(void)state;
	add_region();
	decided(NULL);
	struct nh__region_entry *first = &u.instance->regions[1];
	heap_forgets(first);
	nh__store_relaxed(&first->heap, NULL);
	nh__store_relaxed(&first->end, 0);
	nh__store_relaxed(&first->first, 0);
	first->region = (struct nh__region){.first = 0};
	assert_heap_went();
}

static void stopped_while_clearing_a_heaps_region(void **state)
{
	(void)state;
	add_region();
	decided(NULL);
	struct nh__region_entry *first = &u.instance->regions[1];
	heap_forgets(first);
	inside_admin();
	u.instance->removal.leaving = first;
	nh__store_relaxed(&first->heap, NULL);
	assert_heap_went();
}

/* Its number is already free. */
static void stopped_at_the_end_of_a_heap(void **state)
{
	struct nh__removal removal = {.heap = other, .cpu = DEAD, .decided = true};
	(void)state;
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_OK);
	u.instance->removal = removal;
	u.instance->control[1].base = (uintptr_t)other;
	inside_admin();
	assert_heap_went();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stopped_when_a_region_was_to_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_when_the_heap_had_forgotten_a_region, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_while_clearing_a_region, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_between_two_regions_of_a_heap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_while_clearing_a_heaps_region, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_at_the_end_of_a_heap, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* SPDX-License-Identifier: MIT */
/* core/remove.c step by step: what others find of a removal that is under way. The source is included. */
#include "core/remove.c"

#include "white.h"

static unit u;

/* Heap 0 with a second region. */
static int set_up(void **state)
{
	static const size_t sizes[] = {64 * KIB, 16 * KIB};
	*state = &u;
	unit_lay_out(&u, 2, sizes);
	unit_begin(&u, 1);
	unit_add_region(&u, 0, 1);
	return 0;
}

/* Where it began, of what, and nothing of a removal before. */
static void begun(void **state)
{
	(void)state;
	const struct nh__removal *shown = &u.instance->removal;
	const unsigned cpu = NH_CPUS - 1u;
	struct nh__removal removal;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	unit_on_cpu(cpu);
	u.instance->removal.decided = true;
	u.instance->removal.cpu = NH_CPUS;
	assert_status(begin(u.instance, 0, u.configs[1].base, &removal), NH_OK);
	assert_int_equal(removal.cpu, cpu);
	assert_int_equal(shown->cpu, cpu);
	assert_false(shown->decided);
	assert_ptr_equal(shown->heap, u.instance->heap[0]);
	assert_ptr_equal(shown->region, removal.region);
	assert_non_null(removal.region);
	assert_status(begin(u.instance, 0, u.configs[1].base, &removal), NH_EBUSY);
	assert_status(begin(u.instance, 1, NULL, &removal), NH_ENOENT);
	removal = *shown;
	undo(u.instance, &removal, &note);
	assert_null(shown->heap);
	assert_int_equal(note.code, NH_FAULT_NONE);
	unit_on_cpu(0);
}

/* Only what is held whole goes, and only of a heap that is in service. */
static void decided(void **state)
{
	(void)state;
	struct nh__removal removal;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	assert_status(begin(u.instance, 0, u.configs[1].base, &removal), NH_OK);
	assert_status(decide(u.instance, &removal, true), NH_OK);
	assert_true(u.instance->removal.decided);
	assert_status(decide(u.instance, &removal, false), NH_EBUSY);
	assert_false(u.instance->removal.decided);
	struct nh__heap *heap = u.instance->heap[0];
	for (unsigned i = 0; i < 2; i++)
		nh__store_relaxed(&u.instance->regions[i].heap, NULL);
	assert_status(decide(u.instance, &removal, true), NH_ECORRUPT);
	assert_false(u.instance->removal.decided);
	for (unsigned i = 0; i < 2; i++)
		nh__store_relaxed(&u.instance->regions[i].heap, heap);
	undo(u.instance, &removal, &note);
	assert_sound(nht_valid(u.instance));
}

#if NH_CACHES && NH__GATE

/* Cached blocks come back by a freeze, which ends with the removal. */
static void its_freeze_ends(void **state)
{
	(void)state;
	struct nh__heap *heap = u.instance->heap[0];
	/* the other region is full: these are of this one, between live ones until they are parked */
	void *large = nh_instance_malloc(u.instance, nht_largest_fit(u.instance, 0, NHT_ALIGNMENT)), *blocks[3];
	assert_non_null(large);
	for (unsigned i = 0; i < 3; i++)
		blocks[i] = nh_instance_malloc(u.instance, 40);
	assert_int_equal(nht_arena_find(&u.arena, blocks[1], 40), 1);
	nh_instance_free(u.instance, blocks[1]);
	nh_instance_free(u.instance, blocks[0]);
	nh_instance_free(u.instance, blocks[2]);
	nh_instance_free(u.instance, large);
	uint32_t generation = heap->freeze.generation;
	assert_status(nh_instance_region_remove(u.instance, 0, u.configs[1].base, NULL), NH_OK);
	assert_true(heap->freeze.generation != generation);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_int_equal(heap->freeze.waiters, 0);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(begun, set_up),
		unit_case(decided, set_up),
#if NH_CACHES && NH__GATE
		unit_case(its_freeze_ends, set_up),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

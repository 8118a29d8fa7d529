/* SPDX-License-Identifier: MIT */
/*
 * A CPU is reset inside a heap of which another is removing a region, or which it is removing: the recovery by a third takes the
 * heap out of service, and the removal says so, or completes what it had decided. The source is included, so that the reset can come
 * between two lock holds of the removal.
 */
#include <string.h>

#include "core/sweep.h"
#include "core/walk.h"

/* Runs in the removal, after it has let go of the admin lock so many times. */
static void (*meanwhile)(void);
static unsigned leaves_before;

static void leave_and_look(nh_instance *instance, unsigned cpu, nh_port_irq irq)
{
	nh__admin_leave(instance, cpu, irq);
	if (meanwhile != NULL && leaves_before-- == 0) {
		void (*now)(void) = meanwhile;
		meanwhile = NULL;
		now();
	}
}

/* The board says of each region that is added whether it may be: others may do something meanwhile. */
static void (*while_the_board_looks)(void);

nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	void (*now)(void) = while_the_board_looks;
	(void)base;
	(void)size;
	(void)attributes;
	while_the_board_looks = NULL;
	if (now != NULL)
		now();
	return NH_OK;
}

#define nh__admin_leave leave_and_look
#include "core/remove.c"
#undef nh__admin_leave

#include "white.h"

#if !NH__RECOVERABLE || NH_CPUS < 3

int main(void)
{
	(void)leave_and_look;
	return unit_all_skipped("CPUs are not recovered, or fewer than three");
}

#else

#define DEAD 1u
#define SURVIVOR 2

enum { BEGUN, DECIDED, FORGOTTEN }; /* admin lock holds that are over */

static unit u;
static struct nh__heap *heap;
static void *live;
static size_t out;

/* Heap 0, in which a block of DEAD's is live, with part 1 as its second region; part 2 is the other heap's. */
static int set_up(void **state)
{
	static const size_t sizes[] = { 64 * KIB, 24 * KIB, 64 * KIB };
	(void)state;
	unit_lay_out(&u, 3, sizes);
	unit_begin(&u, 1);
	assert_status(nh_instance_heap_add(u.instance, &u.configs[2], NULL), NH_OK);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[1].base, u.arena.parts[1].size),
	              NH_OK);
	heap = u.instance->heap[0];
	live = NULL;
	out = 99;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	meanwhile = NULL;
	unit_abandon(&u);
	return 0;
}

static nh_status remove_region(void)
{
	return nh_instance_region_remove(u.instance, 0, u.arena.parts[1].base, &out);
}

static nh_status remove_heap(void)
{
	return nh_instance_heap_remove(u.instance, 0, &out);
}

static void reset_inside(void)
{
	nh__store_relaxed(&heap->lock.word, DEAD + 1u);
	nh__store_relaxed(&heap->lock.inside, (uint16_t)(DEAD + 1u));
	assert_status(nh_host_attach(SURVIVOR), NH_OK);
	assert_status(nh_instance_cpu_recover(u.instance, DEAD), NH_ECORRUPT);
	assert_status(nh_host_attach(0), NH_OK);
	assert_int_equal(nht_fault_get(0).code, NH_FAULT_BROKEN);
	nht_fault_clear();
}

static nh_status removed_after(nh_status (*removal)(void), unsigned holds)
{
	leaves_before = holds;
	meanwhile = reset_inside;
	nh_status status = removal();
	assert_null(meanwhile);
	assert_null(u.instance->removal.heap);
	assert_null(u.instance->removal.leaving);
	assert_int_equal(nh__load_relaxed(&heap->lock.word), 0);
	assert_int_equal(out, 0);
	assert_int_equal(nh_instance_heap_count(u.instance), 1); /* the other one, which serves */
	void *block = nh_instance_malloc(u.instance, 40);
	assert_int_equal(nh_instance_heap_of(u.instance, block), 1);
	nh_instance_free(u.instance, block);
	assert_sound(nht_valid(u.instance));
	return status;
}

static nh_status reuse(unsigned part)
{
	nh_heap_config config = u.configs[part];
	config.base = u.arena.parts[part].base;
	config.size = u.arena.parts[part].size;
	return nh_instance_heap_add(u.instance, &config, NULL);
}

/* What is out cannot be told any more: the memory stays in use. */
static void region_before_it_was_decided(void **state)
{
	(void)state;
	live = nh_instance_malloc(u.instance, 20 * KIB);
	assert_status(removed_after(remove_region, BEGUN), NH_ECORRUPT);
	assert_status(reuse(1), NH_EOVERLAP);
	assert_status(remove_region(), NH_ENOENT);
}

static void heap_before_it_was_decided(void **state)
{
	(void)state;
	live = nh_instance_malloc(u.instance, 20 * KIB);
	assert_status(removed_after(remove_heap, BEGUN), NH_ECORRUPT);
	assert_status(reuse(0), NH_EOVERLAP);
	assert_status(reuse(1), NH_EOVERLAP);
	assert_status(remove_heap(), NH_ENOENT);
}

/* Nothing of it was anybody's: it is the caller's, and the rest of the heap is lost. */
static void region_that_was_decided(void **state)
{
	(void)state;
	const unsigned holds[] = { DECIDED, FORGOTTEN };
	for (unsigned i = 0; i < 2; i++) {
		assert_status(removed_after(remove_region, holds[i]), NH_OK);
		assert_status(reuse(1), NH_OK);
		assert_status(reuse(0), NH_EOVERLAP);
		unit_abandon(&u);
		set_up(state);
	}
}

static void heap_that_was_decided(void **state)
{
	(void)state;
	/* its two regions are forgotten one after the other */
	const unsigned holds[] = { DECIDED, FORGOTTEN, FORGOTTEN + 1u };
	for (unsigned i = 0; i < 3; i++) {
		assert_status(removed_after(remove_heap, holds[i]), NH_OK);
		assert_status(reuse(0), NH_OK);
		assert_int_equal(u.instance->heap[0]->id, 0);
		assert_status(reuse(1), NH_OK);
		unit_abandon(&u);
		set_up(state);
	}
}

/* Whoever stands in the heap finds no way on, and no lists. */
static void sweeps_and_walks_end(void **state)
{
	(void)state;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	const struct nh__removal all = { .heap = heap };
	uint32_t turn = heap->walk_turn;
	reset_inside();
	assert_true(heap->walk_turn != turn);
	nh__store_relaxed(&u.instance->regions[0].heap, heap); /* as a sweep that had begun sees it */
	struct nh__tally tally = nh__sweep(u.instance, &all, NH__HOLD, &note);
	nh__store_relaxed(&u.instance->regions[0].heap, NULL);
	assert_int_equal(tally.live, 1);
	struct nh__visitor visitor = { .visit = NULL };
	assert_status(nh__walk(heap, &visitor, &note), NH_OK);
	assert_int_equal(note.code, NH_FAULT_NONE);
}

/* Sets are written again after a CPU stopped in the middle of that, but not those of a heap that is being removed. */
static void hidden_heaps_stay_hidden(void **state)
{
	(void)state;
	nh__heap_hide(u.instance, heap->id);
	nh__heap_restore(u.instance, heap, false);
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
	nh__heap_restore(u.instance, heap, true);
	assert_int_equal(nh_instance_heap_count(u.instance), 2);
	nh__store_relaxed(&u.instance->eligible, 0);
	nh__heap_restore(u.instance, heap, false);
	assert_int_equal(nh__load_relaxed(&u.instance->eligible), 1);
}

static void remove_all_of_it(void)
{
	assert_status(remove_heap(), NH_OK);
}

/* The heap goes between the look at its number and the reservation. */
static void a_region_for_a_heap_that_goes(void **state)
{
	(void)state;
	assert_status(remove_region(), NH_OK);
	while_the_board_looks = remove_all_of_it;
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[1].base, u.arena.parts[1].size), NH_ENOENT);
	assert_true(while_the_board_looks == NULL);
	assert_status(reuse(1), NH_OK);
}

#if NH_CACHES && NH__DEPOT

/* An inbox's chain was taken, and it was not written down yet whose it was: nothing is put back, whatever that would meet. */
static void stopped_between_two_words_of_a_freeze(void **state)
{
	(void)state;
	struct nh__freeze *freeze = &heap->freeze;
	freeze->phase = NH__CLOSE;
	freeze->closed = 0;
	freeze->rest = 1u << NH__COUNT_BITS | 1u;
	nh__store_relaxed(&heap->shared[0].inbox, NH__CLOSED);
	for (unsigned klass = 1; klass < NH_CLASSES; klass++)
		nh__store_relaxed(&heap->shared[klass].inbox, freeze->rest + klass); /* not come to yet */
	reset_inside();
	assert_int_equal(freeze->phase, NH__IDLE);
	assert_int_equal(freeze->closed, 0);
	assert_int_equal(freeze->rest, 0);
	for (unsigned klass = 1; klass < NH_CLASSES; klass++)
		assert_int_equal(nh__load_relaxed(&heap->shared[klass].inbox), (1u << NH__COUNT_BITS | 1u) + klass);
	/* who was on the way to reclaim does not look at the closed one again */
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__need need = nh__need_of(nh__class_table_of(u.instance), 40 * KIB, 1);
	struct nh__join join = {.heap = heap};
	assert_null(nh__reclaim(&join, &need, &note));
	assert_int_equal(note.code, NH_FAULT_NONE);
	assert_int_equal(freeze->phase, NH__IDLE);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if NH_CACHES && NH__DEPOT
		cmocka_unit_test_setup_teardown(stopped_between_two_words_of_a_freeze, set_up, tear_down),
#endif
		cmocka_unit_test_setup_teardown(region_before_it_was_decided, set_up, tear_down),
		cmocka_unit_test_setup_teardown(heap_before_it_was_decided, set_up, tear_down),
		cmocka_unit_test_setup_teardown(region_that_was_decided, set_up, tear_down),
		cmocka_unit_test_setup_teardown(heap_that_was_decided, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sweeps_and_walks_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hidden_heaps_stay_hidden, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_region_for_a_heap_that_goes, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

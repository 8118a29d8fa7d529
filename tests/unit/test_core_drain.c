/* SPDX-License-Identifier: MIT */
/* core/drain.c where nobody's caches are to be frozen: a reclaim is the search that a miss makes, and must tell the truth. */
#include "white.h"

#if NH_CACHES && NH__GATE

int main(void)
{
	return unit_all_skipped("a reclaim freezes the caches of others: core/reclaim.c");
}

#else

static unit u;
static struct nh__heap *heap;
static struct nh__join join;
static struct nh__note note;

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 64 * KIB, 0);
	heap = u.instance->heap[0];
	join = (struct nh__join){.heap = heap};
	note = (struct nh__note){NH_FAULT_NONE, NULL};
	return 0;
}

static struct nh__need need_of(uint32_t span)
{
	return (struct nh__need){span, 1, span, NH__NO_CLASS};
}

static void *reclaim(uint32_t span)
{
	struct nh__need need = need_of(span);
	void *payload = nh__reclaim(&join, &need, &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
	return payload;
}

static void give(void *payload)
{
	white_blank(nh__block_at(payload));
	nh__give_locked(heap, payload);
}

static void *take(uint32_t span)
{
	struct nh__need need = need_of(span);
	return nh__take_locked(heap, &need);
}

static void expect_refusals(uint32_t count)
{
#if NH_STATS
	assert_int_equal(heap->refusals, count);
#else
	(void)count;
#endif
}

/* From a block of whatever size, which is no refusal. */
static void what_is_there_is_given(void **state)
{
	(void)state;
	void *payload = reclaim(40);
	assert_non_null(payload);
	assert_int_equal(nh__block_span(nh__block_at(payload)), 40);
	assert_int_equal(nh__load_relaxed(&nh__block_at(payload)->owner), NH__OWNER_LARGE);
	expect_refusals(0);
	give(payload);
}

/* Without a need nothing is taken, and nobody was refused. */
static void no_need(void **state)
{
	(void)state;
	uint32_t changes = heap->tlsf.changes;
	assert_null(nh__reclaim(&join, NULL, &note));
	assert_int_equal(heap->tlsf.changes, changes);
	assert_int_equal(join.changes, changes);
	expect_refusals(0);
}

/* Too little: said and counted once; the answer is stale as soon as anything was given. */
static void the_truth_and_how_long_it_lasts(void **state)
{
	(void)state;
	void *payload = take(40);
	uint32_t all = heap->tlsf.free;
	assert_null(reclaim(all + 1u));
	expect_refusals(1);
	assert_int_equal(join.changes, heap->tlsf.changes);
	assert_false(nh__join_stale(&join, &note));
	give(payload);
	assert_true(nh__join_stale(&join, &note));
	nh__join_leave(&join, &note);
	payload = reclaim(all + 1u);
	assert_non_null(payload);
	expect_refusals(1);
	give(payload);
}

/* The only one that fits is the last of its list, many slices behind what is looked at first; then there is none. */
static void the_last_of_a_list(void **state)
{
	(void)state;
	enum { SHORTER = 3 * NH_SLICE + NH_FIT_LOOK };
	void *shorter[SHORTER], *fit = NULL;
	for (unsigned i = 0; i < SHORTER; i++) {
		shorter[i] = take(64);
		assert_non_null(shorter[i]);
		assert_non_null(take(NH_SPAN_MIN));
		if (i == 0) {
			fit = take(71); /* 64 to 71 share a list */
			assert_non_null(take(NH_SPAN_MIN));
		}
	}
	while (heap->tlsf.free >= NH_SPAN_MIN)
		assert_non_null(take(heap->tlsf.free > 40 ? 40 : NH_SPAN_MIN));
	give(fit);
	for (unsigned i = 0; i < SHORTER; i++)
		give(shorter[i]); /* the lowest goes before it, the others between */
	assert_null(take(71));
	assert_ptr_equal(reclaim(71), fit);
	expect_refusals(0);
	assert_null(reclaim(71));
	expect_refusals(1);
}

/* Whoever may not wait for the lock is told nothing, and nothing is noted. */
static void in_a_lock_hold(void **state)
{
	(void)state;
	join.changes = heap->tlsf.changes + 5u;
	assert_true(nh_port_lock_begin());
	assert_null(reclaim(40));
	assert_false(nh__join_stale(&join, &note));
	nh_port_lock_end();
	assert_int_equal(join.changes, heap->tlsf.changes + 5u);
	expect_refusals(0);
	assert_true(nh__join_stale(&join, &note));
}

#if NH__RECOVERABLE

/* A fork holds the lock; the child forgets who else had it. */
static void around_a_fork(void **state)
{
	(void)state;
	nh__fork_hold(heap, 2);
	assert_true(nh__lock_names(&heap->lock, 2));
	nh__fork_release(heap, 2);
	assert_false(nh__lock_names(&heap->lock, 2));
	nh__lock_acquire(&heap->lock, 3);
	nh__fork_alone(heap);
	assert_false(nh__lock_names(&heap->lock, 3));
}

#endif

#define TEST(function) unit_case_damaged(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_given),
		TEST(no_need),
		TEST(the_truth_and_how_long_it_lasts),
		TEST(the_last_of_a_list),
		TEST(in_a_lock_hold),
#if NH__RECOVERABLE
		TEST(around_a_fork),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

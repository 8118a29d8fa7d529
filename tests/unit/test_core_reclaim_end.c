/* SPDX-License-Identifier: MIT */
/*
 * core/reclaim.c: what is looked at before a heap says no. A block that fits and lies deep in its list is found where the answer
 * is given, and nowhere else; who cannot wait for a freeze, or has no gate, is answered too.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "arch/port.h"
#include "core/gate.h"

#if !NH_CACHES || !NH__GATE

#include "white.h"

int main(void)
{
	return unit_all_skipped("no freeze without caches and gates");
}

#else

#include "core/reclaim.c"

#include "white.h"

#define SHORT 64u /* granules: 64 to 71 share a list */
#define DEEP 71u
#define ROW (NH_FIT_LOOK + 2u)

static unit u;
static struct nh__heap *heap;
static struct nh__block *deep;
static const struct nh__need need = {.span = DEEP, .align = 1, .class_span = DEEP, .klass = NH__NO_CLASS};
static const struct nh__need impossible = {.span = UINT32_C(1) << 20, .align = 1, .class_span = UINT32_C(1) << 20, .klass = NH__NO_CLASS};

static struct nh__block *take_live(uint32_t span)
{
	struct nh__block *block = nh__tlsf_take(&heap->tlsf, span, 1);
	if (block != NULL)
		nh__store_relaxed(&block->owner, NH__OWNER_LARGE);
	return block;
}

static void give(struct nh__block *block)
{
	white_blank(block);
	nh__tlsf_give(&heap->tlsf, block);
}

/* All is taken but one list, in which the last block fits. */
static int set_up(void **state)
{
	*state = &u;
	struct nh__block *others[ROW];
	unit_one(&u, 64 * KIB, 0);
	heap = u.instance->heap[0];
	for (unsigned i = 0; i < ROW; i++) {
		others[i] = take_live(SHORT);
		assert_non_null(take_live(NH_SPAN_MIN));
		if (i != 0)
			continue;
		deep = take_live(DEEP);
		assert_non_null(take_live(NH_SPAN_MIN));
	}
	for (uint32_t span = heap->tlsf.free; span >= NH_SPAN_MIN; span--)
		while (take_live(span) != NULL)
			continue;
	assert_int_equal(heap->tlsf.free, 0);
	give(deep);
	for (unsigned i = 0; i < ROW; i++)
		give(others[i]); /* the lowest before it, all others behind the lowest */
	return 0;
}

static void *one_hold(struct nh__join *part, const struct nh__need *what, enum outcome *outcome)
{
	struct nh__scan scan = {0};
	struct nh__note note = {NH_FAULT_NONE, NULL};
	assert_true(nh__heap_lock(heap, nh_port_cpu()));
	void *payload = advance(part, what, &scan, outcome);
	nh__heap_unlock(heap, nh_port_cpu(), &note);
	return payload;
}

/* The first look misses it. */
static bool is_deep(void)
{
	return nh__tlsf_find(&heap->tlsf, DEEP, 1) == NULL;
}

static void found_at_the_end(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__join part = {.heap = heap};
	assert_null(nh__reclaim(&part, &impossible, &note));
	assert_int_equal(heap->freeze.phase, NH__DONE);
	assert_true(is_deep());
	assert_ptr_equal(nh__reclaim(&part, &need, &note), nh__payload(deep));
	assert_int_equal(heap->freeze.phase, NH__DONE);
	nh__join_leave(&part, &note);
}

/* Nothing is cached, so no freeze is due: TLSF's word is final, but it is the last one. */
static void found_without_a_freeze(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__join part = {.heap = heap}, fresh = {.heap = heap};
	assert_null(nh__reclaim(&part, &impossible, &note));
	nh__join_leave(&part, &note);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	assert_true(nothing_cached(heap));
	assert_true(is_deep());
	assert_ptr_equal(nh__reclaim(&fresh, &need, &note), nh__payload(deep));
	assert_false(fresh.joined);
}

/* On the way there: only what is found at once. */
static void not_looked_for_on_the_way(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__join part = {.heap = heap};
	enum outcome outcome;
	assert_null(one_hold(&part, &impossible, &outcome));
	if (outcome == FENCE)
		barrier(&part, &note);
	assert_int_equal(heap->freeze.phase, NH__QUIET);
	assert_true(is_deep());
	assert_null(one_hold(&part, &need, &outcome));
	assert_int_equal(outcome, AGAIN);
	assert_int_equal(heap->freeze.phase, NH__CLOSE);
	nh__join_leave(&part, &note);
}

/* From each source and to it: the first and the last slot of the depot, the first and the last magazine. */
static void what_is_left_goes_back(void **state)
{
	(void)state;
	const unsigned sources[] = {0, DEPOT_SOURCES - 2u, DEPOT_SOURCES - 1u, DEPOT_SOURCES, DEPOT_SOURCES + 1u, SOURCES - 1u};
	const uint32_t chain = 5u << NH__COUNT_BITS | 1u;
	for (unsigned i = 0; i < sizeof sources / sizeof *sources; i++) {
		unsigned number = sources[i];
		if (number >= SOURCES || (number + 1u > DEPOT_SOURCES && magazine(heap, number) == NULL))
			continue;
		heap->freeze.phase = NH__DRAIN;
		heap->freeze.cursor = (uint16_t)(number + 1u);
		heap->freeze.rest = chain;
		put_back(heap);
		assert_int_equal(heap->freeze.rest, 0);
		assert_int_equal(source(heap, number), chain);
		assert_int_equal(source(heap, number), 0);
	}
	heap->freeze.phase = NH__IDLE;
	heap->freeze.cursor = 0;
}

/* Whatever is in them, so many sources are looked at in one lock hold, and no more. */
static void a_step_is_bounded(void **state)
{
	(void)state;
	unsigned steps = 0;
	heap->freeze.phase = NH__DRAIN;
	heap->freeze.cursor = 0;
	for (unsigned before = 0; heap->freeze.phase == NH__DRAIN; before = heap->freeze.cursor, steps++) {
		step_drain(heap);
		assert_true(heap->freeze.cursor - before <= 4u * NH_SLICE);
		assert_true(heap->freeze.cursor <= SOURCES);
	}
	assert_int_equal(heap->freeze.phase, NH__DONE);
	assert_int_equal(steps, (SOURCES + 4u * NH_SLICE - 1u) / (4u * NH_SLICE));
	thaw(heap);
}

/* Nobody is inside: each hold goes on, and there is nothing to poll for. */
static void no_wait_for_nobody(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__join part = {.heap = heap};
	enum outcome outcome = AGAIN;
	void *block = nh_instance_malloc(u.instance, 40);
	assert_non_null(nh_instance_malloc(u.instance, 40));
	nh_instance_free(u.instance, block);
	assert_true(unit_stats(&u, 0).cached > 0);
	while (outcome != NOTHING) {
		assert_null(one_hold(&part, &impossible, &outcome));
		assert_int_not_equal(outcome, POLL);
		if (outcome == FENCE)
			barrier(&part, &note);
	}
	assert_int_equal(unit_stats(&u, 0).cached, 0);
	nh__join_leave(&part, &note);
}

/* A CPU stopped that drove the freeze: what it had in hand goes back, but in a heap that is out of service it is nobody's. */
static void in_hand_of_a_stopped_cpu(void **state)
{
	(void)state;
	struct nh__region *regions = heap->tlsf.regions;
	const uint32_t chain = 5u << NH__COUNT_BITS | 1u;
	for (unsigned out = 0; out < 2; out++) {
		heap->freeze.phase = NH__DRAIN;
		heap->freeze.cursor = 1;
		heap->freeze.rest = chain;
		heap->tlsf.regions = out ? NULL : regions;
		nh__freeze_recover(heap, NH_CPUS - 1u);
		assert_int_equal(heap->freeze.phase, NH__IDLE);
		assert_int_equal(heap->freeze.rest, 0);
		assert_int_equal(source(heap, 0), out ? 0 : chain);
	}
	heap->tlsf.regions = regions;
}

#if NH_CPUS > 2

/* Leaves CPU 1's gate once the fork has found it inside. */
static void *leaves_late(void *argument)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	(void)argument;
	unit_on_cpu(2);
	for (bool seen = false; !seen;) {
		assert_true(nh__heap_lock(heap, 2));
		seen = heap->freeze.phase == NH__QUIET && heap->freeze.cursor == 1;
		if (seen)
			nh__bump(&heap->cache[1]->head.gate.busy, 1);
		nh__heap_unlock(heap, 2, &note);
		sched_yield();
	}
	return NULL;
}

static bool is_held(bool held)
{
#if NH__RECOVERABLE
	return nh__load_relaxed(&heap->lock.word) == (held ? nh_port_cpu() + 1u : 0u);
#else
	(void)held;
	return true;
#endif
}

/* In the child only this thread is left: no gate but its own means anything, and nobody holds the lock. */
static void alone_in_a_child(void **state)
{
	(void)state;
	unit_on_cpu(1);
	uint32_t own = nh__load_relaxed(&heap->cache[1]->head.gate.busy);
	assert_true(nh_port_lock_begin());
	nh__fork_hold(heap, 1);
	assert_true(is_held(true));
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		nh__store_relaxed(&heap->remote[cpu], 3u); /* these words lie behind the caches */
		if (cpu != 1)
			nh__store_relaxed(&heap->cache[cpu]->head.gate.busy, 2u * cpu + 5u);
	}
	nh__fork_alone(heap);
	assert_true(is_held(false));
	nh_port_lock_end();
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		const struct nh__gate *gate = &heap->cache[cpu]->head.gate;
		assert_int_equal(nh__load_relaxed(&gate->busy), cpu == 1 ? own : 2u * cpu + 4u);
		assert_int_equal(nh__load_relaxed(&gate->seized), NH_PORT_GATE_OPEN);
	}
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	unit_on_cpu(0);
}

static void a_fork_waits_for_owners(void **state)
{
	(void)state;
	pthread_t thread;
	nh__bump(&heap->cache[1]->head.gate.busy, 1);
	assert_int_equal(pthread_create(&thread, NULL, leaves_late, NULL), 0);
	assert_true(nh_port_lock_begin());
	nh__fork_hold(heap, nh_port_cpu());
	assert_int_equal(nh__load_relaxed(&heap->cache[1]->head.gate.busy) & 1u, 0);
	assert_int_equal(heap->freeze.phase, NH__CLOSE);
	assert_true(is_held(true));
	nh__fork_release(heap, nh_port_cpu());
	assert_true(is_held(false));
	nh_port_lock_end();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
}

#endif

/* A signal handler on top of a cache operation goes without what is in caches: the operation cannot end before it does. */
static void on_top_of_a_cache_operation(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__join part = {.heap = heap};
	_Atomic uint32_t *busy = &heap->cache[nh_port_cpu()]->head.gate.busy;
	nh__bump(busy, 1);
	assert_null(nh__reclaim(&part, &impossible, &note));
	assert_false(part.joined);
	assert_int_equal(heap->freeze.phase, NH__IDLE);
	nh__bump(busy, 1);
	assert_null(nh__reclaim(&part, &impossible, &note));
	assert_true(part.joined);
	nh__join_leave(&part, &note);
}

/* Who is refused the lock has nothing to look at again. */
static void nothing_is_stale_without_the_lock(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__join part = {.heap = heap, .changes = heap->tlsf.changes - 1u};
	assert_true(nh__join_stale(&part, &note));
	assert_true(nh_port_lock_begin());
	bool stale = nh__join_stale(&part, &note);
	nh_port_lock_end();
	assert_false(stale);
}

#if NH_PORT_OUTSIDERS

/* A thread without a slot has no gate to be inside of. */
static void without_a_slot(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__join part = {.heap = heap};
	nh_host_detach();
	assert_int_equal(nh_port_cpu(), NH_CPUS);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		nh__store_relaxed(&heap->remote[cpu], 3u); /* these words lie behind the caches */
	assert_null(nh__reclaim(&part, &impossible, &note));
	nh__join_leave(&part, &note);
	assert_status(nh_host_attach(0), NH_OK);
}

#endif

#define WITH(function) unit_case_damaged(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(found_at_the_end),
		WITH(found_without_a_freeze),
		WITH(not_looked_for_on_the_way),
		WITH(what_is_left_goes_back),
		WITH(a_step_is_bounded),
		WITH(no_wait_for_nobody),
		WITH(in_hand_of_a_stopped_cpu),
#if NH_CPUS > 2
		WITH(a_fork_waits_for_owners),
		WITH(alone_in_a_child),
#endif
		WITH(on_top_of_a_cache_operation),
		WITH(nothing_is_stale_without_the_lock),
#if NH_PORT_OUTSIDERS
		WITH(without_a_slot),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Threads that end and processes that fork: what they leave in caches, gates and locks. The stress
 * programs do it at random moments; here each step is looked at.
 */
#define _GNU_SOURCE /* _Fork: without the handlers that the test plays itself */
#include "tests/support/unit.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/instance.h"
#include "tests/support/env.h"

#if !NH_CACHES || !NH_PORT_OUTSIDERS

int main(void)
{
	return unit_all_skipped("no caches, or one thread");
}

#else

enum { BLOCKS = 6 };

static unit u;

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 256 * KIB, 0);
	return 0;
}

/* Leaves blocks in this CPU's caches of an instance: those between live ones are not merged. */
static void park(nh_instance *instance)
{
	void *blocks[2 * BLOCKS];
	for (unsigned i = 0; i < 2 * BLOCKS; i++)
		blocks[i] = nh_instance_malloc(instance, 40);
	for (unsigned i = 0; i < 2 * BLOCKS; i++)
		nh_instance_free(instance, blocks[i]);
}

/* Blocks in one CPU's own magazines; what it put into the depot is everybody's. */
static unsigned parked_by(nh_instance *instance, unsigned cpu)
{
	unsigned count = 0;
	for (unsigned number = 0; number < NH__CHAINS; number++) {
		const uint32_t *chain = nh__chain_of(instance->heap[0], cpu, number);
		count += chain == NULL ? 0 : NH__COUNT(*chain);
	}
	return count;
}

/* ---- threads ------------------------------------------------------------------------------ */

struct visit {
	nh_instance *instance;
	unsigned cpu;
	size_t cached;
};

static void *visitor(void *argument)
{
	struct visit *visit = argument;
	park(visit->instance);
	visit->cpu = nh_host_cpu();
	nh_heap_stats stats = {0};
	(void)nh_instance_heap_stats_get(visit->instance, 0, &stats);
	visit->cached = stats.cached;
	return NULL;
}

static struct visit run_visitor(void)
{
	struct visit visit = {.instance = u.instance};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, visitor, &visit), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return visit;
}

static void thread_takes_its_caches_along(void **state)
{
	(void)state;
	if (NH_CPUS == 1) {
		unit_skip("no slot for a second thread");
	}
	struct visit first = run_visitor();
	assert_true(first.cpu < NH_CPUS && first.cpu != nh_host_cpu());
	assert_true(first.cached > 0);
	assert_int_equal(parked_by(u.instance, first.cpu), 0);
	/* and its slot: the next one gets it again */
	assert_int_equal(run_visitor().cpu, first.cpu);
}

static void detach_drains_every_instance(void **state)
{
	(void)state;
	unit other;
	unit_one(&other, 256 * KIB, 0);
	park(u.instance);
	park(other.instance);
	unsigned cpu = nh_host_cpu();
	assert_true(parked_by(u.instance, cpu) > 0 && parked_by(other.instance, cpu) > 0);
	nh_host_detach();
	assert_int_equal(nh_host_cpu(), NH_CPUS);
	assert_int_equal(parked_by(u.instance, cpu), 0);
	assert_int_equal(parked_by(other.instance, cpu), 0);
	/* an allocation takes a slot again */
	nh_instance_free(u.instance, nh_instance_malloc(u.instance, 40));
	assert_true(nh_host_cpu() < NH_CPUS);
	assert_status(nh_host_attach(0), NH_OK);
	unit_end(&other);
}

/* A forgotten instance is not reached any more: its memory may be anything. */
static void deinit_unregisters(void **state)
{
	(void)state;
	unit other;
	unit_one(&other, 256 * KIB, 0);
	park(other.instance);
	unit_abandon(&other);
	memset(&other, 0xee, sizeof other);
	nh_host_detach();
	assert_status(nh_host_attach(0), NH_OK);
}

/* ---- fork --------------------------------------------------------------------------------- */

static bool at_rest(void)
{
	struct nh__heap *heap = u.instance->heap[0];
	if (heap->freeze.phase != NH__IDLE || heap->freeze.waiters != 0)
		return false;
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		if (nh__load_relaxed(&heap->cache[cpu]->head.gate.busy) & 1u ||
		    nh__load_relaxed(&heap->cache[cpu]->head.gate.seized) == 1u)
			return false;
	return true;
}

/* 0: all is well in this process. */
static int look_around(void)
{
	if (!at_rest())
		return 1;
	park(u.instance);
	if (nht_valid(u.instance) != NULL)
		return 2;
	if (nh_instance_trim(u.instance, -1) != NH_OK)
		return 3;
	return at_rest() ? 0 : 4;
}

static int fork_and_look(void)
{
	int status = -1;
	pid_t child = fork();
	if (child == 0) {
		alarm(20);
		nht_leave(look_around());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void both_sides_of_a_fork(void **state)
{
	(void)state;
	park(u.instance);
	assert_int_equal(fork_and_look(), 0);
	assert_int_equal(look_around(), 0);
}

/* A thread that was being refused at that moment had its gate odd; the child must not wait for it. */
static void gate_left_odd(void **state)
{
	(void)state;
	if (NH_CPUS == 1 || NHT_TSAN) {
		unit_skip("one slot, or a sanitizer that must see each fork");
	}
	_Atomic uint32_t *busy = &u.instance->heap[0]->cache[1]->head.gate.busy;
	int status = -1;
	pid_t child;
	/* between prepare and fork nobody can be stopped from outside: the same state, made by hand */
	nh__fork_prepare();
	nh__store_relaxed(busy, nh__load_relaxed(busy) | 1u);
	child = _Fork();
	if (child == 0) {
		alarm(20);
		nh__fork_child();
		nht_leave(look_around());
	}
	nh__store_relaxed(busy, nh__load_relaxed(busy) & ~UINT32_C(1));
	nh__fork_parent();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(look_around(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(thread_takes_its_caches_along, set_up),
		unit_case(detach_drains_every_instance, set_up),
		unit_case(deinit_unregisters, set_up),
		unit_case(both_sides_of_a_fork, set_up),
		unit_case(gate_left_odd, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

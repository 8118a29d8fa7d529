/* SPDX-License-Identifier: MIT */
/*
 * core/lifecycle.c: who holds which lock, as whom, and in what order, when instances come and go, when a thread ends, and around
 * a fork. The source is included, and each step that it asks for is written down before it is made.
 */
#include <string.h>

#include "core/lifecycle.h"
#include "tests/support/unit.h"

#if !NH_PORT_OUTSIDERS

int main(void)
{
	return unit_all_skipped("every CPU is there for ever");
}

#else

#define SELF (NH_CPUS - 1u)

/* A letter for each step: b and e around all locks, a and r for an acquisition and a release, in capitals of the admin
 * lock, h, u and c for a heap that is held, let go, or alone; 0 for a lock that is forgotten. */
static char steps[512];
static const void *registry_word;

static void note(char step)
{
	size_t length = strlen(steps);
	assert_true(length + 1u < sizeof steps);
	steps[length] = step;
}

static char of_lock(const struct nh__lock *lock, char registry, char admin)
{
	return (const void *)lock == registry_word ? registry : admin;
}

static bool noted_begin(void)
{
	note('b');
	return nh_port_lock_begin();
}

static void noted_end(void)
{
	note('e');
	nh_port_lock_end();
}

static void noted_acquire(struct nh__lock *lock, unsigned cpu)
{
	assert_int_equal(cpu, nh_port_cpu());
	note(of_lock(lock, 'a', 'A'));
	nh__lock_acquire(lock, cpu);
}

static void noted_release(struct nh__lock *lock, unsigned cpu)
{
	assert_int_equal(cpu, nh_port_cpu());
	note(of_lock(lock, 'r', 'R'));
	nh__lock_release(lock, cpu);
}

static void noted_reset(struct nh__lock *lock)
{
	note(of_lock(lock, '0', 'O'));
	nh__lock_reset(lock);
}

#define nh_port_lock_begin noted_begin
#define nh_port_lock_end noted_end
#define nh__lock_acquire noted_acquire
#define nh__lock_release noted_release
#define nh__lock_reset noted_reset

#if NH_CACHES && NH__GATE

static void noted_hold(struct nh__heap *heap, unsigned cpu)
{
	assert_int_equal(cpu, nh_port_cpu());
	note('h');
	nh__fork_hold(heap, cpu);
}

static void noted_unhold(struct nh__heap *heap, unsigned cpu)
{
	assert_int_equal(cpu, nh_port_cpu());
	note('u');
	nh__fork_release(heap, cpu);
}

static void noted_alone(struct nh__heap *heap)
{
	note('c');
	nh__fork_alone(heap);
}

#define nh__fork_hold noted_hold
#define nh__fork_release noted_unhold
#define nh__fork_alone noted_alone
#define HEAPS(letters) letters
#else
#define HEAPS(letters) ""
#endif

#include "core/lifecycle.c"

static unit u, other;

static void expect(const char *wanted)
{
	if (HEAPS("x")[0] != 0)
		assert_string_equal(steps, wanted);
	memset(steps, 0, sizeof steps);
}

static void begin_other(void)
{
	static const size_t size = 20 * KIB;
	unit_lay_out(&other, 1, &size);
	unit_begin(&other, 1);
}

static int set_up(void **state)
{
	static const size_t sizes[] = {20 * KIB, 20 * KIB};
	(void)state;
	registry_word = &registry_lock;
	unit_lay_out(&u, 2, sizes);
	unit_begin(&u, 2);
	assert_status(nh_host_attach((int)SELF), NH_OK);
	memset(steps, 0, sizeof steps);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unit_abandon(&u);
	assert_status(nh_host_attach(0), NH_OK);
	return 0;
}

static void instances_come_and_go(void **state)
{
	(void)state;
	begin_other();
	expect("bare");
	assert_ptr_equal(registry, other.instance);
	assert_ptr_equal(other.instance->next, u.instance);
	assert_status(nh_instance_deinit(u.instance), NH_OK); /* behind it */
	expect("bare");
	assert_ptr_equal(registry, other.instance);
	assert_null(other.instance->next);
	assert_status(nh_instance_init(&u.storage, u.configs, 2, NULL, &u.instance), NH_OK);
	expect("bare");
	unit_abandon(&other);
	expect("bare");
	assert_ptr_equal(registry, u.instance);
}

/* The registry is not held while a heap is emptied. Each number of each instance is looked at, and one behind the last. */
static void a_thread_ends(void **state)
{
	(void)state;
	begin_other();
	memset(steps, 0, sizeof steps);
	nh__cpu_drain(SELF);
	unsigned looks = 0;
	for (const char *step = steps; *step != 0; step += 4, looks++)
		assert_memory_equal(step, "bare", 4);
	assert_int_equal(looks, 2u * NH_MAX_HEAPS + 1u);
	memset(steps, 0, sizeof steps);
	unit_abandon(&other);
}

#if NH_CACHES

/* What its caches bring to light is told at its end. */
static void damage_is_told(void **state)
{
	(void)state;
	struct nh__tlsf *tlsf = &u.instance->heap[0]->tlsf;
	void *block = nh_instance_malloc(u.instance, 40), *wall = nh_instance_malloc(u.instance, 40);
	nh_instance_free(u.instance, block);
	tlsf->fault = NH_FAULT_LIST;
	tlsf->fault_at = tlsf;
	nh__cpu_drain(SELF);
	unit_expect_fault(NH_FAULT_LIST, tlsf);
	nh_instance_free(u.instance, wall);
}

#endif

/* Everything is held at the fork, and let go on both sides; the child's other threads are gone, with their locks. */
static void around_a_fork(void **state)
{
	(void)state;
	begin_other();
	memset(steps, 0, sizeof steps);
	nh__fork_prepare();
	expect("baAhAhh");
	nh__fork_parent();
	expect("uRuuRre");
	nh__fork_prepare();
	expect("baAhAhh");
	nh__fork_child();
	expect("cOccO0e");
	assert_sound(nht_valid(u.instance));
	assert_sound(nht_valid(other.instance));
	nh_instance_free(u.instance, nh_instance_malloc(u.instance, 100));
	assert_int_equal(nht_fault_count(), 0);
	unit_abandon(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(instances_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_thread_ends, set_up, tear_down),
#if NH_CACHES
		cmocka_unit_test_setup_teardown(damage_is_told, set_up, tear_down),
#endif
		cmocka_unit_test_setup_teardown(around_a_fork, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

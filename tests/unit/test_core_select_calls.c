/* SPDX-License-Identifier: MIT */
/* What a request does besides choosing: a thread's first call gives it a slot, damage that is met on the way is told. */
#include <pthread.h>
#include <string.h>

#include "white.h"

static unit u;

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 64 * KIB, NH_HEAP_NO_CACHES);
	return 0;
}

static void *first_call(void *context)
{
	const nh_request request = {.heaps = 1u};
	unsigned *cpu = context;
	void *block = nh_instance_alloc(u.instance, &request, 5000);
	*cpu = nh_host_cpu();
	nh_instance_free(u.instance, block);
	return NULL;
}

/* Though a request with a size of no class has nothing to do with caches. */
static void a_first_call_attaches(void **state)
{
	(void)state;
	if (!NHT_THREADS)
		unit_skip("one thread, which keeps the only slot");
	unsigned cpu = 99;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, first_call, &cpu), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(cpu, NH_CPUS > 1 ? 1 : NH_CPUS); /* the test's own is slot 0 */
}

static void *first_free(void *block)
{
	nh_instance_free(u.instance, block);
	unsigned cpu = nh_host_cpu();
	return (void *)(uintptr_t)cpu;
}

/* So does a free, of what another thread gave it. */
static void a_first_free_attaches(void **state)
{
	(void)state;
	if (!NHT_THREADS)
		unit_skip("one thread, which keeps the only slot");
	void *blocks[] = {nh_instance_malloc(u.instance, 40), nh_instance_malloc(u.instance, 5000)};
	for (unsigned i = 0; i < 2; i++) {
		void *cpu;
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, first_free, blocks[i]), 0);
		assert_int_equal(pthread_join(thread, &cpu), 0);
		assert_int_equal((uintptr_t)cpu, NH_CPUS > 1 ? 1 : NH_CPUS);
	}
}

static void damage_on_the_way(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_EXTREME
	const nh_request request = {.heaps = 1u};
	void *block = nh_instance_alloc(u.instance, &request, 5000), *wall = nh_instance_alloc(u.instance, &request, 100);
	nh_instance_free(u.instance, block);
	memset(block, 0xa5, 8);
	void *other = nh_instance_alloc(u.instance, &request, 5000);
	assert_int_equal(nht_fault_count(), 1);
	assert_int_equal(nht_fault_get(0).code, NH_FAULT_LIST);
	assert_ptr_not_equal(other, block);
	nht_fault_clear();
	(void)wall;
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(a_first_call_attaches, set_up),
		unit_case(a_first_free_attaches, set_up),
		unit_case_damaged(damage_on_the_way, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

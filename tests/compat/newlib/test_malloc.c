/* SPDX-License-Identifier: MIT */
/* The functions of nearheap_newlib on a host, under other names; what only newlib has runs as an image. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include <nearheap/first_use.h>

#include "check.h"

#define THREADS 4

static _Alignas(16) unsigned char memory[256 * 1024];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static nh_status refusal = NH_ENOINIT;
static unsigned asked;

/* As programs with several CPUs must: one does it, the others wait. */
nh_status nh_first_use(void)
{
	const nh_heap_config heap = { .name = "all", .base = memory, .size = sizeof memory };
	pthread_mutex_lock(&mutex);
	asked++;
	nh_status status = refusal;
	if (status == NH_OK)
		status = nh_heap_count() == 0 ? nh_init(&heap, 1, NULL) : NH_EALREADY;
	pthread_mutex_unlock(&mutex);
	return status;
}

static int uninitialised(void **state)
{
	(void)state;
	refusal = NH_ENOINIT;
	asked = 0;
	exhausted_calls = 0;
	errno = 0;
	(void)nh_deinit();
	return 0;
}

static int initialised(void **state)
{
	(void)uninitialised(state);
	refusal = NH_OK;
	assert_true(nh_first_use_ready());
	return 0;
}

/* Everything is back. */
static int given_back(void **state)
{
	(void)state;
	nh_heap_stats stats;
	assert_status(nh_heap_stats_get(0, &stats), NH_OK);
	assert_int_equal(stats.live, 0);
	nh_report report;
	assert_status(nh_validate(-1, &report), NH_OK);
	return 0;
}

static void before_there_is_a_heap(void **state)
{
	(void)state;
	assert_null(malloc(8));
	assert_int_equal(errno, ENOMEM);
	assert_null(calloc(1, 8));
	assert_null(realloc(NULL, 8));
	assert_null(memalign(64, 8));
	assert_int_equal(asked, 4);
	assert_int_equal(exhausted_calls, 4);
	free(NULL);
	assert_int_equal(malloc_usable_size(memory), 0);
}

static void first_request_makes_the_heap(void **state)
{
	(void)state;
	refusal = NH_OK;
	void *first = malloc(8);
	assert_non_null(first);
	void *second = malloc(8);
	assert_non_null(second);
	assert_int_equal(asked, 1);
	assert_int_equal(exhausted_calls, 0);
	free(first);
	free(second);
}

static void first_aligned_and_cleared(void **state)
{
	(void)state;
	refusal = NH_OK;
	unsigned char *block = memalign(512, 100);
	assert_non_null(block);
	assert_int_equal((uintptr_t)block % 512, 0);
	free(block);
	(void)nh_deinit();
	block = calloc(10, 10);
	assert_non_null(block);
	for (int i = 0; i < 100; i++)
		assert_int_equal(block[i], 0);
	free(block);
}

static void *first_of_several(void *barrier)
{
	pthread_barrier_wait(barrier);
	return malloc(100);
}

/* Whoever comes first, everybody gets a block. */
static void several_at_once(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;
	refusal = NH_OK;
	pthread_barrier_init(&barrier, NULL, THREADS);
	/* nh_init() is not for a CPU that is inside nh_malloc(): the heaps come first here. */
	assert_true(nh_first_use_ready());
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, first_of_several, &barrier), 0);
	for (int i = 0; i < THREADS; i++) {
		void *block;
		assert_int_equal(pthread_join(threads[i], &block), 0);
		assert_non_null(block);
		free(block);
	}
	pthread_barrier_destroy(&barrier);
	assert_int_equal(asked, 1);
}

#define FAMILY_TEST(name)                                                                                    \
	static void name(void **state)                                                                       \
	{                                                                                                    \
		(void)state;                                                                                 \
		check_##name();                                                                              \
	}
FAMILY_TEST(sizes)
FAMILY_TEST(alignment)
FAMILY_TEST(resizing)
FAMILY_TEST(exhaustion)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(before_there_is_a_heap, uninitialised),
		cmocka_unit_test_setup_teardown(first_request_makes_the_heap, uninitialised, given_back),
		cmocka_unit_test_setup_teardown(first_aligned_and_cleared, uninitialised, given_back),
		cmocka_unit_test_setup_teardown(several_at_once, uninitialised, given_back),
		cmocka_unit_test_setup_teardown(sizes, initialised, given_back),
		cmocka_unit_test_setup_teardown(alignment, initialised, given_back),
		cmocka_unit_test_setup_teardown(resizing, initialised, given_back),
		cmocka_unit_test_setup_teardown(exhaustion, initialised, given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

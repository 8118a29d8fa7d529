/* SPDX-License-Identifier: MIT */
/*
 * Thread churn on the default instance: waves of short-lived threads, more of them at once than
 * there are slots. Each leaves blocks to a thread-local destructor, which frees and allocates after
 * the library may have given the thread's slot back, and does so twice (a destructor that sets its
 * key again is called again).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "stress.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

#define AT_ONCE (NH_CPUS + 4u < 24u ? NH_CPUS + 4u : 24u)
#define LEFT 12u

typedef struct legacy {
	void *blocks[LEFT];
	unsigned rounds; /* destructor calls still to come */
} legacy;

static pthread_key_t keys[2];
static atomic_uint slotless; /* threads that began without a slot */
static size_t threads;
static atomic_uint *present; /* by group: threads that have allocated */
static atomic_size_t destroyed;

static void destroy(legacy *left, pthread_key_t key)
{
	for (unsigned i = 0; i < LEFT; i++) {
		if (left->blocks[i] != NULL)
			stress_check(left->blocks[i]);
		nh_free(left->blocks[i]);
		left->blocks[i] = nh_malloc(24 + i);
		if (left->blocks[i] != NULL)
			stress_fill(left->blocks[i], 24 + i, i);
	}
	atomic_fetch_add(&destroyed, 1);
	if (left->rounds-- != 0 && pthread_setspecific(key, left) == 0)
		return;
	for (unsigned i = 0; i < LEFT; i++)
		nh_free(left->blocks[i]);
	nh_free(left);
}

static void destroy_first(void *argument)
{
	destroy(argument, keys[0]);
}

static void destroy_second(void *argument)
{
	destroy(argument, keys[1]);
}

static void leave_blocks(unsigned which, nht_random *random)
{
	legacy *left = nh_calloc(1, sizeof *left);
	if (left == NULL)
		return;
	left->rounds = 1;
	for (unsigned i = 0; i < LEFT; i++) {
		size_t size = nht_between(random, STRESS_LEAST, 100);
		left->blocks[i] = nh_malloc(size);
		if (left->blocks[i] != NULL)
			stress_fill(left->blocks[i], size, nht_next(random));
	}
	if (pthread_setspecific(keys[which], left) != 0)
		destroy(left, keys[which]);
}

/* Every fourth group of AT_ONCE threads waits until all of it have allocated: more threads than
 * slots, at the same time. */
static void be_present(size_t number)
{
	size_t group = number / AT_ONCE;
	nh_free(nh_malloc(1)); /* takes a slot, if one is free */
	if (nh_host_cpu() == NH_CPUS)
		atomic_fetch_add(&slotless, 1u);
	atomic_fetch_add(&present[group], 1u);
	if (group % 4u != 0 || (group + 1u) * AT_ONCE > threads)
		return;
	while (atomic_load(&present[group]) < AT_ONCE)
		sched_yield();
}

static void *live_shortly(void *argument)
{
	nht_random random = stress_random((unsigned)(size_t)argument);
	void *blocks[48];
	be_present((size_t)argument);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 48; i++) {
			size_t size = nht_between(&random, STRESS_LEAST, 160);
			blocks[i] = nh_malloc(size);
			if (blocks[i] != NULL)
				stress_fill(blocks[i], size, nht_next(&random));
		}
		for (unsigned i = 48; i-- > 0;) {
			if (blocks[i] != NULL)
				stress_check(blocks[i]);
			nh_free(blocks[i]);
		}
	}
	leave_blocks(0, &random);
	leave_blocks(1, &random);
	return NULL;
}

/* A wave begins while the one before is still ending: its threads are joined one by one. */
static void churn(void)
{
	static pthread_t running[64];
	size_t started = 0, joined = 0;
	while (joined < threads) {
		while (started < threads && started - joined < AT_ONCE) {
			int error = pthread_create(&running[started % 64u], NULL, live_shortly, (void *)started);
			NHT_CHECK(error == 0, "thread %zu: error %d", started, error);
			started++;
		}
		pthread_join(running[joined % 64u], NULL);
		joined++;
	}
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	nht_context("threads");
	nht_fault_forbid();
	nht_arena arena;
	size_t sizes[2] = {(size_t)256 * 1024, (size_t)64 * 1024};
	nht_arena_parts(&arena, 2, sizes, NULL);
	nh_heap_config configs[2] = {{0}};
	for (unsigned i = 0; i < 2; i++) {
		configs[i].base = arena.parts[i].base;
		configs[i].size = arena.parts[i].size;
	}
	configs[1].affinity = NH_CPU(0);
	NHT_CHECK(nh_init(configs, 2, NULL) == NH_OK, "init");
	/* One key made before the library's own, if that is made at the first allocation, one after. */
	NHT_CHECK(pthread_key_create(&keys[0], destroy_first) == 0, "key");
	nh_free(nh_malloc(1));
	NHT_CHECK(pthread_key_create(&keys[1], destroy_second) == 0, "key");

	threads = nht_stress_operations(5000);
	present = calloc(threads / AT_ONCE + 1u, sizeof *present);
	NHT_CHECK(present != NULL, "no memory");
	churn();
	printf("threads: %zu threads, at most %u at once, %u without a slot, %zu destructor calls\n", threads,
	       (unsigned)AT_ONCE, atomic_load(&slotless), atomic_load(&destroyed));
	NHT_CHECK(atomic_load(&destroyed) >= threads * 3u, "destructors were not called twice");
	NHT_CHECK(threads < AT_ONCE || atomic_load(&slotless) > 0, "no thread was without a slot");
	free(present);
	/* All slots must be free again. */
	nh_host_detach();
	for (int slot = 0; slot < NH_CPUS; slot++) {
		nh_status status = nh_host_attach(slot);
		NHT_CHECK(status == NH_OK, "slot %d: %s", slot, nh_status_string(status));
	}
	const char *complaint = nht_all_heaps_returned(nh_default());
	NHT_CHECK(complaint == NULL, "at the end: %s", complaint);
	NHT_CHECK(nh_deinit() == NH_OK, "deinit");
	NHT_CHECK(nht_arena_drop(&arena), "a guard outside the regions was written");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A signal handler that allocates and frees on top of malloc and free. It may be told NULL, and a
 * free of its may be refused with NH_FAULT_CONTEXT where it interrupted a call that held a heap's
 * lock; nothing may be lost or handed out twice for that. Outside the handler no fault may come.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "stress.h"
#include "tests/support/env.h"
#include "tests/support/oracle.h"

#define WORKERS 3u
#define HELD 32u
#define KEPT 8u /* blocks that a handler leaves for a later one */

typedef struct program {
	stress_heaps heaps;
	size_t operations;
	size_t signals;
	pthread_t threads[WORKERS];
	atomic_uint ready, working;
} program;

static program p;

/* Of one thread and its handler. */
typedef struct mine {
	volatile sig_atomic_t in_handler;
	volatile sig_atomic_t refused; /* the free that the hook spoke of */
	void *kept[KEPT];
	nht_random random; /* the handler's own */
	size_t handled, nulls, refusals;
} mine;

static _Thread_local mine self;
static atomic_size_t handled, nulls, refusals;

static void hook(const nh_fault *fault)
{
	NHT_CHECK(fault->code == NH_FAULT_CONTEXT, "fault %d (%s) at %p", (int)fault->code, nh_fault_string(fault->code),
	          (void *)(uintptr_t)fault->address);
	NHT_CHECK(self.in_handler, "NH_FAULT_CONTEXT outside the handler");
	self.refused = 1;
}

/* A refused free has no effect: the block is still the handler's. */
static void free_in_handler(void **place)
{
	stress_check(*place);
	self.refused = 0;
	nh_instance_free(p.heaps.instance, *place);
	if (self.refused)
		self.refusals++;
	else
		*place = NULL;
}

static void handler(int number)
{
	(void)number;
	self.in_handler = 1;
	self.handled++;
	for (unsigned k = 0; k < 3; k++) {
		void **place = &self.kept[nht_below(&self.random, KEPT)];
		if (*place != NULL) {
			free_in_handler(place);
			continue;
		}
		size_t size = nht_between(&self.random, STRESS_LEAST, 90);
		nh_request request = {.heaps = nht_chance(&self.random, 30) ? 2u : 0};
		void *block = nh_instance_alloc(p.heaps.instance, &request, size);
		if (block == NULL)
			self.nulls++;
		else
			stress_fill(block, size, nht_next(&self.random));
		*place = block;
	}
	self.in_handler = 0;
}

/* Walks hold locks outside of gates; another thread may be walking the same heap. */
static void inspect(void)
{
	nh_heap_stats stats;
	nh_report report;
	nh_status status = nh_instance_heap_stats_get(p.heaps.instance, 0, &stats);
	NHT_CHECK(status == NH_OK || status == NH_EBUSY, "stats: %s", nh_status_string(status));
	status = nh_instance_validate(p.heaps.instance, 1, &report);
	NHT_CHECK(status == NH_OK || status == NH_EBUSY, "validate: %s", nh_status_string(status));
}

/* Now and then from the heap that is near to one CPU only, so that its inbox is used. */
static void *allocate(size_t size, nht_random *random)
{
	nh_request request = {.heaps = nht_chance(random, 20) ? 2u : 0};
	return nh_instance_alloc(p.heaps.instance, &request, size);
}

/* Sizes of two classes and one of none, so that hits, refills and plain TLSF are interrupted. */
static void churn(void *blocks[HELD], nht_random *random)
{
	static const size_t sizes[] = {24, 24, 24, 64, 64, 700};
	unsigned i = (unsigned)nht_below(random, HELD);
	if (blocks[i] != NULL)
		stress_check(blocks[i]);
	nh_instance_free(p.heaps.instance, blocks[i]);
	size_t size = sizes[nht_below(random, sizeof sizes / sizeof sizes[0])];
	blocks[i] = size > 100 ? nh_instance_malloc(p.heaps.instance, size) : allocate(size, random);
	NHT_CHECK(blocks[i] != NULL, "NULL outside the handler");
	stress_fill(blocks[i], size, nht_next(random));
}

static void send_signals(void)
{
	while (atomic_load(&p.ready) != WORKERS)
		sched_yield();
	for (size_t i = 0; i < p.signals; i++) {
		if (atomic_load(&p.working) == 0)
			break;
		int error = pthread_kill(p.threads[i % WORKERS], SIGUSR1);
		NHT_CHECK(error == 0, "pthread_kill: %s", strerror(error));
		for (volatile unsigned pause = 0; pause < 300u + (unsigned)(i * 7919u % 2000u);)
			pause = pause + 1u;
	}
	atomic_fetch_add(&p.ready, 1u);
}

/* Workers stay until no signal can come any more: a signal to a thread that is gone is undefined. */
static void work(unsigned index, void *context)
{
	(void)context;
	if (index == WORKERS) {
		send_signals();
		return;
	}
	nht_random random = stress_random(index);
	void *blocks[HELD] = {NULL};
	self.random = stress_random(100u + index);
	p.threads[index] = pthread_self();
	atomic_fetch_add(&p.working, 1u);
	atomic_fetch_add(&p.ready, 1u);
	for (size_t i = 0; i < p.operations; i++) {
		churn(blocks, &random);
		if (i % 512u == 0)
			inspect();
	}
	atomic_fetch_sub(&p.working, 1u);
	while (atomic_load(&p.ready) != WORKERS + 1u)
		sched_yield();
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (unsigned i = 0; i < HELD; i++)
		nh_instance_free(p.heaps.instance, blocks[i]);
	for (unsigned i = 0; i < KEPT; i++) {
		if (self.kept[i] != NULL)
			stress_check(self.kept[i]);
		nh_instance_free(p.heaps.instance, self.kept[i]);
	}
	atomic_fetch_add(&handled, self.handled);
	atomic_fetch_add(&nulls, self.nulls);
	atomic_fetch_add(&refusals, self.refusals);
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	nht_context("signal");
	nh_fatal_hook_set(hook);
	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_handler = handler;
	action.sa_flags = SA_RESTART;
	NHT_CHECK(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
	nh_heap_config configs[2] = {{0}};
	configs[0].size = (size_t)256 * 1024;
	configs[1].size = (size_t)32 * 1024;
	configs[1].affinity = NH_CPU(STRESS_CPU(1));
	stress_make(&p.heaps, configs, 2);
	p.operations = nht_stress_operations(1500000);
	p.signals = p.operations / 4u;
	stress_threads(WORKERS + 1u, work, NULL);
	printf("signal: %zu operations by %u threads, %zu handlers ran, %zu were told NULL, %zu frees refused\n",
	       p.operations, WORKERS, atomic_load(&handled), atomic_load(&nulls), atomic_load(&refusals));
	NHT_CHECK(atomic_load(&handled) > 0, "no handler ran");
	stress_end(&p.heaps);
	return 0;
}

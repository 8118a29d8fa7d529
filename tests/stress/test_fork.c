/* SPDX-License-Identifier: MIT */
/*
 * fork() while other threads allocate. The child has one thread, and heaps in whatever state the
 * others left them: it must be able to allocate and free from all of them, take every slot, and
 * find everything sound. The parent goes on as if nothing had happened.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

#define WORKERS 3u
#define HELD 64u
#define CHILD_SECONDS 120u /* a child that hangs must not outlive the test */

typedef struct program {
	stress_heaps heaps;
	atomic_bool stop;
	atomic_size_t operations;
	size_t forks;
} program;

static void churn_once(program *p, void *blocks[HELD], nht_random *random)
{
	unsigned i = (unsigned)nht_below(random, HELD);
	if (blocks[i] != NULL)
		stress_check(blocks[i]);
	nh_instance_free(p->heaps.instance, blocks[i]);
	size_t size = nht_between(random, STRESS_LEAST, nht_chance(random, 90) ? 128 : 2000);
	blocks[i] = nh_instance_malloc(p->heaps.instance, size);
	if (blocks[i] != NULL)
		stress_fill(blocks[i], size, nht_next(random));
}

static void free_all(program *p, void *blocks[HELD])
{
	for (unsigned i = 0; i < HELD; i++)
		nh_instance_free(p->heaps.instance, blocks[i]);
}

/* In the child: no library function that might need a lock of a thread that is gone, but the heap's. */
static int child(program *p, size_t number)
{
	nht_random random = stress_random((unsigned)(1000u + number));
	void *blocks[HELD] = {NULL};
	for (int slot = 0; slot < NH_CPUS; slot++) {
		if (nh_host_attach(slot) != NH_OK)
			return 2; /* a slot of a thread that is gone */
		for (unsigned i = 0; i < 200; i++)
			churn_once(p, blocks, &random);
	}
	if (nht_valid(p->heaps.instance) != NULL)
		return 3;
	if (nh_instance_trim(p->heaps.instance, -1) != NH_OK)
		return 4;
	for (int heap = 0; heap < 2; heap++)
		if (nht_accounts_balance(p->heaps.instance, heap) != NULL)
			return 5;
	/* All that is left must be had: the caches of those who are gone included. */
	nh_heap_stats stats;
	if (nh_instance_heap_stats_get(p->heaps.instance, 0, &stats) != NH_OK || stats.cached != 0)
		return 6;
	void *largest = nh_instance_malloc(p->heaps.instance, stats.largest_free);
	if (largest == NULL)
		return 7;
	nh_instance_free(p->heaps.instance, largest);
	free_all(p, blocks);
	return nht_valid(p->heaps.instance) == NULL ? 0 : 8;
}

static void fork_often(program *p)
{
	for (size_t i = 0; i < p->forks; i++) {
		size_t before = atomic_load(&p->operations);
		pid_t pid = fork();
		NHT_CHECK(pid >= 0, "fork %zu", i);
		if (pid == 0) {
			alarm(CHILD_SECONDS);
			nht_leave(child(p, i));
		}
		int status = 0;
		NHT_CHECK(waitpid(pid, &status, 0) == pid, "waitpid");
		NHT_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %zu: %s %d", i,
		          WIFEXITED(status) ? "step" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		/* The others must still be alive, and get somewhere before the next fork. */
		while (atomic_load(&p->operations) < before + 50u)
			sched_yield();
	}
	atomic_store(&p->stop, true);
}

static void work(unsigned self, void *context)
{
	program *p = context;
	if (self == WORKERS) {
		fork_often(p);
		return;
	}
	nht_random random = stress_random(self);
	void *blocks[HELD] = {NULL};
	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		churn_once(p, blocks, &random);
		atomic_fetch_add_explicit(&p->operations, 1, memory_order_relaxed);
	}
	free_all(p, blocks);
}

int main(int argc, char **argv)
{
	static program p;
	nht_start(argc, argv);
	nht_context("fork");
	nht_fault_forbid();
	nh_heap_config configs[2] = {{0}};
	configs[0].size = (size_t)128 * 1024;
	configs[1].size = (size_t)64 * 1024;
	configs[1].affinity = NH_CPU(STRESS_CPU(1));
	stress_make(&p.heaps, configs, 2);
	p.forks = nht_stress_operations(300);
	stress_threads(WORKERS + 1u, work, &p);
	printf("fork: %zu forks over %zu operations\n", p.forks, atomic_load(&p.operations));
	stress_end(&p.heaps);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * nh_init while other threads already allocate: what comes too early gets NULL, what comes later a block, and nobody sees
 * anything half made.
 */
#include <sched.h>
#include <stdatomic.h>

#include "stress.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

#define THREADS 3u
#define ROUNDS 300u

static _Alignas(64) unsigned char memory[64 * 1024];
static atomic_uint early; /* calls that got NULL */

static void early_bird(void)
{
	void *block;
	while ((block = nh_malloc(24)) == NULL) {
		atomic_fetch_add(&early, 1u);
		sched_yield();
	}
	stress_fill(block, 24, 1);
	stress_check(block);
	nh_free(block);
}

static void one(unsigned index, void *context)
{
	(void)context;
	if (index != 0) {
		early_bird();
		return;
	}
	nh_heap_config heaps[] = {
		{ .base = memory, .size = sizeof memory / 2 },
		{ .base = memory + sizeof memory / 2, .size = sizeof memory / 2 },
	};
	while (atomic_load(&early) == 0) /* at least one call did come too early */
		sched_yield();
	NHT_CHECK(nh_init(heaps, 2, NULL) == NH_OK, "init failed");
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	nht_context("begin");
	nht_fault_forbid();
	for (size_t round = 0; round < nht_stress_operations(ROUNDS); round++) {
		atomic_store(&early, 0);
		stress_threads(THREADS, one, NULL);
		NHT_CHECK(nh_validate(-1, NULL) == NH_OK, "round %zu: damaged", round);
		NHT_CHECK(nh_deinit() == NH_OK, "deinit failed");
	}
	return 0;
}

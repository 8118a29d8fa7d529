/* SPDX-License-Identifier: MIT */
/* Pointers that may not be freed. */
#include "tests/faults/faults.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- double frees ------------------------------------------------------------------------- */

static void free_again(trial *t, void *block)
{
	expect(t, NH_FAULT_DOUBLE_FREE, block);
	give(t, block);
}

static void cached_same_cpu(trial *t)
{
	void *block = take_between(t, CACHED, 40);
	give(t, block);
	free_again(t, block);
}

static void cached_other_cpu(trial *t)
{
	void *block = take_between(t, CACHED, 40);
	give(t, block);
	on_cpu(2);
	free_again(t, block);
}

static void in_depot(trial *t)
{
	free_again(t, first_in_depot(t));
}

static void in_inbox(trial *t)
{
	free_again(t, into_inbox(t, take_between(t, REMOTE, 40)));
}

/* Its owner has it in a magazine; this CPU's way there would be the inbox. */
static void cached_elsewhere(trial *t)
{
	void *block = into_inbox(t, take_between(t, REMOTE, 40));
	on_cpu(1);
	block = take_between(t, REMOTE, 40);
	give(t, block);
	on_cpu(0);
	free_again(t, block);
}

static void realloc_freed(trial *t)
{
	void *block = take_between(t, CACHED, 40);
	give(t, block);
	expect(t, NH_FAULT_DOUBLE_FREE, block);
	nh_instance_realloc(t->instance, block, 200);
}

static void free_in_tlsf(trial *t)
{
	void *block = take_between(t, PLAIN, 300);
	give(t, block);
	free_again(t, block);
}

/* Merged into the block before it: its header is inside a free block now. */
static void merged(trial *t)
{
	void *first = take(t, PLAIN, 300), *block = take(t, PLAIN, 300);
	take(t, PLAIN, 300);
	give(t, first);
	give(t, block);
	free_again(t, block);
}

struct racer {
	trial *t;
	pthread_barrier_t *barrier;
	void *block;
	int cpu;
};

static void *race(void *argument)
{
	struct racer *racer = argument;
	on_cpu(racer->cpu);
	pthread_barrier_wait(racer->barrier);
	give(racer->t, racer->block);
	return NULL;
}

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static unsigned race_reports;

static void count_report(const nh_fault *fault)
{
	pthread_mutex_lock(&guard);
	race_reports += fault->code == NH_FAULT_DOUBLE_FREE;
	pthread_mutex_unlock(&guard);
}

/* Two CPUs at once. Below FULL the second one's look may come before the first one's mark; threads meet in that window too
 * seldom, so it is played: the mark is taken back between the two. */
static void simultaneous(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 40);
	expect(t, NH_FAULT_DOUBLE_FREE, block);
	if (NH_HARDENING < NH_HARDENING_FULL) {
		uint8_t live = nh__load_relaxed(&nh__block_at(block)->owner);
		give(t, block);
		nh__store_relaxed(&nh__block_at(block)->owner, live);
		give(t, block);
		return;
	}
	pthread_barrier_t barrier;
	struct racer racers[2] = {{t, &barrier, NULL, 1}, {t, &barrier, NULL, 2}};
	nh_fatal_hook_set(count_report);
	for (unsigned round = 1; round <= 50; round++) {
		pthread_t threads[2];
		pthread_barrier_init(&barrier, NULL, 2);
		for (unsigned i = 0; i < 2; i++) {
			racers[i].block = block;
			if (pthread_create(&threads[i], NULL, race, &racers[i]) != 0)
				abort();
		}
		for (unsigned i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&barrier);
		if (race_reports != round)
			return;
		block = take(t, CACHED, 40);
	}
	t->validated = true; /* each time one of the two was told */
}

/* The same, seen when the block is taken the second time. */
static void simultaneous_later(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 40);
	expect(t, NH_FAULT_LINK, block);
	expect(t, NH_FAULT_DOUBLE_FREE, block);
	uint8_t live = nh__load_relaxed(&nh__block_at(block)->owner);
	give(t, block);
	nh__store_relaxed(&nh__block_at(block)->owner, live);
	give(t, block);
	nh__store_relaxed(&nh__block_at(block)->owner, NH__OWNER_CACHED);
	unsigned char *taken[4];
	for (unsigned i = 0; i < 4; i++)
		taken[i] = take(t, CACHED, 40);
	nh_instance_trim(t->instance, -1);
	(void)taken;
}

/* ---- pointers to no block ----------------------------------------------------------------- */

static void refuse(trial *t, void *pointer)
{
	expect(t, NH_FAULT_POINTER, pointer);
	give(t, pointer);
}

static void misaligned(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 40);
	refuse(t, block + nht_between(&t->random, 1, NH_GRANULE - 1u));
}

static void foreign(trial *t)
{
	static _Alignas(16) unsigned char elsewhere[256];
	memset(elsewhere, NH__OWNER_LARGE, sizeof elsewhere);
	refuse(t, elsewhere + 16u * nht_between(&t->random, 1, 15));
}

static void on_stack(trial *t)
{
	_Alignas(16) unsigned char local[64];
	memset(local, NH__OWNER_LARGE, sizeof local);
	refuse(t, local + 32);
}

static void other_instance(trial *t)
{
	static nh_instance_storage storage;
	static _Alignas(64) unsigned char region[32768];
	nh_heap_config config = {.base = region, .size = sizeof region};
	nh_instance *other;
	if (nh_instance_init(&storage, &config, 1, NULL, &other) != NH_OK)
		abort();
	refuse(t, nh_instance_malloc(other, 40));
}

static void control_memory(trial *t)
{
	refuse(t, heap_of(t, CACHED));
}

static void fence(trial *t)
{
	refuse(t, (void *)heap_of(t, CACHED)->tlsf.regions->end);
}

/* ---- pointers into a block ---------------------------------------------------------------- */

static void interior_random(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 200);
	for (unsigned i = 0; i < 200; i++)
		block[i] = (unsigned char)nht_next(&t->random);
	refuse(t, block + NH_GRANULE * nht_between(&t->random, 1, 6));
}

/* A copy of a true header in front of it, as in a block that held a pool. */
static void interior_header(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 200), *model = take_between(t, CACHED, 40);
	memcpy(block + 2u * NH_GRANULE - NH_HEADER, nh__block_at(model), NH_HEADER);
	refuse(t, block + 2u * NH_GRANULE);
}

static void interior_realloc(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 200);
	memset(block, 0, 200);
	expect(t, NH_FAULT_POINTER, block + 2u * NH_GRANULE);
	nh_instance_realloc(t->instance, block + 2u * NH_GRANULE, 20);
}

#if NH_WIDE
#define INTERIOR_HEADER "NNAAA" /* the key is of another address */
#else
#define INTERIOR_HEADER "NNNAA"
#endif

const fault_program pointer_faults[] = {
	{"double free, in this CPU's magazine", "AAAAA", cached_same_cpu},
	{"double free, in another CPU's magazine", "AAAAA", cached_other_cpu},
	{"double free, in a depot slot", "AAAAA", in_depot},
	{"double free, in an inbox", "AAAAA", in_inbox},
	{"double free, in a magazine of a heap this CPU is not local to", "AAAAA", cached_elsewhere},
	{"double free, in TLSF", "AAAAA", free_in_tlsf},
	{"realloc of a freed block", "AAAAA", realloc_freed},
	{"double free, merged into the block before", "AAAAA", merged},
	{"double free by two CPUs at once, at the free", "NNNAA", simultaneous},
	{"double free by two CPUs at once, when taken again", "NNP--", simultaneous_later},
	{"misaligned pointer", "AAAAA", misaligned},
	{"foreign pointer", "AAAAA", foreign},
	{"pointer to the stack", "AAAAA", on_stack},
	{"pointer of another instance", "AAAAA", other_instance},
	{"pointer to control memory", "AAAAA", control_memory},
	{"pointer behind the last block", "AAAAA", fence},
	{"pointer into a block, random bytes", "PPPAA", interior_random},
	{"pointer into a block, to a copy of a header", INTERIOR_HEADER, interior_header},
	{"pointer into a block, to realloc, zeroes", "AAAAA", interior_realloc},
	{NULL, NULL, NULL},
};

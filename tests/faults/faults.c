/* SPDX-License-Identifier: MIT */
/*
 *   faults            runs every fault program TRIALS times, each in a process of its own, and compares with the verdicts
 *   faults --table    prints "name<TAB>verdict of this level", unasked
 *
 * A trial that crashes, or runs out of time, was not caught. NH_SEED chooses what is random.
 */
#include "tests/faults/faults.h"
#include "tests/support/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIALS 40u
#define KIB 1024u

static const char *const levels[] = {"none", "basic", "moderate", "full", "extreme"};
static _Alignas(64) unsigned char memory[HEAPS][64 * KIB];
static trial *current;

/* Nobody else is inside a call: where the hook is called, no lock is held and no gate. */
static bool something_held(const nh_instance *instance)
{
	bool held = instance->admin.word != 0;
	for (unsigned i = 0; i < HEAPS; i++) {
		const struct nh__heap *heap = instance->heap[i];
		held |= heap->lock.word != 0;
		for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
			held |= heap->cache[cpu] != NULL && (heap->cache[cpu]->head.gate.busy & 1u) != 0;
	}
	return held;
}

static void record(const nh_fault *fault)
{
	trial *t = current;
	if (t->count < REPORTS)
		t->reports[t->count++] = *fault;
	t->wrong_cpu |= fault->cpu != nh_host_cpu();
	t->held |= something_held(t->instance);
}

/* ---- what the programs use ---------------------------------------------------------------- */

unsigned char *take(trial *t, int heap, size_t size)
{
	nh_request request = {.heaps = UINT32_C(1) << heap};
	unsigned char *block = nh_instance_alloc(t->instance, &request, size);
	if (block == NULL)
		_exit(3);
	return block;
}

void give(trial *t, void *block)
{
	nh_instance_free(t->instance, block);
}

unsigned char *take_between(trial *t, int heap, size_t size)
{
	take(t, heap, size);
	unsigned char *block = take(t, heap, size);
	take(t, heap, size);
	return block;
}

/* Freed so often that full magazines went to the depot; what was freed first lies there. */
unsigned char *first_in_depot(trial *t)
{
	enum { BLOCKS = 256 };
	void *blocks[2 * BLOCKS];
	nh_heap_stats stats = {0};
	for (unsigned i = 0; i < 2 * BLOCKS; i++)
		blocks[i] = take(t, CACHED, 16);
	for (unsigned i = 0; i < BLOCKS && stats.depot_puts == 0; i++) {
		give(t, blocks[2 * i]);
		nh_instance_heap_stats_get(t->instance, CACHED, &stats);
	}
	/* the head of the first slot that is not empty */
	struct nh__heap *heap = heap_of(t, CACHED);
	for (unsigned klass = 0; klass < NH_CLASSES; klass++)
		for (unsigned i = 0; i < NH_DEPOT_SLOTS; i++) {
			uint32_t word = nh__load_relaxed(&heap->shared[klass].depot[i]);
			if (word != 0)
				return nh__payload(nh__chain_top(&heap->cache[0]->head, word));
		}
	abort();
}

unsigned char *into_inbox(trial *t, void *block)
{
	struct nh__heap *heap = heap_of(t, REMOTE);
	give(t, take_between(t, REMOTE, nh_instance_usable_size(t->instance, block))); /* an inbox opens when it is first needed */
	give(t, block);
	for (unsigned klass = 0; klass < NH_CLASSES; klass++)
		if (nh__load_relaxed(&heap->shared[klass].inbox) != 0)
			return block;
	abort();
}

void on_cpu(int cpu)
{
	if (nh_host_attach(cpu) != NH_OK)
		_exit(3);
}

void expect_in(trial *t, nh_fault_code code, const void *from, const void *to)
{
	if (t->expectations == EXPECTATIONS)
		_exit(3);
	t->expected[t->expectations].code = code;
	t->expected[t->expectations].from = (uintptr_t)from;
	t->expected[t->expectations++].to = (uintptr_t)to;
}

void expect(trial *t, nh_fault_code code, const void *address)
{
	expect_in(t, code, address, address);
}

static bool is_expected(const trial *t, nh_fault_code code, const void *address)
{
	for (unsigned k = 0; k < t->expectations; k++)
		if (code == t->expected[k].code && (uintptr_t)address >= t->expected[k].from && (uintptr_t)address <= t->expected[k].to)
			return true;
	return false;
}

void ask_validate(trial *t)
{
	nh_report report;
	t->validated = nh_instance_validate(t->instance, -1, &report) == NH_ECORRUPT &&
	               is_expected(t, NH_FAULT_CORRUPT, report.address);
}

unsigned char other_than(trial *t, unsigned char byte)
{
	return (unsigned char)(byte ^ nht_between(&t->random, 1, 255));
}

struct nh__heap *heap_of(trial *t, int heap)
{
	return t->instance->heap[heap];
}

/* ---- trials ------------------------------------------------------------------------------- */

static bool caught(const trial *t)
{
	if (t->wrong_cpu)
		_exit(4);
	if (t->held)
		_exit(5);
	for (unsigned i = 0; i < t->count; i++) {
		if (is_expected(t, t->reports[i].code, t->reports[i].address))
			return true;
		if (t->reports[i].code != NH_FAULT_CORRUPT)
			break; /* what was told first was something else */
	}
	return t->validated;
}

static bool try(const fault_program *program, uint64_t seed)
{
	static nh_instance_storage storage;
	nh_heap_config configs[HEAPS] = {
		[CACHED] = {.affinity = NH_CPU(0) | NH_CPU(2)},
		[REMOTE] = {.affinity = NH_CPU(1)},
		[PLAIN] = {.flags = NH_HEAP_NO_CACHES},
	};
	trial t = {0};
	current = &t;
	nht_random_seed(&t.random, seed);
	for (unsigned i = 0; i < HEAPS; i++) {
		configs[i].base = memory[i];
		configs[i].size = sizeof memory[i];
	}
	nh_fatal_hook_set(record);
	on_cpu(0);
	if (nh_instance_init(&storage, configs, HEAPS, NULL, &t.instance) != NH_OK)
		_exit(3);
	program->run(&t);
	return caught(&t);
}

/* In a process of its own: what is not caught may do anything. */
static bool try_apart(const fault_program *program, uint64_t seed)
{
	int status;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		const struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		alarm(10);
		if (freopen("/dev/null", "w", stderr) == NULL) /* an emulator tells each crash */
			_exit(3);
		_exit(try(program, seed) ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		nht_fail(__FILE__, __LINE__, program->name, "no process");
	if (WIFEXITED(status) && WEXITSTATUS(status) > 1)
		nht_fail(__FILE__, __LINE__, program->name, "%s",
		         WEXITSTATUS(status) == 4   ? "wrong CPU"
		         : WEXITSTATUS(status) == 5 ? "told with a lock or gate held"
		                                    : "cannot be tried");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const char *word_of(char verdict)
{
	switch (verdict) {
	case 'A':
		return "always";
	case 'P':
		return "probably";
	case 'S':
		return "sometimes";
	case 'N':
		return "not";
	default:
		return "-";
	}
}

static unsigned check(const fault_program *programs)
{
	unsigned wrong = 0;
	for (const fault_program *p = programs; p->name != NULL; p++) {
		unsigned count = 0;
		char verdict = p->verdicts[NH_HARDENING];
		if (verdict == '-')
			continue;
		for (unsigned i = 0; i < TRIALS; i++)
			count += try_apart(p, nht_seed() + i);
		bool right = verdict == 'S' || (verdict == 'A' ? count == TRIALS : verdict == 'P' ? count >= TRIALS / 2u : count == 0);
		printf("%-8s %-62s %3u of %u  %s%s\n", levels[NH_HARDENING], p->name, count, TRIALS, word_of(verdict),
		       right ? "" : "   WRONG");
		wrong += !right;
	}
	return wrong;
}

static void table(const fault_program *programs)
{
	for (const fault_program *p = programs; p->name != NULL; p++)
		printf("%s\t%s\n", p->name, word_of(p->verdicts[NH_HARDENING]));
}

int main(int argc, char **argv)
{
	const fault_program *const groups[] = {pointer_faults, write_faults, control_faults};
	unsigned wrong = 0;
	bool print = argc == 2 && strcmp(argv[1], "--table") == 0;
	nht_start(argc, argv);
	for (unsigned i = 0; i < 3; i++) {
		if (print)
			table(groups[i]);
		else
			wrong += check(groups[i]);
	}
	return wrong == 0 ? 0 : 1;
}

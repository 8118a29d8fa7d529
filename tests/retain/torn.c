/* SPDX-License-Identifier: MIT */
/*
 * A reset between any two instructions. A child performs one operation over a shared copy of a retained heap, its
 * parent steps it, instruction by instruction, and whenever the memory has changed
 *
 *   takes what there is --> attaches it in a fresh instance --> all blocks but the one in hand are there, with their contents,
 *                                                              nothing is lost, and never is it a cold start
 *
 * and of a cold start or a removal: nothing comes back, and what is attached is whole.
 *
 * The heap lies at the same address in both. Where processes cannot be traced (emulated ones) this is skipped; tests/unicorn does
 * the same with the objects for Cortex-M.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/block.h"
#include "tests/support/env.h"
#include "tests/support/fault.h"
#include "tests/support/kept.h"
#include "tests/support/oracle.h"

#define SIZE ((size_t)12 * 1024)
#define ROOT 20u
#define OTHER_ROOT 21u
#define SKIPPED 77
#define GONE (KEPT + 1u)

static nh_instance_storage storage;
static nh_instance *instance;
static kept table[KEPT];
static unsigned char *memory, *shared, *seen;
static _Alignas(64) unsigned char control[16 * 1024];
static nh_heap_config config;
static size_t moments, steps;
static unsigned found_gone; /* a bit for each that was */
static int file;

static volatile struct flow {
	bool ended;
} *flow;

#define MUST(condition) NHT_CHECK(condition, "after %zu steps", steps)

/* ---- the memory --------------------------------------------------------------------------- */

static void *map(void *at, size_t size, int flags, int mapped_file)
{
	void *mapped = mmap(at, size, PROT_READ | PROT_WRITE, flags, mapped_file, 0);
	MUST(mapped != MAP_FAILED);
	return mapped;
}

static void set_up(void)
{
	file = memfd_create("retained", 0);
	MUST(file >= 0 && ftruncate(file, (off_t)SIZE) == 0);
	memory = map(NULL, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	shared = map(NULL, SIZE, MAP_SHARED, file);
	seen = map(NULL, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	flow = map(NULL, sizeof *flow, MAP_SHARED | MAP_ANONYMOUS, -1);
	config = (nh_heap_config){.base = memory, .size = SIZE, .control = control, .control_size = sizeof control};
	nht_fault_catch();
}

static void boot(void)
{
	MUST(nh_instance_init(&storage, NULL, 0, NULL, &instance) == NH_OK);
}

static nh_retained attach(void)
{
	nh_retained report;
	boot();
	MUST(nh_instance_heap_add_retained(instance, &config, NULL, &report) == NH_OK);
	return report;
}

static void forget(void)
{
	MUST(nh_instance_deinit(instance) == NH_OK);
}

/* ---- operations --------------------------------------------------------------------------- */

static void make(unsigned slot, size_t size)
{
	table[slot] = (kept){nh_instance_malloc(instance, size), size};
	MUST(table[slot].at != NULL);
	kept_fill(&table[slot], slot);
}

static void drop(unsigned slot)
{
	nh_instance_free(instance, table[slot].at);
	table[slot].at = NULL;
}

static void malloc_24(void)
{
	nh_instance_malloc(instance, 24);
}

static void malloc_72(void)
{
	nh_instance_malloc(instance, 72);
}

static void malloc_900(void)
{
	nh_instance_malloc(instance, 900);
}

static void calloc_900(void)
{
	nh_instance_calloc(instance, 3, 300);
}

static void aligned_300(void)
{
	nh_instance_aligned_alloc(instance, 256, 300);
}

static void free_small(void)
{
	nh_instance_free(instance, table[8].at);
}

static void free_large(void)
{
	nh_instance_free(instance, table[2].at);
}

static void to(size_t size)
{
	nh_instance_realloc(instance, table[2].at, size);
}

static void shrink(void)
{
	to(100);
}

static void grow(void)
{
	to(700);
}

static void move(void)
{
	to(3000);
}

static void drain(void)
{
	nh_instance_cpu_offline(instance, 0);
}

static void set_root(void)
{
	nh_instance_retained_root_set(instance, 0, table[OTHER_ROOT].at);
}

/* A reset in the first boot after a reset. */
static void attach_again(void)
{
	nh_instance_heap_add_retained(instance, &config, NULL, NULL);
}

/* ---- layouts ------------------------------------------------------------------------------ */

/* Small ones in a row, larger ones with others between, holes of both. */
static void usual(void)
{
	for (unsigned i = 0; i < 6; i++)
		make(i, 400);
	for (unsigned i = 6; i < 18; i++)
		make(i, 24);
	make(ROOT, 50);
	make(OTHER_ROOT, 60);
	drop(9);
	drop(12);
	drop(15);
}

static void neighbours_free(void)
{
	usual();
	drop(1);
	drop(3);
	nh_instance_trim(instance, 0);
}

static void next_free(void)
{
	usual();
	drop(3);
	nh_instance_trim(instance, 0);
}

static void previous_free(void)
{
	usual();
	drop(1);
	nh_instance_trim(instance, 0);
}

static void nothing(void)
{
}

static void cached(void)
{
	usual();
	for (unsigned i = 30; i < 40; i++)
		make(i, 40);
	for (unsigned i = 30; i < 40; i += 2)
		drop(i);
}

/* As a free leaves it that was going to merge, far from the first free block. */
static void half_done(void)
{
	cached();
	drop(1);
	nh__flag_set(nh__block_at(table[17].at), NH__PREV_FREE);
}

/* Two headers far from each other that no single call leaves: a cold start. */
static void damaged(void)
{
	usual();
	nh__flag_set(nh__block_at(table[0].at), NH__PREV_FREE);
	nh__flag_set(nh__block_at(table[17].at), NH__PREV_FREE);
}

static void remove_heap(void)
{
	nh_instance_heap_remove(instance, 0, NULL);
}

/* ---- stepping ----------------------------------------------------------------------------- */

/* In the child: the same bytes at the same place, for the parent to see. */
static void share(void)
{
	memcpy(shared, memory, SIZE);
	map(memory, SIZE, MAP_SHARED | MAP_FIXED, file);
}

static pid_t start(void (*operate)(void))
{
	int status;
	fflush(NULL);
	flow->ended = false;
	pid_t child = fork();
	if (child == 0) {
		share();
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(3);
		raise(SIGSTOP);
		operate();
		flow->ended = true;
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		MUST(!"a child");
	MUST(WIFSTOPPED(status) || WEXITSTATUS(status) == 3);
	return WIFSTOPPED(status) ? child : -1;
}

static bool step(pid_t child)
{
	int status;
	MUST(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0);
	MUST(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
	steps++;
	return !flow->ended;
}

/* ---- what a reset finds ------------------------------------------------------------------- */

struct scene {
	const char *name;
	void (*prepare)(void), (*operate)(void);
	unsigned in_hand; /* KEPT: none; GONE: nothing comes back */
	size_t common;    /* of the block in hand: what realloc must not lose as long as it is live */
};

static const struct scene scenes[] = {
	{"malloc, small", usual, malloc_24, KEPT, 0},
	{"malloc, miss", usual, malloc_72, KEPT, 0},
	{"malloc, split", neighbours_free, malloc_900, KEPT, 0},
	{"calloc", usual, calloc_900, KEPT, 0},
	{"aligned", usual, aligned_300, KEPT, 0},
	{"free, small", usual, free_small, 8, 0},
	{"free, alone", usual, free_large, 2, 0},
	{"free, merge with both", neighbours_free, free_large, 2, 0},
	{"free, merge with the next", next_free, free_large, 2, 0},
	{"free, merge with the previous", previous_free, free_large, 2, 0},
	{"realloc, shrink", usual, shrink, 2, 100},
	{"realloc, grow", next_free, grow, 2, 400},
	{"realloc, shrink beside a free block", next_free, shrink, 2, 100},
	{"realloc, not over the previous", previous_free, grow, 2, 400},
	{"realloc, move", previous_free, move, 2, 400},
	{"drain", cached, drain, KEPT, 0},
	{"root", usual, set_root, KEPT, 0},
	{"attach", cached, attach_again, KEPT, 0},
	{"attach, after a reset in a call", half_done, attach_again, KEPT, 0},
	{"cold start", damaged, attach_again, GONE, 0},
	{"remove", nothing, remove_heap, GONE, 0},
};

/* Whatever it says that it found, it is empty and whole. */
static void judge_gone(const nh_retained *report)
{
	found_gone |= 1u << report->found;
	NHT_CHECK(report->blocks == 0 && nh_instance_retained_root(instance, 0) == NULL, "%s, with %u blocks",
	          nh_retained_string(report->found), report->blocks);
	const char *complaint = nht_valid(instance);
	if (complaint == NULL)
		complaint = kept_end(instance, 0);
	NHT_CHECK(complaint == NULL && nht_fault_count() == 0, "%s", complaint == NULL ? "a fault" : complaint);
	forget();
	moments++;
}

static void judge(const struct scene *scene)
{
	memcpy(memory, shared, SIZE);
	nht_context("%s, after %zu steps", scene->name, steps);
	nh_retained report = attach();
	if (scene->in_hand == GONE) {
		judge_gone(&report);
		return;
	}
	NHT_CHECK(report.found == NH_RETAINED_KEPT, "%s", nh_retained_string(report.found));
	const char *complaint = kept_all(instance, 0, table, scene->in_hand, scene->in_hand < KEPT ? 2 : 1);
	NHT_CHECK(complaint == NULL, "%s", complaint);
	if (scene->common != 0 && nh_instance_usable_size(instance, table[scene->in_hand].at) != 0)
		NHT_CHECK(kept_holds(&table[scene->in_hand], scene->in_hand, scene->common), "the block in hand lost its contents");
	void *root = nh_instance_retained_root(instance, 0);
	NHT_CHECK(root == table[ROOT].at || (scene->operate == set_root && root == table[OTHER_ROOT].at), "another root");
	complaint = kept_end(instance, 0);
	NHT_CHECK(complaint == NULL && nht_fault_count() == 0, "%s", complaint == NULL ? "a fault" : complaint);
	forget();
	moments++;
}

/* False: nothing can be traced here. */
static bool play(const struct scene *scene)
{
	memset(memory, 0, SIZE);
	memset(table, 0, sizeof table);
	nh_retained report = attach();
	MUST(report.found == NH_RETAINED_NONE);
	scene->prepare();
	MUST(nh_instance_retained_root_set(instance, 0, table[ROOT].at) == NH_OK); /* NULL: none */
	if (scene->operate == attach_again) {
		forget();
		boot();
	}
	pid_t child = start(scene->operate);
	forget();
	if (child < 0)
		return false;
	size_t before = moments;
	steps = 0;
	memcpy(seen, shared, SIZE);
	judge(scene);
	while (step(child)) {
		if (memcmp(seen, shared, SIZE) == 0)
			continue;
		memcpy(seen, shared, SIZE);
		judge(scene);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (memcmp(seen, shared, SIZE) != 0)
		judge(scene);
	printf("%-36s %6zu instructions, %4zu states, all %s\n", scene->name, steps, moments - before,
	       scene->in_hand == GONE ? "empty" : "kept");
	return true;
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	set_up();
	for (unsigned i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
		nht_context("%s", scenes[i].name);
		if (!play(&scenes[i])) {
			puts("skipped: processes cannot be traced here");
			return SKIPPED;
		}
	}
	MUST(moments > 100);
	MUST(found_gone == (1u << NH_RETAINED_KEPT | 1u << NH_RETAINED_NONE | 1u << NH_RETAINED_DAMAGED));
	return 0;
}

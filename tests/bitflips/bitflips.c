/* SPDX-License-Identifier: MIT */
/*
 * Every bit of a heap's metadata and of its instance's is flipped, one at a time, and the checker asked.
 *
 *   detected   validate says so
 *   harmless   validate does not, and the program goes on as if nothing were: all contents kept, all blocks taken back,
 *              one free block at the end
 *   missed     neither
 *   CRASH      validate crashed or did not come back: fails the test
 *
 * The heap has live, free and cached blocks, full magazines of two CPUs, a depot and an inbox in use. Validate runs in a
 * process that goes from flip to flip and is replaced when one kills it; what is not detected is tried in a process of
 * its own. Not flipped: the words of lock and gates, which say what is going on, not what is there.
 */
#include "core/instance.h"
#include "core/starts.h"
#include "tests/support/env.h"

#include <nearheap/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (48u * 1024u)
#define BLOCKS 160u
#define AREAS 4096u

static nh_instance_storage storage, storage_before;
static nh_instance *instance;
static _Alignas(64) unsigned char memory[SIZE], memory_before[SIZE];
static unsigned char *blocks[BLOCKS];
static size_t sizes[BLOCKS];

enum result { UNKNOWN, SEEN, QUIET, HARMLESS, MISSED, CRASH, RESULTS };

enum kind { HEADER, FREE_WORDS, LINKS, STARTS, CONTROL, LISTS, SHARED, CACHE, INSTANCE, KINDS };
static const char *const kind_names[KINDS] = {
	"block headers",  "links and footers of free blocks",  "links of cached blocks", "bitmap of starts",
	"heap's control", "heads of free lists and their map", "depot and inbox words",  "magazines",
	"instance's sets and tables",
};

static struct area {
	enum kind kind;
	unsigned char *at;
	size_t bytes;
} areas[AREAS];
static unsigned area_count;

static void area_add(enum kind kind, void *at, size_t bytes)
{
	if (area_count == AREAS)
		abort();
	areas[area_count++] = (struct area){kind, at, bytes};
}

/* ---- the heap ----------------------------------------------------------------------------- */

static unsigned faults;

static void count_fault(const nh_fault *fault)
{
	(void)fault;
	faults++;
}

static void on_cpu(int cpu)
{
	if (nh_host_attach(cpu) != NH_OK)
		abort();
}

static unsigned char mark_of(unsigned index)
{
	return (unsigned char)(index * 7u + 3u);
}

static void lay_out(void)
{
	nh_heap_config config = {.base = memory, .size = sizeof memory, .affinity = NH_CPU(0) | NH_CPU(1)};
	void *extra[96];
	on_cpu(0);
	if (nh_instance_init(&storage, &config, 1, NULL, &instance) != NH_OK)
		abort();
	for (unsigned i = 0; i < BLOCKS; i++) {
		sizes[i] = i % 5 == 0 ? 200u + i : 8u + i % 90u;
		blocks[i] = nh_instance_malloc(instance, sizes[i]);
		if (blocks[i] == NULL)
			abort();
		memset(blocks[i], mark_of(i), sizes[i]);
		if (i < 96)
			extra[i] = nh_instance_malloc(instance, 24);
	}
	/* magazines and depot from CPU 0, magazines from CPU 1, an inbox from CPU 2 */
	for (unsigned i = 0; i < 96; i += 2)
		nh_instance_free(instance, extra[i]);
	on_cpu(1);
	for (unsigned i = 1; i < 72; i += 2)
		nh_instance_free(instance, extra[i]);
	on_cpu(2);
	for (unsigned i = 73; i < 96; i += 2)
		nh_instance_free(instance, extra[i]);
	on_cpu(0);
	for (unsigned i = 0; i < BLOCKS; i += 7) {
		nh_instance_free(instance, blocks[i]);
		blocks[i] = NULL;
	}
}

static void find_areas(void)
{
	struct nh__heap *heap = instance->heap[0];
	struct nh__region *region = heap->tlsf.regions;
	struct nh__block *block = nh__block_at((void *)region->first);
	for (;; block = nh__block_after(block, nh__block_span(block))) {
		area_add(HEADER, block, NH_HEADER);
		uint8_t owner = nh__load_relaxed(&block->owner);
		if (nh__block_span(block) == 0)
			break;
		if (nh__flags(block) & NH__FREE) {
			area_add(FREE_WORDS, nh__payload(block), 8);
			area_add(FREE_WORDS, (unsigned char *)nh__block_after(block, nh__block_span(block)) - 4, 4);
		} else if (owner == NH__OWNER_CACHED) {
			area_add(LINKS, nh__payload(block), NH__STARTS ? 8 : 4);
		}
	}
#if NH__STARTS
	area_add(STARTS, (void *)region->starts, nh__starts_size((uint32_t)((region->end - region->first) >> NH_GRANULE_SHIFT)));
#endif
	area_add(CONTROL, &heap->tlsf, sizeof *heap - offsetof(struct nh__heap, tlsf));
	area_add(LISTS, heap->tlsf.heads, nh__tlsf_lists_size(SIZE / NH_GRANULE, heap->tlsf.wide));
	area_add(SHARED, heap->shared, NH_CLASSES * sizeof *heap->shared);
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++) {
		struct nh__cache *cache = heap->cache[cpu];
		if (cache != NULL)
			area_add(CACHE, (unsigned char *)cache + sizeof cache->head.gate,
			         sizeof *cache - sizeof cache->head.gate + (heap->two ? NH_CLASSES * sizeof(uint32_t) : 0u));
	}
	unsigned char *behind = (unsigned char *)(instance + 1), *lock_end = (unsigned char *)(&instance->admin + 1);
	area_add(INSTANCE, instance, offsetof(nh_instance, admin));
	area_add(INSTANCE, lock_end, (size_t)(behind - lock_end));
}

static void restore(void)
{
	memcpy(memory, memory_before, sizeof memory);
	memcpy(&storage, &storage_before, sizeof storage);
	faults = 0;
}

static void flip(const struct area *area, size_t bit)
{
	area->at[bit / 8u] ^= (unsigned char)(1u << (bit % 8u));
}

/* ---- what a flip does --------------------------------------------------------------------- */

/* Each CPU is asked: magazines are its own business. */
static bool validate_sees(void)
{
	bool seen = false;
	for (int cpu = 0; cpu < 2 && !seen; cpu++) {
		on_cpu(cpu);
		seen = nh_instance_validate(instance, -1, NULL) == NH_ECORRUPT || faults != 0;
	}
	on_cpu(0);
	return seen;
}

static bool goes_on(void)
{
	nh_heap_stats stats;
	for (unsigned i = 0; i < BLOCKS; i++) {
		for (size_t k = 0; blocks[i] != NULL && k < sizes[i]; k++)
			if (blocks[i][k] != mark_of(i))
				return false;
		if (i % 3 == 0) {
			nh_instance_free(instance, blocks[i]);
			blocks[i] = nh_instance_malloc(instance, sizes[i] = 4u + i % 100u);
			if (blocks[i] == NULL)
				return false;
			memset(blocks[i], mark_of(i), sizes[i]);
		}
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		on_cpu((int)(i % 3u));
		for (size_t k = 0; blocks[i] != NULL && k < sizes[i]; k++)
			if (blocks[i][k] != mark_of(i))
				return false;
		nh_instance_free(instance, blocks[i]);
	}
	for (unsigned i = 1; i < 4; i++)
		on_cpu((int)i % 3);
	/* what this program still holds of the 24-byte blocks: those it freed are all */
	return nh_instance_trim(instance, -1) == NH_OK && faults == 0 &&
	       nh_instance_heap_stats_get(instance, 0, &stats) == NH_OK && stats.quarantined == 0 && stats.cached == 0 &&
	       stats.free == stats.size && nh_instance_validate(instance, -1, NULL) == NH_OK;
}

static void harden_child(unsigned seconds)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	alarm(seconds);
}

/* Goes through flips from *cursor on; its death is one flip's result. */
static void validate_from(unsigned char *results, size_t *cursor)
{
	size_t number = 0;
	for (unsigned i = 0; i < area_count; i++)
		for (size_t bit = 0; bit < areas[i].bytes * 8u; bit++, number++) {
			if (number < *cursor)
				continue;
			*cursor = number;
			if (number % 64u == 0)
				alarm(5);
			restore();
			flip(&areas[i], bit);
			results[number] = validate_sees() ? SEEN : QUIET;
		}
	*cursor = number;
}

static void validate_all(unsigned char *results, size_t *cursor, size_t total)
{
	while (*cursor < total) {
		int status;
		fflush(NULL);
		pid_t child = fork();
		if (child == 0) {
			harden_child(5);
			validate_from(results, cursor);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			abort();
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			results[(*cursor)++] = CRASH;
	}
}

static enum result try_quiet(const struct area *area, size_t bit)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		harden_child(2);
		restore();
		flip(area, bit);
		_exit(goes_on() ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? HARMLESS : MISSED;
}

/* ---- the table ---------------------------------------------------------------------------- */

static void *shared_memory(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		abort();
	return at;
}

int main(int argc, char **argv)
{
	size_t total = 0, number = 0, stride = 1, counts[KINDS][RESULTS] = {{0}}, crashes = 0;
	bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
	nht_start(argc, argv);
	if (argc == 2 && !list)
		stride = (size_t)strtoul(argv[1], NULL, 0);
	nh_fatal_hook_set(count_fault);
	lay_out();
	if (nh_instance_validate(instance, -1, NULL) != NH_OK || faults != 0)
		abort();
	find_areas();
	memcpy(memory_before, memory, sizeof memory);
	memcpy(&storage_before, &storage, sizeof storage);
	for (unsigned i = 0; i < area_count; i++)
		total += areas[i].bytes * 8u;
	unsigned char *results = shared_memory(total);
	size_t *cursor = shared_memory(sizeof *cursor);
	validate_all(results, cursor, total);

	for (unsigned i = 0; i < area_count; i++)
		for (size_t bit = 0; bit < areas[i].bytes * 8u; bit++, number++) {
			if (results[number] == QUIET && number % stride == 0)
				results[number] = (unsigned char)try_quiet(&areas[i], bit);
			if (list && (results[number] == CRASH || results[number] == MISSED))
				printf("%s: %s, byte %zu of %zu, bit %zu\n", results[number] == CRASH ? "CRASH" : "missed",
				       kind_names[areas[i].kind], bit / 8u, areas[i].bytes, bit % 8u);
			counts[areas[i].kind][results[number]]++;
			crashes += results[number] == CRASH;
		}
	printf("| bits of | flipped | detected | harmless | missed |%s crash |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
	       stride > 1 ? " not tried |" : "");
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t *c = counts[kind], all = c[SEEN] + c[QUIET] + c[HARMLESS] + c[MISSED] + c[CRASH];
		if (all == 0)
			continue;
		printf("| %s | %zu | %zu | %zu | %zu |", kind_names[kind], all, c[SEEN], c[HARMLESS], c[MISSED]);
		if (stride > 1)
			printf(" %zu |", c[QUIET]);
		printf(" %zu |\n", c[CRASH]);
	}
	return crashes == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family as a program sees them that runs under libnearheap-preload.so: run it so, it says at once if
 * it is not. Nothing of nearheap is linked here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/random.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define SLOTS 300

/* Volatile: the compiler must not see the sizes. It knows what malloc promises, and warns. */
static const volatile size_t huge[] = { PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4096, SIZE_MAX };
static const volatile size_t wide = (size_t)1 << 62;
static char anything; /* an address that is no result */

/* ---- blocks with a pattern -------------------------------------------------------------------- */

struct block {
	unsigned char *at;
	size_t size;
	unsigned char seed;
};

static unsigned char pattern(const struct block *block, size_t i)
{
	return (unsigned char)(block->seed + i * 7 + (i >> 12));
}

/* The ends, and one byte of each 4 KiB: what lies beside another block, and what has been moved. */
static size_t next_probe(size_t i, size_t size)
{
	return i < 64 || i + 64 >= size ? i + 1 : (i / 4096 + 1) * 4096 < size - 64 ? (i / 4096 + 1) * 4096 : size - 64;
}

static void paint(struct block *block, size_t from)
{
	for (size_t i = 0; i < block->size; i = next_probe(i, block->size))
		if (i >= from)
			block->at[i] = pattern(block, i);
}

/* The first `size` bytes are as they were painted when the block had `painted` bytes. */
static bool intact(const struct block *block, size_t size)
{
	for (size_t i = 0; i < block->size && i < size; i = next_probe(i, block->size))
		if (block->at[i] != pattern(block, i))
			return false;
	return true;
}

static size_t some_size(nht_random *random)
{
	switch (nht_below(random, 16)) {
	case 0:
		return nht_below(random, 3 * MIB);
	case 1:
	case 2:
		return nht_below(random, 64 * KIB);
	default:
		return nht_below(random, 600);
	}
}

static bool take(nht_random *random, struct block *block)
{
	size_t size = some_size(random), alignment = (size_t)1 << nht_between(random, 3, 14);
	void *at = NULL;
	switch (nht_below(random, 8)) {
	case 0:
		if (posix_memalign(&at, alignment, size) != 0)
			return false;
		if ((uintptr_t)at % alignment != 0)
			return false;
		break;
	case 1:
		at = calloc(1, size);
		for (size_t i = 0; at != NULL && i < size; i += size > 4096 ? 61 : 1)
			if (((unsigned char *)at)[i] != 0)
				return false;
		break;
	default:
		at = malloc(size);
	}
	*block = (struct block){ at, size, (unsigned char)nht_next(random) };
	if (at == NULL || (uintptr_t)at % 16 != 0 || malloc_usable_size(at) < size)
		return false;
	paint(block, 0);
	return true;
}

static bool resize(nht_random *random, struct block *block)
{
	size_t size = some_size(random) + 1, kept = size < block->size ? size : block->size;
	void *at = realloc(block->at, size);
	if (at == NULL || malloc_usable_size(at) < size)
		return false;
	block->at = at;
	/* The places that are looked at depend on the size: by bytes that both have. */
	for (size_t i = 0; i < 64 && i < kept && i + 64 < block->size; i++)
		if (block->at[i] != pattern(block, i))
			return false;
	block->size = size;
	paint(block, 0);
	return true;
}

/* NULL = all was right, else what was not. */
static const char *churn(uint64_t seed, unsigned operations)
{
	struct block blocks[SLOTS] = { 0 };
	nht_random random;
	nht_random_seed(&random, seed);
	for (unsigned i = 0; i < operations; i++) {
		struct block *block = &blocks[nht_below(&random, SLOTS)];
		if (block->at == NULL) {
			if (!take(&random, block))
				return "a block is missing, misaligned, too small or not zero";
		} else if (!intact(block, block->size)) {
			return "a block was overwritten";
		} else if (nht_chance(&random, 30)) {
			if (!resize(&random, block))
				return "realloc lost bytes";
		} else {
			free(block->at);
			block->at = NULL;
		}
	}
	for (unsigned i = 0; i < SLOTS; i++)
		free(blocks[i].at);
	return NULL;
}

/* ---- one call at a time ----------------------------------------------------------------------- */

static void runs_under_it(void **state)
{
	(void)state;
	const char *names[] = { "malloc", "free", "calloc", "realloc", "reallocarray", "memalign", "posix_memalign",
	                        "aligned_alloc", "valloc", "pvalloc", "malloc_usable_size" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		Dl_info where;
		assert_true(dladdr(dlsym(RTLD_DEFAULT, names[i]), &where) != 0);
		assert_non_null(strstr(where.dli_fname, "nearheap-preload"));
	}
	/* and nothing else of it is to be seen */
	assert_null(dlsym(RTLD_DEFAULT, "nh_malloc"));
}

static void size_zero_is_a_block(void **state)
{
	(void)state;
	void *blocks[] = { malloc(0), calloc(0, 8), calloc(8, 0), realloc(NULL, 0), memalign(64, 0),
		           aligned_alloc(16, 0), valloc(0), pvalloc(0), reallocarray(NULL, 0, 4) };
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		assert_non_null(blocks[i]);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(blocks[i], blocks[j]);
	}
	assert_true(malloc_usable_size(blocks[7]) >= 4096);
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		free(blocks[i]);
	free(NULL);
	assert_int_equal(malloc_usable_size(NULL), 0);
	void *block = malloc(100);
	assert_null(realloc(block, 0)); /* frees: the next of that size is it again, or the leak checks of others see it */
}

static void assert_no_memory(void *block)
{
	assert_null(block);
	assert_int_equal(errno, ENOMEM);
	errno = 0;
}

static void too_large_is_enomem(void **state)
{
	(void)state;
	unsigned char *volatile small = malloc(100), *volatile large = malloc(5 * MIB);
	memset(small, 1, 100);
	memset(large, 2, 5 * MIB);
	errno = 0;
	for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
		assert_no_memory(malloc(huge[i]));
		assert_no_memory(calloc(1, huge[i]));
		assert_no_memory(calloc(huge[i], 2));
		assert_no_memory(calloc(huge[i] / 2 + 1, 4));
		assert_no_memory(realloc(NULL, huge[i]));
		assert_no_memory(realloc(small, huge[i]));
		assert_no_memory(realloc(large, huge[i]));
		assert_no_memory(reallocarray(small, huge[i], 2));
		assert_no_memory(reallocarray(large, huge[i] / 4, 8));
		assert_no_memory(memalign(64, huge[i]));
		assert_no_memory(aligned_alloc(4096, huge[i]));
		assert_no_memory(memalign(wide, huge[i]));
		assert_no_memory(valloc(huge[i]));
		assert_no_memory(pvalloc(huge[i]));
		void *untouched = &anything;
		assert_int_equal(posix_memalign(&untouched, 64, huge[i]), ENOMEM);
		assert_ptr_equal(untouched, &anything);
		assert_int_equal(errno, 0);
	}
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(small[i], 1);
	assert_int_equal(large[0], 2);
	assert_int_equal(large[5 * MIB - 1], 2);
	free(small);
	free(large);
}

static void alignments(void **state)
{
	(void)state;
	const size_t sizes[] = { 1, 100, 5000, 300 * KIB, MIB - 64, MIB, 3 * MIB };
	for (size_t alignment = 8; alignment <= 8 * MIB; alignment *= 2) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			void *posix = NULL;
			assert_int_equal(posix_memalign(&posix, alignment, sizes[i]), 0);
			struct block blocks[] = { { posix, sizes[i], 1 },
				                  { memalign(alignment, sizes[i]), sizes[i], 2 },
				                  { aligned_alloc(alignment, sizes[i]), sizes[i], 3 } };
			for (unsigned j = 0; j < 3; j++) {
				assert_non_null(blocks[j].at);
				assert_int_equal((uintptr_t)blocks[j].at % alignment, 0);
				assert_true(malloc_usable_size(blocks[j].at) >= sizes[i]);
				paint(&blocks[j], 0);
			}
			for (unsigned j = 0; j < 3; j++) {
				assert_true(intact(&blocks[j], sizes[i]));
				if (j == 1) { /* an aligned block may be resized like any other */
					blocks[j].at = realloc(blocks[j].at, sizes[i] + 70000);
					assert_non_null(blocks[j].at);
					assert_true(intact(&blocks[j], sizes[i]));
				}
				free(blocks[j].at);
			}
		}
	}
	void *page = valloc(10);
	assert_int_equal((uintptr_t)page % 4096, 0);
	free(page);
	page = pvalloc(4097);
	assert_int_equal((uintptr_t)page % 4096, 0);
	assert_true(malloc_usable_size(page) >= 8192);
	free(page);
}

static void wrong_alignments(void **state)
{
	(void)state;
	static const volatile size_t wrong[] = { 0, 3, 24, 4095, SIZE_MAX };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		errno = 0;
		assert_null(memalign(wrong[i], 100));
		assert_int_equal(errno, EINVAL);
		errno = 0;
		assert_null(aligned_alloc(wrong[i], 100));
		assert_int_equal(errno, EINVAL);
		errno = 0;
		void *untouched = &anything;
		assert_int_equal(posix_memalign(&untouched, wrong[i], 100), EINVAL);
		assert_ptr_equal(untouched, &anything);
		assert_int_equal(errno, 0);
	}
	void *untouched = &anything;
	assert_int_equal(posix_memalign(&untouched, 4, 100), EINVAL); /* a power of two, but no multiple of a pointer */
	assert_ptr_equal(untouched, &anything);
}

/* Up and down over the border between heap and mappings. */
static void realloc_keeps_bytes(void **state)
{
	(void)state;
	const size_t sizes[] = { 10,       100,      4000,      900 * KIB, MIB - 1, MIB,     9 * MIB,  40 * MIB,
		                 2 * MIB,  MIB,      600 * KIB, 5 * KIB,   3 * MIB, 100,     MIB + 1,  MIB - 100,
		                 70 * MIB, 16 * MIB, 17 };
	unsigned char *at = malloc(1);
	at[0] = 0xa5;
	size_t had = 1;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		at = realloc(at, sizes[i]);
		assert_non_null(at);
		assert_true(malloc_usable_size(at) >= sizes[i]);
		for (size_t j = 0; j < had && j < sizes[i]; j++)
			if (at[j] != (unsigned char)(0xa5 + j * 13))
				fail_msg("byte %zu of %zu, %zu before", j, sizes[i], had);
		for (size_t j = 0; j < sizes[i]; j++)
			at[j] = (unsigned char)(0xa5 + j * 13);
		had = sizes[i];
	}
	free(at);
}

static void random_calls(void **state)
{
	(void)state;
	const char *complaint = churn(1, 60000);
	if (complaint != NULL)
		fail_msg("%s", complaint);
}

/* Pages of address space. */
static long address_space(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &pages), 1);
	fclose(file);
	return pages;
}

static void large_blocks_go_back(void **state)
{
	(void)state;
	long before = address_space();
	for (unsigned i = 0; i < 40; i++) {
		unsigned char *at = i % 2 ? malloc(1024 * MIB) : memalign(64 * MIB, 900 * MIB);
		assert_non_null(at);
		at[512 * MIB] = 1;
		at = realloc(at, 300 * MIB);
		assert_true(address_space() - before < (long)(310 * MIB / 4096));
		free(at);
	}
	assert_true(address_space() - before < (long)(2 * MIB / 4096));
}

/* ---- threads ---------------------------------------------------------------------------------- */

#define THREADS 40 /* more than there are slots */
#define ROUNDS 3000

static _Atomic(struct block *) exchange[64];
static pthread_barrier_t all_there;
static pthread_key_t key;

/* In a destructor, after the heap may have counted the thread out. */
static void late(void *block)
{
	free(block);
	free(malloc(50));
}

static void *trader(void *number)
{
	nht_random random;
	nht_random_seed(&random, (uintptr_t)number);
	pthread_setspecific(key, malloc(200));
	pthread_barrier_wait(&all_there);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct block *mine = malloc(sizeof *mine);
		if (mine == NULL || !take(&random, mine))
			return "a block is missing, misaligned, too small or not zero";
		struct block *theirs = atomic_exchange(&exchange[nht_below(&random, 64)], mine);
		if (theirs == NULL)
			continue;
		if (!intact(theirs, theirs->size))
			return "a block was overwritten";
		free(theirs->at);
		free(theirs);
	}
	return NULL;
}

static void more_threads_than_slots(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	assert_int_equal(pthread_key_create(&key, late), 0);
	pthread_barrier_init(&all_there, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, trader, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *complaint;
		pthread_join(threads[i], &complaint);
		if (complaint != NULL)
			fail_msg("thread %u: %s", i, (char *)complaint);
	}
	for (unsigned i = 0; i < 64; i++) {
		struct block *left = atomic_exchange(&exchange[i], NULL);
		if (left != NULL)
			free(left->at);
		free(left);
	}
	pthread_barrier_destroy(&all_there);
}

static void *short_life(void *unused)
{
	(void)unused;
	pthread_setspecific(key, malloc(300));
	/* the C library frees it when the thread is all but gone */
	return strdup(strsignal(1000)) == NULL ? "no memory" : NULL;
}

/* Threads that come and go leave nothing that the next would miss. */
static void many_short_lives(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		pthread_t thread;
		void *complaint;
		assert_int_equal(pthread_create(&thread, NULL, short_life, NULL), 0);
		pthread_join(thread, &complaint);
		assert_null(complaint);
	}
}

/* ---- fork ------------------------------------------------------------------------------------- */

static atomic_bool enough;

static void *busy(void *number)
{
	const char *complaint = NULL;
	for (uint64_t seed = (uintptr_t)number; complaint == NULL && !atomic_load(&enough); seed += 1000)
		complaint = churn(seed, 500);
	return (void *)(uintptr_t)complaint;
}

static void *once(void *number)
{
	return (void *)(uintptr_t)churn((uintptr_t)number, 200);
}

/* The child has all of the heap: blocks of vanished threads, growth, mappings, new threads. */
static int child(const struct block *before)
{
	pthread_t thread;
	void *complaint;
	if (!intact(before, before->size) || churn(7, 500) != NULL)
		return 1;
	free(before->at);
	void *grown[60];
	for (unsigned i = 0; i < 60; i++)
		if ((grown[i] = malloc(900 * KIB)) == NULL)
			return 2;
	for (unsigned i = 0; i < 60; i++)
		free(grown[i]);
	if (pthread_create(&thread, NULL, once, (void *)9) != 0 || pthread_join(thread, &complaint) != 0)
		return 3;
	return complaint == NULL ? 0 : 4;
}

static void fork_among_threads(void **state)
{
	(void)state;
	pthread_t threads[4];
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, busy, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < 10; i++) {
		struct block block = { malloc(40000), 40000, (unsigned char)i };
		int status;
		paint(&block, 0);
		pid_t process = fork();
		if (process == 0) {
			alarm(60);
			_exit(child(&block));
		}
		assert_true(process > 0);
		free(block.at);
		assert_int_equal(waitpid(process, &status, 0), process);
		assert_int_equal(status, 0);
	}
	atomic_store(&enough, true);
	for (unsigned i = 0; i < 4; i++) {
		void *complaint;
		pthread_join(threads[i], &complaint);
		assert_null(complaint);
	}
}

/* A pattern of names, and only those tests run. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_under_it),
		cmocka_unit_test(size_zero_is_a_block),
		cmocka_unit_test(too_large_is_enomem),
		cmocka_unit_test(alignments),
		cmocka_unit_test(wrong_alignments),
		cmocka_unit_test(realloc_keeps_bytes),
		cmocka_unit_test(random_calls),
		cmocka_unit_test(large_blocks_go_back),
		cmocka_unit_test(more_threads_than_slots),
		cmocka_unit_test(many_short_lives),
		cmocka_unit_test(fork_among_threads),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

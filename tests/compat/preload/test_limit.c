/* SPDX-License-Identifier: MIT */
/*
 * Life at the limit: run under libnearheap-preload.so with NEARHEAP_SIZE=64M. cmocka is not used here, because it allocates.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/env.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define LIMIT (64 * MIB)

struct link {
	struct link *next;
};

/* Takes blocks of `size` until there is none; how many. */
static size_t fill(size_t size, struct link **chain)
{
	size_t count = 0;
	struct link *block;
	errno = 0;
	while (count * size <= LIMIT && (block = malloc(size)) != NULL) {
		memset(block, 0x5a, size);
		block->next = *chain;
		*chain = block;
		count++;
	}
	NHT_CHECK(errno == ENOMEM, "errno is %d at the limit", errno);
	return count;
}

/* Frees every second block, or all. */
static void drop(struct link **chain, bool all)
{
	while (*chain != NULL) {
		struct link *block = *chain;
		*chain = block->next;
		free(block);
		if (!all && *chain != NULL)
			chain = &(*chain)->next;
	}
}

static void fills_up(size_t size, size_t least)
{
	struct link *chain = NULL;
	nht_context("blocks of %zu bytes", size);
	size_t first = fill(size, &chain);
	NHT_CHECK(first * size <= LIMIT, "%zu blocks are more than the limit", first);
	NHT_CHECK(first * size >= least, "%zu blocks, less than %zu MiB", first, least / MIB);
	NHT_CHECK(malloc(8 * MIB) == NULL && errno == ENOMEM, "8 MiB beyond the limit");
	drop(&chain, false);
	size_t again = fill(size, &chain);
	NHT_CHECK(again >= first / 2, "of %zu freed, %zu could be had again", first / 2, again);
	drop(&chain, true);
	size_t second = fill(size, &chain);
	NHT_CHECK(second >= first, "%zu blocks the first time, %zu the second", first, second);
	drop(&chain, true);
}

static void *in_thread(void *unused)
{
	(void)unused;
	struct link *chain = NULL;
	for (unsigned i = 0; i < 3; i++) {
		(void)fill(48 * KIB, &chain);
		drop(&chain, true);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	unsigned char *large = malloc(40 * MIB);
	NHT_CHECK(large == NULL, "half of the limit is the heap's first region: 40 MiB cannot be there beside it");
	large = malloc(20 * MIB);
	NHT_CHECK(large != NULL, "20 MiB beside a first region of 32 MiB");
	memset(large, 1, 20 * MIB);
	NHT_CHECK(realloc(large, 50 * MIB) == NULL && errno == ENOMEM, "realloc beyond the limit");
	NHT_CHECK(large[20 * MIB - 1] == 1, "and the block is lost");
	free(large);
	for (unsigned i = 0; i < 100; i++)
		free(malloc(24 * MIB)); /* what goes back is not counted any more */
	fills_up(2 * MIB, 40 * MIB);
	fills_up(100 * KIB, 58 * MIB);
	fills_up(1000, 58 * MIB);
	fills_up(24, 40 * MIB);

	pthread_t threads[4];
	for (unsigned i = 0; i < 4; i++)
		NHT_CHECK(pthread_create(&threads[i], NULL, in_thread, NULL) == 0, "no thread");
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	fills_up(100 * KIB, 55 * MIB);
	puts("ok");
	return 0;
}

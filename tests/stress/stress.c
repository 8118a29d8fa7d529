/* SPDX-License-Identifier: MIT */
#include "stress.h"

#include <pthread.h>
#include <string.h>

#include "tests/support/end.h"

/* ---- threads ------------------------------------------------------------------------------ */

/* A barrier by hand: all threads first attach, then start. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned waiting, expected;

static void arrive(void)
{
	pthread_mutex_lock(&guard);
	waiting++;
	pthread_cond_broadcast(&changed);
	while (waiting < expected)
		pthread_cond_wait(&changed, &guard);
	pthread_mutex_unlock(&guard);
}

typedef struct start {
	unsigned index;
	void (*body)(unsigned index, void *context);
	void *context;
} start;

static void *run(void *argument)
{
	const start *s = argument;
	if (s->index < NH_CPUS)
		(void)nh_host_attach((int)s->index); /* another program's slot is as good */
	arrive();
	s->body(s->index, s->context);
	return NULL;
}

void stress_threads(unsigned count, void (*body)(unsigned index, void *context), void *context)
{
	static start starts[STRESS_THREADS];
	static pthread_t threads[STRESS_THREADS];
	NHT_CHECK(count <= STRESS_THREADS, "%u threads", count);
	nh_host_detach();
	waiting = 0;
	expected = count;
	for (unsigned i = 0; i < count; i++) {
		starts[i] = (start){i, body, context};
		int error = pthread_create(&threads[i], NULL, run, &starts[i]);
		NHT_CHECK(error == 0, "thread %u: %s", i, strerror(error));
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

nht_random stress_random(unsigned index)
{
	nht_random random;
	nht_random_seed(&random, nht_seed() + UINT64_C(0x1000) * index);
	return random;
}

/* ---- heaps -------------------------------------------------------------------------------- */

void stress_lay_out(stress_heaps *heaps, unsigned count, size_t least)
{
	size_t sizes[NHT_ARENA_PARTS];
	NHT_CHECK(count <= NHT_ARENA_PARTS, "%u parts", count);
	for (unsigned i = 0; i < count; i++)
		sizes[i] = least + i * 1000u;
	nht_arena_parts(&heaps->arena, count, sizes, NULL);
}

void stress_begin(stress_heaps *heaps, const nh_heap_config *configs, unsigned count)
{
	unsigned failed = count;
	nh_status status = nh_instance_init(&heaps->storage, configs, count, &failed, &heaps->instance);
	NHT_CHECK(status == NH_OK, "init: %s at entry %u", nh_status_string(status), failed);
}

void stress_make(stress_heaps *heaps, nh_heap_config *configs, unsigned count)
{
	size_t sizes[NH_MAX_HEAPS] = {0};
	for (unsigned i = 0; i < count; i++)
		sizes[i] = configs[i].size;
	nht_arena_parts(&heaps->arena, count, sizes, NULL);
	for (unsigned i = 0; i < count; i++)
		configs[i].base = heaps->arena.parts[i].base;
	stress_begin(heaps, configs, count);
}

void stress_end(stress_heaps *heaps)
{
	nht_end(heaps->instance, &heaps->arena);
}

/* ---- blocks ------------------------------------------------------------------------------- */

/* The first word says how long the block is, the second what is in it; both are mixed so that a
 * block's neighbour does not look like it. */
typedef struct mark {
	uint32_t size;
	uint32_t key;
} mark;

static unsigned char fill_byte(uint32_t key, size_t index)
{
	return (unsigned char)((key + (uint32_t)index * UINT32_C(2654435761)) >> 23);
}

void stress_fill(void *block, size_t size, uint32_t key)
{
	unsigned char *bytes = block;
	mark head = {(uint32_t)size ^ key, key};
	NHT_CHECK(size >= STRESS_LEAST, "%zu bytes are too few to mark", size);
	memcpy(bytes, &head, sizeof head);
	for (size_t i = sizeof head; i < size; i++)
		bytes[i] = fill_byte(key, i);
}

size_t stress_check(const void *block)
{
	const unsigned char *bytes = block;
	mark head;
	memcpy(&head, bytes, sizeof head);
	size_t size = head.size ^ head.key;
	NHT_CHECK(size >= STRESS_LEAST && size <= UINT32_C(1) << 26, "block %p: its mark is gone", (void *)(uintptr_t)block);
	for (size_t i = sizeof head; i < size; i++)
		NHT_CHECK(bytes[i] == fill_byte(head.key, i), "block %p of %zu: byte %zu", (void *)(uintptr_t)block, size, i);
	return size;
}

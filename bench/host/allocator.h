/* SPDX-License-Identifier: MIT */
/*
 * What is measured: allocators behind one table of function pointers, so that each is called in the same way.
 */
#ifndef BENCH_ALLOCATOR_H
#define BENCH_ALLOCATOR_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that each heap of ours is given; pages that nobody wrote cost nothing. */
#define BENCH_HEAP ((size_t)512 << 20)

/* What an allocator cannot do, and is not asked for. */
#define BENCH_ONE_SIZE 1u    /* blocks of one size, BENCH_ONE_SIZE_MAX */
#define BENCH_ONE_THREAD 2u  /* a block must be freed by the thread that took it */
#define BENCH_ONLY_MALLOC 4u /* no realloc, calloc, aligned_alloc: they are NULL */
#define BENCH_CONVOYS 8u     /* strict order without sleep: not with more threads than CPUs */

#define BENCH_ONE_SIZE_MAX 1024u

struct bench_allocator {
	const char *name;
	unsigned lacks; /* BENCH_ONE_SIZE | ... */
	void *(*malloc)(size_t size);
	void (*free)(void *block);
	void *(*realloc)(void *block, size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*aligned)(size_t alignment, size_t size);
};

/* One build of nearheap: the table is its default instance, the rest is for what others do not have. */
struct bench_nearheap {
	struct bench_allocator table;
	/* Both end the program if they fail. Each heap gets `size` bytes of fresh memory. */
	nh_instance *(*open)(const nh_heap_config *heaps, unsigned count);
	void (*close)(nh_instance *instance);
	void *(*malloc)(nh_instance *instance, size_t size);
	void *(*malloc_attr)(nh_instance *instance, uint32_t attributes, size_t size);
	void *(*alloc)(nh_instance *instance, const nh_request *request, size_t size);
	void (*free)(nh_instance *instance, void *block);
};

/* The shared objects of our own. Each of these functions: once, from the main thread. */
const struct bench_nearheap *bench_nearheap_none(void);
const struct bench_nearheap *bench_nearheap_basic(void);
const struct bench_nearheap *bench_nearheap_moderate(void);
const struct bench_allocator *bench_tlsf_ticket(void);
const struct bench_allocator *bench_tlsf_mcs(void);
const struct bench_allocator *bench_tlsf_mutex(void);

const struct bench_allocator *bench_ck_stack(void);
const struct bench_allocator *bench_limit(void);

#ifdef __cplusplus
}
#endif

#endif

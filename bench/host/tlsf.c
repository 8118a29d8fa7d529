/* SPDX-License-Identifier: MIT */
/*
 * Our TLSF alone, without caches and without a lock of its own, under a lock of somebody else: what the caches are
 * worth. One shared object per lock, BENCH_LOCK.
 */
#include "bench/host/allocator.h"
#include "bench/host/memory.h"

#define TICKET 0
#define MCS 1
#define MUTEX 2

#define EXPORT __attribute__((visibility("default")))

#if BENCH_LOCK == MUTEX

#include <pthread.h>

#define NAME "tlsf_mutex"
#define FUNCTION bench_tlsf_mutex
#define LACKS 0u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#define acquire() pthread_mutex_lock(&lock)
#define release() pthread_mutex_unlock(&lock)

#else

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#include <ck_spinlock.h>
#pragma GCC diagnostic pop

/* Both are strictly first come, first served: if the next in line is not running, nobody gets on. */
#define LACKS BENCH_CONVOYS

#if BENCH_LOCK == TICKET
#define NAME "tlsf_ticket"
#define FUNCTION bench_tlsf_ticket
static _Alignas(64) ck_spinlock_ticket_t lock = CK_SPINLOCK_TICKET_INITIALIZER;
#define acquire() ck_spinlock_ticket_lock(&lock)
#define release() ck_spinlock_ticket_unlock(&lock)
#else
#define NAME "tlsf_mcs"
#define FUNCTION bench_tlsf_mcs
static _Alignas(64) ck_spinlock_mcs_t lock = CK_SPINLOCK_MCS_INITIALIZER;
static _Thread_local ck_spinlock_mcs_context_t place;
#define acquire() ck_spinlock_mcs_lock(&lock, &place)
#define release() ck_spinlock_mcs_unlock(&lock, &place)
#endif

#endif

static void *locked_malloc(size_t size)
{
	acquire();
	void *block = nh_malloc(size);
	release();
	return block;
}

static void locked_free(void *block)
{
	acquire();
	nh_free(block);
	release();
}

/* Copies and clears inside the lock: a call of the library does it in one, and the lock is not its own. */
static void *locked_realloc(void *block, size_t size)
{
	acquire();
	void *moved = nh_realloc(block, size);
	release();
	return moved;
}

static void *locked_calloc(size_t count, size_t size)
{
	acquire();
	void *block = nh_calloc(count, size);
	release();
	return block;
}

static void *locked_aligned(size_t alignment, size_t size)
{
	acquire();
	void *block = nh_aligned_alloc(alignment, size);
	release();
	return block;
}

static const struct bench_allocator tlsf = {
	.name = NAME,
	.lacks = LACKS,
	.malloc = locked_malloc,
	.free = locked_free,
	.realloc = locked_realloc,
	.calloc = locked_calloc,
	.aligned = locked_aligned,
};

EXPORT const struct bench_allocator *FUNCTION(void)
{
	const nh_heap_config heap = { .name = NAME, .base = bench_map(BENCH_HEAP), .size = BENCH_HEAP };
	nh_status status = nh_init(&heap, 1, NULL);
	if (status != NH_OK) {
		fprintf(stderr, "bench_host: %s: %s\n", NAME, nh_status_string(status));
		exit(1);
	}
	return &tlsf;
}

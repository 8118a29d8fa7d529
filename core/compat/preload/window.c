/* SPDX-License-Identifier: MIT */
/*
 * The heap: one span of addresses is reserved at the start and given to the heap region by region, each as large as
 * all before it, so that the caches' share grows with what is used and few regions are ever needed.
 *
 *   base                    used                                            reserved
 *   +--------+--------+-----------------+ . . . . . . . . . . . . . . . . . . +
 *   | 32 MiB | 32 MiB |     64 MiB      |         no access, no memory        |
 *   +--------+--------+-----------------+ . . . . . . . . . . . . . . . . . . +
 *
 * A page costs memory from its first use on; the system is asked for access only.
 *
 * Locks, in this order: growth, then those of the heap. A fork takes them in this order too, because the last handler
 * that was registered is the first that prepares.
 */
#define _GNU_SOURCE
#include "core/compat/preload/preload.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <nearheap/host.h>

#define FIRST (32 * NHP_MIB)
/* What granule offsets reach (core/tlsf.h), less a page for rounding. */
#define REACH (((size_t)32 << 30) - NHP_PAGE)
/* Fence, first header, and what an aligned block may leave in front. */
#define SLACK ((size_t)1024)

enum state { NONE, BUSY, READY, FAILED };

static _Atomic int state;
static _Thread_local bool starting; /* this thread is; it may come back by a signal */
static uintptr_t base;              /* 0 before READY */
static size_t reserved;
static _Atomic size_t used;
static _Atomic size_t charged;
static _Atomic size_t most_charged;
static pthread_mutex_t growth = PTHREAD_MUTEX_INITIALIZER;

/* ---- the limit ---------------------------------------------------------------------------- */

bool nhp_charge(size_t bytes)
{
	size_t now = atomic_load_explicit(&charged, memory_order_relaxed), sum;
	do {
		if (__builtin_add_overflow(now, bytes, &sum) || sum > nhp_settings.limit)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&charged, &now, sum, memory_order_relaxed,
	                                                memory_order_relaxed));
	size_t most = atomic_load_explicit(&most_charged, memory_order_relaxed);
	while (most < sum && !atomic_compare_exchange_weak_explicit(&most_charged, &most, sum, memory_order_relaxed,
	                                                            memory_order_relaxed))
		;
	return true;
}

void nhp_discharge(size_t bytes)
{
	atomic_fetch_sub_explicit(&charged, bytes, memory_order_relaxed);
}

/* ---- start -------------------------------------------------------------------------------- */

/* Address space is limited for some programs: no more than half of it then. */
static size_t to_reserve(void)
{
	struct rlimit space;
	size_t size = nhp_settings.limit < REACH ? nhp_settings.limit : REACH;
	if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY && space.rlim_cur / 2 < size)
		size = (size_t)space.rlim_cur / 2;
	return size & ~(NHP_PAGE - 1);
}

static void hold(void)
{
	pthread_mutex_lock(&growth);
}

static void release(void)
{
	pthread_mutex_unlock(&growth);
}

static void child(void)
{
	pthread_mutex_init(&growth, NULL);
}

static bool start(void)
{
	nhp_settings_read();
	nhp_mapped_begin();
	void *span = MAP_FAILED;
	size_t size = to_reserve();
	for (; size >= NHP_MIB; size = NHP_ROUND(size / 2, NHP_PAGE)) {
		span = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (span != MAP_FAILED)
			break;
	}
	size_t first = size < FIRST ? size : FIRST;
	if (span == MAP_FAILED || mprotect(span, first, PROT_READ | PROT_WRITE) != 0 || !nhp_charge(first)) {
		nhp_say("no memory for the first region");
		return false;
	}
	const nh_heap_config heap = { .name = "preload", .base = span, .size = first, .window = size };
	nh_status status = nh_init(&heap, 1, NULL);
	if (status != NH_OK) {
		nhp_say("no heap: %s", nh_status_string(status));
		return false;
	}
	reserved = size;
	base = (uintptr_t)span;
	atomic_store_explicit(&used, first, memory_order_relaxed);
	(void)nh_host_attach(-1); /* registers the port's handlers for fork before these */
	(void)pthread_atfork(hold, release, child);
	return true;
}

bool nhp_ready(void)
{
	/* acquire: of the store below */
	int now = atomic_load_explicit(&state, memory_order_acquire);
	if (now == NONE && atomic_compare_exchange_strong_explicit(&state, &now, BUSY, memory_order_acquire,
	                                                           memory_order_acquire)) {
		starting = true;
		now = start() ? READY : FAILED;
		starting = false;
		/* release: base and all that start() wrote */
		atomic_store_explicit(&state, now, memory_order_release);
	}
	while (now == BUSY && !starting) {
		sched_yield();
		now = atomic_load_explicit(&state, memory_order_acquire);
	}
	return now == READY;
}

/* A program's first threads find it made, and settings are complained about before anything else is printed. */
__attribute__((constructor)) static void begin(void)
{
	(void)nhp_ready();
}

/* ---- growth ------------------------------------------------------------------------------- */

/* A block from here was given out by some malloc, after base was written. */
bool nhp_in_window(const void *block)
{
	return (uintptr_t)block - base < reserved;
}

size_t nhp_window_used(void)
{
	/* acquire: of grow(), that the region is there */
	return atomic_load_explicit(&used, memory_order_acquire);
}

/* Access to at least `need` more bytes, at best `wish`; 0 = none. They are charged. */
static size_t commit(size_t need, size_t wish)
{
	void *at = (void *)(base + nhp_window_used());
	for (size_t step = wish; step >= need; step = NHP_ROUND(step / 2, NHP_PAGE)) {
		if (nhp_charge(step)) {
			if (mprotect(at, step, PROT_READ | PROT_WRITE) == 0)
				return step;
			nhp_discharge(step);
		}
		if (step == need)
			break;
		if (step / 2 < need)
			step = 2 * need;
	}
	return 0;
}

static bool grow(size_t need)
{
	size_t now = nhp_window_used(), room = reserved - now;
	if (need > room)
		return false;
	size_t wish = now > need ? now : need;
	/* Up to the last page of the limit, if that suffices. */
	size_t rest = nhp_settings.limit - atomic_load_explicit(&charged, memory_order_relaxed);
	if (wish > rest)
		wish = rest & ~(NHP_PAGE - 1);
	size_t step = wish < need ? 0 : commit(need, wish < room ? wish : room);
	if (step == 0)
		return false;
	nh_status status = nh_region_add(0, (void *)(base + now), step);
	if (status != NH_OK) {
		nhp_discharge(step);
		nhp_say("no region of %zu bytes: %s", step, nh_status_string(status));
		return false;
	}
	/* release: to nhp_window_used */
	atomic_store_explicit(&used, now + step, memory_order_release);
	if (nhp_settings.verbose)
		nhp_say("heap grows by %zu to %zu KiB", step >> 10, (now + step) >> 10);
	return true;
}

bool nhp_window_grow(size_t seen, size_t size, size_t alignment)
{
	size_t need;
	if (__builtin_add_overflow(size, alignment + SLACK + NHP_PAGE, &need) || need > REACH)
		return false;
	pthread_mutex_lock(&growth);
	bool grown = nhp_window_used() != seen || grow(need & ~(NHP_PAGE - 1));
	pthread_mutex_unlock(&growth);
	return grown;
}

/* ---- the end ------------------------------------------------------------------------------ */

__attribute__((destructor)) static void report(void)
{
	nh_heap_stats heap;
	if (!nhp_settings.stats || nh_heap_stats_get(0, &heap) != NH_OK)
		return;
	nhp_say("process %d: heap of %zu KiB in %u regions: %zu live, %zu cached, %zu free, at most %zu taken; "
	        "%u reclaims, %u refusals, %u waits",
	        (int)getpid(), heap.size >> 10, heap.regions, heap.live >> 10, heap.cached >> 10, heap.free >> 10, heap.peak >> 10,
	        (unsigned)heap.reclaims, (unsigned)heap.refusals, (unsigned)heap.lock_waits);
	nhp_say("%zu KiB in large blocks; %zu KiB was the most of the system's", nhp_mapped_bytes() >> 10,
	        atomic_load_explicit(&most_charged, memory_order_relaxed) >> 10);
}

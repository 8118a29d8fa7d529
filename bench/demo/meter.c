/* SPDX-License-Identifier: MIT */
/* Counting, timing and judging the calls: see meter.h. */
#include "meter.h"

#include "pattern.h"

/* The largest block that a magazine holds, from the configuration. */
#define GRANULE (NH_64BIT ? 16u : 8u)
#define CACHED_MAX                                                                                           \
	(((NH_CLASS_DOUBLINGS ? 16u << NH_CLASS_DOUBLINGS : NH_CLASS_EXACT + 1u) - 1u) * GRANULE +           \
	 GRANULE / 2u)

struct meter meters[DEMO_CORES][2];
_Atomic uint32_t meter_faults;
_Atomic uint32_t meter_calm;

static struct meter_times malloc_times[DEMO_CORES], free_times[DEMO_CORES];
static _Atomic uint32_t context_fault[DEMO_CORES]; /* a free of this core's handler came back */
static uint32_t reading;                           /* what reading the clock twice costs */

/* ---- times ------------------------------------------------------------------------------ */

static unsigned log2_of(uint32_t value)
{
	unsigned log = 0;
	while (value >>= 1)
		log++;
	return log;
}

static unsigned bucket_of(uint32_t value)
{
	if (value < METER_EXACT)
		return value;
	unsigned log = log2_of(value);
	unsigned step = value >> (log - 4u) & (METER_STEPS - 1u);
	unsigned bucket = METER_EXACT + (log - METER_EXACT_LOG) * METER_STEPS + step;
	return bucket < METER_BUCKETS ? bucket : METER_BUCKETS - 1u;
}

/* The largest value that falls into a bucket. */
static uint32_t bucket_top(unsigned bucket)
{
	if (bucket < METER_EXACT)
		return bucket;
	unsigned log = METER_EXACT_LOG + (bucket - METER_EXACT) / METER_STEPS;
	uint32_t step = (bucket - METER_EXACT) % METER_STEPS;
	return ((METER_STEPS + step + 1u) << (log - 4u)) - 1u;
}

uint32_t meter_percentile(const struct meter_times *times, uint32_t permille)
{
	uint32_t wanted = times->count / 1000u * permille + times->count % 1000u * permille / 1000u;
	uint32_t seen = 0;
	for (unsigned i = 0; i < METER_BUCKETS; i++) {
		seen += times->bucket[i];
		if (seen > wanted)
			return bucket_top(i) < times->max ? bucket_top(i) : times->max;
	}
	return times->max;
}

/* A call under way: the clock, and the time that handlers had taken before it. */
struct lap {
	uint32_t stolen;
	uint32_t start;
};

static inline struct lap lap_begin(void)
{
	struct lap lap;
	lap.stolen = demo_time_stolen();
	lap.start = demo_time();
	return lap;
}

/* A handler between the two readings of lap_begin() would make the call look shorter than nothing:
 * such a call is not recorded. */
static inline void lap_end(struct lap lap, struct meter_times *times)
{
	uint32_t taken = demo_time_since(lap.start);
	uint32_t stolen = demo_time_stolen() - lap.stolen;
	if (times == NULL || stolen > taken)
		return;
	taken -= stolen;
	taken = taken > reading ? taken - reading : 0;
	times->bucket[bucket_of(taken)]++;
	times->count++;
	if (taken > times->max)
		times->max = taken;
}

/* ---- faults ----------------------------------------------------------------------------- */

/* Returns, so that the demo can end with a verdict. */
static void on_fault(const nh_fault *fault)
{
	if (fault->code == NH_FAULT_CONTEXT && fault->cpu < DEMO_CORES)
		atomic_store_explicit(&context_fault[fault->cpu], 1u, memory_order_relaxed);
	else
		atomic_store_explicit(&meter_faults, (uint32_t)fault->code, memory_order_relaxed);
}

void meter_begin(uint32_t seed)
{
	for (unsigned core = 0; core < DEMO_CORES; core++) {
		for (unsigned handler = 0; handler < 2u; handler++) {
			struct meter *me = &meters[core][handler];
			me->core = core;
			me->handler = handler != 0;
			me->random = demo_random_start(seed, core * 2u + handler);
		}
		meters[core][0].malloc_times = &malloc_times[core];
		meters[core][0].free_times = &free_times[core];
	}
	nh_fatal_hook_set(on_fault);

	reading = UINT32_MAX;
	for (unsigned i = 0; i < 64u; i++) {
		struct lap lap = lap_begin();
		uint32_t taken = demo_time_since(lap.start);
		if (taken < reading)
			reading = taken;
	}
}

/* ---- judging ---------------------------------------------------------------------------- */

static int local_of(unsigned core)
{
	return core == 0 ? (int)DEMO_LOCAL0 : (int)DEMO_LOCAL1;
}

uint32_t meter_allowed(unsigned core, enum meter_kind kind)
{
	const uint32_t local = UINT32_C(1) << local_of(core);
	const uint32_t scratch = UINT32_C(1) << (core == 0 ? DEMO_SCRATCH_Y : DEMO_SCRATCH_X);
	const uint32_t shared = UINT32_C(1) << DEMO_SHARED;
	switch (kind) {
	case METER_DMA:
		return shared;
	case METER_FAST:
		return scratch | local | shared;
	default:
		return 1u << DEMO_LOCAL0 | 1u << DEMO_LOCAL1 | shared;
	}
}

static uint32_t frees_begun(void)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < DEMO_CORES * 2u; i++)
		sum += atomic_load_explicit(&meters[i / 2u][i % 2u].tally.free_begun, memory_order_acquire);
	return sum;
}

static uint32_t frees_done(void)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < DEMO_CORES * 2u; i++)
		sum += atomic_load_explicit(&meters[i / 2u][i % 2u].tally.free_done, memory_order_acquire);
	return sum;
}

/*
 * NULL is right if no free block of an allowed heap would have fitted. That can be told after the
 * fact only if nobody freed in between: frees done before the call = frees begun until now.
 */
static void judge(struct meter *me, enum meter_kind kind, uint32_t size, unsigned flags, uint32_t done_before)
{
	if (me->handler || (flags & NH_NO_RECLAIM) != 0) {
		me->tally.refused++;
		return;
	}
	const uint32_t allowed = meter_allowed(me->core, kind);
	size_t largest = 0;
	for (int heap = 0; heap < (int)DEMO_BANKS; heap++) {
		nh_heap_stats stats;
		if ((allowed >> heap & 1u) != 0 && nh_heap_stats_get(heap, &stats) == NH_OK &&
		    stats.largest_free > largest)
			largest = stats.largest_free;
	}
	if (frees_begun() != done_before)
		me->tally.unjudged++;
	else if (largest >= size)
		me->tally.refused_wrongly++;
	else
		me->tally.judged++;
}

static void count_landing(struct meter *me, enum meter_kind kind, const void *block)
{
	struct meter_tally *tally = &me->tally;
	const int heap = nh_heap_of(block);
	tally->allocations++;
	if (heap < 0 || (meter_allowed(me->core, kind) >> heap & 1u) == 0) {
		tally->misplaced++;
		return;
	}
	tally->landed[heap]++;
	if (kind == METER_PLAIN) {
		const bool local = heap == local_of(me->core);
		tally->plain++;
		tally->plain_local += local;
		/* A signal handler on top of a call that holds the bank's lock is served elsewhere. */
		if (!me->handler && atomic_load_explicit(&meter_calm, memory_order_relaxed) != 0) {
			tally->calm++;
			tally->calm_local += local;
		}
	}
}

/* ---- calls ------------------------------------------------------------------------------ */

static void *allocate(struct meter *me, enum meter_kind kind, uint32_t size, unsigned flags)
{
	const nh_request request = {
		.prefer = kind == METER_FAST ? NH_ATTR_FAST : 0u,
		.flags = flags | (kind == METER_FAST ? NH_NO_FOREIGN : 0u),
	};
	struct lap lap = lap_begin();
	void *block;
	if (kind == METER_DMA)
		block = nh_malloc_attr(NH_ATTR_DMA, size);
	else if (kind == METER_PLAIN && flags == 0)
		block = nh_malloc(size);
	else
		block = nh_alloc(&request, size);
	lap_end(lap, me->malloc_times);
	return block;
}

void *meter_alloc(struct meter *me, enum meter_kind kind, uint32_t size, unsigned flags)
{
	const uint32_t done_before = frees_done();
	void *block = allocate(me, kind, size, flags);
	if (block == NULL) {
		judge(me, kind, size, flags, done_before);
		return NULL;
	}
	me->tally.cacheable += size <= CACHED_MAX && kind != METER_FAST;
	count_landing(me, kind, block);
	return block;
}

void *meter_realloc(struct meter *me, void *block, uint32_t size)
{
	/* It may free: others must not judge by what they see meanwhile. */
	struct meter_tally *tally = &me->tally;
	const uint32_t begun = atomic_load_explicit(&tally->free_begun, memory_order_relaxed);
	atomic_store_explicit(&tally->free_begun, begun + 1u, memory_order_release);
	void *moved = nh_realloc(block, size);
	atomic_store_explicit(&tally->free_done, begun + 1u, memory_order_release);
	tally->refused += moved == NULL;
	return moved;
}

/* What is to be counted once the block is gone. */
static void count_free(struct meter *me, int heap, size_t usable)
{
	me->tally.frees++;
	me->tally.remote += heap == local_of(1u - me->core);
	/* could a magazine of this core have taken it back? */
	me->tally.cacheable +=
		usable <= CACHED_MAX && (heap == (int)DEMO_SHARED || heap == local_of(me->core));
}

bool meter_free(struct meter *me, void *block)
{
	struct meter_tally *tally = &me->tally;
	const uint32_t begun = atomic_load_explicit(&tally->free_begun, memory_order_relaxed);
	const int heap = nh_heap_of(block);
	const size_t usable = nh_usable_size(block);
	if (me->handler)
		atomic_store_explicit(&context_fault[me->core], 0u, memory_order_relaxed);
	/* release: to frees_begun() on other cores, ahead of the free */
	atomic_store_explicit(&tally->free_begun, begun + 1u, memory_order_release);
	struct lap lap = lap_begin();
	nh_free(block);
	lap_end(lap, me->free_times);
	atomic_store_explicit(&tally->free_done, begun + 1u, memory_order_release);
	if (me->handler && atomic_load_explicit(&context_fault[me->core], memory_order_relaxed) != 0)
		return false;
	count_free(me, heap, usable);
	return true;
}

struct demo_block meter_make(struct meter *me, enum meter_kind kind, uint32_t size)
{
	struct demo_block block = { meter_alloc(me, kind, size, 0), size, demo_random(&me->random) };
	if (block.address != NULL)
		demo_pattern_fill(block.address, size, block.tag);
	return block;
}

bool meter_drop(struct meter *me, struct demo_block *block)
{
	me->tally.damaged += !demo_pattern_holds(block->address, block->size, block->tag);
	if (!meter_free(me, block->address))
		return false;
	block->address = NULL;
	return true;
}

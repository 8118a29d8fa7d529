/* SPDX-License-Identifier: MIT */
/*
 * Counting. Caches are emptied first: what they hold is free, and merged it may be part of the largest
 * block.
 */
#include "core/compat/tizenrt/tizenrt.h"

#include <limits.h>
#include <stdatomic.h>

/* Two walks of one heap take over from each other for ever, as the lock alternates. So tasks that ask
 * at once take turns, by words alone: it need not be exact, since whoever is wrong is told NH_EBUSY. A
 * task that was suspended in its turn is waited for so many polls. */
#define TRIES 64u
#define POLLS 100000u

static _Atomic uintptr_t turn; /* who counts: an address of its stack; 0 = nobody */

static void take_turn(uintptr_t self)
{
	for (uint32_t poll = 0; poll < POLLS; poll++) {
		uintptr_t who = atomic_load_explicit(&turn, memory_order_relaxed);
		if (who == 0 || who == self)
			break;
		nh__mm_platform_relax();
	}
	atomic_store_explicit(&turn, self, memory_order_relaxed);
}

static void end_turn(uintptr_t self)
{
	if (atomic_load_explicit(&turn, memory_order_relaxed) == self)
		atomic_store_explicit(&turn, 0, memory_order_relaxed);
}

static int number(size_t value)
{
	return value > INT_MAX ? INT_MAX : (int)value;
}

static int sum(int a, int b)
{
	return a > INT_MAX - b ? INT_MAX : a + b;
}

static bool count_free(const nh_block_info *block, void *context)
{
	size_t *blocks = context;
	*blocks += block->state == NH_BLOCK_FREE;
	return true;
}

static nh_status measure(int index, nh_heap_stats *stats, size_t *blocks)
{
	nh_instance *instance = nh__mm_instance();
	nh_status status = nh_instance_trim(instance, index);
	*blocks = 0;
	if (status == NH_OK)
		status = nh_instance_walk(instance, index, count_free, blocks);
	if (status == NH_OK)
		status = nh_instance_heap_stats_get(instance, index, stats);
	return status;
}

int mm_mallinfo(struct mm_heap_s *heap, struct mallinfo *info)
{
	int index = nh__mm_index_of(heap);
	if (index < 0 || info == NULL) {
		nh__mm_log("mm: mm_mallinfo: no such heap, or nowhere to write");
		return -EINVAL;
	}
	nh_heap_stats stats;
	size_t blocks;
	nh_status status = NH_EBUSY;
	for (unsigned i = 0; i < TRIES && status == NH_EBUSY; i++) {
		take_turn((uintptr_t)&stats);
		status = measure(index, &stats, &blocks);
	}
	end_turn((uintptr_t)&stats);
	if (status != NH_OK) {
		nh__mm_log("mm: mm_mallinfo: %s", nh_status_string(status));
		return status == NH_EBUSY ? -EBUSY : -EINVAL;
	}
	*info = (struct mallinfo){
		.arena = number(stats.size),
		.ordblks = number(blocks),
		.mxordblk = number(stats.largest_free),
		.uordblks = number(stats.size - stats.free - stats.cached),
		.fordblks = number(stats.free + stats.cached),
	};
	return OK;
}

struct mallinfo mallinfo(void)
{
	struct mallinfo total = { 0 }, one;
	int count = nh__mm_shared_count();
	for (int index = 0; index < count; index++) {
		if (mm_mallinfo(mm_get_heap_with_index(index), &one) != OK)
			continue;
		total.arena = sum(total.arena, one.arena);
		total.ordblks = sum(total.ordblks, one.ordblks);
		total.uordblks = sum(total.uordblks, one.uordblks);
		total.fordblks = sum(total.fordblks, one.fordblks);
		if (one.mxordblk > total.mxordblk)
			total.mxordblk = one.mxordblk;
	}
	return total;
}

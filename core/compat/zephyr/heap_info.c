/* SPDX-License-Identifier: MIT */
/* sys_heap: checking and showing. */
#include "core/compat/zephyr/heap.h"

#include <nearheap/zephyr.h>

#include <stdint.h>

/* Zephyr's own header has an inline one unless its option is set. */
#if !defined(__ZEPHYR__) || defined(CONFIG_SYS_HEAP_VALIDATE)
bool sys_heap_validate(struct sys_heap *heap)
{
	return heap->heap != NULL && nh_single_validate(nh_zephyr_single(heap), NULL) == NH_OK;
}
#endif

/* Free blocks by size: bin n counts those of 2^n to 2^(n+1) - 1 usable bytes. */
#define BINS (sizeof(size_t) * 8u)

struct survey {
	bool dump;
	size_t blocks, free_blocks, free_bytes, live_bytes, largest;
	size_t bin_blocks[BINS], bin_bytes[BINS];
};

static unsigned bin_of(size_t size)
{
	unsigned bin = 0;
	while (size >>= 1)
		bin++;
	return bin;
}

static bool count(const nh_block_info *block, void *context)
{
	struct survey *survey = context;
	bool is_free = block->state == NH_BLOCK_FREE;
	if (survey->dump)
		nh_zephyr_print("%8lu  %p  %10lu  %s\n", (unsigned long)survey->blocks, block->address,
		                (unsigned long)block->size, is_free ? "free" : "used");
	survey->blocks++;
	if (!is_free) {
		survey->live_bytes += block->size;
		return true;
	}
	survey->free_blocks++;
	survey->free_bytes += block->size;
	if (block->size > survey->largest)
		survey->largest = block->size;
	unsigned bin = bin_of(block->size);
	survey->bin_blocks[bin]++;
	survey->bin_bytes[bin] += block->size;
	return true;
}

static void print_bins(const struct survey *survey)
{
	nh_zephyr_print("free blocks by usable bytes:\n  at least      blocks       bytes\n");
	for (unsigned bin = 0; bin < BINS; bin++)
		if (survey->bin_blocks[bin] != 0)
			nh_zephyr_print("%10lu  %10lu  %10lu\n", (unsigned long)((size_t)1 << bin),
			                (unsigned long)survey->bin_blocks[bin], (unsigned long)survey->bin_bytes[bin]);
}

void sys_heap_print_info(struct sys_heap *heap, bool dump_chunks)
{
	struct survey survey = {.dump = dump_chunks};
	nh_heap_stats stats;
	if (heap->heap == NULL) {
		nh_zephyr_print("heap at %p: no memory\n", (void *)heap);
		return;
	}
	nh_single_stats_get(nh_zephyr_single(heap), &stats);
	nh_zephyr_print("heap at %p: %lu bytes of blocks, %lu free, %lu used, at most %lu used\n", (void *)heap->heap,
	                (unsigned long)stats.size, (unsigned long)stats.free, (unsigned long)stats.taken,
	                (unsigned long)stats.peak);
	if (dump_chunks)
		nh_zephyr_print("   block  address  usable bytes  state\n");
	if (nh_single_walk(nh_zephyr_single(heap), count, &survey) != NH_OK)
		nh_zephyr_print("damaged: a header's size leaves the region\n");
	print_bins(&survey);
	nh_zephyr_print("%lu blocks, %lu of them free; %lu bytes usable in free blocks, %lu in the largest; "
	                "%lu bytes usable in used blocks\n",
	                (unsigned long)survey.blocks, (unsigned long)survey.free_blocks,
	                (unsigned long)survey.free_bytes, (unsigned long)survey.largest,
	                (unsigned long)survey.live_bytes);
}

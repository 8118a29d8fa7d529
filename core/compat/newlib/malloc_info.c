/* SPDX-License-Identifier: MIT */
/*
 * What malloc tells about itself: mallinfo, malloc_stats, malloc_trim, mallopt. Looking walks the
 * heaps in bounded lock holds; tasks only.
 */
#include <malloc.h>
#include <stdio.h>

#include <nearheap/nearheap.h>

/* A walk that another one took over is not repeated: figures of one heap are then missing. */
static bool heap_stats(int heap, nh_heap_stats *stats)
{
	return nh_heap_stats_get(heap, stats) == NH_OK;
}

static bool add_free_block(const nh_block_info *block, void *context)
{
	*(size_t *)context += block->state != NH_BLOCK_LIVE;
	return true;
}

/* Cached blocks are free blocks: they are there for the asking. */
struct mallinfo mallinfo(void)
{
	struct mallinfo info = { 0 };
	for (int heap = 0; heap < (int)nh_heap_count(); heap++) {
		nh_heap_stats stats;
		if (!heap_stats(heap, &stats))
			continue;
		info.arena += stats.size;
		info.uordblks += stats.live;
		info.fordblks += stats.free + stats.cached;
		(void)nh_walk(heap, add_free_block, &info.ordblks);
	}
	return info;
}

void malloc_stats(void)
{
	for (int heap = 0; heap < (int)nh_heap_count(); heap++) {
		nh_heap_stats stats;
		if (!heap_stats(heap, &stats))
			continue;
		fprintf(stderr,
		        "heap %d %s: %lu bytes, %lu in use, %lu free, %lu cached, largest %lu, peak %lu\n",
		        heap, stats.name != NULL ? stats.name : "-", (unsigned long)stats.size,
		        (unsigned long)stats.live, (unsigned long)stats.free, (unsigned long)stats.cached,
		        (unsigned long)stats.largest_free, (unsigned long)stats.peak);
	}
}

/* Merges what is cached; memory is not given back to anybody, hence 0. */
int malloc_trim(size_t pad)
{
	(void)pad;
	(void)nh_trim(-1);
	return 0;
}

/* There is nothing to set. */
int mallopt(int option, int value)
{
	(void)option;
	(void)value;
	return 0;
}

#if defined(__NEWLIB__) && !defined(__PICOLIBC__)
void mstats(char *title)
{
	fprintf(stderr, "%s\n", title);
	malloc_stats();
}

void _mstats_r(struct _reent *reent, char *title)
{
	(void)reent;
	mstats(title);
}

struct mallinfo _mallinfo_r(struct _reent *reent)
{
	(void)reent;
	return mallinfo();
}

void _malloc_stats_r(struct _reent *reent)
{
	(void)reent;
	malloc_stats();
}

int _malloc_trim_r(struct _reent *reent, size_t pad)
{
	(void)reent;
	return malloc_trim(pad);
}

int _mallopt_r(struct _reent *reent, int option, int value)
{
	(void)reent;
	return mallopt(option, value);
}
#endif

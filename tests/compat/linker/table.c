/* SPDX-License-Identifier: MIT */
/* A table of a family's banks, as a program has it. BANKS is the family's. */
#include <nearheap/linker.h>

#if defined(FAMILY_MICROCONTROLLER)
#define BANKS(heap)                                                     \
	heap(local0, NH_ATTR_DMA, NH_CPU(0), 0)                         \
	heap(local1, NH_ATTR_DMA, NH_CPU(1), 0)                         \
	heap(shared, NH_ATTR_DMA, 0, 0)                                 \
	heap(scratch_x, NH_ATTR_FAST, NH_CPU(1), NH_HEAP_NOT_DEFAULT)   \
	heap(scratch_y, NH_ATTR_FAST, NH_CPU(0), NH_HEAP_NOT_DEFAULT)
#else
#define BANKS(heap)                                                             \
	heap(ocm, NH_ATTR_FAST, 0, NH_HEAP_NOT_DEFAULT)                         \
	heap(ddr, NH_ATTR_CACHEABLE, 0, 0)                                      \
	heap(dma, NH_ATTR_DMA | NH_ATTR_NONCACHEABLE, 0, NH_HEAP_NOT_DEFAULT)
#endif

NH_LINKER_TABLE(heaps, BANKS);

const nh_heap_config *start(unsigned *count);

const nh_heap_config *start(unsigned *count)
{
	*count = NH_LINKER_COUNT(heaps);
	return heaps;
}

/* SPDX-License-Identifier: MIT */
/* Both CPUs allocate from heaps that a device tree named: each from its own, both from the one for DMA. */
#include <nearheap_regions.h>

#include <stdatomic.h>

#include "board.h"

#define HEAPS 3u

int main(void);

static _Atomic uint32_t arrived[BOARD_CPUS];

void board_handler(enum board_irq irq)
{
	(void)irq;
}

/* Both CPUs leave here together. */
static void meet(unsigned self)
{
	const uint32_t count = atomic_load_explicit(&arrived[self], memory_order_relaxed) + 1u;
	atomic_store_explicit(&arrived[self], count, memory_order_release);
	board_barrier();
	board_send_event();
	/* acquire: of the other's store */
	while (atomic_load_explicit(&arrived[1u - self], memory_order_acquire) < count)
		board_wait_event();
}

/* From the first bank's start to the last one's end nothing is the image's. */
static bool is_free(const nh_heap_config *heap)
{
	void *first, *last;
	size_t ignored, size;
	board_bank_memory(BOARD_LOCAL0, &first, &ignored);
	board_bank_memory(BOARD_SHARED, &last, &size);
	return (uintptr_t)heap->base >= (uintptr_t)first &&
	       (uintptr_t)heap->base + heap->size <= (uintptr_t)last + size;
}

static void use(unsigned self)
{
	for (uint32_t i = 1; i < 400u; i++) {
		void *near = nh_malloc(i), *dma = nh_malloc_attr(NH_ATTR_DMA, i);
		BOARD_CHECK(nh_heap_of(near) == (int)self);
		BOARD_CHECK(nh_heap_of(dma) == 2);
		nh_free(dma);
		nh_free(near);
	}
}

static void run(unsigned self)
{
	meet(self);
	use(self);
	meet(self);
}

static void cpu1_main(void)
{
	run(1);
}

int main(void)
{
	unsigned failed = 99;
	board_init();
	BOARD_CHECK(nearheap_regions.heap_count == HEAPS && nearheap_regions.further_count == 0);
	for (unsigned i = 0; i < HEAPS; i++)
		BOARD_CHECK(is_free(&nearheap_regions.heaps[i]));
	BOARD_CHECK(nh_regions_init(&nearheap_regions, &failed) == NH_OK);
	board_start_cpu1(cpu1_main);
	run(0);
	for (int heap = 0; heap < (int)HEAPS; heap++) {
		nh_heap_stats stats;
		BOARD_CHECK(nh_heap_stats_get(heap, &stats) == NH_OK && stats.live == 0);
		board_printf("%s: %u bytes\n", stats.name, (unsigned)stats.size);
	}
	return 0;
}

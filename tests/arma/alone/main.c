/* SPDX-License-Identifier: MIT */
/*
 * A library for one CPU, called by the second as well: nothing may be damaged, somebody must be told. The
 * image has to end in the exception of nh_port_fatal on CPU 1.
 */
#include <nearheap/cortex_a.h>

#include "board.h"

int main(void);

void board_handler(enum board_irq irq)
{
	(void)irq;
}

/* What CPU 0 would have from its cache. */
static void intrude(void)
{
	board_puts("CPU 1 calls\n");
	BOARD_CHECK(nh_malloc(40) == NULL);
	board_puts("CPU 1 was served\n");
	board_exit(0);
}

int main(void)
{
	nh_heap_config heap = { .name = "shared" };
	board_init();
	board_bank_memory(BOARD_SHARED, &heap.base, &heap.size);
	BOARD_CHECK(nh_init(&heap, 1, NULL) == NH_OK);
	void *neighbours[3];
	for (unsigned i = 0; i < 3; i++)
		neighbours[i] = nh_malloc(40);
	nh_free(neighbours[1]);
	board_start_cpu1(intrude);
	for (;;)
		board_wait_event();
}

/* SPDX-License-Identifier: MIT */
#include <zephyr/sys/sys_heap.h>
void sys_heap_print_info(struct sys_heap *heap, bool dump_chunks)
{
	(void)heap, (void)dump_chunks;
}

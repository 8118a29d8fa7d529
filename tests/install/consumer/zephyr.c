/* SPDX-License-Identifier: MIT */
/* A program of Zephyr's, with nothing but its headers. */
#include <stdint.h>
#include <stdio.h>

#include <zephyr/mem_mgmt/mem_attr_heap.h>
#include <zephyr/multi_heap/shared_multi_heap.h>
#include <zephyr/sys/heap_listener.h>
#include <zephyr/sys/multi_heap.h>
#include <zephyr/sys/sys_heap.h>

static uint64_t memory[64];

int main(void)
{
	struct sys_heap heap;
	sys_heap_init(&heap, memory, sizeof memory);
	void *block = sys_heap_alloc(&heap, 40);
	if (sys_heap_usable_size(&heap, block) < 40 || !sys_heap_validate(&heap))
		return 1;
	sys_heap_free(&heap, block);
	if (shared_multi_heap_pool_init() != 0 || mem_attr_heap_pool_init() != 0)
		return 1;
	printf("zephyr: 40 bytes or more\n");
	return 0;
}

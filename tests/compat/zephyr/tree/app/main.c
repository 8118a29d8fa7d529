/* SPDX-License-Identifier: MIT */
/* Uses what the configuration gives, and prints who implements it. */
#include <stdio.h>
#include <string.h>

#include <zephyr/dt-bindings/memory-attr/memory-attr-sw.h>
#include <zephyr/mem_mgmt/mem_attr_heap.h>
#include <zephyr/multi_heap/shared_multi_heap.h>
#include <zephyr/sys/multi_heap.h>
#include <zephyr/sys/printk.h>
#include <zephyr/sys/sys_heap.h>

#ifdef CONFIG_NEARHEAP
#include <nearheap/zephyr.h>
#endif

static uint64_t memory[64], region[1024];

void vprintk(const char *format, va_list arguments)
{
	vprintf(format, arguments);
}

static const char *who(int nearheap)
{
	return nearheap ? "nearheap" : "tree";
}

static void try_sys_heap(void)
{
	struct sys_heap heap;
	sys_heap_init(&heap, memory, sizeof memory);
	char *block = sys_heap_alloc(&heap, 40);
	int own = block == (char *)&heap;
	if (!own)
		memset(block, 1, 40);
	sys_heap_print_info(&heap, true);
	printf("sys_heap: %s, valid %d\n", who(!own), sys_heap_validate(&heap));
	sys_heap_free(&heap, block);
}

static void try_shared(void)
{
	struct shared_multi_heap_region bank = {SMH_REG_ATTR_TREE, (uintptr_t)region, sizeof region};
	int result = shared_multi_heap_pool_init();
#ifdef CONFIG_NEARHEAP_SHARED_MULTI_HEAP
	const struct nh_smh_placement near = {.cpus = NH_CPU(0)};
	result |= nh_shared_multi_heap_add(&bank, &near);
	char *block = shared_multi_heap_alloc(SMH_REG_ATTR_TREE, 100);
	memset(block, 1, 100);
	shared_multi_heap_free(block);
#endif
	(void)bank;
	printf("shared_multi_heap: %s\n", who(result == 0));
}

int main(void)
{
	struct sys_multi_heap multi;
	sys_multi_heap_init(&multi, NULL);
	try_sys_heap();
	printf("sys_multi_heap: %s\n", who(multi.nheaps == 0));
	try_shared();
	int result = mem_attr_heap_pool_init();
#ifdef CONFIG_NEARHEAP_MEM_ATTR_HEAP
	void *block = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 100);
	result |= strcmp(mem_attr_heap_get_region(block)->dt_name, "bank");
	mem_attr_heap_free(block);
#endif
	printf("mem_attr_heap: %s\n", who(result == 0));
#ifdef CONFIG_SYS_HEAP_ARRAY_SIZE
#if CONFIG_SYS_HEAP_ARRAY_SIZE > 0
	extern unsigned tree_heaps_saved;
	printf("saved: %u\n", tree_heaps_saved);
#endif
#endif
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Stays the tree's: regions come from its device tree. */
#include <zephyr/dt-bindings/memory-attr/memory-attr-sw.h>
#include <zephyr/mem_mgmt/mem_attr.h>
static uint64_t bank[1024];
size_t mem_attr_get_regions(const struct mem_attr_region_t **region)
{
	static struct mem_attr_region_t table[1];
	table[0] = (struct mem_attr_region_t){"bank", (uintptr_t)bank, sizeof bank, DT_MEM_SW_ALLOC_DMA};
	*region = table;
	return 1;
}

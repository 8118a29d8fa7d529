/* SPDX-License-Identifier: MIT */
/* mem_attr: looking things up in the table of regions. */
#include <zephyr/mem_mgmt/mem_attr.h>

#include <nearheap/zephyr.h>

#include <errno.h>

/* NULL: what the device tree says. */
static const struct mem_attr_region_t *chosen;
static size_t chosen_count;

void nh_mem_attr_use(const struct mem_attr_region_t *regions, size_t count)
{
	chosen = regions;
	chosen_count = regions == NULL ? 0 : count;
}

size_t mem_attr_get_regions(const struct mem_attr_region_t **region)
{
	if (region != NULL)
		*region = chosen != NULL ? chosen : nh_mem_attr_regions;
	return chosen != NULL ? chosen_count : nh_mem_attr_region_count;
}

int mem_attr_check_buf(void *addr, size_t size, uint32_t attr)
{
	const struct mem_attr_region_t *regions;
	size_t count = mem_attr_get_regions(&regions);
	if (size == 0)
		return -ENOTSUP;
	for (size_t i = 0; i < count; i++) {
		uintptr_t offset = (uintptr_t)addr - regions[i].dt_addr; /* wraps below the region */
		if (offset >= regions[i].dt_size)
			continue;
		if (size > regions[i].dt_size - offset)
			return -ENOSPC;
		return (regions[i].dt_attr & attr) == attr ? 0 : -EINVAL;
	}
	return -ENOBUFS;
}

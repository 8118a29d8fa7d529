/* SPDX-License-Identifier: MIT */
/*
 * mem_attr_heap: one instance; heap n is the n-th region with a software bit. Which heaps a request
 * may use is a mask found by comparing at most eight attributes.
 */
#include <zephyr/mem_mgmt/mem_attr_heap.h>

#include <zephyr/dt-bindings/memory-attr/memory-attr-sw.h>

#include "core/compat/zephyr/errors.h"
#include "core/compat/zephyr/guard.h"

#include <nearheap/zephyr.h>

#define REGIONS (NH_MAX_HEAPS < 8 ? NH_MAX_HEAPS : 8)

static _Atomic uint32_t stage; /* enum nh_zephyr_stage */
static nh_instance_storage storage;
static nh_instance *instance;
/* By heap; constant once ready. */
static const struct mem_attr_region_t *region_of[REGIONS];
static unsigned regions;

static int pool_build(void)
{
	nh_heap_config configs[REGIONS];
	const struct mem_attr_region_t *table;
	size_t count = mem_attr_get_regions(&table);
	regions = 0;
	for (size_t i = 0; i < count; i++) {
		if (DT_MEM_SW_GET(table[i].dt_attr) == 0)
			continue;
		if (regions == REGIONS)
			return -ENOMEM;
		configs[regions] = (nh_heap_config){
			.name = table[i].dt_name, .base = (void *)table[i].dt_addr, .size = table[i].dt_size};
		region_of[regions++] = &table[i];
	}
	return nh_instance_init(&storage, configs, regions, NULL, &instance) == NH_OK ? 0 : -EINVAL;
}

int mem_attr_heap_pool_init(void)
{
	if (!nh_zephyr_claim(&stage))
		return -EALREADY;
	int error = pool_build();
	nh_zephyr_settle(&stage, error == 0 ? NH_ZEPHYR_READY : NH_ZEPHYR_NONE);
	return error;
}

static uint32_t heaps_with(uint32_t attr)
{
	uint32_t heaps = 0;
	if (!nh_zephyr_is_ready(&stage))
		return 0;
	for (unsigned i = 0; i < regions; i++)
		if (DT_MEM_SW_GET(region_of[i]->dt_attr) == attr)
			heaps |= UINT32_C(1) << i;
	return heaps;
}

void *mem_attr_heap_aligned_alloc(uint32_t attr, size_t align, size_t bytes)
{
	nh_request request = {.heaps = heaps_with(attr), .alignment = align};
	return request.heaps == 0 ? NULL : nh_instance_alloc(instance, &request, bytes);
}

void *mem_attr_heap_alloc(uint32_t attr, size_t bytes)
{
	return mem_attr_heap_aligned_alloc(attr, 0, bytes);
}

const struct mem_attr_region_t *mem_attr_heap_get_region(void *addr)
{
	int heap = nh_zephyr_is_ready(&stage) ? nh_instance_heap_of(instance, addr) : -1;
	return heap < 0 ? NULL : region_of[heap];
}

/* What lies in no region is reported by the instance; without one, in words. */
static bool may_take(const char *function, void *block)
{
	if (block != NULL && !nh_zephyr_is_ready(&stage)) {
		nh_zephyr_print("%s: %p, and the pool is not initialised\n", function, block);
		return false;
	}
	return block != NULL;
}

void mem_attr_heap_free(void *block)
{
	if (may_take("mem_attr_heap_free", block))
		nh_instance_free(instance, block);
}

void *mem_attr_heap_realloc(void *addr, size_t bytes)
{
	const struct mem_attr_region_t *region = mem_attr_heap_get_region(addr);
	nh_request request = {0};
	if (!may_take("mem_attr_heap_realloc", addr))
		return NULL;
	if (region != NULL)
		request.heaps = heaps_with(DT_MEM_SW_GET(region->dt_attr));
	return nh_instance_realloc_request(instance, &request, addr, bytes);
}

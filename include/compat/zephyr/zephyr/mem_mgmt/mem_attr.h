/* SPDX-License-Identifier: MIT */
/*
 * zephyr/mem_mgmt/mem_attr.h - the memory regions of the device tree, for programs written for
 * Zephyr.
 *
 * The table is constant data: nh_mem_attr_regions and nh_mem_attr_region_count, in C that is
 * generated from the device tree at build time. A program without one has an empty table; a table
 * found at run time is given by nh_mem_attr_use() of nearheap/zephyr.h. Everything here is for
 * anywhere, wait-free, O(regions). errno values are those of <errno.h>.
 */
#ifndef NH_ZEPHYR_MEM_ATTR_H
#define NH_ZEPHYR_MEM_ATTR_H

#include <stddef.h>
#include <stdint.h>

#include <zephyr/dt-bindings/memory-attr/memory-attr.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mem_attr_region_t {
	const char *dt_name;
	uintptr_t dt_addr;
	size_t dt_size;
	uint32_t dt_attr; /* DT_MEM_... */
};

/* What generated code defines; here so that it is checked against the type. */
extern const struct mem_attr_region_t nh_mem_attr_regions[];
extern const size_t nh_mem_attr_region_count;

/* *region = the table in the order of definition; returns its length. NULL: the length only. */
size_t mem_attr_get_regions(const struct mem_attr_region_t **region);

/* 0: [addr, addr + size) lies in a region with all bits of `attr`. -ENOTSUP: size 0. -EINVAL: a bit
 * is missing. -ENOSPC: it begins in a region and ends outside. -ENOBUFS: it begins in none. */
int mem_attr_check_buf(void *addr, size_t size, uint32_t attr);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/* The table of a program that has none. Weak, and a file of its own: generated code replaces it. */
#include <zephyr/mem_mgmt/mem_attr.h>

extern __attribute__((weak)) const struct mem_attr_region_t nh_mem_attr_regions[];
extern __attribute__((weak)) const size_t nh_mem_attr_region_count;

const struct mem_attr_region_t nh_mem_attr_regions[1] = {{NULL, 0, 0, 0}};
const size_t nh_mem_attr_region_count = 0;

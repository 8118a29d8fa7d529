/* SPDX-License-Identifier: MIT */
/* Software bits of `zephyr,memory-attr`: from which regions mem_attr_heap allocates. */
#ifndef NH_ZEPHYR_DT_MEMORY_ATTR_SW_H
#define NH_ZEPHYR_DT_MEMORY_ATTR_SW_H

#include <zephyr/dt-bindings/memory-attr/memory-attr.h>

#define DT_MEM_SW_MASK DT_MEM_SW_ATTR_MASK
#define DT_MEM_SW_GET(x) ((x) & DT_MEM_SW_ATTR_MASK)
#define DT_MEM_SW(x) ((x) << DT_MEM_SW_ATTR_SHIFT)

#define ATTR_SW_ALLOC_CACHE 0x1
#define ATTR_SW_ALLOC_NON_CACHE 0x2
#define ATTR_SW_ALLOC_DMA 0x4

#define DT_MEM_SW_ALLOC_CACHE DT_MEM_SW(ATTR_SW_ALLOC_CACHE)
#define DT_MEM_SW_ALLOC_NON_CACHE DT_MEM_SW(ATTR_SW_ALLOC_NON_CACHE)
#define DT_MEM_SW_ALLOC_DMA DT_MEM_SW(ATTR_SW_ALLOC_DMA)

#endif

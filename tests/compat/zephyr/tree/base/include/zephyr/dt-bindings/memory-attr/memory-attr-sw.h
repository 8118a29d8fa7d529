/* SPDX-License-Identifier: MIT */
#ifndef TREE_MEMORY_ATTR_SW_H
#define TREE_MEMORY_ATTR_SW_H
#include <zephyr/dt-bindings/memory-attr/memory-attr.h>
#define DT_MEM_SW_GET(x) ((x) & DT_MEM_SW_ATTR_MASK)
#define DT_MEM_SW_ALLOC_DMA (1ul << 18)
#endif

/* SPDX-License-Identifier: MIT */
#ifndef TREE_MEMORY_ATTR_H
#define TREE_MEMORY_ATTR_H
#define DT_MEM_SW_ATTR_MASK (0xful << 16)
#endif

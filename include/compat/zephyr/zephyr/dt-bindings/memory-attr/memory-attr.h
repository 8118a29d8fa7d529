/* SPDX-License-Identifier: MIT */
/*
 * Bits of the property `zephyr,memory-attr`. Read by C and, through the C preprocessor, by the
 * device tree compiler: numbers only.
 *
 *   0-15 generic, 16-19 software, 20-31 architecture
 */
#ifndef NH_ZEPHYR_DT_MEMORY_ATTR_H
#define NH_ZEPHYR_DT_MEMORY_ATTR_H

#define DT_MEM_ATTR_MASK 0x0000ffff
#define DT_MEM_ATTR_SHIFT 0
#define DT_MEM_ATTR_GET(x) ((x) & DT_MEM_ATTR_MASK)

#define DT_MEM_CACHEABLE 0x0001
#define DT_MEM_NON_VOLATILE 0x0002
#define DT_MEM_OOO 0x0004
#define DT_MEM_DMA 0x0008
#define DT_MEM_READABLE 0x0010
#define DT_MEM_WRITABLE 0x0020
#define DT_MEM_EXECUTABLE 0x0040
#define DT_MEM_SHAREABLE 0x0080
#define DT_MEM_NON_CACHEABLE 0x0100
#define DT_MEM_USERSPACE 0x0200
#define DT_MEM_UNKNOWN 0x8000
#define DT_MEM_PERM_MASK (DT_MEM_READABLE | DT_MEM_WRITABLE | DT_MEM_EXECUTABLE)

#define DT_MEM_SW_ATTR_MASK 0x000f0000
#define DT_MEM_SW_ATTR_SHIFT 16
#define DT_MEM_SW_ATTR_GET(x) ((x) & DT_MEM_SW_ATTR_MASK)
#define DT_MEM_SW_ATTR_UNKNOWN 0x00080000

#define DT_MEM_ARCH_ATTR_MASK 0xfff00000
#define DT_MEM_ARCH_ATTR_SHIFT 20
#define DT_MEM_ARCH_ATTR_GET(x) ((x) & DT_MEM_ARCH_ATTR_MASK)
#define DT_MEM_ARCH_ATTR_UNKNOWN 0x80000000

#endif

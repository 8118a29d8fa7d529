/* SPDX-License-Identifier: MIT */
/* zephyr/sys/mem_stats.h - how full a heap is, for programs written for Zephyr. */
#ifndef NH_ZEPHYR_SYS_MEM_STATS_H
#define NH_ZEPHYR_SYS_MEM_STATS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes; block headers are counted. free_bytes + allocated_bytes is the same at all times. */
struct sys_memory_stats {
	size_t free_bytes;
	size_t allocated_bytes;
	size_t max_allocated_bytes; /* the most since init, or since sys_heap_runtime_stats_reset_max() */
};

#ifdef __cplusplus
}
#endif

#endif

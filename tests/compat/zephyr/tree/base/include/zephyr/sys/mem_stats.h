/* SPDX-License-Identifier: MIT */
#ifndef TREE_MEM_STATS_H
#define TREE_MEM_STATS_H
#include <stddef.h>
struct sys_memory_stats {
	size_t free_bytes, allocated_bytes, max_allocated_bytes;
};
#endif

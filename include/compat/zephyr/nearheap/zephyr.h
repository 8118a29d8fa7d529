/* SPDX-License-Identifier: MIT */
/*
 * nearheap/zephyr.h - what nearheap offers beyond Zephyr's own interfaces.
 *
 * A program that includes only <zephyr/...> needs none of it.
 */
#ifndef NEARHEAP_ZEPHYR_H
#define NEARHEAP_ZEPHYR_H

#include <nearheap/nearheap.h>
#include <zephyr/mem_mgmt/mem_attr.h>
#include <zephyr/multi_heap/shared_multi_heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- where a shared region lies ----------------------------------------------------------- */

/* All zero = what shared_multi_heap_add() does. */
struct nh_smh_placement {
	/* Bit n: near to CPU n (NH_CPU(n)). shared_multi_heap_alloc() tries regions near to the calling
	 * CPU, then those near to all alike (0), then the others. */
	uint32_t cpus;
	/* Control memory outside the region: for memory that the CPUs have no exclusive access to
	 * (PSRAM behind some buses). Aligned to 8 (16 on 64-bit), of at least nh_smh_control_size() bytes, the
	 * pool's for good. NULL = at the head of the region. */
	void *control;
	size_t control_size;
};

/* shared_multi_heap_add() with a placement (NULL = none); copied. Also -EINVAL: a CPU that is not configured,
 * control memory misaligned or too small; -EEXIST: control memory in use. */
int nh_shared_multi_heap_add(const struct shared_multi_heap_region *region, const struct nh_smh_placement *placement);

/* Bytes of control memory for a region; 0 if it cannot be one. Anywhere. */
size_t nh_smh_control_size(const struct shared_multi_heap_region *region, const struct nh_smh_placement *placement);

/* ---- a region table found at run time ----------------------------------------------------- */

/* mem_attr_get_regions() gives this table from now on; kept, not copied. Before
 * mem_attr_heap_pool_init() and before other cores ask. */
void nh_mem_attr_use(const struct mem_attr_region_t *regions, size_t count);

/* ---- text --------------------------------------------------------------------------------- */

/* Where sys_heap_print_info() and refused calls that cannot return an error say what they have to. As printf. The
 * library's own is weak: it writes to standard output if it was built with NH_ZEPHYR_STDIO (hosts), to
 * Zephyr's console in a Zephyr tree, and else nowhere. */
void nh_zephyr_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif

#endif

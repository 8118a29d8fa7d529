/* SPDX-License-Identifier: MIT */
/*
 * nearheap/regions.h - heaps as a configuration source describes them.
 *
 *   lists (TizenRT's menuconfig strings) --+
 *   table (a text file) -------------------+--> entries --> check --> nh_heap_config[] and the
 *   device tree (.dtb) --------------------+                          further regions of each heap
 *
 * Lists can be read at run time (nearheap::regions), blobs where libfdt is (nearheap::devicetree);
 * all three at build time by the CMake function nearheap_regions(), docs/REGIONS.md. A mistake is
 * refused with a text that names file, list or node, and position; nothing is dropped.
 *
 * Everything here is for tasks, before or while heaps are used; no function but the two init
 * functions touches a heap, allocates, or keeps state.
 */
#ifndef NEARHEAP_REGIONS_H
#define NEARHEAP_REGIONS_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Control memory that is enough for a heap without caches, that is up to NH_CACHE_MIN_HEAP bytes: what a
 * region has beside it that is too small to hold its own. Tables that are generated give it to
 * heaps up to NH_REGION_SMALL. */
#define NH_REGION_CONTROL (640u + 32u * ((NH_CPUS + 1u) / 2u + 1u))
#define NH_REGION_SMALL 4096u

/* ---- tables of heaps ---------------------------------------------------------------------- */

/* A region of a heap beyond its first. */
typedef struct nh_region_config {
	unsigned heap; /* index in the table of heaps */
	void *base;
	size_t size;
} nh_region_config;

typedef struct nh_region_table {
	const nh_heap_config *heaps;
	unsigned heap_count;
	const nh_region_config *further;
	unsigned further_count;
} nh_region_table;

/* Initialises the default instance with all heaps and regions of a table: nh_init and
 * nh_region_add, all or nothing. *failed (if not NULL) is the index of the heap at fault, or
 * heap_count + the index of the further region. Errors and worst case: those two. */
nh_status nh_regions_init(const nh_region_table *table, unsigned *failed);
nh_status nh_instance_regions_init(nh_instance_storage *storage, const nh_region_table *table,
                                   unsigned *failed, nh_instance **instance);

/* ---- entries ------------------------------------------------------------------------------ */

/* No entry names this heap: it gets the lowest number that none names. */
#define NH_REGION_OWN_HEAP 0xffffffffu

/* One region. Names point into the source. */
typedef struct nh_region_entry {
	uint64_t base, size; /* of the target, which need not be this machine */
	const char *name;    /* not terminated; NULL if the source has none */
	unsigned name_length;
	unsigned position; /* 1-based: entry of a list, line of a table, region node of a tree */
	const char *node;  /* device tree: the node's name; else NULL */
	unsigned heap;     /* regions with one number form one heap */
	uint32_t attributes, affinity, flags; /* as in nh_heap_config */
	uint32_t control_size;                /* 0 = from the head of the region */
	uint32_t memory_attr;                 /* device tree: zephyr,memory-attr, */
	bool listed;                          /*   if the node has it */
	bool serves;                          /* is a heap's, not only listed */
} nh_region_entry;

#define NH_REGIONS_TEXT 200u

/* What was wrong, in English, one line without its end. */
typedef struct nh_regions_error {
	char text[NH_REGIONS_TEXT];
} nh_regions_error;

/* Where entries are from, for texts. `list` is NULL but for lists. */
typedef struct nh_regions_source {
	const char *file; /* NULL = no file */
	const char *list;
} nh_regions_source;

/* Numbers the heaps of entries that name none, and checks all of them: sizes, addresses up to `last`,
 * overlap, heap numbers without a gap, one set of attributes per heap, names. Entries that do not
 * serve are not looked at. *heaps (if not NULL) = how many heaps. O(count squared). Errors:
 * NH_EINVAL, NH_EWRAP, NH_ERANGE, NH_EOVERLAP, NH_ENOSPC, NH_ENOENT (a heap without a region). */
nh_status nh_regions_check(const nh_regions_source *source, nh_region_entry *entries, unsigned count,
                           uint64_t last, unsigned *heaps, nh_regions_error *error);

/* The entry that is to be the first region of a heap, its largest: levels and caches are measured by it.
 * *window = nh_heap_config.window that reaches the others, 0 if there are none. The heap must have an entry. */
unsigned nh_regions_first(const nh_region_entry *entries, unsigned count, unsigned heap, uint64_t *window);

/* Checked entries as tables with this machine's addresses. Names are kept where they are
 * terminated (device tree). *heap_count and *further_count: room before, used after. NH_ENOSPC. */
nh_status nh_regions_fill(const nh_region_entry *entries, unsigned count, nh_heap_config *heaps,
                          unsigned *heap_count, nh_region_config *further, unsigned *further_count);

/* ---- lists -------------------------------------------------------------------------------- */

/* Reads exactly `expected` numbers, separated by ',', one more ',' at the end allowed, nothing else.
 * `base` is 10 or 16 (then "0x" may stand before each). Values up to `last`. Errors: NH_EINVAL. */
nh_status nh_regions_list(const nh_regions_source *source, const char *text, size_t length, unsigned base,
                          uint64_t last, unsigned expected, uint64_t *values, nh_regions_error *error);

/* The strings of one generation of TizenRT's configuration. */
typedef struct nh_regions_lists {
	const char *file;                      /* for texts; NULL if they are from a program */
	const char *prefix;                    /* "CONFIG_RAM_KREGIONx" or "CONFIG_RAM_REGIONx" */
	const char *regions_name, *heaps_name; /* of the two numbers: "CONFIG_KMM_REGIONS" ... */
	long regions, heaps;
	long prior;                       /* CONFIG_RAM_MALLOC_PRIOR_INDEX: the heap where malloc begins */
	const char *start, *size, *index; /* terminated; index may be NULL where there is one heap */
} nh_regions_lists;

/* Reads and checks the three lists. `entries` has room for `max`; *count = how many. */
nh_status nh_regions_from_lists(const nh_regions_lists *lists, uint64_t last, nh_region_entry *entries,
                                unsigned max, unsigned *count, nh_regions_error *error);

/* ---- device tree (nearheap::devicetree, needs libfdt) ------------------------------------- */

/* Reads the region nodes of a blob: compatible "zephyr,memory-region", docs/REGIONS.md. The blob is
 * aligned to 8, not trusted, and must live as long as the names that point into it. Nodes that
 * carry no software attribute and no nearheap property are listed only. Checked. */
nh_status nh_regions_from_tree(const char *file, const void *blob, size_t size, uint64_t last,
                               nh_region_entry *entries, unsigned max, unsigned *count,
                               nh_regions_error *error);

/* The same as tables for this machine: a boot loader's blob to nh_regions_init(). At most
 * NH_MAX_REGIONS nodes; uses about 96 bytes of stack for each. A heap that needs control memory of
 * its own (nearheap,control-size) is refused with NH_ENOTSUP: a blob cannot bring it along. */
nh_status nh_regions_from_fdt(const void *blob, size_t size, nh_heap_config *heaps, unsigned *heap_count,
                              nh_region_config *further, unsigned *further_count, nh_regions_error *error);

#ifdef __cplusplus
}
#endif

#endif

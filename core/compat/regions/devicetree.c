/* SPDX-License-Identifier: MIT */
/*
 * Memory regions of a flattened device tree, by libfdt. A blob may be anything: it is checked as a
 * whole before a node is read, and each property for its length. docs/REGIONS.md has the binding.
 */
#include "core/compat/regions/text.h"

#include <libfdt.h>
#include <string.h>

struct reader {
	const char *file;
	const void *blob;
	uint64_t last;
	nh_regions_error *error;
};

/* Everything that is refused is refused here, under the node's name. */
static nh_status refuse(const struct reader *reader, int node, const char *property, const char *what)
{
	const char *name = fdt_get_name(reader->blob, node, NULL);
	return nh__refuse(reader->error, NH_EINVAL, "%s%s%s: %s%s%s", NH__FILE(reader->file),
	                  name == NULL ? "?" : name, property, property[0] == '\0' ? "" : ": ", what);
}

/* ---- properties --------------------------------------------------------------------------- */

/* One cell; *found says whether the property is there. */
static nh_status cell(const struct reader *reader, int node, const char *property, uint32_t *value,
                      bool *found)
{
	int length;
	const void *cells = fdt_getprop(reader->blob, node, property, &length);
	*found = cells != NULL;
	if (cells == NULL)
		return NH_OK;
	if (length != (int)sizeof(uint32_t))
		return refuse(reader, node, property, "is not one cell");
	*value = fdt32_ld(cells);
	return NH_OK;
}

static uint64_t cells_of(const unsigned char *bytes, int cells)
{
	return cells == 2 ? fdt64_ld((const fdt64_t *)(const void *)bytes)
	                  : fdt32_ld((const fdt32_t *)(const void *)bytes);
}

static nh_status reg(const struct reader *reader, int node, int parent, nh_region_entry *entry)
{
	int address = fdt_address_cells(reader->blob, parent), size = fdt_size_cells(reader->blob, parent),
	    length;
	if (address < 1 || address > 2 || size < 1 || size > 2)
		return refuse(reader, node, "reg",
		              "the parent's #address-cells and #size-cells are not 1 or 2");
	const unsigned char *bytes = fdt_getprop(reader->blob, node, "reg", &length);
	if (bytes == NULL)
		return refuse(reader, node, "reg", "is missing");
	if (length != (address + size) * (int)sizeof(uint32_t))
		return refuse(reader, node, "reg", "is not one address and one size");
	entry->base = cells_of(bytes, address);
	entry->size = cells_of(bytes + (size_t)address * sizeof(uint32_t), size);
	return NH_OK;
}

/* And can stand between quotes, and in a comment, of C. */
static bool is_printable(const char *name)
{
	for (; *name != '\0'; name++)
		if (*name < ' ' || *name > '~' || *name == '"' || *name == '\\' || *name == '*')
			return false;
	return true;
}

static nh_status region_name(const struct reader *reader, int node, nh_region_entry *entry)
{
	int length;
	const char *name = fdt_getprop(reader->blob, node, "zephyr,memory-region", &length);
	if (name == NULL)
		return refuse(reader, node, "zephyr,memory-region", "is missing");
	if (length < 2 || name[length - 1] != '\0' || strlen(name) != (size_t)length - 1u)
		return refuse(reader, node, "zephyr,memory-region", "is not one string");
	if (!is_printable(name))
		return refuse(reader, node, "zephyr,memory-region", "has a character that is no name's");
	entry->name = name;
	entry->name_length = (unsigned)length - 1u;
	return NH_OK;
}

/* ---- attributes --------------------------------------------------------------------------- */

#define BITS_FREE UINT32_C(0x00007c00) /* 10 to 14: nothing yet */
#define BITS_SOFTWARE UINT32_C(0x00070000)

static const struct {
	unsigned bit;
	uint32_t attribute;
} meanings[] = {
	{ 0, NH_ATTR_CACHEABLE },  { 1, NH_ATTR_RETAINED },      { 3, NH_ATTR_DMA },
	{ 6, NH_ATTR_EXEC },       { 7, NH_ATTR_SHAREABLE },     { 8, NH_ATTR_NONCACHEABLE },
	{ 16, NH_ATTR_CACHEABLE }, { 17, NH_ATTR_NONCACHEABLE }, { 18, NH_ATTR_DMA },
};

static nh_status memory_attr(const struct reader *reader, int node, nh_region_entry *entry)
{
	nh_status status = cell(reader, node, "zephyr,memory-attr", &entry->memory_attr, &entry->listed);
	if (status != NH_OK || !entry->listed)
		return status;
	if (entry->memory_attr & BITS_FREE)
		return refuse(reader, node, "zephyr,memory-attr",
		              "unknown attribute: bits 10 to 14 have no meaning");
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (entry->memory_attr >> meanings[i].bit & 1u)
			entry->attributes |= meanings[i].attribute;
	entry->serves = (entry->memory_attr & BITS_SOFTWARE) != 0;
	return NH_OK;
}

/* The number of a CPU: its place among the nodes of /cpus that are CPUs; -1 if it is none. */
static int cpu_number(const void *blob, int cpu)
{
	int number = 0;
	int node = fdt_first_subnode(blob, fdt_path_offset(blob, "/cpus"));
	for (; node >= 0; node = fdt_next_subnode(blob, node)) {
		int length;
		const char *type = fdt_getprop(blob, node, "device_type", &length);
		bool is_cpu = type != NULL && length == 4 && memcmp(type, "cpu", 4) == 0;
		if (is_cpu && node == cpu)
			return number;
		number += is_cpu;
	}
	return -1;
}

static nh_status affinity(const struct reader *reader, int node, nh_region_entry *entry)
{
	static const char property[] = "nearheap,affinity";
	int length;
	const unsigned char *bytes = fdt_getprop(reader->blob, node, property, &length);
	if (bytes == NULL)
		return NH_OK;
	if (length == 0 || length % (int)sizeof(uint32_t) != 0)
		return refuse(reader, node, property, "is not a list of CPUs");
	for (int i = 0; i < length; i += (int)sizeof(uint32_t)) {
		int cpu = fdt_node_offset_by_phandle(reader->blob,
		                                     fdt32_ld((const fdt32_t *)(const void *)(bytes + i)));
		int number = cpu < 0 ? -1 : cpu_number(reader->blob, cpu);
		char place[80];
		nh__text(place, sizeof place, "entry %u %s", (uint64_t)i / sizeof(uint32_t) + 1u,
		         cpu < 0      ? "is a bad phandle"
		         : number < 0 ? "is no CPU"
		                      : "is a CPU beyond 31");
		if (number < 0 || number > 31)
			return refuse(reader, node, property, place);
		entry->affinity |= NH_CPU(number);
	}
	return NH_OK;
}

/* The name of a property of ours that `known` does not list; NULL if there is none. *any: there is one of ours. */
static const char *stranger(const void *blob, int node, const char *const *known, bool *any)
{
	*any = false;
	for (int at = fdt_first_property_offset(blob, node); at >= 0;
	     at = fdt_next_property_offset(blob, at)) {
		const char *name;
		if (fdt_getprop_by_offset(blob, at, &name, NULL) == NULL ||
		    strncmp(name, "nearheap,", 9) != 0)
			continue;
		*any = true;
		const char *const *match = known;
		while (*match != NULL && strcmp(*match, name) != 0)
			match++;
		if (*match == NULL)
			return name;
	}
	return NULL;
}

/* Ours. A node that has one is a heap's; one of another name is somebody's mistake. */
static nh_status own_properties(const struct reader *reader, int node, nh_region_entry *entry)
{
	static const char *const known[] = { "nearheap,affinity", "nearheap,heap", "nearheap,external",
		                             "nearheap,control-size", NULL };
	uint32_t heap = 0;
	bool found, any;
	const char *unknown = stranger(reader->blob, node, known, &any);
	if (unknown != NULL)
		return nh__refuse(reader->error, NH_EINVAL, "%s%s%s: unknown property %q",
		                  NH__FILE(reader->file), entry->node, unknown, strlen(unknown));
	entry->serves = entry->serves || any;
	if (fdt_getprop(reader->blob, node, "nearheap,external", NULL) != NULL)
		entry->attributes |= NH_ATTR_EXTERNAL;
	nh_status status = cell(reader, node, "nearheap,control-size", &entry->control_size, &found);
	if (status == NH_OK)
		status = cell(reader, node, "nearheap,heap", &heap, &found);
	if (status != NH_OK || !found)
		return status;
	if (heap >= NH_MAX_HEAPS)
		return refuse(reader, node, "nearheap,heap", "there is no such heap");
	entry->heap = heap;
	return NH_OK;
}

/* ---- nodes -------------------------------------------------------------------------------- */

static bool is_enabled(const void *blob, int node)
{
	int length;
	const char *status = fdt_getprop(blob, node, "status", &length);
	return status == NULL || (length == 5 && memcmp(status, "okay", 5) == 0) ||
	       (length == 3 && memcmp(status, "ok", 3) == 0);
}

static nh_status read_node(const struct reader *reader, int node, int parent, nh_region_entry *entry)
{
	unsigned position = entry->position;
	*entry = (nh_region_entry){ .position = position, .heap = NH_REGION_OWN_HEAP };
	entry->node = fdt_get_name(reader->blob, node, NULL);
	if (!is_printable(entry->node))
		return nh__refuse(reader->error, NH_EINVAL, "%s%s%q is no name of a node",
		                  NH__FILE(reader->file), entry->node, strlen(entry->node));
	nh_status status = region_name(reader, node, entry);
	if (status == NH_OK)
		status = reg(reader, node, parent, entry);
	if (status == NH_OK)
		status = memory_attr(reader, node, entry);
	if (status == NH_OK)
		status = affinity(reader, node, entry);
	if (status == NH_OK)
		status = own_properties(reader, node, entry);
	if (status == NH_OK &&
	    (entry->size == 0 || entry->base > reader->last || entry->size - 1u > reader->last - entry->base))
		return refuse(reader, node, "reg",
		              "start and size are nothing, or reach beyond the last address");
	return status;
}

/* All nodes in depth first order; parents by depth, as libfdt would search for each from the root. */
#define DEPTH 32

static nh_status read_nodes(const struct reader *reader, nh_region_entry *entries, unsigned max,
                            unsigned *count)
{
	int parents[DEPTH], depth = 0;
	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(reader->blob, node, &depth)) {
		if (depth >= DEPTH)
			return refuse(reader, node, "", "is nested too deeply");
		parents[depth] = node;
		if (depth == 0 || !is_enabled(reader->blob, node))
			continue;
		if (fdt_node_check_compatible(reader->blob, node, "zephyr,memory-region") != 0) {
			static const char *const none[] = { NULL };
			bool any;
			if (stranger(reader->blob, node, none, &any) != NULL)
				return refuse(reader, node, "compatible", "is not \"zephyr,memory-region\"");
			continue;
		}
		if (*count == max)
			return refuse(reader, node, "", "is one memory region too many");
		entries[*count].position = *count + 1u;
		nh_status status = read_node(reader, node, parents[depth - 1], &entries[*count]);
		if (status != NH_OK)
			return status;
		++*count;
	}
	return NH_OK;
}

/* What is wrong with a blob as a whole, NULL if nothing. What libfdt 1.6 takes for granted comes first: it
 * reads whole words of two parts, which not every CPU can at any address, and a name of the root. */
static const char *damage_of(const void *blob, size_t size)
{
	if (size >= sizeof(struct fdt_header)) {
		if (fdt_version(blob) < 16)
			return "a version before 16";
		if (fdt_off_mem_rsvmap(blob) % 8u != 0 || fdt_off_dt_struct(blob) % 4u != 0)
			return "its parts are not aligned";
	}
	int damage = fdt_check_full(blob, size);
	return damage == 0 ? NULL : fdt_strerror(damage);
}

nh_status nh_regions_from_tree(const char *file, const void *blob, size_t size, uint64_t last,
                               nh_region_entry *entries, unsigned max, unsigned *count,
                               nh_regions_error *error)
{
	const struct reader reader = { file, blob, last, error };
	const nh_regions_source source = { file, NULL };
	unsigned serving = 0;
	*count = 0;
	if (blob == NULL || (uintptr_t)blob % 8u != 0)
		return nh__refuse(error, NH_EALIGN, "%s%sthe blob is not aligned to 8", NH__FILE(file));
	const char *damage = damage_of(blob, size);
	if (damage != NULL)
		return nh__refuse(error, NH_EINVAL, "%s%sno device tree: %s", NH__FILE(file), damage);
	nh_status status = read_nodes(&reader, entries, max, count);
	if (status == NH_OK)
		status = nh_regions_check(&source, entries, *count, last, &serving, error);
	if (status == NH_OK && serving == 0)
		return nh__refuse(
			error, NH_ENOENT,
			"%s%sno node with compatible = \"zephyr,memory-region\" has a software attribute",
			NH__FILE(file));
	return status;
}

nh_status nh_regions_from_fdt(const void *blob, size_t size, nh_heap_config *heaps, unsigned *heap_count,
                              nh_region_config *further, unsigned *further_count, nh_regions_error *error)
{
	nh_region_entry entries[NH_MAX_REGIONS];
	unsigned count = 0;
	nh_status status =
		nh_regions_from_tree(NULL, blob, size, UINTPTR_MAX, entries, NH_MAX_REGIONS, &count, error);
	for (unsigned i = 0; status == NH_OK && i < count; i++)
		if (entries[i].serves && entries[i].control_size != 0)
			return nh__refuse(error, NH_ENOTSUP,
			                  "%s: nearheap,control-size: a blob brings no memory along",
			                  entries[i].node);
	if (status == NH_OK)
		status = nh_regions_fill(entries, count, heaps, heap_count, further, further_count);
	return status == NH_ENOSPC ? nh__refuse(error, status, "more heaps or regions than there is room for")
	                           : status;
}

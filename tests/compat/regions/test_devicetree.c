/* SPDX-License-Identifier: MIT */
/*
 * Device trees: made in memory, changed in one place for each mistake. And a whole way at run time:
 * from a blob whose addresses are this program's to heaps that serve.
 */
#include "texts.h"

#include <libfdt.h>
#include <stdio.h>

#define MAX 16u
#define ROOM 8192

static _Alignas(8) unsigned char blob[ROOM];
static nh_region_entry entries[MAX];
static unsigned count;
static nh_regions_error error;

#define REGION "zephyr,memory-region"
#define ATTR "zephyr,memory-attr"
#define SW_CACHE (1u << 16)
#define SW_NON_CACHE (1u << 17)
#define SW_DMA (1u << 18)

static int node_at(const char *path)
{
	int node = fdt_path_offset(blob, path);
	assert_true(node >= 0);
	return node;
}

static void set_cells(const char *path, const char *property, unsigned length, ...)
{
	fdt32_t cells[8];
	va_list values;
	va_start(values, length);
	for (unsigned i = 0; i < length; i++)
		cells[i] = cpu_to_fdt32(va_arg(values, uint32_t));
	va_end(values);
	assert_int_equal(fdt_setprop(blob, node_at(path), property, cells, (int)(length * sizeof cells[0])),
	                 0);
}

static void set_string(const char *path, const char *property, const char *value)
{
	assert_int_equal(fdt_setprop(blob, node_at(path), property, value, (int)strlen(value) + 1), 0);
}

static void add_node(const char *parent, const char *name)
{
	assert_true(fdt_add_subnode(blob, node_at(parent), name) >= 0);
}

static void add_region(const char *name, const char *region, uint32_t base, uint32_t size, uint32_t attr)
{
	char path[64];
	snprintf(path, sizeof path, "/%s", name);
	add_node("/", name);
	set_string(path, "compatible", REGION);
	set_cells(path, "reg", 2, base, size);
	set_string(path, REGION, region);
	set_cells(path, ATTR, 1, attr);
}

/* Two CPUs behind a node that is none, a bank near each, one for DMA, and one that is no heap's. */
static int make_tree(void **state)
{
	(void)state;
	assert_int_equal(fdt_create_empty_tree(blob, ROOM), 0);
	set_cells("/", "#address-cells", 1, 1);
	set_cells("/", "#size-cells", 1, 1);
	/* Subnodes are put first: the order in the blob is the reverse of this one. */
	add_region("memory@d000000", "ROM", 0x0d000000, 0x10000, 1u << 22);
	add_region("memory@20018000", "DMA", 0x20018000, 0x20000, SW_DMA | 1u << 8 | 1u << 15);
	add_region("memory@2000c000", "LOCAL1", 0x2000c000, 0xc000, SW_CACHE | 1u << 7);
	add_region("memory@20000000", "LOCAL0", 0x20000000, 0xc000, SW_CACHE | 1u << 6);
	add_node("/", "cpus");
	add_node("/cpus", "cpu@1");
	add_node("/cpus", "cpu@0");
	add_node("/cpus", "cpu-map");
	set_string("/cpus/cpu@0", "device_type", "cpu");
	set_string("/cpus/cpu@1", "device_type", "cpu");
	set_cells("/cpus/cpu@0", "phandle", 1, 10u);
	set_cells("/cpus/cpu@1", "phandle", 1, 11u);
	set_cells("/cpus/cpu-map", "phandle", 1, 12u);
	set_cells("/memory@20000000", "nearheap,affinity", 1, 10u);
	set_cells("/memory@2000c000", "nearheap,affinity", 1, 11u);
	return 0;
}

/* As it would come from a boot loader: no longer than it says. */
static nh_status parse(void)
{
	static char *copy; /* names point into it until the next */
	free(copy);
	assert_int_equal(fdt_pack(blob), 0);
	size_t size = fdt_totalsize(blob);
	copy = exact((const char *)blob, size);
	error.text[0] = '\0';
	nh_status status = nh_regions_from_tree("d", copy, size, UINT32_MAX, entries, MAX, &count, &error);
	assert_int_equal(fdt_open_into(blob, blob, ROOM), 0);
	return status;
}

static void assert_refused(const char *text)
{
	assert_int_not_equal(parse(), NH_OK);
	assert_string_equal(error.text, text);
}

/* ---- what is read ------------------------------------------------------------------------- */

static void test_tree(void **state)
{
	(void)state;
	assert_int_equal(parse(), NH_OK);
	assert_int_equal(count, 4);
	assert_string_equal(entries[0].node, "memory@20000000");
	assert_string_equal(entries[0].name, "LOCAL0");
	assert_int_equal(entries[0].base, 0x20000000);
	assert_int_equal(entries[0].size, 0xc000);
	assert_int_equal(entries[0].memory_attr, SW_CACHE | 1u << 6);
	assert_int_equal(entries[0].attributes, NH_ATTR_CACHEABLE | NH_ATTR_EXEC);
	assert_int_equal(entries[0].affinity, NH_CPU(0));
	assert_int_equal(entries[0].heap, 0);
	assert_int_equal(entries[1].attributes, NH_ATTR_CACHEABLE | NH_ATTR_SHAREABLE);
	assert_int_equal(entries[1].affinity, NH_CPU(1));
	assert_int_equal(entries[1].heap, 1);
	assert_int_equal(entries[2].attributes, NH_ATTR_DMA | NH_ATTR_NONCACHEABLE);
	assert_int_equal(entries[2].affinity, 0);
	assert_true(entries[2].serves && entries[2].listed);
	assert_false(entries[3].serves);
	assert_true(entries[3].listed);
}

static void test_every_attribute(void **state)
{
	(void)state;
	static const uint32_t expected[20] = {
		[0] = NH_ATTR_CACHEABLE,  [1] = NH_ATTR_RETAINED,      [3] = NH_ATTR_DMA,
		[6] = NH_ATTR_EXEC,       [7] = NH_ATTR_SHAREABLE,     [8] = NH_ATTR_NONCACHEABLE,
		[16] = NH_ATTR_CACHEABLE, [17] = NH_ATTR_NONCACHEABLE, [18] = NH_ATTR_DMA,
	};
	for (unsigned bit = 0; bit < 32; bit++) {
		set_cells("/memory@20000000", ATTR, 1, UINT32_C(1) << bit);
		if (bit >= 10 && bit <= 14) {
			assert_refused("d: memory@20000000: zephyr,memory-attr: unknown attribute: bits 10 "
			               "to 14 have "
			               "no meaning");
			continue;
		}
		assert_int_equal(parse(), NH_OK);
		assert_int_equal(entries[0].attributes, bit < 20 ? expected[bit] : 0);
		assert_true(entries[0].serves); /* its affinity says so */
	}
}

static void test_own_properties(void **state)
{
	(void)state;
	set_cells("/memory@20018000", "nearheap,affinity", 2, 10u, 11u);
	set_cells("/memory@20018000", "nearheap,heap", 1, 0u);
	set_cells("/memory@20018000", "nearheap,control-size", 1, 2048u);
	assert_int_equal(fdt_setprop(blob, node_at("/memory@20018000"), "nearheap,external", NULL, 0), 0);
	assert_int_equal(parse(), NH_OK);
	assert_int_equal(entries[2].affinity, NH_CPU(0) | NH_CPU(1));
	assert_int_equal(entries[2].heap, 0);
	assert_int_equal(entries[0].heap, 1);
	assert_int_equal(entries[2].control_size, 2048);
	assert_true(entries[2].attributes & NH_ATTR_EXTERNAL);
}

static void test_disabled_nodes_are_not_there(void **state)
{
	(void)state;
	set_string("/memory@2000c000", "status", "disabled");
	set_string("/memory@20000000", "status", "okay");
	assert_int_equal(parse(), NH_OK);
	assert_int_equal(count, 3);
	assert_string_equal(entries[1].node, "memory@20018000");
}

static void test_cells_of_the_parent(void **state)
{
	(void)state;
	add_node("/", "soc");
	set_cells("/soc", "#address-cells", 1, 2);
	set_cells("/soc", "#size-cells", 1, 2);
	add_node("/soc", "memory@90000000");
	set_string("/soc/memory@90000000", "compatible", REGION);
	set_string("/soc/memory@90000000", REGION, "FAR");
	set_cells("/soc/memory@90000000", ATTR, 1, SW_NON_CACHE);
	set_cells("/soc/memory@90000000", "reg", 4, 0, 0x90000000, 0, 0x4000);
	assert_int_equal(parse(), NH_OK);
	assert_string_equal(entries[0].name, "FAR");
	assert_int_equal(entries[0].base, 0x90000000);
	assert_int_equal(entries[0].size, 0x4000);
	set_cells("/soc/memory@90000000", "reg", 4, 1, 0x90000000, 0, 0x4000);
	assert_refused(
		"d: memory@90000000: reg: start and size are nothing, or reach beyond the last address");
	set_cells("/soc/memory@90000000", "reg", 2, 0x90000000, 0x4000);
	assert_refused("d: memory@90000000: reg: is not one address and one size");
	set_cells("/soc", "#size-cells", 1, 3);
	assert_refused("d: memory@90000000: reg: the parent's #address-cells and #size-cells are not 1 or 2");
}

/* ---- what is refused ---------------------------------------------------------------------- */

#define BAD "/memory@20000000"

static void test_reg(void **state)
{
	(void)state;
	set_cells(BAD, "reg", 3, 0x20000000, 0x1000, 0);
	assert_refused("d: memory@20000000: reg: is not one address and one size");
	set_cells(BAD, "reg", 4, 0x20000000, 0x1000, 0x21000000, 0x1000);
	assert_refused("d: memory@20000000: reg: is not one address and one size");
	set_cells(BAD, "reg", 2, 0x20000000, 0);
	assert_refused(
		"d: memory@20000000: reg: start and size are nothing, or reach beyond the last address");
	set_cells(BAD, "reg", 2, 0xfffff000, 0x1001);
	assert_refused(
		"d: memory@20000000: reg: start and size are nothing, or reach beyond the last address");
	set_cells(BAD, "reg", 2, 0, 0x1000);
	assert_refused("d: memory@20000000: a heap cannot begin at address 0");
	set_cells(BAD, "reg", 2, 0x20000000, 0xc001);
	assert_refused("d: memory@2000c000: overlaps d: memory@20000000");
	assert_int_equal(fdt_delprop(blob, node_at(BAD), "reg"), 0);
	assert_refused("d: memory@20000000: reg: is missing");
}

static void test_names(void **state)
{
	(void)state;
	set_string(BAD, REGION, "LOCAL1");
	assert_refused("d: memory@2000c000: has the name of d: memory@20000000");
	set_string(BAD, REGION, "a\"b");
	assert_refused("d: memory@20000000: zephyr,memory-region: has a character that is no name's");
	set_string(BAD, REGION, "");
	assert_refused("d: memory@20000000: zephyr,memory-region: is not one string");
	assert_int_equal(fdt_setprop(blob, node_at(BAD), REGION, "two\0strings", 12), 0);
	assert_refused("d: memory@20000000: zephyr,memory-region: is not one string");
	assert_int_equal(fdt_setprop(blob, node_at(BAD), REGION, "endless", 7), 0);
	assert_refused("d: memory@20000000: zephyr,memory-region: is not one string");
	assert_int_equal(fdt_delprop(blob, node_at(BAD), REGION), 0);
	assert_refused("d: memory@20000000: zephyr,memory-region: is missing");
}

static void test_bad_affinity(void **state)
{
	(void)state;
	set_cells(BAD, "nearheap,affinity", 2, 10u, 99u);
	assert_refused("d: memory@20000000: nearheap,affinity: entry 2 is a bad phandle");
	set_cells(BAD, "nearheap,affinity", 1, 0u);
	assert_refused("d: memory@20000000: nearheap,affinity: entry 1 is a bad phandle");
	set_cells(BAD, "nearheap,affinity", 1, 12u);
	assert_refused("d: memory@20000000: nearheap,affinity: entry 1 is no CPU");
	set_cells(BAD, "nearheap,affinity", 0);
	assert_refused("d: memory@20000000: nearheap,affinity: is not a list of CPUs");
	assert_int_equal(fdt_setprop(blob, node_at(BAD), "nearheap,affinity", "abc", 3), 0);
	assert_refused("d: memory@20000000: nearheap,affinity: is not a list of CPUs");
}

static void test_bad_cells(void **state)
{
	(void)state;
	set_cells(BAD, ATTR, 2, SW_CACHE, 0);
	assert_refused("d: memory@20000000: zephyr,memory-attr: is not one cell");
	set_cells(BAD, ATTR, 1, SW_CACHE);
	set_cells(BAD, "nearheap,heap", 1, 16);
	assert_refused("d: memory@20000000: nearheap,heap: there is no such heap");
	set_cells(BAD, "nearheap,heap", 0);
	assert_refused("d: memory@20000000: nearheap,heap: is not one cell");
	set_cells(BAD, "nearheap,heap", 1, 5);
	assert_refused("d: heap 2 has no region");
	set_cells(BAD, "nearheap,heap", 1, 0);
	set_cells("/memory@2000c000", "nearheap,heap", 1, 0);
	assert_refused(
		"d: memory@2000c000: is in one heap with, and has not all properties of d: memory@20000000");
}

/* A mistake in a name of ours must not pass for a property that nobody reads. */
static void test_strange_properties(void **state)
{
	(void)state;
	set_cells(BAD, "nearheap,afinity", 1, 10u);
	assert_refused("d: memory@20000000: unknown property 'nearheap,afinity'");
	set_string(BAD, "status", "disabled");
	assert_int_equal(parse(), NH_OK);
	set_cells("/cpus/cpu@0", "nearheap,heap", 1, 0);
	assert_refused("d: cpu@0: compatible: is not \"zephyr,memory-region\"");
}

/* Each property of ours makes a node without a software attribute a heap's. */
static void test_any_property_serves(void **state)
{
	(void)state;
	static const char *const ours[] = { "nearheap,affinity", "nearheap,heap", "nearheap,control-size",
		                            "nearheap,external" };
	static const uint32_t values[] = { 10, 3, 2048, 0 };
	for (unsigned i = 0; i < 4; i++) {
		set_cells("/memory@d000000", ours[i], 1, values[i]);
		assert_int_equal(parse(), NH_OK);
		assert_true(entries[3].serves);
		assert_int_equal(fdt_delprop(blob, node_at("/memory@d000000"), ours[i]), 0);
	}
	assert_int_equal(parse(), NH_OK);
	assert_false(entries[3].serves);
}

static void test_nothing_serves(void **state)
{
	(void)state;
	set_string("/memory@20000000", "status", "disabled");
	set_string("/memory@2000c000", "status", "reserved");
	set_string("/memory@20018000", "compatible", "other,memory");
	assert_refused("d: no node with compatible = \"zephyr,memory-region\" has a software attribute");
}

static void test_too_many_nodes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MAX - 3; i++) {
		char name[32], region[16];
		snprintf(name, sizeof name, "memory@%x", 0x30000000 + i * 0x1000);
		snprintf(region, sizeof region, "R%u", i);
		add_region(name, region, 0x30000000 + i * 0x1000, 0x1000, 1u << 4);
	}
	assert_refused("d: memory@d000000: is one memory region too many");
}

static void test_deep(void **state)
{
	(void)state;
	char path[256] = "/";
	for (unsigned i = 0; i < 40; i++) {
		add_node(path, "n");
		strcat(path, i == 0 ? "n" : "/n");
	}
	assert_refused("d: n: is nested too deeply");
}

/* Every length but the right one. */
static void test_truncated(void **state)
{
	(void)state;
	assert_int_equal(fdt_pack(blob), 0);
	size_t size = fdt_totalsize(blob);
	for (size_t length = 0; length < size; length++) {
		char *copy = exact((const char *)blob, length);
		assert_int_equal(
			nh_regions_from_tree("d", copy, length, UINT32_MAX, entries, MAX, &count, &error),
			NH_EINVAL);
		assert_memory_equal(error.text, "d: no device tree: ", 19);
		free(copy);
	}
	assert_int_equal(nh_regions_from_tree("d", blob + 4, size, UINT32_MAX, entries, MAX, &count, &error),
	                 NH_EALIGN);
	assert_string_equal(error.text, "d: the blob is not aligned to 8");
	assert_int_equal(nh_regions_from_tree(NULL, NULL, size, UINT32_MAX, entries, MAX, &count, NULL),
	                 NH_EALIGN);
}

/* Before version 16 the root had another name, which libfdt 1.6 looks for behind NULL. */
static void test_old_version(void **state)
{
	(void)state;
	fdt_set_version(blob, 4);
	fdt_set_last_comp_version(blob, 1);
	assert_int_equal(nh_regions_from_tree("d", blob, ROOM, UINT32_MAX, entries, MAX, &count, &error),
	                 NH_EINVAL);
	assert_string_equal(error.text, "d: no device tree: a version before 16");
}

/* Parts of the blob at addresses where a word cannot be read. */
static void test_misaligned_parts(void **state)
{
	(void)state;
	fdt_set_off_mem_rsvmap(blob, fdt_off_mem_rsvmap(blob) + 4);
	assert_int_equal(nh_regions_from_tree("d", blob, ROOM, UINT32_MAX, entries, MAX, &count, &error),
	                 NH_EINVAL);
	assert_string_equal(error.text, "d: no device tree: its parts are not aligned");
	fdt_set_off_mem_rsvmap(blob, fdt_off_mem_rsvmap(blob) - 4);
	fdt_set_off_dt_struct(blob, fdt_off_dt_struct(blob) + 2);
	assert_int_equal(nh_regions_from_tree("d", blob, ROOM, UINT32_MAX, entries, MAX, &count, &error),
	                 NH_EINVAL);
	assert_string_equal(error.text, "d: no device tree: its parts are not aligned");
}

/* ---- at run time -------------------------------------------------------------------------- */

static _Alignas(16) unsigned char bank[2][32 * 1024], more[4096];

static void set_memory(const char *path, const void *memory, size_t size)
{
	uint64_t base = (uintptr_t)memory;
	set_cells(path, "reg", 4, (uint32_t)(base >> 32), (uint32_t)base, 0u, (uint32_t)size);
}

static void test_from_blob_to_heaps(void **state)
{
	(void)state;
	nh_heap_config heaps[4];
	nh_region_config further[4];
	unsigned heap_count = 4, further_count = 4, failed = 99;
	set_cells("/", "#address-cells", 1, 2);
	set_cells("/", "#size-cells", 1, 2);
	set_memory("/memory@20000000", bank[0], sizeof bank[0]);
	set_memory("/memory@2000c000", bank[1], sizeof bank[1]);
	set_memory("/memory@20018000", more, sizeof more);
	set_memory("/memory@d000000", &more, 1);
	const uint32_t cpu = NH_CPUS > 1 ? 11u : 10u; /* there is a CPU 0 at least */
	set_cells("/memory@2000c000", "nearheap,affinity", 1, cpu);
	set_cells("/memory@20018000", "nearheap,affinity", 1, cpu);
	set_cells("/memory@20018000", "nearheap,heap", 1, 1);
	set_cells("/memory@20018000", ATTR, 1, SW_CACHE | 1u << 7);
	set_cells("/memory@2000c000", "nearheap,heap", 1, 1);
	size_t size = fdt_totalsize(blob);
	assert_int_equal(nh_regions_from_fdt(blob, size, heaps, &heap_count, further, &further_count, &error),
	                 NH_OK);
	assert_int_equal(heap_count, 2);
	assert_int_equal(further_count, 1);
	const nh_region_table table = { heaps, heap_count, further, further_count };
	assert_int_equal(nh_regions_init(&table, &failed), NH_OK);
	assert_int_equal(nh_heap_count(), 2);
	nh_heap_stats stats;
	assert_int_equal(nh_heap_stats_get(0, &stats), NH_OK);
	assert_string_equal(stats.name, "LOCAL0");
	assert_int_equal(stats.attributes, NH_ATTR_CACHEABLE | NH_ATTR_EXEC);
	assert_int_equal(nh_heap_stats_get(1, &stats), NH_OK);
	assert_int_equal(stats.regions, 2);
	unsigned char *block = nh_malloc_attr(NH_ATTR_EXEC, 100);
	assert_true(block >= bank[0] && block < bank[0] + sizeof bank[0]);
	nh_free(block);
	assert_int_equal(nh_regions_init(&table, NULL), NH_EALREADY);
	assert_int_equal(nh_deinit(), NH_OK);

	/* All or nothing: the further region overlaps its own heap now, and is named by its index. */
	further[0].base = (unsigned char *)heaps[1].base + 20 * 1024;
	assert_int_equal(nh_regions_init(&table, &failed), NH_EOVERLAP);
	assert_int_equal(failed, 2);
	assert_int_equal(nh_heap_count(), 0);
	further[0].base = more;
	assert_int_equal(nh_regions_init(&table, NULL), NH_OK);
	assert_int_equal(nh_deinit(), NH_OK);
	assert_int_equal(nh_regions_init(NULL, NULL), NH_EINVAL);

	/* Not enough room; memory that a blob cannot bring along. */
	heap_count = 1;
	assert_int_equal(nh_regions_from_fdt(blob, size, heaps, &heap_count, further, &further_count, &error),
	                 NH_ENOSPC);
	assert_string_equal(error.text, "more heaps or regions than there is room for");
	set_cells("/memory@20000000", "nearheap,control-size", 1, 2048);
	heap_count = further_count = 4;
	assert_int_equal(nh_regions_from_fdt(blob, ROOM, heaps, &heap_count, further, &further_count, &error),
	                 NH_ENOTSUP);
	assert_string_equal(error.text,
	                    "memory@20000000: nearheap,control-size: a blob brings no memory along");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tree, make_tree),
		cmocka_unit_test_setup(test_every_attribute, make_tree),
		cmocka_unit_test_setup(test_own_properties, make_tree),
		cmocka_unit_test_setup(test_disabled_nodes_are_not_there, make_tree),
		cmocka_unit_test_setup(test_cells_of_the_parent, make_tree),
		cmocka_unit_test_setup(test_reg, make_tree),
		cmocka_unit_test_setup(test_names, make_tree),
		cmocka_unit_test_setup(test_bad_affinity, make_tree),
		cmocka_unit_test_setup(test_bad_cells, make_tree),
		cmocka_unit_test_setup(test_strange_properties, make_tree),
		cmocka_unit_test_setup(test_any_property_serves, make_tree),
		cmocka_unit_test_setup(test_nothing_serves, make_tree),
		cmocka_unit_test_setup(test_too_many_nodes, make_tree),
		cmocka_unit_test_setup(test_deep, make_tree),
		cmocka_unit_test_setup(test_truncated, make_tree),
		cmocka_unit_test_setup(test_old_version, make_tree),
		cmocka_unit_test_setup(test_misaligned_parts, make_tree),
		cmocka_unit_test_setup(test_from_blob_to_heaps, make_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

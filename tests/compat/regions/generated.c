/* SPDX-License-Identifier: MIT */
/*
 * A program whose heaps are generated: the same banks, told by a table, a .config and a device tree.
 * EXPECT_ATTRIBUTES is 1 where the source can say attributes and affinity.
 */
#include "texts.h"

#include <nearheap/host.h>
#include <nearheap_regions.h>
#include <sys/mman.h>

#ifdef EXPECT_TINYARA
#include <tinyara/config.h>
#endif

#define FIRST ((void *)0x20000000)
#define SIZE 0x43000u

static int map(void **state)
{
	(void)state;
	return mmap(FIRST, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
	            -1, 0) == FIRST
	               ? 0
	               : -1;
}

static void test_table(void **state)
{
	(void)state;
	static const uintptr_t bases[] = { 0x20000000, 0x2000c000, 0x20018000, 0x20042000 };
	static const size_t sizes[] = { 49152, 49152, 131072, 512 };
	static const uint32_t affinities[] = { NH_CPU(0), NH_CPU(1), 0, NH_CPU(0) | NH_CPU(1) };
	assert_int_equal(nearheap_regions.heap_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		const nh_heap_config *heap = &nearheap_regions.heaps[i];
		assert_int_equal((uintptr_t)heap->base, bases[i]);
		assert_int_equal(heap->size, sizes[i]);
		assert_int_equal(heap->affinity, EXPECT_ATTRIBUTES ? affinities[i] : 0);
	}
	const nh_heap_config *shared = &nearheap_regions.heaps[2];
	assert_string_equal(shared->name, EXPECT_ATTRIBUTES ? "shared" : "heap2");
	assert_int_equal(shared->attributes, EXPECT_ATTRIBUTES ? NH_ATTR_DMA | NH_ATTR_SHAREABLE : 0);
	assert_int_equal(shared->window, 0x29000);
	assert_int_equal(nearheap_regions.further_count, 1);
	assert_int_equal(nearheap_regions.further[0].heap, 2);
	assert_int_equal((uintptr_t)nearheap_regions.further[0].base, 0x20040000);
	assert_int_equal(nearheap_regions.further[0].size, 4096);
}

static void test_heaps_serve(void **state)
{
	(void)state;
	unsigned failed = 99;
	if (EXPECT_ATTRIBUTES && NH_CPUS == 1) {
		/* Memory near to CPU 1 is nobody's: refused by its index, and nothing is left. */
		assert_int_equal(nh_regions_init(&nearheap_regions, &failed), NH_EINVAL);
		assert_int_equal(failed, 1);
		assert_int_equal(nh_heap_count(), 0);
		return;
	}
	assert_int_equal(nh_regions_init(&nearheap_regions, &failed), NH_OK);
	for (unsigned i = 0; i < 4; i++) {
		const nh_request request = { .heaps = 1u << i };
		/* Control memory of small heaps is beside them: of 512 bytes, 400 can be had. */
		unsigned char *block = nh_alloc(&request, 400);
		assert_non_null(block);
		assert_int_equal(nh_heap_of(block), i);
		memset(block, 1, 400);
		nh_free(block);
	}
	assert_int_equal(nh_deinit(), NH_OK);
}

#ifdef EXPECT_TINYARA
static void test_header(void **state)
{
	(void)state;
	assert_int_equal(CONFIG_KMM_REGIONS, 5);
	assert_int_equal(CONFIG_RAM_MALLOC_PRIOR_INDEX, 0);
	assert_string_equal(CONFIG_RAM_KREGIONx_HEAP_INDEX, "0,1,2,2,3,");
	assert_string_equal(CONFIG_ARCH, "arm");
#ifdef CONFIG_DEBUG
	fail_msg("CONFIG_DEBUG is not set");
#endif
}
#endif

#ifdef EXPECT_MEM_ATTR
#include <zephyr/mem_mgmt/mem_attr.h>

static void test_mem_attr(void **state)
{
	(void)state;
	const struct mem_attr_region_t *regions;
	assert_int_equal(mem_attr_get_regions(&regions), 6);
	assert_string_equal(regions[2].dt_name, "memory@20018000");
	assert_int_equal(regions[2].dt_addr, 0x20018000);
	assert_int_equal(regions[2].dt_size, 0x20000);
	assert_int_equal(regions[2].dt_attr, 1u << 18 | 1u << 7);
	assert_string_equal(regions[5].dt_name, "flash@10000000");
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup(test_heaps_serve, map),
#ifdef EXPECT_TINYARA
		cmocka_unit_test(test_header),
#endif
#ifdef EXPECT_MEM_ATTR
		cmocka_unit_test(test_mem_attr),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

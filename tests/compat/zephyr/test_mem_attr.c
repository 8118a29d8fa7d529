/* SPDX-License-Identifier: MIT */
/* mem_attr and mem_attr_heap over a table as generated code defines it. */
#include <zephyr/dt-bindings/memory-attr/memory-attr-arm.h>
#include <zephyr/dt-bindings/memory-attr/memory-attr-sw.h>
#include <zephyr/mem_mgmt/mem_attr.h>
#include <zephyr/mem_mgmt/mem_attr_heap.h>

#include "tests/support/unit.h"

#include <errno.h>
#include <string.h>

#define BANK 4096u

static uint64_t dma[2][BANK / 8], cache[BANK / 8], both[BANK / 8], plain[BANK / 8];

const struct mem_attr_region_t nh_mem_attr_regions[] = {
	{ "memory@plain", (uintptr_t)plain, BANK, DT_MEM_CACHEABLE | DT_MEM_ARM_MPU_RAM },
	{ "memory@dma1", (uintptr_t)dma[1], BANK, DT_MEM_NON_CACHEABLE | DT_MEM_DMA | DT_MEM_SW_ALLOC_DMA },
	{ "memory@cache", (uintptr_t)cache, BANK, DT_MEM_CACHEABLE | DT_MEM_SW_ALLOC_CACHE },
	{ "memory@dma0", (uintptr_t)dma[0], BANK, DT_MEM_DMA | DT_MEM_SW_ALLOC_DMA },
	{ "memory@both", (uintptr_t)both, BANK, DT_MEM_SW_ALLOC_CACHE | DT_MEM_SW_ALLOC_DMA },
};
const size_t nh_mem_attr_region_count = 5;

/* The numbers of the device tree binding. */
_Static_assert(DT_MEM_CACHEABLE == 1u << 0 && DT_MEM_NON_VOLATILE == 1u << 1 && DT_MEM_OOO == 1u << 2 &&
                       DT_MEM_DMA == 1u << 3 && DT_MEM_READABLE == 1u << 4 && DT_MEM_WRITABLE == 1u << 5 &&
                       DT_MEM_EXECUTABLE == 1u << 6 && DT_MEM_SHAREABLE == 1u << 7 &&
                       DT_MEM_NON_CACHEABLE == 1u << 8 && DT_MEM_USERSPACE == 1u << 9 && DT_MEM_UNKNOWN == 1u << 15,
               "generic bits");
_Static_assert(DT_MEM_SW_ALLOC_CACHE == 1u << 16 && DT_MEM_SW_ALLOC_NON_CACHE == 1u << 17 &&
                       DT_MEM_SW_ALLOC_DMA == 1u << 18 && DT_MEM_SW_ATTR_UNKNOWN == 1u << 19,
               "software bits");
_Static_assert(DT_MEM_ARM_MPU_RAM == 1u << 20 && DT_MEM_ARM_MPU_RAM_NOCACHE == 1u << 21 &&
                       DT_MEM_ARM_MPU_FLASH == 1u << 22 && DT_MEM_ARM_MPU_PPB == 1u << 23 &&
                       DT_MEM_ARM_MPU_IO == 1u << 24 && DT_MEM_ARM_MPU_EXTMEM == 1u << 25 &&
                       DT_MEM_ARM_MPU_UNKNOWN == 1u << 31,
               "architecture bits");
_Static_assert(DT_MEM_ATTR_GET(0x12345678u) == 0x5678u && DT_MEM_SW_ATTR_GET(0x12345678u) == 0x40000u &&
                       DT_MEM_SW_GET(0x12345678u) == 0x40000u && DT_MEM_ARCH_ATTR_GET(0x12345678u) == 0x12300000u &&
                       DT_MEM_ARM_GET(0x12345678u) == 0x12300000u,
               "parts of an attribute");

static int in(const void *block, const void *memory)
{
	return (const char *)block >= (const char *)memory && (const char *)block < (const char *)memory + BANK;
}

static void test_table(void **state)
{
	(void)state;
	const struct mem_attr_region_t *regions = NULL;
	assert_int_equal(mem_attr_get_regions(&regions), 5);
	assert_ptr_equal(regions, nh_mem_attr_regions);
	assert_string_equal(regions[2].dt_name, "memory@cache");
	assert_int_equal(mem_attr_get_regions(NULL), 5);
}

static void test_check_buf(void **state)
{
	(void)state;
	char *begin = (char *)dma[1];
	assert_int_equal(mem_attr_check_buf(begin, BANK, DT_MEM_DMA), 0);
	assert_int_equal(mem_attr_check_buf(begin + 10, 20, DT_MEM_DMA | DT_MEM_NON_CACHEABLE), 0);
	assert_int_equal(mem_attr_check_buf(begin + BANK - 1, 1, 0), 0);
	assert_int_equal(mem_attr_check_buf(begin, 0, DT_MEM_DMA), -ENOTSUP);
	assert_int_equal(mem_attr_check_buf(begin, 1, DT_MEM_DMA | DT_MEM_CACHEABLE), -EINVAL);
	assert_int_equal(mem_attr_check_buf(begin, 1, DT_MEM_SW_ALLOC_CACHE), -EINVAL);
	assert_int_equal(mem_attr_check_buf(begin, BANK + 1, DT_MEM_DMA), -ENOSPC);
	assert_int_equal(mem_attr_check_buf(begin + BANK - 1, 2, DT_MEM_DMA), -ENOSPC);
	assert_int_equal(mem_attr_check_buf(begin + 1, SIZE_MAX, DT_MEM_DMA), -ENOSPC);
	int elsewhere;
	assert_int_equal(mem_attr_check_buf(&elsewhere, 1, 0), -ENOBUFS);
	assert_int_equal(mem_attr_check_buf(NULL, 1, 0), -ENOBUFS);
}

static void test_before_init(void **state)
{
	(void)state;
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 16));
	assert_null(mem_attr_heap_aligned_alloc(DT_MEM_SW_ALLOC_DMA, 64, 16));
	assert_null(mem_attr_heap_get_region(dma[1] + 100));
	mem_attr_heap_free(NULL);
	mem_attr_heap_free(dma[1] + 100);
	assert_null(mem_attr_heap_realloc(dma[1] + 100, 10));
	assert_int_equal(mem_attr_heap_pool_init(), 0);
	assert_int_equal(mem_attr_heap_pool_init(), -EALREADY);
}

static void test_exact_match(void **state)
{
	(void)state;
	void *a = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_CACHE, 100);
	void *b = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 100);
	void *c = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_CACHE | DT_MEM_SW_ALLOC_DMA, 100);
	assert_true(in(a, cache));
	assert_true(in(b, dma[1])); /* defined before dma[0] */
	assert_true(in(c, both));
	assert_ptr_equal(mem_attr_heap_get_region(a), &nh_mem_attr_regions[2]);
	assert_ptr_equal(mem_attr_heap_get_region(b), &nh_mem_attr_regions[1]);
	assert_ptr_equal(mem_attr_heap_get_region(c), &nh_mem_attr_regions[4]);
	assert_null(mem_attr_heap_get_region(plain + 100)); /* takes no part */
	assert_null(mem_attr_heap_get_region(NULL));
	assert_null(mem_attr_heap_get_region(&a));
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_NON_CACHE, 100));
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA | DT_MEM_DMA, 100)); /* not only software bits */
	assert_null(mem_attr_heap_alloc(0, 100));
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 0));
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, SIZE_MAX));
	mem_attr_heap_free(a);
	mem_attr_heap_free(b);
	mem_attr_heap_free(c);
	mem_attr_heap_free(NULL);
}

static void test_first_fit(void **state)
{
	(void)state;
	void *first = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 2500);
	void *second = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 2500);
	assert_true(in(first, dma[1]));
	assert_true(in(second, dma[0]));
	assert_null(mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 2500)); /* both is for those who name both */
	void *small = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 100);
	assert_true(in(small, dma[1]));
	mem_attr_heap_free(small);
	mem_attr_heap_free(first);
	mem_attr_heap_free(second);
}

static void test_aligned(void **state)
{
	(void)state;
	for (size_t align = 1; align <= 1024; align *= 2) {
		void *block = mem_attr_heap_aligned_alloc(DT_MEM_SW_ALLOC_CACHE, align, 33);
		assert_true(in(block, cache));
		assert_int_equal((uintptr_t)block % align, 0);
		mem_attr_heap_free(block);
	}
	assert_null(mem_attr_heap_aligned_alloc(DT_MEM_SW_ALLOC_CACHE, 24, 33));
	assert_null(mem_attr_heap_aligned_alloc(DT_MEM_SW_ALLOC_CACHE, 64, 0));
}

static void test_resizing(void **state)
{
	(void)state;
	unsigned char *block = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 600);
	for (unsigned i = 0; i < 600; i++)
		block[i] = (unsigned char)(i * 3u);
	void *wall = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 2000);
	assert_true(in(wall, dma[1]));
	block = mem_attr_heap_realloc(block, 2500); /* to the other region with the same bits */
	assert_true(in(block, dma[0]));
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(block[i], (unsigned char)(i * 3u));
	assert_null(mem_attr_heap_realloc(block, BANK));
	assert_null(mem_attr_heap_realloc(NULL, 100));
	assert_null(mem_attr_heap_realloc(block, 0));
	mem_attr_heap_free(wall);
}

static void test_faults(void **state)
{
	(void)state;
	void *block = mem_attr_heap_alloc(DT_MEM_SW_ALLOC_DMA, 60);
	nht_fault_catch();
	mem_attr_heap_free(block);
	mem_attr_heap_free(block);
	assert_int_equal(nht_fault_count_of(NH_FAULT_DOUBLE_FREE), 1);
	mem_attr_heap_free(&block);
	assert_null(mem_attr_heap_realloc(&block, 10));
	assert_int_equal(nht_fault_count_of(NH_FAULT_POINTER), 2);
	assert_int_equal(nht_fault_release(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),       cmocka_unit_test(test_check_buf), cmocka_unit_test(test_before_init),
		cmocka_unit_test(test_exact_match), cmocka_unit_test(test_first_fit), cmocka_unit_test(test_aligned),
		cmocka_unit_test(test_resizing),    cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

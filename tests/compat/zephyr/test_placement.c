/* SPDX-License-Identifier: MIT */
/* Affinity and control memory of shared regions: what nearheap/zephyr.h adds. */
#include "tests/compat/zephyr/smh.h"

#include "tests/support/unit.h"

#include <nearheap/zephyr.h>

#include <errno.h>

#define BANK 32768u

static uint64_t near0[BANK / 8], near1[BANK / 8], common[BANK / 8], outside[BANK / 8];
static _Alignas(16) unsigned char control[16384];

static int add(unsigned attr, void *memory, const struct nh_smh_placement *placement)
{
	struct shared_multi_heap_region region = { attr, (uintptr_t)memory, BANK };
	return nh_shared_multi_heap_add(&region, placement);
}

static int add_near(void *memory, uint32_t cpus)
{
	struct nh_smh_placement placement = { .cpus = cpus };
	return add(SMH_REG_ATTR_CACHEABLE, memory, &placement);
}

static void *allocate(void)
{
	void *block = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 40);
	assert_non_null(block);
	return block;
}

static void test_affinity(void **state)
{
	(void)state;
	assert_int_equal(shared_multi_heap_pool_init(), 0);
	assert_int_equal(add(SMH_REG_ATTR_CACHEABLE, common, NULL), 0);
#if NH_CPUS < 32
	assert_int_equal(add_near(near0, NH_CPU(31)), -EINVAL); /* no such CPU; the memory is still free */
#endif
	assert_int_equal(add_near(near0, NH_CPU(0)), 0);
	assert_status(nh_host_attach(0), NH_OK);
	void *block = allocate();
	assert_true(lies_in(block, near0, BANK)); /* near, though added after the common one */
#if NH_CPUS > 1
	assert_int_equal(add_near(near1, NH_CPU(1)), 0);
	assert_status(nh_host_attach(1), NH_OK);
	void *other = allocate();
	assert_true(lies_in(other, near1, BANK)); /* the same call on another CPU */
	shared_multi_heap_free(block);            /* of CPU 0, freed here */
	void *rest[3u * BANK / 1000u + 1u];
	unsigned count = 0;
	while ((rest[count] = shared_multi_heap_alloc(SMH_REG_ATTR_CACHEABLE, 1000)) != NULL) {
		if (count > 0 && lies_in(rest[count - 1], common, BANK))
			assert_false(lies_in(rest[count], near1, BANK));
		if (count > 0 && lies_in(rest[count - 1], near0, BANK))
			assert_true(lies_in(rest[count], near0, BANK)); /* others' memory comes last, and does come */
		count++;
	}
	assert_true(lies_in(rest[0], near1, BANK));
	assert_true(lies_in(rest[count - 1], near0, BANK));
	while (count > 0)
		shared_multi_heap_free(rest[--count]);
	shared_multi_heap_free(other);
	assert_status(nh_host_attach(0), NH_OK);
	block = allocate();
	assert_true(lies_in(block, near0, BANK));
#endif
	shared_multi_heap_free(block);
}

/* Memory without exclusive access holds blocks only; the control memory lies elsewhere. */
static void test_control(void **state)
{
	(void)state;
	struct shared_multi_heap_region region = { SMH_REG_ATTR_EXTERNAL, (uintptr_t)outside, BANK };
	struct nh_smh_placement placement = { .control = control, .control_size = sizeof control };
	size_t need = nh_smh_control_size(&region, &placement);
	assert_true(need > 0 && need < sizeof control);
	assert_int_equal(nh_smh_control_size(NULL, NULL), 0);
	region.size = 0;
	assert_int_equal(nh_smh_control_size(&region, NULL), 0);
	placement.control_size = need - 1;
	assert_int_equal(add(SMH_REG_ATTR_EXTERNAL, outside, &placement), -EINVAL);
	placement = (struct nh_smh_placement){ .control = control + 1, .control_size = need };
	assert_int_equal(add(SMH_REG_ATTR_EXTERNAL, outside, &placement), -EINVAL);
	placement = (struct nh_smh_placement){ .control = common, .control_size = need };
	assert_int_equal(add(SMH_REG_ATTR_EXTERNAL, outside, &placement), -EEXIST);
	placement = (struct nh_smh_placement){ .control = control, .control_size = SIZE_MAX };
	assert_int_equal(add(SMH_REG_ATTR_EXTERNAL, outside, &placement), -EINVAL);
	placement.control_size = sizeof control;
	assert_int_equal(add(SMH_REG_ATTR_EXTERNAL, outside, &placement), 0);
	placement = (struct nh_smh_placement){ .control = control, .control_size = sizeof control };
	assert_int_equal(add(SMH_REG_ATTR_NON_CACHEABLE, near1 + BANK / 16, &placement), -EEXIST);
	struct shared_multi_heap_region over = { SMH_REG_ATTR_NON_CACHEABLE, (uintptr_t)(control + 1024), 4096 };
	assert_int_equal(shared_multi_heap_add(&over, NULL), -EEXIST);
	/* all of the region is for blocks */
	void *block = shared_multi_heap_alloc(SMH_REG_ATTR_EXTERNAL, BANK - 64u);
	assert_true(lies_in(block, outside, BANK));
	shared_multi_heap_free(block);
}

static void test_null(void **state)
{
	(void)state;
	assert_int_equal(nh_shared_multi_heap_add(NULL, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

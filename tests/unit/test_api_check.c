/* SPDX-License-Identifier: MIT */
/*
 * nh_port_region_check: the board is asked about every region and every control block, before anything is written, and
 * what it says is what the caller gets.
 */
#include <nearheap/linker.h>

#include <string.h>

#include "tests/support/env.h"
#include "tests/support/unit.h"

static unsigned char memory[64 * 1024], control[16 * 1024];
static unsigned char *wrong; /* nothing may touch this byte */
static uint32_t asked_memory, asked_control; /* attributes */

nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	const nh_linker_span ram[] = {
		{ memory, memory + sizeof memory },
		{ control, control + sizeof control },
	};
	const nh_linker_span taken = { wrong, wrong == NULL ? NULL : wrong + 1 };
	if (base == control)
		asked_control = attributes;
	else
		asked_memory = attributes;
	return nh_linker_check(base, size, ram, 2, &taken, wrong == NULL ? 0 : 1);
}

static nh_instance_storage storage;
static nh_instance *instance;

static nh_status begin(const nh_heap_config *heap)
{
	memset(memory, 0xa5, sizeof memory);
	memset(control, 0xa5, sizeof control);
	return nh_instance_init(&storage, heap, 1, NULL, &instance);
}

static bool untouched(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0xa5)
			return false;
	return true;
}

static void heaps_are_checked(void **state)
{
	(void)state;
	nh_heap_config heap = { .base = memory, .size = sizeof memory };
	static unsigned char elsewhere[32 * 1024];
	for (size_t at = 0; at < sizeof memory; at += sizeof memory - 1) { /* the first and the last byte */
		wrong = memory + at;
		assert_status(begin(&heap), NH_EOVERLAP);
		assert_true(untouched(memory, sizeof memory));
	}
	wrong = NULL;
	heap.base = elsewhere;
	heap.size = sizeof elsewhere;
	assert_status(begin(&heap), NH_ERANGE);
	heap.base = memory;
	heap.size = sizeof memory;
	assert_status(begin(&heap), NH_OK);
	assert_status(nh_instance_deinit(instance), NH_OK);
}

static void control_is_checked(void **state)
{
	(void)state;
	nh_heap_config heap = { .base = memory, .size = sizeof memory, .control = control, .control_size = sizeof control };
	wrong = control + 100;
	assert_status(begin(&heap), NH_EOVERLAP);
	assert_true(untouched(memory, sizeof memory) && untouched(control, sizeof control));
	wrong = NULL;
	assert_status(begin(&heap), NH_OK);
	assert_status(nh_instance_deinit(instance), NH_OK);
}

/* Control memory has to be what its heap's memory is, but for being external. */
static void attributes_are_told(void **state)
{
	(void)state;
	nh_heap_config heap = { .base = memory, .size = sizeof memory, .control = control, .control_size = sizeof control };
	heap.attributes = NH_ATTR_EXTERNAL | NH_ATTR_DMA;
	assert_status(begin(&heap), NH_OK);
	assert_int_equal(asked_memory, NH_ATTR_EXTERNAL | NH_ATTR_DMA);
	assert_int_equal(asked_control, NH_ATTR_DMA);
	assert_status(nh_instance_deinit(instance), NH_OK);
}

static void regions_are_checked(void **state)
{
	(void)state;
	nh_heap_config heap = { .base = memory, .size = sizeof memory / 2 };
	wrong = memory + sizeof memory - 1;
	assert_status(begin(&heap), NH_OK);
	assert_status(nh_instance_region_add(instance, 0, memory + sizeof memory / 2, sizeof memory / 2), NH_EOVERLAP);
	assert_true(untouched(memory + sizeof memory / 2, sizeof memory / 2));
	wrong = NULL;
	assert_status(nh_instance_region_add(instance, 0, memory + sizeof memory / 2, sizeof memory / 2 + 1), NH_ERANGE);
	assert_status(nh_instance_region_add(instance, 0, memory + sizeof memory / 2, sizeof memory / 2), NH_OK);
	assert_status(nh_instance_deinit(instance), NH_OK);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heaps_are_checked),
		cmocka_unit_test(control_is_checked),
		cmocka_unit_test(attributes_are_told),
		cmocka_unit_test(regions_are_checked),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* nh_single with damaged blocks, by level: what is told, and that the heap goes on. */
#include "tests/support/single.h"
#include "tests/support/unit.h"

#include <string.h>

static unsigned char *take(size_t size)
{
	unsigned char *block = nh_single_alloc(nht_single, 0, 0, size);
	assert_non_null(block);
	return block;
}

/* The bytes that say the span; of a narrow header, all but its low six bits. */
static unsigned char *span_of(unsigned char *block)
{
	return block - (NHT_HEADER == 8 ? 4 : 2);
}

static bool visit(const nh_block_info *block, void *context)
{
	(void)block;
	++*(unsigned *)context;
	return true;
}

/* Of a live block whose size is damaged nothing is believed. */
static void size_of_a_live_block(void **state)
{
	static const uint16_t spans[] = { 0x7000, 0, 1 };
	unsigned char *first = take(100), *block = take(100), kept[2];
	(void)state;
	memcpy(kept, span_of(block), 2);
	for (unsigned i = 0; i < (NHT_HEADER == 8 ? 3u : 1u); i++) {
		unsigned met = 0;
		memcpy(span_of(block), &spans[i], 2);
		assert_int_equal(nh_single_usable_size(nht_single, block), 0);
		assert_false(nh_single_resize(nht_single, block, 10));
		nh_single_free(nht_single, block);
		assert_int_equal(nht_fault_count(), 2);
		assert_int_equal(nht_fault_count_of(NH_FAULT_NEIGHBOUR), 2);
		nht_fault_clear();
		assert_status(nh_single_walk(nht_single, visit, &met), NH_ECORRUPT);
		assert_int_equal(met, 1);
		nh_report report;
		assert_status(nh_single_validate(nht_single, &report), NH_ECORRUPT);
		assert_status(nh_single_validate(nht_single, NULL), NH_ECORRUPT);
		assert_string_equal(report.what, "a header's size leaves the region");
	}
	memcpy(span_of(block), kept, 2);
	nh_single_free(nht_single, block);
	nh_single_free(nht_single, first);
	assert_status(nh_single_validate(nht_single, NULL), NH_OK);
	assert_int_equal(nht_fault_count(), 0);
}

/* A size that leads inside the region, but to no header. */
static void size_leads_elsewhere(void **state)
{
	unsigned char *block = take(100);
	const uint16_t span = 20;
	(void)state;
	if (!NHT_EXACT)
		return;
	memcpy(span_of(block), &span, 2);
	nh_single_free(nht_single, block);
	assert_int_equal(nht_fault_count_of(NH_FAULT_NEIGHBOUR), 1);
}

static void overrun(void **state)
{
	unsigned char *block = take(101);
	size_t before = nht_single_stats().quarantined;
	(void)state;
	if (!NHT_EXACT)
		return;
	block[101] ^= 1u;
	assert_int_equal(nh_single_usable_size(nht_single, block), 0);
	assert_false(nh_single_resize(nht_single, block, 10));
	nh_single_free(nht_single, block);
	assert_int_equal(nht_fault_count_of(NH_FAULT_OVERRUN), 2);
	assert_true(nht_single_stats().quarantined > before);
	nht_fault_clear();
	assert_non_null(take(101));
	assert_int_equal(nht_fault_count(), 0);
}

/* Another block is given in place of one that was written to. */
static void written_while_free(void **state)
{
	unsigned char *block = take(200), *wall = take(16);
	(void)state;
	nh_single_free(nht_single, block);
	if (!NHT_EXACT)
		return;
	block[100] ^= 1u;
	unsigned char *other = take(200);
	assert_true(other != block);
	assert_int_equal(nht_fault_count_of(NH_FAULT_WRITTEN), 1);
	assert_true(nht_single_stats().quarantined != 0);
	nh_single_free(nht_single, other);
	nh_single_free(nht_single, wall);
}

/* The list is cut off, which may cost one call its block; what lies elsewhere is given. */
static void links_of_a_free_block(void **state)
{
	unsigned char *block = take(200);
	(void)state;
	take(16);
	nh_single_free(nht_single, block);
	if (NH_HARDENING < NH_HARDENING_MODERATE)
		return;
	memset(block, 0x7b, 8);
	if (nh_single_alloc(nht_single, 0, 0, 200) == NULL)
		take(200);
	assert_int_equal(nht_fault_count_of(NH_FAULT_LIST), 1);
	assert_status(nh_single_validate(nht_single, NULL), NH_ECORRUPT);
}

/* Heads of lists that lead to no free block of their size are seen at the end of validate. */
static void pointers_inside_a_block(void **state)
{
	unsigned char *block = take(400);
	(void)state;
	memset(block, 0, 400);
	nh_single_free(nht_single, block + NHT_ALIGNMENT);
	assert_int_equal(nht_fault_count_of(NH_FAULT_POINTER), 1);
	nh_single_free(nht_single, block);
	nh_single_free(nht_single, block + NHT_ALIGNMENT);
	assert_int_equal(nht_fault_count(), 2);
	nh_single_free(nht_single, block);
	assert_int_equal(nht_fault_count_of(NH_FAULT_DOUBLE_FREE), NHT_EXACT ? 2 : 1);
}

static void requests_that_cannot_be(void **state)
{
	unsigned char *block = take(100);
	(void)state;
	assert_null(nh_single_alloc(nht_single, 64, 3, SIZE_MAX - 5u));
	assert_null(nh_single_alloc(nht_single, 64, 64, 8));
	assert_null(nh_single_alloc(nht_single, (SIZE_MAX >> 1) + 1u, NHT_ALIGNMENT, 8));
	assert_null(nh_single_alloc(nht_single, (size_t)1 << 30, NHT_ALIGNMENT, (size_t)1 << 30));
	assert_false(nh_single_resize(nht_single, block, SIZE_MAX));
	assert_false(nh_single_resize(nht_single, block, SIZE_MAX - 100u));
	assert_status(nh_single_walk(nht_single, NULL, NULL), NH_EINVAL);
	nh_single_free(nht_single, block);
	assert_status(nh_single_init((void *)(UINTPTR_MAX - 40u), 39, &nht_single), NH_ESMALL); /* what it needs would wrap */
	/* every size up to the least that serves */
	for (size_t size = 1; size < 200; size++) {
		nh_single *small;
		nh_status status = nh_single_init(nht_single_memory, size, &small);
		assert_true(status == NH_ESMALL || status == NH_OK);
	}
	assert_int_equal(nht_fault_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(size_of_a_live_block, nht_single_set_up, nht_single_tear_down_damaged),
		cmocka_unit_test_setup_teardown(size_leads_elsewhere, nht_single_set_up, nht_single_tear_down_damaged),
		cmocka_unit_test_setup_teardown(overrun, nht_single_set_up, nht_single_tear_down_damaged),
		cmocka_unit_test_setup_teardown(written_while_free, nht_single_set_up, nht_single_tear_down_damaged),
		cmocka_unit_test_setup_teardown(links_of_a_free_block, nht_single_set_up, nht_single_tear_down_damaged),
		cmocka_unit_test_setup_teardown(pointers_inside_a_block, nht_single_set_up, nht_single_tear_down_damaged),
		cmocka_unit_test_setup_teardown(requests_that_cannot_be, nht_single_set_up, nht_single_tear_down_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

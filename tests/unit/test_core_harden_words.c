/* SPDX-License-Identifier: MIT */
/*
 * NH_HARDENING_FULL, word by word: trailers that say what cannot be, addresses outside of everything, a claim that another wins,
 * and blocks that were written to while nobody had them, wherever they come back from. The sources are included, so that trailers
 * can be forged and a claim be lost.
 */
#include "core/harden.h"

static bool claims_fail;

#undef nh_port_claim
#define nh_port_claim(byte, expected, desired) (!claims_fail && won((byte), (expected), (desired)))

static inline bool won(_Atomic uint8_t *byte, uint8_t expected, uint8_t desired)
{
	return atomic_compare_exchange_strong_explicit(byte, &expected, desired, memory_order_relaxed,
	                                               memory_order_relaxed);
}

#include "core/guard.c"
#include "core/harden.c"

#include <nearheap/single.h>
#include <string.h>

#include "white.h"

#if !NH__GUARDED || NH_HARDENING >= NH_HARDENING_EXTREME

int main(void)
{
	(void)claims_fail;
	(void)won;
	return unit_all_skipped("at NH_HARDENING_FULL");
}

#else

#define LARGE ((size_t)6000) /* of no class */

static unit u;
static struct nh__heap *heap;

static int set_up(void **state)
{
	static const size_t sizes[] = {64 * KIB};
	(void)state;
	unit_lay_out(&u, 1, sizes);
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	claims_fail = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nht_fault_clear();
	unit_abandon(&u);
	return 0;
}

/* ---- trailers ----------------------------------------------------------------------------- */

static void forge(struct nh__block *block, size_t slack)
{
	struct trailer *trailer = trailer_of(block);
	uint32_t mask = mask_of(heap->tlsf.secret, block);
	trailer->slack = (half)(slack ^ slack_mask(mask));
	trailer->echo = (half)(~slack ^ echo_mask(mask));
}

/* Both halves agree, and still it is no trailer: less than its own bytes, or more than there are. */
static void trailers_that_cannot_be(void **state)
{
	(void)state;
	struct nh__block *block = nh__block_at(nh_instance_malloc(u.instance, 100));
	size_t room = NH_ROOM(nh__block_span(block)), size = 0;
	const size_t wrong[] = {0, NH_TRAILER - 1u, room, room + 1u};
	assert_null(nh__seal_broken(heap->tlsf.secret, block, &size));
	assert_int_equal(size, 100);
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		forge(block, wrong[i]);
		assert_ptr_equal(nh__seal_broken(heap->tlsf.secret, block, &size), trailer_of(block));
	}
	forge(block, room - 100u);
	assert_null(nh__seal_broken(heap->tlsf.secret, block, &size));
	assert_int_equal(size, 100);
}

/* ---- addresses ---------------------------------------------------------------------------- */

/* A region may go between the look at an address and the look at its start. */
static void addresses_outside(void **state)
{
	(void)state;
	struct nh__heap *found;
	const struct nh__region *region = heap->tlsf.regions;
	struct nh__block *below = nh__block_at((void *)(region->first - NH_GRANULE));
	assert_null(nh__region_at(u.instance, region->first - NH_GRANULE, &found));
	assert_int_equal(nh__start_fault(u.instance, below), NH_FAULT_POINTER);
	assert_null(nh__start_around(region, region->first - 1u));
	assert_ptr_equal(nh__start_around(region, region->first), nh__block_at((void *)region->first));
}

static bool end_of(const nh_block_info *block, void *context)
{
	*(uintptr_t *)context = (uintptr_t)block->address + block->size + NH_TRAILER + NH_HEADER;
	return true;
}

/* Where no block starts in front of it either, it is none. */
static void starts_that_were_erased(void **state)
{
	static _Alignas(16) unsigned char memory[4096];
	nh_single *single;
	unsigned char kept[64];
	(void)state;
	assert_status(nh_single_init(memory, sizeof memory, &single), NH_OK);
	void *first = nh_single_alloc(single, 0, 0, 100), *second = nh_single_alloc(single, 0, 0, 100);
	struct nh__region region = {.first = (uintptr_t)first};
	assert_status(nh_single_walk(single, end_of, &region.end), NH_OK);
	nh__starts_place(&region);
	size_t bytes = nh__starts_size(nh__granules(region.end - region.first));
	assert_in_range(bytes, 1, sizeof kept);
	memcpy(kept, (const void *)region.starts, bytes);
	memset((void *)region.starts, 0, bytes);
	nh_single_free(single, second);
	unit_expect_fault(NH_FAULT_POINTER, second);
	memcpy((void *)region.starts, kept, bytes);
	nh_single_free(single, second);
	nh_single_free(single, first);
	assert_int_equal(nht_fault_count(), 0);
	assert_status(nh_single_validate(single, NULL), NH_OK);
}

/* ---- claims ------------------------------------------------------------------------------- */

/* Two free it in the same moment: one of them is told. */
static void a_claim_that_another_wins(void **state)
{
	(void)state;
	void *block = nh_instance_malloc(u.instance, 100);
	claims_fail = true;
	nh_instance_free(u.instance, block);
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, block);
	assert_null(nh_instance_realloc(u.instance, block, 200));
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, block);
	claims_fail = false;
	assert_int_equal(nh_instance_usable_size(u.instance, block), 100);
	nh_instance_free(u.instance, block);
	assert_int_equal(nht_fault_count(), 0);
}

/* ---- written while nobody had it ----------------------------------------------------------- */

/* A free block of LARGE bytes between live ones, with a byte in the middle that is no fill. */
static unsigned char *written_block(void)
{
	unsigned char *block = nh_instance_malloc(u.instance, LARGE);
	assert_non_null(nh_instance_malloc(u.instance, 40));
	nh_instance_free(u.instance, block);
	block[LARGE / 2u] ^= 1u;
	return block;
}

static void expect_set_aside(const unsigned char *written)
{
	assert_int_equal(nht_fault_count_of(NH_FAULT_WRITTEN), 1);
	nht_fault_clear();
	assert_int_equal(nh__load_relaxed(&nh__block_at(written)->owner), NH__OWNER_LOST);
	assert_true(heap->tlsf.lost != 0);
}

static void found_by_malloc(void **state)
{
	(void)state;
	unsigned char *written = written_block(), *block = nh_instance_malloc(u.instance, LARGE);
	assert_ptr_not_equal(block, written);
	assert_non_null(block);
	expect_set_aside(written);
}

static void found_by_a_request(void **state)
{
	(void)state;
	const nh_request request = {.heaps = 1u};
	unsigned char *written = written_block(), *block = nh_instance_alloc(u.instance, &request, LARGE);
	assert_ptr_not_equal(block, written);
	assert_non_null(block);
	expect_set_aside(written);
}

static void found_by_realloc(void **state)
{
	(void)state;
	unsigned char *old = nh_instance_malloc(u.instance, 300);
	assert_non_null(nh_instance_malloc(u.instance, 40)); /* it cannot grow where it is */
	memset(old, 0x5a, 300);
	unsigned char *written = written_block(), *block = nh_instance_realloc(u.instance, old, LARGE);
	assert_non_null(block);
	assert_ptr_not_equal(block, written);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(block[i], 0x5a);
	expect_set_aside(written);
}

#if NH_CACHES

/* From a magazine, where no lock may be waited for: it is set aside all the same, and not counted. */
static void found_without_the_lock(void **state)
{
	(void)state;
	unsigned char *first = nh_instance_malloc(u.instance, 100), *wall = nh_instance_malloc(u.instance, 100);
	assert_non_null(wall);
	nh_instance_free(u.instance, first);
	if (nh__load_relaxed(&nh__block_at(first)->owner) != NH__OWNER_CACHED)
		unit_skip("the heap has no caches");
	first[50] ^= 1u;
	assert_true(nh_port_lock_begin());
	void *block = nh_instance_malloc(u.instance, 100);
	nh_port_lock_end();
	assert_ptr_not_equal(block, first);
	assert_int_equal(nht_fault_count_of(NH_FAULT_WRITTEN), 1);
	assert_int_equal(nh__load_relaxed(&nh__block_at(first)->owner), NH__OWNER_LOST);
	assert_int_equal(heap->tlsf.lost, 0);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(trailers_that_cannot_be, set_up, tear_down),
		cmocka_unit_test_setup_teardown(addresses_outside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(starts_that_were_erased, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_claim_that_another_wins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(found_by_malloc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(found_by_a_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(found_by_realloc, set_up, tear_down),
#if NH_CACHES
		cmocka_unit_test_setup_teardown(found_without_the_lock, set_up, tear_down),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

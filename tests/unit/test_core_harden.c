/* SPDX-License-Identifier: MIT */
/*
 * core/harden.c: the moments of a free that nobody else sees. The source is included, so that a test can be there when the
 * owner byte is claimed and when a block is filled.
 */
#include <string.h>

#include "core/harden.h"
#include "white.h"

#if !NH__GUARDED
int main(void)
{
	return unit_all_skipped("from NH_HARDENING_FULL on");
}
#else

static struct nh__block *watched; /* NULL = nobody looks */
static unsigned owner_seen, fills;
static bool other_claims; /* the next claim comes too late */

static void seen_fill(void *at, size_t bytes)
{
	if (watched != NULL && at == nh__payload(watched) && bytes == NH_ROOM(nh__block_span(watched))) {
		owner_seen = nh__load_relaxed(&watched->owner);
		fills++;
	}
	nh__fill(at, bytes);
}

static bool raced_claim(_Atomic uint8_t *byte, uint8_t expected, uint8_t desired)
{
	if (other_claims)
		nh__store_relaxed(byte, NH__OWNER_BUSY);
	other_claims = false;
	return nh_port_claim(byte, expected, desired);
}

#define nh__fill(at, bytes) seen_fill((at), (bytes))
#undef nh_port_claim
#define nh_port_claim(byte, expected, desired) raced_claim((byte), (expected), (desired))
#include "core/harden.c"
#undef nh__fill

static unit u;

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 64 * KIB, 0);
	watched = NULL;
	fills = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unit_end(&u);
	return 0;
}

/* Once a free fills a block it cannot fail any more, and the byte says so: who looks after a reset must not take it for live. */
static void gone_before_it_is_filled(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 40, 5000};
	for (unsigned i = 0; i < 3; i++) {
		void *block = nh_instance_malloc(u.instance, sizes[i]);
		watched = nh__block_at(block);
		fills = 0;
		nh_instance_free(u.instance, block);
		assert_int_equal(fills, 1);
		assert_int_equal(owner_seen, NH__OWNER_GONE);
	}
}

/* Of two that free a block at once one is first: the other is told, and leaves the block alone. */
static void a_lost_claim(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 40);
	uint8_t owner = nh__load_relaxed(&nh__block_at(block)->owner);
	memset(block, 0x77, 40);
	watched = nh__block_at(block);
	other_claims = true;
	nh_instance_free(u.instance, block);
	assert_false(other_claims);
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, block);
	assert_int_equal(fills, 0);
	assert_int_equal(nh__load_relaxed(&watched->owner), NH__OWNER_BUSY);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(block[i], 0x77);
	nh__unclaim(watched, owner);
	other_claims = true;
	assert_null(nh_instance_realloc(u.instance, block, 400));
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, block);
	nh__unclaim(watched, owner);
	nh_instance_free(u.instance, block);
}

/* An address of no region is no start, though whoever asks has found a heap for it, in a region that has gone since. */
static void no_start_without_a_region(void **state)
{
	(void)state;
	const struct nh__region *region = u.instance->heap[0]->tlsf.regions;
	unsigned char *block = nh_instance_malloc(u.instance, 40);
	assert_int_equal(nh__start_fault(u.instance, nh__block_at(block)), NH_FAULT_NONE);
	assert_int_equal(nh__start_fault(u.instance, nh__block_at((void *)region->end)), NH_FAULT_POINTER);
	assert_int_equal(nh__start_fault(u.instance, nh__block_at((void *)(region->end + NH_GRANULE))), NH_FAULT_POINTER);
	assert_int_equal(nh__start_fault(u.instance, nh__block_at(&u)), NH_FAULT_POINTER);
	nh_instance_free(u.instance, block);
}

/* Whatever byte of a block that nobody has is written, but for its links, the word is named that holds it. */
static void each_byte_is_looked_at(void **state)
{
	(void)state;
	static const size_t sizes[] = {40, 9000}; /* from a magazine, from TLSF */
	for (unsigned i = 0; i < 2; i++) {
		unsigned char *block = nh_instance_malloc(u.instance, sizes[i]), *wall = nh_instance_malloc(u.instance, sizes[i]);
		struct nh__block *header = nh__block_at(block);
		size_t room = NH_ROOM(nh__block_span(header)), step = room > 1000 ? 997 : 1;
		uint8_t owner = nh__load_relaxed(&header->owner);
		for (size_t at = 2u * sizeof(uint32_t); at < room; at += step) {
			nh__fill(block, room);
			block[at] ^= 0x40u;
			assert_false(nh__hand_out(u.instance, block, sizes[i]));
			unit_expect_fault(NH_FAULT_WRITTEN, block + at - at % sizeof(uint32_t));
			assert_int_equal(nh__load_relaxed(&header->owner), NH__OWNER_LOST);
			nh__unclaim(header, owner);
			u.instance->heap[0]->tlsf.lost -= nh__block_span(header);
		}
		nh__fill(block, room);
		assert_true(nh__hand_out(u.instance, block, sizes[i]));
		nh_instance_free(u.instance, block);
		nh_instance_free(u.instance, wall);
	}
	assert_int_equal(u.instance->heap[0]->tlsf.lost, 0);
}

/* Memory that comes by a request is fill, too, and what was written to is set aside once, for another block. */
static void requests_get_fill(void **state)
{
	(void)state;
	static const nh_request plain = {.heaps = 1}, zero = {.flags = NH_ZERO};
	enum { SIZE = 5000 };
	unsigned char *walls[3], *block = nh_instance_malloc(u.instance, SIZE);
	walls[0] = nh_instance_malloc(u.instance, 40);
	nh_instance_free(u.instance, block);
	block[SIZE / 2] = 1;
	walls[1] = nh_instance_alloc(u.instance, &plain, SIZE);
	walls[2] = nh_instance_alloc(u.instance, &zero, SIZE);
	unit_expect_fault(NH_FAULT_WRITTEN, block + SIZE / 2);
	assert_true(walls[1] != NULL && walls[1] != block && walls[2] != NULL && walls[2] != block);
	for (unsigned i = 0; i < SIZE; i++) {
		assert_int_equal(walls[1][i], NH__FILL);
		assert_int_equal(walls[2][i], 0);
	}
	for (unsigned i = 0; i < 3; i++)
		nh_instance_free(u.instance, walls[i]);
	assert_int_equal(nht_fault_count(), 0);
}

static int abandon(void **state)
{
	(void)state;
	unit_abandon(&u);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gone_before_it_is_filled),
		TEST(a_lost_claim),
		TEST(no_start_without_a_region),
		TEST(each_byte_is_looked_at),
		cmocka_unit_test_setup_teardown(requests_get_fill, set_up, abandon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

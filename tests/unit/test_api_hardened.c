/* SPDX-License-Identifier: MIT */
/*
 * NH_HARDENING_FULL and above: what is exact, what a fault leaves behind, and that the hook may use the heap from within
 * each of the new ones. tests/faults has what is caught.
 */
#include <string.h>

#include "core/instance.h"
#include "tests/unit/white.h"

#if !NH__GUARDED
int main(void)
{
	return unit_all_skipped("from NH_HARDENING_FULL on");
}
#else

static unit u;
static nh_fault last;
static unsigned calls;

/* Uses everything: no lock, no gate, no claim is held. */
static void busy_hook(const nh_fault *fault)
{
	if (fault->code == NH_FAULT_CORRUPT)
		return; /* EXTREME tells that first, again and again */
	last = *fault;
	calls++;
	unsigned char *block = nh_instance_malloc(u.instance, 40);
	assert_non_null(block);
	memset(block, 1, 40);
	block = nh_instance_realloc(u.instance, block, 400);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
	assert_status(nh_instance_trim(u.instance, -1), NH_OK);
	nh_instance_validate(u.instance, -1, NULL);
}

static int set_up(void **state)
{
	(void)state;
	unit_one(&u, 64 * KIB, 0);
	nh_fatal_hook_set(busy_hook);
	calls = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nht_fault_catch();
	unit_abandon(&u);
	return 0;
}

static void assert_told(nh_fault_code code, const void *address)
{
	assert_int_equal(calls, 1);
	assert_int_equal(last.code, code);
	assert_ptr_equal(last.address, address);
	assert_int_equal(last.cpu, nh_host_cpu());
	calls = 0;
}

static void usable_is_what_was_asked_for(void **state)
{
	(void)state;
	for (size_t size = 1; size < 3000; size += 1u + size / 40u) {
		unsigned char *block = nh_instance_malloc(u.instance, size);
		assert_int_equal(nh_instance_usable_size(u.instance, block), size);
		memset(block, 0x55, size);
		for (size_t next = size / 2u + 1u; next < 2u * size; next += size / 3u + 1u) {
			block = nh_instance_realloc(u.instance, block, next);
			assert_non_null(block);
			assert_int_equal(nh_instance_usable_size(u.instance, block), next);
			assert_int_equal(block[size / 2u], 0x55);
		}
		nh_instance_free(u.instance, block);
	}
	void *aligned = nh_instance_aligned_alloc(u.instance, 256, 77);
	assert_int_equal(nh_instance_usable_size(u.instance, aligned), 77);
	nh_instance_free(u.instance, aligned);
	assert_int_equal(calls, 0);
	assert_sound(nht_all_heaps_returned(u.instance));
}

/* Memory is fill when one gets it, but for calloc. */
static void fresh_memory_is_fill(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 500);
	memset(block, 0, 500);
	nh_instance_free(u.instance, block);
	block = nh_instance_malloc(u.instance, 500);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(block[i], NH__FILL);
	nh_instance_free(u.instance, block);
	block = nh_instance_calloc(u.instance, 5, 100);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(block[i], 0);
	nh_instance_free(u.instance, block);
	assert_int_equal(calls, 0);
}

/* The block is set aside, another is given, and both are accounted for. */
static void written_after_free(void **state)
{
	(void)state;
	unsigned char *wall = nh_instance_malloc(u.instance, 40), *block = nh_instance_malloc(u.instance, 40);
	unsigned char *above = nh_instance_malloc(u.instance, 40);
	nh_instance_free(u.instance, block);
	block[20] = 1;
	unsigned char *other = nh_instance_malloc(u.instance, 40);
	assert_told(NH_FAULT_WRITTEN, block + 20);
	assert_true(other != NULL && other != block);
	assert_true(unit_stats(&u, 0).quarantined >= 40 + NHT_OVERHEAD);
	nh_instance_free(u.instance, block); /* it is nobody's any more */
	assert_told(NH_FAULT_POINTER, block);
	nh_instance_free(u.instance, wall);
	nh_instance_free(u.instance, above);
	nh_instance_free(u.instance, other);
	assert_int_equal(calls, 0);
	assert_status(nh_instance_trim(u.instance, -1), NH_OK);
	nh_heap_stats stats = unit_stats(&u, 0);
	assert_int_equal(stats.taken, stats.quarantined);
	assert_sound(nht_valid(u.instance));
}

static void overrun_at_free(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 41);
	block[41] ^= 1;
	nh_instance_free(u.instance, block);
	assert_told(NH_FAULT_OVERRUN, block + 41);
	assert_true(unit_stats(&u, 0).quarantined >= 41 + NHT_OVERHEAD);
	nh_instance_free(u.instance, block);
	assert_told(NH_FAULT_POINTER, block);
	assert_sound(nht_valid(u.instance));
}

/* realloc refuses, and leaves all as it is. */
static void overrun_at_realloc(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 41);
	memset(block, 7, 41);
	block[41] ^= 1;
	assert_int_equal(nh_instance_usable_size(u.instance, block), 0); /* not to be known */
	assert_null(nh_instance_realloc(u.instance, block, 1000));
	assert_told(NH_FAULT_OVERRUN, block + 41);
	for (unsigned i = 0; i < 41; i++)
		assert_int_equal(block[i], 7);
	block[41] ^= 1;
	assert_int_equal(nh_instance_usable_size(u.instance, block), 41);
	block = nh_instance_realloc(u.instance, block, 1000);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
	assert_int_equal(calls, 0);
	assert_sound(nht_all_heaps_returned(u.instance));
}

/* Over a successor, and down over a predecessor: what is taken over must be fill. */
static void grown_over_written_memory(void **state)
{
	(void)state;
	for (unsigned below = 0; below < 2; below++) {
		unsigned char *low = nh_instance_malloc(u.instance, 5000), *block = nh_instance_malloc(u.instance, 5000);
		unsigned char *high = nh_instance_malloc(u.instance, 5000), *wall = nh_instance_malloc(u.instance, 5000);
		unsigned char *gone = below ? low : high;
		assert_true(low < block && block < high && high < wall);
		memset(block, 7, 5000);
		nh_instance_free(u.instance, gone);
		gone[1000] = 1;
		block = nh_instance_realloc(u.instance, block, 9000);
		assert_non_null(block);
		assert_told(NH_FAULT_WRITTEN, gone + 1000);
		for (unsigned i = 0; i < 5000; i++)
			assert_int_equal(block[i], 7);
		nh_instance_free(u.instance, block);
		nh_instance_free(u.instance, below ? high : low);
		nh_instance_free(u.instance, wall);
		assert_int_equal(calls, 0);
		assert_sound(nht_all_heaps_returned(u.instance));
	}
}

/* What lies in front of an address inside a block is the user's: it may look like the header of a cached block. */
static void inside_a_block(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 200), *inside = block + 64;
	nh__store_relaxed(&nh__block_at(inside)->owner, NH__OWNER_CACHED);
	nh_instance_free(u.instance, inside);
	assert_told(NH_FAULT_POINTER, inside);
	nh_instance_free(u.instance, block);
	assert_int_equal(calls, 0);
}

#if NH_CACHES

/* A write that hits the echo and not the link. The chain ends there, and the block is not handed out. */
static void echo_of_a_link(void **state)
{
	(void)state;
	unsigned char *wall = nh_instance_malloc(u.instance, 40), *block = nh_instance_malloc(u.instance, 40);
	unsigned char *above = nh_instance_malloc(u.instance, 40);
	nh_instance_free(u.instance, block);
	assert_int_equal(nh__load_relaxed(&nh__block_at(block)->owner), NH__OWNER_CACHED);
	nh__link(nh__block_at(block))[1] ^= 1u;
	unsigned char *other = nh_instance_malloc(u.instance, 40);
	assert_told(NH_FAULT_LINK, block);
	assert_true(other != NULL && other != block);
	nh_instance_free(u.instance, wall);
	nh_instance_free(u.instance, above);
	nh_instance_free(u.instance, other);
	assert_int_equal(calls, 0);
}

#endif

/* Who frees while it is claimed is told; the claim is given back where nothing came of it. */
static void claimed(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 100);
	struct nh__block *header = nh__block_at(block);
	uint8_t live = nh__load_relaxed(&header->owner);
	nh__store_relaxed(&header->owner, NH__OWNER_BUSY);
	nh_instance_free(u.instance, block);
	assert_told(NH_FAULT_DOUBLE_FREE, block);
	assert_null(nh_instance_realloc(u.instance, block, 10));
	assert_told(NH_FAULT_DOUBLE_FREE, block);
	nh__store_relaxed(&header->owner, live);
	assert_null(nh_instance_realloc(u.instance, block, SIZE_MAX / 2u));
	assert_null(nh_instance_realloc(u.instance, block, 60 * KIB));
	assert_int_equal(nh__load_relaxed(&header->owner), live);
	nh_instance_free(u.instance, block);
	assert_int_equal(calls, 0);
}

static void secrets_differ(void **state)
{
	(void)state;
	uint32_t seen[8];
	for (unsigned i = 0; i < 8; i++) {
		unit_abandon(&u);
		unit_one(&u, 64 * KIB, 0);
		seen[i] = u.instance->heap[0]->tlsf.secret;
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(seen[i], seen[k]); /* by chance once in 2^27 runs */
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(usable_is_what_was_asked_for),
		TEST(fresh_memory_is_fill),
		TEST(written_after_free),
		TEST(overrun_at_free),
		TEST(overrun_at_realloc),
		TEST(grown_over_written_memory),
		TEST(inside_a_block),
#if NH_CACHES
		TEST(echo_of_a_link),
#endif
		TEST(claimed),
		TEST(secrets_differ),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * Pointers that are no live block: reported at the free, with the address and the CPU, and nothing
 * changes. Each case runs on a heap with caches and on one without.
 */
#include <string.h>

#include "tests/support/unit.h"

static unit u;

/* With a heap that is local to CPU 1 only, CPU 0 frees through the inbox. */
enum { SHARED, LOCAL_TO_1, HEAPS };

static void begin(uint32_t flags)
{
	static const size_t sizes[HEAPS + 1] = {96 * KIB, 64 * KIB, 4 * KIB};
	unit_lay_out(&u, HEAPS + 1, sizes);
	u.configs[SHARED].flags = flags;
	u.configs[LOCAL_TO_1].flags = flags;
	u.configs[LOCAL_TO_1].affinity = NH_CPU(1 % NH_CPUS);
	unit_begin(&u, HEAPS);
}

static int with_caches(void **state)
{
	*state = &u;
	begin(0);
	return 0;
}

static int without_caches(void **state)
{
	*state = &u;
	begin(NH_HEAP_NO_CACHES);
	return 0;
}

static void *take(int heap, size_t size)
{
	void *block = unit_take(&u, heap, size);
	assert_non_null(block);
	assert_int_equal(nh_instance_heap_of(u.instance, block), heap);
	return block;
}

/* Frees again, expects the report and that nothing changed. The header of a block that was merged
 * into a free one before it may be gone: then it is no block at all. */
static void free_again(void *block, bool maybe_merged)
{
	nh_heap_stats before[HEAPS];
	for (int heap = 0; heap < HEAPS; heap++)
		before[heap] = unit_stats(&u, heap);
	nh_instance_free(u.instance, block);
	unit_expect_fault_of(NH_FAULT_DOUBLE_FREE, maybe_merged ? NH_FAULT_POINTER : NH_FAULT_DOUBLE_FREE, block);
	assert_null(nh_instance_realloc(u.instance, block, 50));
	unit_expect_fault_of(NH_FAULT_DOUBLE_FREE, maybe_merged ? NH_FAULT_POINTER : NH_FAULT_DOUBLE_FREE, block);
	assert_int_equal(nh_instance_usable_size(u.instance, block), 0);
	for (int heap = 0; heap < HEAPS; heap++) {
		nh_heap_stats after = unit_stats(&u, heap);
		assert_int_equal(after.free, before[heap].free);
		assert_int_equal(after.cached, before[heap].cached);
		assert_int_equal(after.quarantined, 0);
	}
	assert_sound(nht_valid(u.instance));
}

/* ---- double free -------------------------------------------------------------------------- */

static void double_free_same_cpu(void **state)
{
	(void)state;
	for (size_t size = 1; size < 2000; size = size * 2u + 3u) {
		void *wall[2];
		wall[0] = take(SHARED, size);
		void *block = take(SHARED, size);
		wall[1] = take(SHARED, size); /* no neighbour is free: it stays a block */
		nh_instance_free(u.instance, block);
		free_again(block, false);
		free_again(block, false);
		nh_instance_free(u.instance, wall[0]);
		nh_instance_free(u.instance, wall[1]);
		nh_instance_trim(u.instance, -1);
		free_again(block, true); /* merged */
	}
}

static void double_free_other_cpu(void **state)
{
	(void)state;
	void *wall[2];
	wall[0] = take(SHARED, 40);
	void *block = take(SHARED, 40);
	wall[1] = take(SHARED, 40);
	nh_instance_free(u.instance, block);
	unit_on_cpu(1); /* CPU 0's magazines keep it */
	free_again(block, false);
	unit_on_cpu(0);
	nh_instance_free(u.instance, wall[0]);
	nh_instance_free(u.instance, wall[1]);
}

/* Freed by a CPU its heap is not local to. */
static void double_free_in_inbox(void **state)
{
	(void)state;
	void *wall[2];
	wall[0] = take(LOCAL_TO_1, 40);
	void *first = take(LOCAL_TO_1, 40);
	void *middle = take(LOCAL_TO_1, 40);
	void *block = take(LOCAL_TO_1, 40);
	wall[1] = take(LOCAL_TO_1, 40);
	nh_instance_free(u.instance, first); /* an inbox opens when it is first needed */
	nh_heap_stats before = unit_stats(&u, LOCAL_TO_1);
	nh_instance_free(u.instance, block);
	nh_heap_stats after = unit_stats(&u, LOCAL_TO_1);
	if (NH_STATS && NH_CACHES && NH_CPUS > 1 && (after.flags & NH_HEAP_NO_CACHES) == 0) {
		assert_int_equal(after.remote_frees, before.remote_frees + 1u);
		assert_int_equal(after.cached - before.cached, (40 + NHT_OVERHEAD + NHT_ALIGNMENT - 1u) / NHT_ALIGNMENT * NHT_ALIGNMENT);
	}
	free_again(block, false);
	unit_on_cpu(1);
	free_again(block, false);
	nh_instance_free(u.instance, wall[0]);
	nh_instance_free(u.instance, middle);
	nh_instance_free(u.instance, wall[1]);
}

/* So many frees on one CPU that full magazines go to the depot: each one is still known. */
static void double_free_in_depot(void **state)
{
	enum { MANY = 120 };
	void *blocks[MANY];
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		blocks[i] = take(SHARED, 24);
	nh_heap_stats before = unit_stats(&u, SHARED);
	/* every second first, so that none of these merges */
	for (unsigned i = 0; i < MANY; i += 2)
		nh_instance_free(u.instance, blocks[i]);
	nh_heap_stats after = unit_stats(&u, SHARED);
	if (NH_STATS && NH_CACHES && NH_CPUS > 1 && (after.flags & NH_HEAP_NO_CACHES) == 0)
		assert_true(after.depot_puts > before.depot_puts);
	for (unsigned i = 0; i < MANY; i += 2)
		free_again(blocks[i], false);
	for (unsigned i = 1; i < MANY; i += 2)
		nh_instance_free(u.instance, blocks[i]);
	for (unsigned i = 0; i < MANY; i++)
		free_again(blocks[i], true);
}

/* ---- what is no block --------------------------------------------------------------------- */

/* Reported always, and not read through: where possible the address is unmapped or odd. */
static void refuse_pointer(const void *pointer)
{
	void *address = (void *)(uintptr_t)pointer;
	nh_heap_stats before = unit_stats(&u, SHARED);
	nh_instance_free(u.instance, address);
	unit_expect_fault(NH_FAULT_POINTER, address);
	assert_null(nh_instance_realloc(u.instance, address, 10));
	unit_expect_fault(NH_FAULT_POINTER, address);
	assert_null(nh_instance_realloc(u.instance, address, 0));
	unit_expect_fault(NH_FAULT_POINTER, address);
	assert_int_equal(nh_instance_usable_size(u.instance, address), 0);
	nh_heap_stats after = unit_stats(&u, SHARED);
	assert_int_equal(after.free, before.free);
	assert_int_equal(after.taken, before.taken);
}

static void misaligned(void **state)
{
	(void)state;
	unsigned char *block = take(SHARED, 100);
	memset(block, 0xc1, 100);
	for (size_t off = 1; off < 64; off++)
		if (off % NHT_ALIGNMENT != 0)
			refuse_pointer(block + off);
	refuse_pointer(block - 1);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(block[i], 0xc1);
	nh_instance_free(u.instance, block);
}

static void foreign(void **state)
{
	(void)state;
	uint64_t on_stack[8] = {0};
	static uint64_t in_data[8];
	unsigned char *base = u.arena.parts[0].base;
	refuse_pointer(&on_stack[2]);
	refuse_pointer(in_data);
	refuse_pointer((void *)(uintptr_t)16);
	refuse_pointer((void *)(uintptr_t)(UINTPTR_MAX - 15u));
	refuse_pointer((void *)(UINTPTR_MAX / 2u + 1u));
	refuse_pointer(base - NHT_ALIGNMENT * 4u);
	refuse_pointer(base); /* control memory, or before the first header */
	refuse_pointer(base + u.arena.parts[0].size);
	refuse_pointer(u.arena.parts[HEAPS].base + 64); /* memory that no heap was given */
}

static void other_instance(void **state)
{
	nh_instance_storage storage;
	nh_instance *other;
	(void)state;
	assert_status(nh_instance_init(&storage, &u.configs[HEAPS], 1, NULL, &other), NH_OK);
	unsigned char *theirs = nh_instance_malloc(other, 50);
	unsigned char *ours = take(SHARED, 50);
	refuse_pointer(theirs);
	nh_instance_free(other, ours);
	unit_expect_fault(NH_FAULT_POINTER, ours);
	assert_int_equal(nh_instance_heap_of(u.instance, theirs), -1);
	assert_int_equal(nh_instance_heap_of(other, theirs), 0);
	nh_instance_free(other, theirs);
	nh_instance_free(u.instance, ours);
	assert_int_equal(nht_fault_count(), 0);
	assert_sound(nht_all_heaps_returned(other));
	assert_status(nh_instance_deinit(other), NH_OK);
}

/* An interior pointer is probably reported; the contents here are such that it must be, whatever
 * the seed: no byte before an aligned address looks like a live header. */
static void interior(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		static const unsigned char fills[4] = {0x00, 0xff, 0x41, 0x5a};
		unsigned char *block = take(SHARED, 600);
		memset(block, fills[round], 600);
		nh_heap_stats before = unit_stats(&u, SHARED);
		for (size_t off = NHT_ALIGNMENT; off < 600; off += NHT_ALIGNMENT) {
			nh_instance_free(u.instance, block + off);
			unit_expect_fault_of(NH_FAULT_POINTER, NH_FAULT_DOUBLE_FREE, block + off);
		}
		assert_int_equal(unit_stats(&u, SHARED).live, before.live);
		for (unsigned i = 0; i < 600; i++)
			assert_int_equal(block[i], fills[round]);
		nh_instance_free(u.instance, block);
	}
}

#define BOTH(test)                                                                    \
	{#test ", caches", test, with_caches, unit_tear_down, NULL},                       \
	{#test ", no caches", test, without_caches, unit_tear_down, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(double_free_same_cpu), BOTH(double_free_other_cpu), BOTH(double_free_in_inbox),
		BOTH(double_free_in_depot), BOTH(misaligned), BOTH(foreign), BOTH(other_instance), BOTH(interior),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

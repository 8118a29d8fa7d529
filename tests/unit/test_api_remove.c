/* SPDX-License-Identifier: MIT */
/*
 * Memory that goes: regions and heaps are removed when nothing of them is out, whatever caches they are in, and are
 * as before when something is.
 */
#include <pthread.h>
#include <string.h>

#include "tests/support/env.h"
#include "tests/support/unit.h"

#define PARTS 5u

static unit u;

/* Heaps 0 and 1 over parts 0 and 1; part 2 is a region of heap 0, parts 3 and 4 are spare. */
static int set_up(void **state)
{
	static const size_t sizes[PARTS] = {40 * KIB, 40 * KIB, 24 * KIB, 16 * KIB, 8 * KIB};
	*state = &u;
	unit_lay_out(&u, PARTS, sizes);
	u.configs[0].flags = u.configs[1].flags = 0;
	unit_begin(&u, 2);
	unit_add_region(&u, 0, 2);
	return 0;
}

static nh_status remove_part(unsigned part, size_t *live)
{
	return nh_instance_region_remove(u.instance, 0, u.arena.parts[part].base, live);
}

static bool in_part(unsigned part, const void *block)
{
	return nht_arena_find(&u.arena, block, 1) == (int)part;
}

/* Takes blocks of heap 0 until `count` of them lie in a part; the others are given back. */
static void take_from(unsigned part, size_t size, void **blocks, unsigned count)
{
	const nh_request request = {.heaps = 1u};
	void *others = NULL;
	for (unsigned found = 0; found < count;) {
		void *block = nh_instance_alloc(u.instance, &request, size);
		assert_non_null(block);
		if (in_part(part, block)) {
			blocks[found++] = block;
		} else {
			*(void **)block = others;
			others = block;
		}
	}
	unit_free_chain(&u, others);
}

/* The memory of a removed part belongs to the test: nobody writes there, and the library knows none of its addresses. */
static void assert_gone(unsigned part)
{
	nht_part *memory = &u.arena.parts[part];
	memset(memory->base, 0x5e, memory->size);
	for (size_t k = 0; k < memory->size; k += 8)
		assert_int_equal(nh_instance_heap_of(u.instance, memory->base + k), -1);
	unsigned count;
	void *all = unit_take_all(&u, 60, &count);
	unit_free_chain(&u, all);
	assert_status(nh_instance_trim(u.instance, -1), NH_OK);
	assert_int_equal(nh_instance_usable_size(u.instance, memory->base + 64), 0);
	nh_instance_free(u.instance, memory->base + 64);
	unit_expect_fault(NH_FAULT_POINTER, memory->base + 64);
	for (size_t k = 0; k < memory->size; k++)
		assert_int_equal(memory->base[k], 0x5e);
	assert_sound(nht_valid(u.instance));
	for (int heap = 0; heap < (int)nh_instance_heap_count(u.instance); heap++)
		assert_sound(nht_accounts_balance(u.instance, heap));
}

static void an_unused_region_goes(void **state)
{
	(void)state;
	nh_heap_stats before = unit_stats(&u, 0);
	size_t live = 99;
	assert_status(remove_part(2, &live), NH_OK);
	assert_int_equal(live, 0);
	nh_heap_stats after = unit_stats(&u, 0);
	assert_int_equal(after.regions, 1);
	assert_true(before.size - after.size > u.arena.parts[2].size - 64u - (NHT_EXACT ? u.arena.parts[2].size / NHT_ALIGNMENT / 8u : 0u));
	assert_int_equal(before.free - after.free, before.size - after.size);
	assert_int_equal(after.peak, before.peak);
	assert_gone(2);
}

static void live_blocks_keep_it(void **state)
{
	(void)state;
	void *blocks[7];
	size_t live;
	take_from(2, 200, blocks, 7);
	for (unsigned left = 7; left > 0; left--) {
		nh_heap_stats before = unit_stats(&u, 0);
		assert_status(remove_part(2, &live), NH_EBUSY);
		assert_int_equal(live, left);
		nh_heap_stats after = unit_stats(&u, 0);
		assert_int_equal(after.size, before.size);
		assert_int_equal(after.regions, 2);
		assert_int_equal(after.live, before.live);
		assert_sound(nht_valid(u.instance));
		assert_sound(nht_accounts_balance(u.instance, 0));
		for (unsigned i = 0; i < left; i++)
			assert_true(nh_instance_usable_size(u.instance, blocks[i]) >= 200);
		nh_instance_free(u.instance, blocks[left - 1u]);
	}
	assert_status(remove_part(2, &live), NH_OK);
	assert_gone(2);
}

/* After a refusal every byte of it can be had again, as one block. */
static void a_refusal_leaves_it_usable(void **state)
{
	(void)state;
	void *block;
	take_from(2, 3000, &block, 1);
	assert_status(remove_part(2, NULL), NH_EBUSY);
	nh_instance_free(u.instance, block);
	assert_sound(nht_all_returned(u.instance, 0));
	void *all = nh_instance_malloc(u.instance, 23 * KIB);
	assert_true(all != NULL);
	nh_instance_free(u.instance, all);
}

struct idle {
	pthread_barrier_t barrier;
	void *blocks[12];
};

/* A thread that frees into its magazines and then does nothing. */
static void *idle_thread(void *context)
{
	struct idle *idle = context;
	bool attached = nh_host_attach(1 % NH_CPUS) == NH_OK; /* with one slot it has none */
	for (unsigned i = 0; i < 12; i++)
		nh_instance_free(u.instance, idle->blocks[i]);
	pthread_barrier_wait(&idle->barrier);
	pthread_barrier_wait(&idle->barrier);
	return attached ? idle : NULL;
}

/* Blocks in magazines do not count: neither this thread's nor those of an idle one. */
static void caches_do_not_keep_it(void **state)
{
	(void)state;
	if (!NHT_THREADS)
		unit_skip("one thread, which keeps the only slot");
	struct idle idle;
	void *blocks[40], *attached;
	pthread_t thread;
	size_t live;
	take_from(2, 40, blocks, 40);
	memcpy(idle.blocks, blocks, sizeof idle.blocks);
	for (unsigned i = 12; i < 40; i++)
		nh_instance_free(u.instance, blocks[i]);
	pthread_barrier_init(&idle.barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, idle_thread, &idle), 0);
	pthread_barrier_wait(&idle.barrier);
	assert_status(remove_part(2, &live), NH_OK);
	pthread_barrier_wait(&idle.barrier);
	pthread_join(thread, &attached);
	assert_int_equal(attached != NULL, NH_CPUS > 1);
	pthread_barrier_destroy(&idle.barrier);
	assert_gone(2);
}

static void refusals(void **state)
{
	(void)state;
	size_t live = 5;
	assert_status(nh_instance_region_remove(u.instance, 0, NULL, &live), NH_EINVAL);
	assert_int_equal(live, 0);
	assert_status(nh_instance_region_remove(u.instance, 0, u.arena.parts[0].base, &live), NH_ENOTSUP);
	assert_status(nh_instance_region_remove(u.instance, 0, u.arena.parts[3].base, &live), NH_ENOENT);
	assert_status(nh_instance_region_remove(u.instance, 0, u.arena.parts[2].base + 64, &live), NH_ENOENT);
	assert_status(nh_instance_region_remove(u.instance, 1, u.arena.parts[2].base, &live), NH_ENOENT);
	assert_status(nh_instance_region_remove(u.instance, 2, u.arena.parts[2].base, &live), NH_ENOENT);
	assert_status(nh_instance_region_remove(u.instance, -1, u.arena.parts[2].base, &live), NH_ENOENT);
	assert_status(nh_instance_region_remove(NULL, 0, u.arena.parts[2].base, &live), NH_ENOINIT);
	assert_status(nh_instance_heap_remove(u.instance, NH_MAX_HEAPS, &live), NH_ENOENT);
	assert_status(nh_instance_heap_remove(NULL, 0, NULL), NH_ENOINIT);
	assert_status(nh_region_remove(0, u.arena.parts[2].base, NULL), NH_ENOINIT);
	assert_status(nh_heap_remove(0, NULL), NH_ENOINIT);
	assert_int_equal(unit_stats(&u, 0).regions, 2);
}

/* More regions in turn than the table has entries, at any address and of any size, of one heap and the other. */
static void regions_come_and_go(void **state)
{
	(void)state;
	nh_heap_stats before[2] = {unit_stats(&u, 0), unit_stats(&u, 1)};
	for (unsigned i = 0; i < 5u * NH_MAX_REGIONS; i++) {
		const nht_part *part = &u.arena.parts[3u + i % 2u];
		unsigned char *base = part->base + i * 13u % 300u;
		int heap = u.configs[0].base < u.configs[1].base && i % 3u == 0 ? 1 : 0;
		assert_status(nh_instance_region_add(u.instance, heap, base, 4 * KIB + i % 700u), NH_OK);
		assert_status(nh_instance_region_add(u.instance, 0, base + 2000, 500), NH_EOVERLAP);
		assert_int_equal(nh_instance_heap_of(u.instance, base + 1000), heap);
		const nh_request request = {.heaps = 1u << heap};
		void *blocks[3] = {NULL};
		for (unsigned k = 0; k < 3; k++)
			blocks[k] = nh_instance_alloc(u.instance, &request, 100);
		for (unsigned k = 0; k < 3; k++)
			nh_instance_free(u.instance, blocks[k]);
		assert_status(nh_instance_region_remove(u.instance, heap, base, NULL), NH_OK);
		assert_int_equal(nh_instance_heap_of(u.instance, base + 1000), -1);
		memset(base, 0xee, 4 * KIB);
	}
	for (int heap = 0; heap < 2; heap++) {
		nh_heap_stats after = unit_stats(&u, heap);
		assert_int_equal(after.size, before[heap].size);
		/* what caps grew by in a region stays charged until another comes: once, however often it comes and goes */
		assert_in_range(after.cache_limit, before[heap].cache_limit,
		                before[heap].cache_limit + (4 * KIB >> NH_CACHE_SHARE));
		assert_int_equal(after.peak >= before[heap].peak, 1);
	}
}

static void a_heap_goes_with_all_regions(void **state)
{
	(void)state;
	const nh_request zero = {.heaps = 1u}, dma = {.require = NH_ATTR_USER(3)};
	size_t live;
	void *block = nh_instance_alloc(u.instance, &zero, 50);
	assert_status(nh_instance_heap_remove(u.instance, 0, &live), NH_EBUSY);
	assert_int_equal(live, 1);
	assert_int_equal(nh_instance_heap_count(u.instance), 2);
	void *again = nh_instance_alloc(u.instance, &zero, 50);
	assert_non_null(again);
	nh_instance_free(u.instance, again);
	nh_instance_free(u.instance, block);
	assert_status(nh_instance_heap_remove(u.instance, 0, &live), NH_OK);
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
	assert_null(nh_instance_alloc(u.instance, &zero, 50));
	nh_heap_stats stats;
	assert_status(nh_instance_heap_stats_get(u.instance, 0, &stats), NH_ENOENT);
	assert_int_equal(nh_instance_heap_of(u.instance, u.arena.parts[2].base + 100), -1);

	/* plain requests find the other; the number is given to what comes next, with other attributes */
	block = nh_instance_malloc(u.instance, 50);
	assert_true(in_part(1, block));
	nh_instance_free(u.instance, block);
	memset(u.arena.parts[0].base, 0x77, u.arena.parts[0].size);
	memset(u.arena.parts[2].base, 0x77, u.arena.parts[2].size);
	assert_null(nh_instance_alloc(u.instance, &dma, 50));
	nh_heap_config config = u.configs[0];
	config.base = u.arena.parts[3].base;
	config.size = u.arena.parts[3].size;
	config.attributes = NH_ATTR_USER(3);
	config.window = 0;
	int number = -1;
	assert_status(nh_instance_heap_add(u.instance, &config, &number), NH_OK);
	assert_int_equal(number, 0);
	block = nh_instance_alloc(u.instance, &dma, 50);
	assert_true(in_part(3, block));
	nh_instance_free(u.instance, block);
	assert_sound(nht_valid(u.instance));
}

static void heaps_come_and_go(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3u * NH_MAX_HEAPS; i++) {
		nh_heap_config config = {.base = u.arena.parts[3].base + 8u * i, .size = 8 * KIB + i};
		int number = -1;
		assert_status(nh_instance_heap_add(u.instance, &config, &number), NH_OK);
		assert_int_equal(number, 2);
		const nh_request request = {.heaps = 1u << number};
		nh_instance_free(u.instance, nh_instance_alloc(u.instance, &request, 100));
		assert_status(nh_instance_heap_remove(u.instance, number, NULL), NH_OK);
		memset(config.base, 0xee, config.size);
	}
}

/* A walk that stands in what is removed is told, and reads no more of it. */
static bool remove_under_walk(const nh_block_info *block, void *context)
{
	unsigned *visits = context;
	if (in_part(2, block->address) && (*visits)++ == 0) {
		assert_status(remove_part(2, NULL), NH_OK);
		memset(u.arena.parts[2].base, 0xff, u.arena.parts[2].size);
	}
	return true;
}

static void walks_are_told(void **state)
{
	(void)state;
	unsigned visits = 0;
	assert_status(nh_instance_walk(u.instance, 0, remove_under_walk, &visits), NH_EBUSY);
	assert_int_equal(visits, 1);
	assert_gone(2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		unit_case(an_unused_region_goes, set_up),
		unit_case(live_blocks_keep_it, set_up),
		unit_case(a_refusal_leaves_it_usable, set_up),
		unit_case(caches_do_not_keep_it, set_up),
		unit_case(refusals, set_up),
		unit_case(regions_come_and_go, set_up),
		unit_case(a_heap_goes_with_all_regions, set_up),
		unit_case(heaps_come_and_go, set_up),
		unit_case(walks_are_told, set_up),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

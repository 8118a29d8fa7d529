/* SPDX-License-Identifier: MIT */
/*
 * Giving memory to an instance: every refused input leaves nothing half done. Before and after
 * each refusal the statistics of all heaps and the refused memory itself are compared.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/unit.h"

#define PARTS 6u

static unit u;

/* Parts 0 and 1 are heaps; 2 and 3 are spare memory, 4 small, 5 spare. */
static int set_up(void **state)
{
	static const size_t sizes[PARTS] = {8 * KIB, 6 * KIB, 8 * KIB, 4 * KIB, 64, 4 * KIB};
	*state = &u;
	unit_lay_out(&u, PARTS, sizes);
	for (unsigned i = 2; i < PARTS; i++)
		memset(u.arena.parts[i].base, 0x5e, u.arena.parts[i].size);
	return 0;
}

/* ---- what must not change ----------------------------------------------------------------- */

typedef struct snapshot {
	unsigned heaps;
	nh_heap_stats stats[NH_MAX_HEAPS];
} snapshot;

static snapshot look(void)
{
	snapshot s;
	memset(&s, 0, sizeof s);
	s.heaps = nh_instance_heap_count(u.instance);
	for (unsigned i = 0; i < s.heaps; i++)
		s.stats[i] = unit_stats(&u, (int)i);
	return s;
}

static void assert_unchanged(const snapshot *before)
{
	snapshot after = look();
	assert_int_equal(after.heaps, before->heaps);
	for (unsigned i = 0; i < after.heaps; i++) {
		assert_int_equal(after.stats[i].size, before->stats[i].size);
		assert_int_equal(after.stats[i].free, before->stats[i].free);
		assert_int_equal(after.stats[i].largest_free, before->stats[i].largest_free);
		assert_int_equal(after.stats[i].regions, before->stats[i].regions);
	}
	for (unsigned i = 2; i < PARTS; i++)
		for (size_t k = 0; k < u.arena.parts[i].size; k++)
			assert_int_equal(u.arena.parts[i].base[k], 0x5e);
	assert_true(nht_arena_intact(&u.arena));
}

static void refuse_region(int heap, void *base, size_t size, nh_status expected)
{
	snapshot before = look();
	assert_status(nh_instance_region_add(u.instance, heap, base, size), expected);
	assert_unchanged(&before);
}

/* Memory that is in use and begins before the heap's base, which is the end of its window: either is
 * a right answer. */
static void refuse_used(int heap, void *base, size_t size)
{
	snapshot before = look();
	nh_status status = nh_instance_region_add(u.instance, heap, base, size);
	bool below = (uintptr_t)base < (uintptr_t)u.arena.parts[heap].base + NHT_LEAST_SPAN;
	if (status != NH_EOVERLAP && !(below && status == NH_ERANGE))
		fail_msg("%s", nh_status_string(status));
	assert_unchanged(&before);
}

static void refuse_heap(const nh_heap_config *config, nh_status expected)
{
	snapshot before = look();
	int number = -7;
	assert_status(nh_instance_heap_add(u.instance, config, &number), expected);
	assert_int_equal(number, -7);
	assert_unchanged(&before);
}

/* ---- regions ------------------------------------------------------------------------------ */

static void region_refusals(void **state)
{
	(void)state;
	unit_begin(&u, 2);
	unsigned char *spare = u.arena.parts[2].base;
	unsigned char *used = u.arena.parts[1].base;
	size_t used_size = u.arena.parts[1].size;
	refuse_region(0, NULL, 4 * KIB, NH_EINVAL);
	refuse_region(0, spare, 0, NH_EINVAL);
	refuse_region(0, spare, SIZE_MAX, NH_EWRAP);
	refuse_region(0, spare, SIZE_MAX - (uintptr_t)spare + 2u, NH_EWRAP);
	for (size_t tiny = 1; tiny < NHT_LEAST_SPAN; tiny++)
		refuse_region(0, spare, tiny, NH_ESMALL);
	refuse_region(2, spare, 4 * KIB, NH_ENOENT);
	refuse_region(-1, spare, 4 * KIB, NH_ENOENT);
	refuse_region(99, spare, 4 * KIB, NH_ENOENT);
	/* the same, inside, across either end, around: of a heap's own region and of another's */
	for (int heap = 0; heap < 2; heap++) {
		refuse_used(heap, used, used_size);
		refuse_used(heap, used + 512, 1 * KIB);
		refuse_used(heap, used + used_size - 64, 512);
		refuse_used(heap, used - 64, 256);
		refuse_used(heap, used - 64, used_size + 128);
		refuse_used(heap, used + used_size - 1, 2 * KIB);
	}
}

static void region_once(void **state)
{
	(void)state;
	unit_begin(&u, 2);
	nh_heap_stats before = unit_stats(&u, 0);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[2].base, 8 * KIB), NH_OK);
	nh_heap_stats after = unit_stats(&u, 0);
	assert_int_equal(after.regions, before.regions + 1u);
	assert_true(after.size > before.size + 7 * KIB && after.size <= before.size + 8 * KIB);
	assert_int_equal(after.size - before.size, after.free - before.free);
	for (int heap = 0; heap < 2; heap++)
		assert_status(nh_instance_region_add(u.instance, heap, u.arena.parts[2].base, 8 * KIB), NH_EOVERLAP);
	assert_int_equal(unit_stats(&u, 0).size, after.size);
	/* it is used: more than the first region holds */
	unsigned count;
	void *all = unit_take_all(&u, 200, &count);
	assert_true(count * (200 + NHT_OVERHEAD) > before.size + unit_stats(&u, 1).size);
	unit_free_chain(&u, all);
}

/* Any base and size: what is not aligned is left out, and never written. */
static void region_odd(void **state)
{
	(void)state;
	unit_begin(&u, 1);
	unsigned char *memory = u.arena.parts[2].base;
	for (size_t from = 1; from < 20; from++) {
		nh_heap_config config = {0};
		nh_instance_storage storage;
		nh_instance *instance;
		memset(memory, 0x5e, 8 * KIB);
		config.base = memory + from;
		config.size = 4 * KIB + 1u + from * 3u;
		assert_status(nh_instance_init(&storage, &config, 1, NULL, &instance), NH_OK);
		unsigned char *block = nh_instance_malloc(instance, 100);
		assert_non_null(block);
		memset(block, 0x77, nh_instance_usable_size(instance, block));
		nh_instance_free(instance, block);
		assert_sound(nht_all_heaps_returned(instance));
		for (size_t k = 0; k < from; k++)
			assert_int_equal(memory[k], 0x5e);
		for (size_t k = from + config.size; k < 8 * KIB; k++)
			assert_int_equal(memory[k], 0x5e);
		assert_status(nh_instance_deinit(instance), NH_OK);
	}
}

static void too_many_regions(void **state)
{
	(void)state;
	unit_begin(&u, 2);
	unsigned char *memory = u.arena.parts[2].base;
	unsigned room = (unsigned)(u.arena.parts[2].size / 256u);
	unsigned added = 0;
	nh_status status = NH_OK;
	while (added < room && (status = nh_instance_region_add(u.instance, 0, memory + added * 256u, 200)) == NH_OK)
		added++;
	if (NH_MAX_REGIONS - 2 >= (int)room)
		return; /* more are allowed than this memory can be cut into */
	assert_status(status, NH_ENOSPC);
	assert_int_equal(added, NH_MAX_REGIONS - 2);
	assert_int_equal(unit_stats(&u, 0).regions, added + 1u);
	assert_status(nh_instance_region_add(u.instance, 1, u.arena.parts[3].base, 4 * KIB), NH_ENOSPC);
	for (size_t k = 0; k < u.arena.parts[3].size; k++)
		assert_int_equal(u.arena.parts[3].base[k], 0x5e);
}

/* ---- heaps -------------------------------------------------------------------------------- */

static void heap_refusals(void **state)
{
	(void)state;
	unit_begin(&u, 2);
	const nh_heap_config good = u.configs[2];
	nh_heap_config bad = good;
	refuse_heap(NULL, NH_EINVAL);
	bad.base = NULL;
	refuse_heap(&bad, NH_EINVAL);
	bad = good;
	bad.size = 0;
	refuse_heap(&bad, NH_EINVAL);
	bad = good;
	bad.size = SIZE_MAX;
	refuse_heap(&bad, NH_EWRAP);
	bad = u.configs[4]; /* 64 bytes do not hold the control memory */
	refuse_heap(&bad, NH_ESMALL);
	bad = u.configs[1];
	refuse_heap(&bad, NH_EOVERLAP);
	bad = good;
	bad.base = u.arena.parts[1].base - 32;
	refuse_heap(&bad, NH_EOVERLAP);
	bad = good;
	bad.attributes = NH_ATTR_EXTERNAL;
	refuse_heap(&bad, NH_ENOTSUP);
#if NH_CPUS < 32
	bad = good;
	bad.affinity = NH_CPU(31);
	refuse_heap(&bad, NH_EINVAL);
#endif
	bad = good;
	bad.flags = 0x80000000u;
	refuse_heap(&bad, NH_EINVAL);
}

static void control_refusals(void **state)
{
	(void)state;
	unit_begin(&u, 2);
	nh_heap_config config = u.configs[2];
	size_t need = nh_heap_control_size(&config);
	assert_true(need > 0 && need < 4 * KIB);
	config.control = u.arena.parts[3].base;
	config.control_size = need - 1u;
	refuse_heap(&config, NH_ESMALL);
	config.control_size = need;
	config.control = u.arena.parts[3].base + 4; /* part 3 is aligned to 64 */
	nh_status status = nh_instance_heap_add(u.instance, &config, NULL);
	assert_true(status == NH_EALIGN || status == NH_EINVAL);
	config.control = u.arena.parts[1].base; /* in use as a region */
	refuse_heap(&config, NH_EOVERLAP);
	config.control = config.base; /* its own region */
	refuse_heap(&config, NH_EOVERLAP);
	config.control = u.arena.parts[3].base;
	config.control_size = SIZE_MAX;
	refuse_heap(&config, NH_EWRAP);
}

/* Control memory that is in use is no region, neither from a region's head nor apart. */
static void control_is_taken(void **state)
{
	(void)state;
	nh_heap_config apart = u.configs[1];
	apart.control_size = nh_heap_control_size(&apart);
	apart.control = u.arena.parts[3].base;
	u.configs[1] = apart;
	unit_begin(&u, 2);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[3].base, 4 * KIB), NH_EOVERLAP);
	nh_status status = nh_instance_region_add(u.instance, 0, u.arena.parts[0].base, 64);
	assert_true(status == NH_EOVERLAP || status == NH_ERANGE);
	nh_heap_config third = u.configs[2];
	third.control_size = nh_heap_control_size(&third);
	third.control = u.arena.parts[3].base;
	assert_status(nh_instance_heap_add(u.instance, &third, NULL), NH_EOVERLAP);
	/* all of a region whose control memory is apart is the user's, less headers, fence, and starts where there are */
	assert_true(unit_stats(&u, 1).size > u.configs[1].size - 64u - (NHT_EXACT ? u.configs[1].size / NHT_ALIGNMENT / 8u : 0u));
}

static void control_size_of_invalid(void **state)
{
	(void)state;
	unit_begin(&u, 1);
	nh_heap_config config = u.configs[2];
	assert_true(nh_heap_control_size(&config) > 0);
	config.size = 0;
	assert_int_equal(nh_heap_control_size(&config), 0);
	config = u.configs[2];
	config.base = NULL;
	assert_int_equal(nh_heap_control_size(&config), 0);
	config = u.configs[2];
	config.size = SIZE_MAX;
	assert_int_equal(nh_heap_control_size(&config), 0);
	assert_int_equal(nh_heap_control_size(NULL), 0);
}

static void too_many_heaps(void **state)
{
	(void)state;
	unit_begin(&u, 1);
	unsigned char *memory = malloc((NH_MAX_HEAPS + 1) * 8 * KIB);
	assert_non_null(memory);
	for (int i = 1; i <= NH_MAX_HEAPS; i++) {
		nh_heap_config config = {0};
		config.base = memory + (size_t)i * 8 * KIB;
		config.size = 8 * KIB;
		int number = -1;
		nh_status status = nh_instance_heap_add(u.instance, &config, &number);
		assert_status(status, i < NH_MAX_HEAPS ? NH_OK : NH_ENOSPC);
		assert_int_equal(number, i < NH_MAX_HEAPS ? i : -1);
	}
	assert_int_equal(nh_instance_heap_count(u.instance), NH_MAX_HEAPS);
	unit_end(&u);
	free(memory);
	set_up(state);
	unit_begin(&u, 1);
}

/* ---- init --------------------------------------------------------------------------------- */

/* A bad entry anywhere: nothing is kept, its index is told, and a second try works. */
static void init_all_or_nothing(void **state)
{
	(void)state;
	for (unsigned bad = 0; bad < 3; bad++) {
		nh_heap_config configs[3] = {u.configs[0], u.configs[1], u.configs[2]};
		unsigned failed = 77;
		nh_instance *instance = NULL;
		configs[bad].size = 0;
		assert_status(nh_instance_init(&u.storage, configs, 3, &failed, &instance), NH_EINVAL);
		assert_int_equal(failed, bad);
		assert_status(nh_instance_init(&u.storage, configs, 3, NULL, &instance), NH_EINVAL);
	}
	nh_heap_config twice[2] = {u.configs[0], u.configs[0]};
	nh_instance *instance = NULL;
	unsigned failed = 77;
	assert_status(nh_instance_init(&u.storage, twice, 2, &failed, &instance), NH_EOVERLAP);
	assert_int_equal(failed, 1);
	unit_begin(&u, 3);
	assert_sound(nht_all_heaps_returned(u.instance));
}

static void init_refusals(void **state)
{
	(void)state;
	nh_instance *instance = NULL;
	assert_status(nh_instance_init(NULL, u.configs, 1, NULL, &instance), NH_EINVAL);
	assert_status(nh_instance_init(&u.storage, NULL, 1, NULL, &instance), NH_EINVAL);
	assert_status(nh_instance_init(&u.storage, u.configs, 1, NULL, NULL), NH_EINVAL);
	nh_heap_config many[NH_MAX_HEAPS + 1];
	for (int i = 0; i <= NH_MAX_HEAPS; i++)
		many[i] = u.configs[i % 2];
	assert_true(nh_instance_init(&u.storage, many, NH_MAX_HEAPS + 1, NULL, &instance) != NH_OK);
	unit_begin(&u, 1);
}

static void default_before_init(void **state)
{
	(void)state;
	unit_begin(&u, 1);
	nh_heap_stats stats;
	nh_report report;
	assert_null(nh_malloc(8));
	assert_null(nh_calloc(1, 8));
	assert_null(nh_realloc(NULL, 8));
	assert_null(nh_aligned_alloc(64, 8));
	assert_null(nh_malloc_attr(NH_ATTR_DMA, 8));
	nh_free(NULL);
	assert_int_equal(nh_usable_size(&stats), 0);
	assert_int_equal(nh_heap_of(&stats), -1);
	assert_int_equal(nh_heap_count(), 0);
	assert_status(nh_deinit(), NH_ENOINIT);
	assert_status(nh_heap_add(&u.configs[2], NULL), NH_ENOINIT);
	assert_status(nh_region_add(0, u.arena.parts[2].base, 4 * KIB), NH_ENOINIT);
	assert_status(nh_trim(-1), NH_ENOINIT);
	assert_true(nh_heap_stats_get(0, &stats) != NH_OK);
	assert_true(nh_validate(-1, &report) != NH_OK);
	assert_int_equal(nht_fault_count(), 0);
}

static void default_twice(void **state)
{
	(void)state;
	unit_begin(&u, 1);
	assert_status(nh_init(&u.configs[2], 1, NULL), NH_OK);
	assert_status(nh_init(&u.configs[3], 1, NULL), NH_EALREADY);
	assert_int_equal(nh_heap_count(), 1);
	void *block = nh_malloc(100);
	assert_non_null(block);
	assert_int_equal(nh_heap_of(block), 0);
	assert_true(nh_usable_size(block) >= 100);
	nh_free(block);
	assert_sound(nht_all_heaps_returned(nh_default()));
	assert_status(nh_deinit(), NH_OK);
	assert_status(nh_deinit(), NH_ENOINIT);
	assert_null(nh_malloc(100));
	/* without heaps, and one added later, in the same memory */
	assert_status(nh_init(NULL, 0, NULL), NH_OK);
	assert_null(nh_malloc(100));
	int number = -1;
	assert_status(nh_heap_add(&u.configs[2], &number), NH_OK);
	assert_int_equal(number, 0);
	block = nh_malloc(100);
	assert_non_null(block);
	nh_free(block);
	assert_status(nh_deinit(), NH_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_case(region_refusals, set_up),
		unit_case(region_once, set_up),
		unit_case(region_odd, set_up),
		unit_case(too_many_regions, set_up),
		unit_case(heap_refusals, set_up),
		unit_case(control_refusals, set_up),
		unit_case(control_is_taken, set_up),
		unit_case(control_size_of_invalid, set_up),
		unit_case(too_many_heaps, set_up),
		unit_case(init_all_or_nothing, set_up),
		unit_case(init_refusals, set_up),
		unit_case(default_before_init, set_up),
		unit_case(default_twice, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

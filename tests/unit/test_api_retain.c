/* SPDX-License-Identifier: MIT */
/* Heaps that survive a reset: what is kept, the root, what is refused. Damage: test_api_retain_damage.c. */
#include "retained.h"
#include "tests/support/env.h"
#include "tests/support/random.h"

/* ---- what is kept ------------------------------------------------------------------------- */

static void cold_then_kept(void **state)
{
	(void)state;
	nh_retained report = attach();
	assert_cold(&report, NH_RETAINED_NONE);
	nh_heap_stats stats = unit_stats(&u, 0);
	assert_int_equal(stats.flags, NH_HEAP_RETAINED | NH_HEAP_NOT_DEFAULT);
	assert_int_equal(stats.attributes, NH_ATTR_RETAINED | NH_ATTR_DMA);
	make_some();
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[4].at), NH_OK);
	nh_heap_stats before = unit_stats(&u, 0);
	for (unsigned round = 1; round < 4; round++) {
		report = reset();
		assert_int_equal(report.found, NH_RETAINED_KEPT);
		assert_null(report.address);
		assert_int_equal(report.generation, round);
		assert_int_equal(report.blocks, 9);
		assert_int_equal(report.live, before.live);
		assert_int_equal(report.returned, round == 1 ? before.cached : 0);
		assert_int_equal(report.resealed, 0);
		assert_false(report.root_dropped);
		stats = unit_stats(&u, 0);
		assert_int_equal(stats.live, before.live);
		assert_int_equal(stats.peak, stats.taken);
		assert_int_equal(stats.size, before.size);
		assert_ptr_equal(nh_instance_retained_root(u.instance, 0), table[4].at);
		assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	}
	assert_sound(kept_end(u.instance, 0));
}

/* Exactly what was asked for is known after a reset as before. */
static void sizes_are_kept(void **state)
{
	(void)state;
	attach();
	for (unsigned i = 0; i < KEPT; i++)
		make(i, i * 3u + 1u);
	size_t usable[KEPT];
	for (unsigned i = 0; i < KEPT; i++)
		usable[i] = nh_instance_usable_size(u.instance, table[i].at);
	reset();
	for (unsigned i = 0; i < KEPT; i++)
		assert_int_equal(nh_instance_usable_size(u.instance, table[i].at), usable[i]);
	assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	assert_sound(kept_end(u.instance, 0));
}

/* Control memory elsewhere may be another, and codes of classes come and go with the caches. */
static void control_is_not_kept(void **state)
{
	(void)state;
	u.configs[0].control = control;
	u.configs[0].control_size = sizeof control;
	attach();
	make_some();
	for (unsigned round = 0; round < 4; round++) {
		u.configs[0].flags ^= NH_HEAP_NO_CACHES;
		memset(control, 0x77, sizeof control);
		assert_int_equal(reset().found, NH_RETAINED_KEPT);
		assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
		drop(round);
		make(20u + round, 24);
	}
	assert_sound(kept_end(u.instance, 0));
}

/* Resets at random moments of random traffic; what is freed is gone, what is not is there. */
static void at_random(void **state)
{
	nht_random random;
	unsigned resets = 0;
	(void)state;
	nht_random_seed(&random, nht_seed());
	attach();
	for (size_t left = nht_test_operations(6000); left > 0; left--) {
		unsigned slot = (unsigned)nht_below(&random, KEPT);
		if (nht_chance(&random, 2)) {
			assert_int_equal(reset().found, NH_RETAINED_KEPT);
			assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
			resets++;
		} else if (table[slot].at == NULL) {
			make(slot, nht_chance(&random, 80) ? nht_between(&random, 1, 130) : nht_between(&random, 100, 3000));
		} else if (nht_chance(&random, 30)) {
			size_t size = nht_between(&random, 1, 700);
			unsigned char *moved = nh_instance_realloc(u.instance, table[slot].at, size);
			if (moved != NULL) {
				table[slot].at = moved;
				assert_true(kept_holds(&table[slot], slot, size < table[slot].size ? size : table[slot].size));
				table[slot].size = size;
				kept_fill(&table[slot], slot);
			}
		} else {
			assert_true(kept_holds(&table[slot], slot, table[slot].size));
			drop(slot);
		}
	}
	assert_true(resets != 0 || nht_test_operations(6000) < 500);
	assert_sound(kept_end(u.instance, 0));
}

/* A pointer into what was merged by the reset is refused. */
static void stale_pointers(void **state)
{
	(void)state;
	attach();
	make_some();
	unsigned char *stale = table[7].at;
	drop(7);
	reset();
	assert_int_equal(nh_instance_usable_size(u.instance, stale), 0);
	nh_instance_free(u.instance, stale);
	unit_expect_fault(NH_FAULT_DOUBLE_FREE, stale);
	assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	assert_sound(kept_end(u.instance, 0));
}

/* Over a free predecessor a block would be neither here nor there for a while. */
static void realloc_does_not_move_down(void **state)
{
	(void)state;
	attach();
	void *all = NULL;
	const nh_request request = {.heaps = 1u};
	make(0, 2000);
	make(1, 2000);
	make(2, 2000);
	for (void **block; (block = nh_instance_alloc(u.instance, &request, 64)) != NULL; all = block)
		*block = all;
	drop(0);
	assert_null(nh_instance_realloc(u.instance, table[1].at, 3000));
	assert_sound(kept_all(u.instance, 0, table, KEPT, UINT32_MAX - KEPT));
	unit_free_chain(&u, all);
	assert_sound(kept_end(u.instance, 0));
}

/* ---- the root ----------------------------------------------------------------------------- */

static void roots(void **state)
{
	(void)state;
	attach();
	make_some();
	assert_null(nh_instance_retained_root(u.instance, 0));
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[0].at), NH_OK);
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[1].at), NH_OK);
	assert_status(nh_instance_retained_root_set(u.instance, 0, &table[0]), NH_EINVAL);
	assert_status(nh_instance_retained_root_set(u.instance, 1, table[0].at), NH_ENOENT);
	assert_ptr_equal(nh_instance_retained_root(u.instance, 0), table[1].at);
	reset();
	assert_ptr_equal(nh_instance_retained_root(u.instance, 0), table[1].at);
	drop(1); /* a program's mistake, or a reset between two of its steps */
	nh_retained report = reset();
	assert_true(report.root_dropped);
	assert_null(nh_instance_retained_root(u.instance, 0));
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[0].at), NH_OK);
	assert_status(nh_instance_retained_root_set(u.instance, 0, NULL), NH_OK);
	report = reset();
	assert_false(report.root_dropped);
	assert_null(nh_instance_retained_root(u.instance, 0));
	assert_sound(kept_end(u.instance, 0));
}

static void roots_of_others(void **state)
{
	(void)state;
	int heap;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], &heap), NH_OK);
	void *block = nh_instance_malloc(u.instance, 10);
	assert_status(nh_instance_retained_root_set(u.instance, heap, block), NH_ENOTSUP);
	assert_null(nh_instance_retained_root(u.instance, heap));
	nh_instance_free(u.instance, block);
	assert_status(nh_instance_heap_remove(u.instance, heap, NULL), NH_OK);
	/* memory that is retained, and a heap that is not */
	u.configs[1].attributes = NH_ATTR_RETAINED;
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], &heap), NH_OK);
	assert_status(nh_instance_heap_add_retained(u.instance, &u.configs[1], NULL, NULL), NH_EOVERLAP);
	int other;
	assert_status(nh_instance_heap_add_retained(u.instance, &u.configs[0], &other, NULL), NH_OK);
	assert_status(nh_instance_heap_remove(u.instance, other, NULL), NH_OK);
	assert_status(nh_instance_heap_remove(u.instance, heap, NULL), NH_OK);
	assert_status(nh_instance_deinit(u.instance), NH_OK);
	assert_status(nh_instance_retained_root_set(u.instance, heap, block), NH_ENOINIT);
	assert_null(nh_instance_retained_root(u.instance, heap));
	unit_begin(&u, 0);
}

/* Also a root that is damaged while the heap is in use is none. */
static void damaged_root(void **state)
{
	(void)state;
	attach();
	make(0, 40);
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[0].at), NH_OK);
	nh__store_relaxed(&record()->root.which, 0u);
	assert_null(nh_instance_retained_root(u.instance, 0));
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[0].at), NH_OK);
	assert_ptr_equal(nh_instance_retained_root(u.instance, 0), table[0].at);
	/* from where no lock may be waited for */
	assert_true(nh_port_lock_begin());
	bool served = nh_instance_retained_root_set(u.instance, 0, NULL) == NH_OK;
	void *root = nh_instance_retained_root(u.instance, 0);
	nh_port_lock_end();
	assert_true(served ? root == NULL : root == NULL && nh_instance_retained_root(u.instance, 0) == table[0].at);
	assert_sound(kept_end(u.instance, 0));
}

/* ---- what is refused ---------------------------------------------------------------------- */

static void refusals(void **state)
{
	(void)state;
	nh_heap_config config = u.configs[0];
	assert_status(nh_instance_heap_add_retained(u.instance, NULL, NULL, NULL), NH_EINVAL);
	config.flags |= NH_HEAP_RETAINED;
	assert_status(nh_instance_heap_add_retained(u.instance, &config, NULL, NULL), NH_EINVAL);
	assert_status(nh_instance_heap_add(u.instance, &config, NULL), NH_EINVAL);
	config = u.configs[0];
	config.control = control;
	config.control_size = sizeof control;
	bool served = false;
	for (config.size = 1; config.size < 400 && !served; config.size++) {
		memset(config.base, 0, 400);
		nh_status status = nh_instance_heap_add_retained(u.instance, &config, NULL, NULL);
		served = status == NH_OK;
		if (!served)
			assert_status(status, NH_ESMALL);
	}
	assert_true(served);
	assert_true(config.size > sizeof(struct nh__record));
	assert_status(nh_instance_heap_add_retained(u.instance, &config, NULL, NULL), NH_EOVERLAP);
	/* also the record belongs to it */
	assert_status(nh_instance_heap_add(u.instance, &u.configs[1], NULL), NH_OK);
	nh_heap_config inside = {.base = record(), .size = sizeof(struct nh__record), .control = control + sizeof control / 2,
	                         .control_size = sizeof control / 2};
	assert_status(nh_instance_heap_add(u.instance, &inside, NULL), NH_EOVERLAP);
	assert_status(nh_instance_region_add(u.instance, 0, u.arena.parts[0].base + 8 * KIB, 8 * KIB), NH_ENOTSUP);
	assert_status(nh_instance_heap_remove(u.instance, 1, NULL), NH_OK);
}

static void removed_is_gone(void **state)
{
	(void)state;
	size_t live;
	attach();
	make_some();
	assert_status(nh_instance_heap_remove(u.instance, 0, &live), NH_EBUSY);
	assert_int_equal(live, 9);
	assert_int_equal(reset().found, NH_RETAINED_KEPT);
	assert_sound(kept_end(u.instance, 0));
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_OK);
	nh_retained report = attach();
	assert_cold(&report, NH_RETAINED_NONE);
}

static void other_memory(void **state)
{
	(void)state;
	attach();
	make_some();
	u.configs[0].size -= 64;
	nh_retained report = reset();
	assert_cold(&report, NH_RETAINED_LAYOUT);
	make_some();
	u.configs[0].base = (char *)u.configs[0].base + 1024;
	u.configs[0].size -= 1024;
	report = reset();
	assert_cold(&report, NH_RETAINED_NONE);
	assert_status(nh_instance_heap_remove(u.instance, 0, NULL), NH_OK);
}

/* A build that has its control memory elsewhere has its record elsewhere. The other one does not find its own again after that, although
 * it lay in a block that nobody wrote to, with the header behind it: contents are lost, and no header says so. */
static void no_other_record_is_left(void **state)
{
	const size_t before = nh_heap_control_size(&u.configs[0]);
	(void)state;
	attach();
	make(0, SIZE / 2u);
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[0].at), NH_OK);
	u.configs[0].control = control;
	u.configs[0].control_size = sizeof control;
	nh_retained report = reset();
	assert_cold(&report, NH_RETAINED_NONE);
	unsigned char *over = nh_instance_malloc_attr(u.instance, NH_ATTR_RETAINED, before + 1 * KIB);
	make(1, 2 * KIB);
	assert_true(over != NULL && table[1].at > table[0].at && table[1].at < table[0].at + table[0].size);
	u.configs[0].control = NULL;
	report = reset();
	assert_cold(&report, NH_RETAINED_NONE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		unit_case(cold_then_kept, set_up),
		unit_case(sizes_are_kept, set_up),
		unit_case(control_is_not_kept, set_up),
		unit_case(at_random, set_up),
		unit_case(stale_pointers, set_up),
		unit_case(realloc_does_not_move_down, set_up),
		unit_case(roots, set_up),
		unit_case(roots_of_others, set_up),
		unit_case(damaged_root, set_up),
		unit_case(refusals, set_up),
		unit_case(removed_is_gone, set_up),
		unit_case(other_memory, set_up),
		unit_case(no_other_record_is_left, set_up),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Heaps that survive a reset. A reset is played by forgetting the instance: nothing of it, of the control memory or of the
 * caches is used again, as after a real one (tests/retain plays it between any two instructions).
 */
#include <stdio.h>
#include <string.h>

#include "core/retain.h"
#include "tests/support/env.h"
#include "tests/support/kept.h"
#include "tests/support/random.h"
#include "tests/support/unit.h"

#define SIZE (40 * KIB)
#define SMALL ((size_t)3000)

static unit u;
static _Alignas(64) unsigned char control[8 * KIB + NH_CPUS * 4 * KIB];
static kept table[KEPT];

static int lay_out(size_t size)
{
	const size_t sizes[2] = {size, 8 * KIB};
	unit_lay_out(&u, 2, sizes);
	u.configs[0].attributes = NH_ATTR_DMA;
	u.configs[0].flags = NH_HEAP_NOT_DEFAULT;
	memset(u.arena.parts[0].base, 0x3c, size);
	memset(table, 0, sizeof table);
	unit_begin(&u, 0);
	return 0;
}

static int set_up(void **state)
{
	*state = &u;
	return lay_out(SIZE);
}

/* Its headers are most of it. */
static int set_up_small(void **state)
{
	*state = &u;
	lay_out(SMALL);
	u.configs[0].control = control;
	u.configs[0].control_size = sizeof control;
	return 0;
}

static void forget(void)
{
	assert_status(nh_instance_deinit(u.instance), NH_OK);
	unit_begin(&u, 0);
}

static nh_retained attach(void)
{
	nh_retained report;
	int heap = -1;
	memset(&report, 0xff, sizeof report);
	assert_status(nh_instance_heap_add_retained(u.instance, &u.configs[0], &heap, &report), NH_OK);
	assert_int_equal(heap, 0);
	return report;
}

static nh_retained reset(void)
{
	forget();
	return attach();
}

static struct nh__record *record(void)
{
	return nh__record_of(nh__heap_by_id(u.instance, 0));
}

static void make(unsigned slot, size_t size)
{
	const nh_request request = {.heaps = 1u};
	table[slot] = (kept){nh_instance_alloc(u.instance, &request, size), size};
	if (table[slot].at != NULL)
		kept_fill(&table[slot], slot);
}

static void drop(unsigned slot)
{
	nh_instance_free(u.instance, table[slot].at);
	table[slot].at = NULL;
}

static void make_some(void)
{
	static const size_t sizes[] = {24, 40, 100, 24, 300, 8, 700, 24, 60, 129, 24, 16};
	for (unsigned i = 0; i < 12; i++)
		make(i, sizes[i]);
	drop(3);
	drop(6);
	drop(10);
}

static void assert_cold(const nh_retained *report, nh_retained_found found)
{
	assert_int_equal(report->found, found);
	assert_int_equal(report->generation, 0);
	assert_int_equal(report->blocks, 0);
	assert_int_equal(report->live, 0);
	assert_null(nh_instance_retained_root(u.instance, 0));
	assert_sound(nht_all_heaps_returned(u.instance));
}

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

/* ---- damage ------------------------------------------------------------------------------- */

static unsigned char saved[SIZE];

static void save(void)
{
	memcpy(saved, u.arena.parts[0].base, u.arena.parts[0].size);
}

static void bring_back(void)
{
	memcpy(u.arena.parts[0].base, saved, u.arena.parts[0].size);
}

static void flip(unsigned char *at, size_t bit)
{
	at[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
}

/* Every bit of the record: a cold start that says so, or a bit that nobody reads. */
static void record_bits(void **state)
{
	unsigned harmless = 0, of[NH_RETAINED_DAMAGED + 1] = {0};
	(void)state;
	attach();
	make_some();
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[2].at), NH_OK);
	assert_status(nh_instance_retained_root_set(u.instance, 0, table[4].at), NH_OK);
	unsigned char *at = (unsigned char *)record();
	save();
	for (size_t bit = 0; bit < sizeof(struct nh__record) * 8u; bit++) {
		bring_back();
		flip(at, bit);
		nh_retained report = reset();
		of[report.found]++;
		if (report.found != NH_RETAINED_KEPT) {
			assert_ptr_equal(report.address, at);
			assert_cold(&report, report.found);
			continue;
		}
		harmless++;
		assert_int_equal(report.generation, 1);
		assert_ptr_equal(nh_instance_retained_root(u.instance, 0), table[4].at);
		assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	}
	assert_int_equal(of[NH_RETAINED_NONE], 32);    /* the magic */
	assert_int_equal(harmless, 3u * 2u * 32u);         /* the cells' other copies */
	assert_int_equal(of[NH_RETAINED_RECORD], sizeof(struct nh__record) * 8u - 32u - harmless);
	assert_sound(kept_end(u.instance, 0));
}

static bool is_header(const nh_block_info *block, void *context)
{
	unsigned char ***next = context;
	*(*next)++ = (unsigned char *)block->address - NH_HEADER;
	return true;
}

/* Every bit of every header: kept as it was, or kept and sound, or cold; reported, and compared with what validate would say. */
static void header_bits(void **state)
{
	unsigned char *headers[KEPT], **next = headers;
	unsigned intact = 0, other = 0, cold = 0;
	(void)state;
	attach();
	make_some();
	assert_status(nh_instance_walk(u.instance, 0, is_header, &next), NH_OK);
	const struct nh__region *region = nh__heap_by_id(u.instance, 0)->tlsf.regions;
	*next++ = (unsigned char *)region->end - NH_HEADER;
	save();
	for (unsigned char **header = headers; header < next; header++) {
		for (size_t bit = 0; bit < NH_HEADER * 8u; bit++) {
			bring_back();
			flip(*header, bit);
			nh_retained report = reset();
			if (report.found != NH_RETAINED_KEPT) {
				cold++;
				assert_cold(&report, NH_RETAINED_DAMAGED);
				assert_true((unsigned char *)report.address >= headers[0]);
				assert_true((uintptr_t)report.address < region->end);
				continue;
			}
			bool same = kept_all(u.instance, 0, table, KEPT, 0) == NULL;
			intact += same;
			other += !same;
			/* whatever it is taken for, it can be used */
			assert_sound(nht_valid(u.instance));
			assert_sound(nht_accounts_balance(u.instance, 0));
			assert_sound(kept_end(u.instance, 0));
		}
	}
	assert_int_equal(nht_fault_count(), 0);
	printf("bits of headers, %s: %u, re-attached as they were %u, otherwise %u, cold start %u\n", u.configs[0].control == NULL ? "with classes" : "small",
	       intact + other + cold, intact, other, cold);
	bring_back();
	assert_int_equal(reset().found, NH_RETAINED_KEPT);
	assert_sound(kept_end(u.instance, 0));
}

/* A true record over anything: nothing is read outside of the region (sanitizers look), nothing is believed. */
static void rubbish(void **state)
{
	nht_random random;
	(void)state;
	nht_random_seed(&random, nht_seed());
	attach();
	const struct nh__region *region = nh__heap_by_id(u.instance, 0)->tlsf.regions;
	uintptr_t first = region->first - NH_HEADER, end = region->end;
	save();
	for (unsigned round = 0; round < 600; round++) {
		bring_back();
		reset();
		make_some();
		/* from the first header on, or from somewhere behind it */
		uintptr_t from = round % 2 ? first : first + nht_below(&random, end - first) / 4u * 4u;
		for (uint32_t *word = (uint32_t *)from; (uintptr_t)word < end; word++)
			*word = round % 3 ? nht_next(&random) : (uint32_t)nht_below(&random, 64) << 10 | (round % 6 ? 0x35u : 0x15au);
		nh_retained report = reset();
		assert_true(report.found == NH_RETAINED_DAMAGED || report.found == NH_RETAINED_KEPT);
		assert_true(report.found == NH_RETAINED_DAMAGED || from != first);
		assert_sound(nht_valid(u.instance));
		assert_sound(kept_end(u.instance, 0));
	}
}

/* A reset in the first attempt: what two calls have left far from each other is allowed, since one of them was that. */
static void second_attempt(void **state)
{
	(void)state;
	attach();
	for (unsigned i = 0; i < 24; i++)
		make(i, 60);
	reset();
	/* the copy that does not hold is that of the attempt */
	nh__store_relaxed(&record()->codes.which, ~nh__load_relaxed(&record()->codes.which));
	nh__flag_set(nh__block_at(table[2].at), NH__PREV_FREE);
	nh__flag_set(nh__block_at(table[20].at), NH__PREV_FREE);
	assert_int_equal(reset().found, NH_RETAINED_KEPT);
	assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	assert_sound(kept_end(u.instance, 0));
}

#if NH__STARTS

/* Claimed: by a realloc, which keeps contents, or by a free that may still fail. Gone: by one that may not. */
static void claimed(void **state)
{
	(void)state;
	attach();
	make_some();
	nh__store_relaxed(&nh__block_at(table[1].at)->owner, NH__OWNER_BUSY);
	nh__store_relaxed(&nh__block_at(table[2].at)->owner, NH__OWNER_GONE);
	nh_retained report = reset();
	assert_int_equal(report.found, NH_RETAINED_KEPT);
	assert_int_equal(report.blocks, 8);
	table[2].at = NULL;
	assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	assert_sound(kept_end(u.instance, 0));
}

static void broken_trailer(void **state)
{
	(void)state;
	attach();
	make_some();
	table[1].at[table[1].size] ^= 1;
	nh_retained report = reset();
	assert_int_equal(report.found, NH_RETAINED_KEPT);
	assert_int_equal(report.resealed, 1);
	assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	assert_sound(kept_end(u.instance, 0));
}

/* One wrong start is mended; more are damage. */
static void starts(void **state)
{
	(void)state;
	attach();
	make_some();
	const struct nh__region *region = nh__heap_by_id(u.instance, 0)->tlsf.regions;
	nh__start_put(region, nh__block_at(table[4].at), false);
	assert_int_equal(reset().found, NH_RETAINED_KEPT);
	assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
	region = nh__heap_by_id(u.instance, 0)->tlsf.regions;
	nh__start_put(region, nh__block_at(table[0].at), false);
	nh__start_put(region, nh__block_at(table[9].at), false);
	nh_retained report = reset();
	assert_cold(&report, NH_RETAINED_DAMAGED);
}

#endif

/* What no single call can have left. */
static void two_places(void **state)
{
	(void)state;
	attach();
	for (unsigned i = 0; i < 24; i++)
		make(i, 60);
	for (unsigned at = 1; at < 22; at++) {
		struct nh__block *one = nh__block_at(table[0].at), *other = nh__block_at(table[at].at);
		nh__flag_set(one, NH__PREV_FREE);
		nh__flag_set(other, NH__PREV_FREE);
		nh_retained report = reset();
		if (at > 3) {
			assert_int_equal(report.found, NH_RETAINED_DAMAGED);
			assert_ptr_equal(report.address, other);
			for (unsigned i = 0; i < 24; i++)
				make(i, 60);
		} else {
			assert_int_equal(report.found, NH_RETAINED_KEPT);
			assert_sound(kept_all(u.instance, 0, table, KEPT, 0));
		}
	}
	assert_sound(kept_end(u.instance, 0));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		unit_case(cold_then_kept, set_up),        unit_case(sizes_are_kept, set_up),
		unit_case(control_is_not_kept, set_up),   unit_case(at_random, set_up),
		unit_case(stale_pointers, set_up),        unit_case(realloc_does_not_move_down, set_up),
		unit_case(roots, set_up),                 unit_case(roots_of_others, set_up),
		unit_case(damaged_root, set_up),          unit_case(second_attempt, set_up),
#if NH__STARTS
		unit_case(claimed, set_up),               unit_case(broken_trailer, set_up),
		unit_case(starts, set_up),
#endif
		unit_case(refusals, set_up),              unit_case(removed_is_gone, set_up),
		unit_case(other_memory, set_up),          unit_case(record_bits, set_up_small),
		unit_case(header_bits, set_up_small),     unit_case(header_bits, set_up),
		unit_case(rubbish, set_up_small),         unit_case(two_places, set_up_small),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

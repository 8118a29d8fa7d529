/* SPDX-License-Identifier: MIT */
/*
 * core/retain.c from inside: what a record says in other words, what a cell and a cold start look like between two stores,
 * which headers are believed. The source is included, with a look at memory wherever stores are kept in order.
 */
#include <string.h>

#include "white.h"

static void moment(void);
#undef nh_port_in_order
#define nh_port_in_order() moment()

#include "core/retain.c"

#define BLOCKS 24u

static unit u;
static void (*at_moment)(void);
static unsigned moments;
static void *row[BLOCKS];

static void moment(void)
{
	moments++;
	if (at_moment != NULL)
		at_moment();
}

static nh_retained attach_again(void)
{
	nh_retained report;
	assert_status(nh_instance_deinit(u.instance), NH_OK);
	unit_begin(&u, 0);
	assert_status(nh_instance_heap_add_retained(u.instance, &u.configs[0], NULL, &report), NH_OK);
	return report;
}

static nh_retained attach_cold(void)
{
	memset(u.arena.parts[0].base, 0, u.arena.parts[0].size);
	return attach_again();
}

/* A row of live blocks, all of one class. */
static void lay_row(void)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		assert_non_null(row[i] = nh_instance_malloc(u.instance, 60));
}

/* As attach_again() would find it. */
static struct retained what_is(void)
{
	struct retained retained = {.heap = nh__heap_by_id(u.instance, 0)};
	retained.region = retained.heap->tlsf.regions;
	retained.secret = retained.heap->tlsf.secret;
	retained.codes = codes_of(retained.heap);
	return retained;
}

static int set_up(void **state)
{
	const size_t size = 40 * KIB;
	*state = &u;
	at_moment = NULL;
	unit_lay_out(&u, 1, &size);
	unit_begin(&u, 0);
	attach_cold();
	lay_row();
	return 0;
}

/* ---- what outlives the build -------------------------------------------------------------- */

/* Memory is read by later builds: they must come to the same numbers, or LAYOUT_VERSION has to change. */
static void numbers_stay(void **state)
{
	(void)state;
	assert_int_equal(mix(0, 0), 0);
	assert_int_equal(mix(1, 0), UINT32_C(0x9e3645df));
	assert_int_equal(mix(UINT32_C(0x12345678), UINT32_C(0x1234ff00)), UINT32_C(0xc9577155));
	assert_int_equal(mix_address(7, (uintptr_t)0x20001000u), UINT32_C(0xf7440992));
	assert_int_equal(record_check(3, 5), UINT32_C(0x2e69c32e));
#if NH_64BIT
	const struct nh__region region = {.first = UINT64_C(0x1122334455667780), .end = UINT64_C(0x1122334455668880)};
	assert_int_equal(layout_of((const struct nh__record *)UINT64_C(0x1122334455667000), &region),
	                 NH__STARTS ? UINT32_C(0xccc2f0c7) : UINT32_C(0xe038d94e));
#endif
}

/* Of a heap without caches no class is compared with one that has some. */
static void codes_tell_classes(void **state)
{
	(void)state;
	struct nh__heap *heap = nh__heap_by_id(u.instance, 0), bare = *heap;
#if NH_CACHES
	bare.shared = NULL;
	assert_int_equal(codes_of(heap), UINT32_C(1) << 24 | NH_CLASS_DOUBLINGS << 16 | NH_CLASS_EXACT << 8 | NH_SPAN_MIN);
#endif
	assert_int_equal(codes_of(&bare), UINT32_C(2) << 24);
}

/* ---- between two stores ------------------------------------------------------------------- */

static struct nh__cell cell;
static uint32_t old_value, new_value;

/* First the old value, beside a new one that is complete; then the new one. */
static void look_at_cell(void)
{
	uint32_t value = 0;
	assert_true(cell_read(&cell, &value));
	assert_int_equal(value, moments == 1 ? old_value : new_value);
	struct nh__cell other = cell;
	unsigned held = nh__load_relaxed(&cell.which) == names[1];
	assert_int_equal(nh__load_relaxed(&other.copy[!held].check),
	                 cell_check(&cell, !held, moments == 1 ? new_value : old_value));
	assert_int_equal(nh__load_relaxed(&other.copy[!held].value), moments == 1 ? new_value : old_value);
}

static void a_cell_is_old_or_new(void **state)
{
	(void)state;
	memset(&cell, 0, sizeof cell);
	assert_false(cell_read(&cell, &old_value));
	cell_write(&cell, 11);
	cell_write(&cell, 12);
	at_moment = look_at_cell;
	for (uint32_t value = 12; value < 20; value++) {
		moments = 0;
		old_value = value;
		new_value = value + 1u;
		cell_write(&cell, new_value);
		assert_int_equal(moments, 2);
	}
	at_moment = NULL;
}

static struct nh__record *watched;

static void look_for_nothing(void)
{
	assert_int_equal(record_found(watched, nh__heap_by_id(u.instance, 0)->tlsf.regions), NH_RETAINED_NONE);
}

/* While a cold start is under way there is no record, whatever was there. */
static void a_cold_start_shows_at_its_end(void **state)
{
	(void)state;
	struct retained retained = what_is();
	struct nh__addition addition = {retained.heap, NULL};
	struct nh__region_entry *entry = u.instance->regions;
	watched = nh__record_of(retained.heap);
	assert_int_equal(record_found(watched, retained.region), NH_RETAINED_KEPT);
	addition.entry = entry;
	nh__tlsf_condemn(&retained.heap->tlsf);
	retained.heap->tlsf.total = retained.heap->tlsf.least_free = 0;
	retained.report.generation = 9;
	at_moment = look_for_nothing;
	moments = 0;
	struct nh__region *regions = retained.heap->tlsf.regions;
	assert_null(regions);
	retained.heap->tlsf.regions = &entry->region; /* for the look only: nothing is walked */
	start_cold(&retained, watched, &addition);
	at_moment = NULL;
	assert_true(moments >= 7); /* void, and two for each cell */
	assert_int_equal(record_found(watched, &entry->region), NH_RETAINED_KEPT);
	assert_int_equal(retained.report.generation, 0);
}

/* ---- headers ------------------------------------------------------------------------------ */

static void in_row(unsigned i, void (*change)(struct nh__block *block))
{
	change(nh__block_at(row[i]));
}

static void says_previous_free(struct nh__block *block)
{
	nh__flag_set(block, NH__PREV_FREE);
}

static void hides_previous_free(struct nh__block *block)
{
	nh__flag_clear(nh__block_after(block, nh__block_span(block)), NH__PREV_FREE);
}

static void loses_footer(struct nh__block *block)
{
	((uint32_t *)(void *)nh__block_after(block, nh__block_span(block)))[-1] ^= 4u;
}

static void changes_class(struct nh__block *block)
{
	nh__store_relaxed(&block->owner, (uint8_t)(nh__load_relaxed(&block->owner) + 1u));
}

static void is_large(struct nh__block *block)
{
	nh__store_relaxed(&block->owner, NH__OWNER_LARGE);
}

#if NH__STARTS
static void loses_start(struct nh__block *block)
{
	nh__start_put(nh__heap_by_id(u.instance, 0)->tlsf.regions, block, false);
}
#endif

/* Each is odd, where one call may have left it; twice, far from each other, it is damage. Of another build's codes no class is. */
static void odd_once_or_twice(void **state)
{
	static const struct {
		void (*change)(struct nh__block *block);
		bool of_free, of_class;
	} kinds[] = {
		{says_previous_free, false, false},
		{hides_previous_free, true, false},
		{loses_footer, true, false},
		{changes_class, false, true},
		{is_large, false, true},
#if NH__STARTS
		{loses_start, false, false},
#endif
	};
	(void)state;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		for (unsigned twice = 0; twice < 2; twice++) {
			attach_cold();
			lay_row();
			for (unsigned at = 5; kinds[i].of_free && at < BLOCKS; at += 10)
				nh_instance_free(u.instance, row[at]);
			assert_status(nh_instance_trim(u.instance, 0), NH_OK);
			assert_int_equal(attach_again().found, NH_RETAINED_KEPT);
			in_row(5, kinds[i].change);
			struct nh__block *odd = nh__block_at(row[5]);
			/* without classes a block is large anyway */
			bool counts = !kinds[i].of_class ||
			              nh__load_relaxed(&odd->owner) != nh__live_owner(nh__heap_by_id(u.instance, 0), odd);
			if (twice)
				in_row(15, kinds[i].change);
			nh_retained report = attach_again();
			assert_int_equal(report.found, twice && counts ? NH_RETAINED_DAMAGED : NH_RETAINED_KEPT);
			assert_int_equal(report.generation, report.found == NH_RETAINED_KEPT ? 2 : 0);
			if (report.found == NH_RETAINED_DAMAGED)
				assert_true(report.address == nh__block_at(row[15]) || kinds[i].change != says_previous_free);
			assert_sound(nht_valid(u.instance));
		}
	}
}

static void codes_of_another_build(void **state)
{
	(void)state;
	struct nh__cell *codes = &nh__record_of(nh__heap_by_id(u.instance, 0))->codes;
	in_row(5, changes_class);
	in_row(15, changes_class);
	cell_write(codes, codes_of(nh__heap_by_id(u.instance, 0)) + 256u);
	assert_int_equal(attach_again().found, NH_RETAINED_KEPT);
	assert_sound(nht_valid(u.instance));
}

/* `owner`, `span` and `flags` for a moment in a header. */
static bool sound_as(struct nh__block *block, unsigned owner, uint32_t span, unsigned flags)
{
	struct retained retained = what_is();
	uint8_t kept_owner = nh__load_relaxed(&block->owner), kept_flags = nh__flags(block) & 3u;
	uint32_t kept_span = nh__block_span(block);
	nh__store_relaxed(&block->owner, (uint8_t)owner);
	nh__block_set(block, span, (uint8_t)flags);
	bool sound = is_sound(&retained, block);
	nh__store_relaxed(&block->owner, kept_owner);
	nh__block_set(block, kept_span, kept_flags);
	return sound;
}

static void headers_that_are_believed(void **state)
{
	(void)state;
	struct retained retained = what_is();
	struct nh__block *block = nh__block_at(row[3]), *fence = nh__block_at((void *)retained.region->end);
	uint32_t span = nh__block_span(block), room = (uint32_t)nh__span_to_end(retained.region, block);
	assert_true(sound_as(block, NH__OWNER_LIVE, span, 0));
	assert_true(sound_as(block, NH__OWNER_LARGE, span, NH__PREV_FREE));
	assert_true(sound_as(block, NH__OWNER_CACHED, span, 0));
	assert_true(sound_as(block, NH__OWNER_TLSF, span, 0)); /* held */
	assert_true(sound_as(block, NH__OWNER_TLSF, span, NH__FREE));
	assert_true(sound_as(block, NH__OWNER_TLSF, span, NH__FREE | NH__PREV_FREE));
	assert_true(sound_as(block, NH__OWNER_LIVE, NH_SPAN_MIN, 0));
	assert_true(sound_as(block, NH__OWNER_LIVE, room, 0));
	assert_false(sound_as(block, NH__OWNER_LIVE, NH_SPAN_MIN - 1u, 0));
	assert_false(sound_as(block, NH__OWNER_LIVE, room + 1u, 0));
	assert_false(sound_as(block, NH__OWNER_LIVE, 0, 0));
	assert_false(sound_as(block, NH__OWNER_LIVE, span, NH__FREE));
	assert_false(sound_as(block, NH__OWNER_CACHED, span, NH__FREE));
	assert_false(sound_as(block, NH__OWNER_FENCE, span, 0));
	assert_false(sound_as(block, 0, span, 0));
	assert_int_equal(sound_as(block, NH__OWNER_BUSY, span, 0), NH__GUARDED);
	assert_true(sound_as(fence, NH__OWNER_FENCE, 0, NH__PREV_FREE));
	assert_false(sound_as(fence, NH__OWNER_FENCE, 0, NH__FREE));
	assert_false(sound_as(fence, NH__OWNER_FENCE, NH_SPAN_MIN, 0));
	assert_false(sound_as(fence, NH__OWNER_TLSF, 0, 0));
	assert_false(sound_as(fence, NH__OWNER_LIVE, 0, 0));
#if NH_WIDE
	assert_false(sound_as(block, NH__OWNER_LIVE, span, 4));
	block->key ^= 1u;
	assert_false(sound_as(block, NH__OWNER_LIVE, span, 0));
	block->key ^= 1u;
#endif
}

/* ---- attaching ---------------------------------------------------------------------------- */

/* The header that ends the region says what the last block is, whatever it had said. */
static void the_fence_is_mended(void **state)
{
	(void)state;
	struct nh__block *fence = nh__block_at((void *)nh__heap_by_id(u.instance, 0)->tlsf.regions->end);
	const nh_request all = {.heaps = 1};
	size_t rest = nht_largest_fit(u.instance, 0, NHT_ALIGNMENT);
	void *last = nh_instance_alloc(u.instance, &all, rest);
	assert_non_null(last);
	assert_int_equal(nh__flags(fence) & NH__PREV_FREE, 0);
	nh__flag_set(fence, NH__PREV_FREE);
	assert_int_equal(attach_again().found, NH_RETAINED_KEPT);
	assert_int_equal(nh__flags(fence) & NH__PREV_FREE, 0);
	assert_sound(nht_valid(u.instance));
	nh_instance_free(u.instance, last);
	assert_int_equal(attach_again().found, NH_RETAINED_KEPT);
	assert_int_equal(nh__flags(fence) & NH__PREV_FREE, NH__PREV_FREE);
}

/* What had been in a cache or in somebody's hands is one free block with its neighbours, and is counted. */
static void what_is_returned(void **state)
{
	(void)state;
	size_t span = (size_t)nh__block_span(nh__block_at(row[4])) * NH_GRANULE;
	nh_instance_free(u.instance, row[4]);
	assert_status(nh_instance_trim(u.instance, 0), NH_OK); /* was free before: not counted */
	for (unsigned i = 5; i < 8; i++)
		nh__store_relaxed(&nh__block_at(row[i])->owner, NH__OWNER_CACHED);
	nh_retained report = attach_again();
	assert_int_equal(report.found, NH_RETAINED_KEPT);
	assert_int_equal(report.returned, 3u * span);
	assert_int_equal(report.blocks, BLOCKS - 4u);
	assert_int_equal(report.live, (BLOCKS - 4u) * span);
	assert_int_equal(nh__block_span(nh__block_at(row[4])), 4u * span / NH_GRANULE);
	assert_true(nh__flags(nh__block_at(row[4])) & NH__FREE);
	if (!NH__GUARDED) {
		for (unsigned i = 4; i < 8; i++)
			assert_int_equal(nh__load_relaxed(&nh__block_at(row[i])->owner), NH__OWNER_TLSF);
	}
	nh_heap_stats stats = unit_stats(&u, 0);
	assert_int_equal(stats.peak, stats.taken);
	assert_sound(nht_valid(u.instance));
}

/* Each block is its own root; one that is given up is none, and the first block's is not taken for nobody's. */
static void roots_are_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BLOCKS; i += BLOCKS - 1u) {
		assert_status(nh_instance_retained_root_set(u.instance, 0, row[i]), NH_OK);
		nh_retained report = attach_again();
		assert_false(report.root_dropped);
		assert_ptr_equal(nh_instance_retained_root(u.instance, 0), row[i]);
	}
	nh_instance_free(u.instance, row[BLOCKS - 1u]);
	assert_true(attach_again().root_dropped);
	assert_false(attach_again().root_dropped);
	assert_null(nh_instance_retained_root(u.instance, 0));
}

/* Who may not wait for a lock is told so, and the root stays what it was. */
static void no_root_without_the_lock(void **state)
{
	(void)state;
	assert_status(nh_instance_retained_root_set(u.instance, 0, row[1]), NH_OK);
	assert_true(nh_port_lock_begin());
	nh_status status = nh_instance_retained_root_set(u.instance, 0, row[2]);
	void *root = nh_instance_retained_root(u.instance, 0);
	nh_port_lock_end();
	assert_status(status, NH_ENOTSUP);
	assert_null(root);
	assert_ptr_equal(nh_instance_retained_root(u.instance, 0), row[1]);
}

/* What the lock hold before found and nobody told yet. */
static void damage_is_told(void **state)
{
	(void)state;
	struct nh__tlsf *tlsf = &nh__heap_by_id(u.instance, 0)->tlsf;
	tlsf->fault = NH_FAULT_LIST;
	tlsf->fault_at = row[1];
	assert_null(nh_instance_retained_root(u.instance, 0));
	unit_expect_fault(NH_FAULT_LIST, row[1]);
}

#define WITH(function) unit_case_damaged(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_stay),
		WITH(codes_tell_classes),
		cmocka_unit_test(a_cell_is_old_or_new),
		WITH(a_cold_start_shows_at_its_end),
		WITH(odd_once_or_twice),
		WITH(codes_of_another_build),
		WITH(headers_that_are_believed),
		WITH(the_fence_is_mended),
		WITH(what_is_returned),
		WITH(roots_are_found),
		WITH(no_root_without_the_lock),
		WITH(damage_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

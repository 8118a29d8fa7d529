/* SPDX-License-Identifier: MIT */
/*
 * core/tlsf.c against planted damage: the checks behind validate() find it, a block beside it is kept
 * out of the lists, searches and resizes come to an end. The source is included for its links.
 */
#include "core/tlsf.c"

#include "white.h"

static white_tlsf w;

static void give(size_t at)
{
	white_give(&w, at);
}

/* ---- checks ------------------------------------------------------------------------------- */

/* Blocks at 1, 11, 31, 41, 61, 71 and 91 (to the end at 101). With holes: those at 11, 41 and 71 are free, one list of
 * three in this order. */
static void three_live(void)
{
	const uint32_t spans[] = { 10, 20, 10, 20, 10, 20, 10 };
	size_t at[7];
	white_one_region(&w, 100);
	white_row(&w, spans, 7, at);
	for (unsigned i = 0; i < 7; i++)
		nh__store_relaxed(&white_at(&w, at[i])->owner, NH__OWNER_LARGE);
}

static void three_holes(void)
{
	three_live();
	give(71);
	give(41);
	give(11);
	assert_sound(white_sound(&w.tlsf));
}

static const char *checked(void)
{
	const char *what = white_sound(&w.tlsf);
	white_tlsf_drop(&w);
	return what;
}

static uint32_t *link_of(size_t at, unsigned side)
{
	return &links(white_at(&w, at))[side];
}

#define DAMAGE(statement)                                                                                    \
	do {                                                                                                 \
		three_holes();                                                                               \
		statement;                                                                                   \
		assert_non_null(checked());                                                                  \
	} while (0)

static void damage_is_found(void **state)
{
	(void)state;
	DAMAGE(nh__block_set(white_at(&w, 31), 0, NH__PREV_FREE));
	DAMAGE(nh__block_set(white_at(&w, 31), NH_SPAN_MIN - 1u, NH__PREV_FREE));
	DAMAGE(nh__block_set(white_at(&w, 31), 71, NH__PREV_FREE));
	DAMAGE(nh__block_set(white_at(&w, 31), NH_SPAN_MAX, NH__PREV_FREE));
	DAMAGE(nh__flag_clear(white_at(&w, 31), NH__PREV_FREE));
	DAMAGE(nh__flag_set(white_at(&w, 11), NH__PREV_FREE));
	DAMAGE(nh__flag_set(white_at(&w, 31), NH__FREE));
	DAMAGE(nh__flag_clear(white_at(&w, 41), NH__FREE));
	DAMAGE(nh__store_relaxed(&white_at(&w, 31)->owner, 0));
	DAMAGE(nh__store_relaxed(&white_at(&w, 31)->owner, NH__OWNER_FENCE));
	DAMAGE(nh__store_relaxed(&white_at(&w, 41)->owner, NH__OWNER_LARGE));
	DAMAGE(*footer_before(white_at(&w, 61)) = 19);
	DAMAGE(*link_of(41, 0) = 9999);
	DAMAGE(*link_of(41, 0) = 31);
	DAMAGE(*link_of(41, 0) = 11);
	DAMAGE(*link_of(41, 1) = 71);
	DAMAGE(*link_of(41, 1) = 0);
	DAMAGE(*link_of(71, 1) = 11);
#if NH_WIDE
	DAMAGE(white_at(&w, 31)->key ^= 1);
	DAMAGE(white_at(&w, 41)->key ^= 0x8000);
#endif
}

static void damaged_lists_are_found(void **state)
{
	(void)state;
	unsigned list;
	three_holes();
	list = list_of(&w.tlsf, 20);
	white_tlsf_drop(&w);
	DAMAGE(((uint16_t *)w.lists)[list] = 41);
	DAMAGE(((uint16_t *)w.lists)[list] = 31);
	DAMAGE(((uint16_t *)w.lists)[list] = 60000);
	DAMAGE(((uint16_t *)w.lists)[list] = 0);
	DAMAGE(((uint16_t *)w.lists)[list + 1u] = 71);
	DAMAGE(head_set(&w.tlsf, list + 1u, 71));
	DAMAGE(w.tlsf.map[list / 32u] ^= UINT32_C(1) << list % 32u);
	DAMAGE(w.tlsf.map[list / 32u] ^= UINT32_C(2) << list % 32u);
	DAMAGE(w.tlsf.map[0] |= 4);
	DAMAGE(w.tlsf.map[w.tlsf.lists / 32u] |= UINT32_C(1) << w.tlsf.lists % 32u);
	DAMAGE(w.tlsf.map[(w.tlsf.lists - 1u) / 32u] |= UINT32_C(1) << 31);
}

/* ---- quarantine --------------------------------------------------------------------------- */

#if NH_HARDENING >= NH_HARDENING_MODERATE

static size_t take(uint32_t span, uint32_t align)
{
	return white_take(&w, span, align);
}

static uint32_t span_at(size_t at)
{
	return nh__block_span(white_at(&w, at));
}

static void expect_fault(nh_fault_code code, const void *at)
{
	assert_int_equal(w.tlsf.fault, code);
	if (at != NULL)
		assert_ptr_equal(w.tlsf.fault_at, at);
	w.tlsf.fault = NH_FAULT_NONE;
}

/* Gives back a block whose neighbourhood is damaged: it is kept out, counted, and nothing else changes. */
#define KEPT_OUT(at, statement, code, where)                                                                 \
	do {                                                                                                 \
		three_holes();                                                                               \
		uint32_t free_before = w.tlsf.free, changes = w.tlsf.changes;                                \
		statement;                                                                                   \
		give(at);                                                                                    \
		expect_fault((code), (where));                                                               \
		assert_int_equal(nh__load_relaxed(&white_at(&w, (at))->owner), NH__OWNER_LOST);              \
		assert_int_equal(w.tlsf.lost, 10);                                                           \
		assert_int_equal(w.tlsf.free, free_before);                                                  \
		assert_true(w.tlsf.changes == changes);                                                      \
		white_tlsf_drop(&w);                                                                         \
	} while (0)

static void damaged_neighbours(void **state)
{
	(void)state;
	const nh_fault_code neighbour = NH_FAULT_NEIGHBOUR;
	KEPT_OUT(31, nh__store_relaxed(&white_at(&w, 41)->owner, 0), neighbour, white_at(&w, 41));
	KEPT_OUT(31, nh__store_relaxed(&white_at(&w, 41)->owner, NH__OWNER_LARGE), neighbour,
	         white_at(&w, 41));
	KEPT_OUT(31, nh__store_relaxed(&white_at(&w, 41)->owner, NH__OWNER_FENCE), neighbour,
	         white_at(&w, 41));
	KEPT_OUT(31, nh__flag_set(white_at(&w, 41), NH__PREV_FREE), neighbour, white_at(&w, 41));
	KEPT_OUT(31, nh__block_set(white_at(&w, 41), 1, NH__FREE), neighbour, white_at(&w, 41));
	KEPT_OUT(31, *footer_before(white_at(&w, 31)) = 19, neighbour, footer_before(white_at(&w, 31)));
	KEPT_OUT(31, *footer_before(white_at(&w, 31)) = 0, neighbour, footer_before(white_at(&w, 31)));
	KEPT_OUT(31, *footer_before(white_at(&w, 31)) = 31, neighbour, footer_before(white_at(&w, 31)));
	KEPT_OUT(31, nh__flag_clear(white_at(&w, 11), NH__FREE), neighbour, footer_before(white_at(&w, 31)));
	KEPT_OUT(91, nh__store_relaxed(&white_at(&w, 101)->owner, NH__OWNER_LARGE), neighbour,
	         white_at(&w, 101));
	KEPT_OUT(91, nh__flag_set(white_at(&w, 101), NH__FREE), neighbour, white_at(&w, 101));
	KEPT_OUT(91, nh__flag_set(white_at(&w, 101), NH__PREV_FREE), neighbour, white_at(&w, 101));
}

/* The block's own header: its span, or that it says FREE. */
static void damaged_self(void **state)
{
	(void)state;
	three_holes();
	nh__block_set(white_at(&w, 31), 1000, NH__PREV_FREE);
	assert_false(nh__tlsf_sound(&w.tlsf, white_at(&w, 31)));
	expect_fault(NH_FAULT_NEIGHBOUR, white_at(&w, 31));
	nh__block_set(white_at(&w, 31), 1, NH__PREV_FREE);
	assert_false(nh__tlsf_sound(&w.tlsf, white_at(&w, 31)));
	expect_fault(NH_FAULT_NEIGHBOUR, white_at(&w, 31));
	assert_false(nh__tlsf_sound(&w.tlsf, white_at(&w, 41))); /* free already */
	expect_fault(NH_FAULT_NEIGHBOUR, white_at(&w, 41));
	assert_true(nh__tlsf_sound(&w.tlsf, white_at(&w, 61)));
	expect_fault(NH_FAULT_NONE, NULL);
	white_tlsf_drop(&w);
}

/* A free neighbour whose links were overwritten. The list's order is 11, 41, 71. */
static void damaged_links(void **state)
{
	(void)state;
	KEPT_OUT(31, *link_of(41, 0) = 9999, NH_FAULT_LIST, NULL);
	KEPT_OUT(31, *link_of(41, 0) = 31, NH_FAULT_LIST, NULL);
	KEPT_OUT(31, *link_of(41, 0) = 11, NH_FAULT_LIST, white_at(&w, 41)); /* free, but does not answer */
	KEPT_OUT(31, *link_of(71, 1) = 11, NH_FAULT_LIST, white_at(&w, 41));
	KEPT_OUT(31, *link_of(41, 1) = 0, NH_FAULT_LIST, white_at(&w, 41));
	KEPT_OUT(31, *link_of(41, 1) = 71, NH_FAULT_LIST, white_at(&w, 41));
	KEPT_OUT(31, *link_of(11, 0) = 71, NH_FAULT_LIST, white_at(&w, 41));
	KEPT_OUT(91, *link_of(71, 1) = 11, NH_FAULT_LIST, white_at(&w, 71));
}

/* The successor is merged already when the predecessor turns out damaged: all of it is kept out. */
static void damaged_links_behind(void **state)
{
	(void)state;
	three_holes();
	*link_of(11, 1) = 9999;
	give(31);
	expect_fault(NH_FAULT_LIST, NULL);
	assert_int_equal(nh__load_relaxed(&white_at(&w, 31)->owner), NH__OWNER_LOST);
	assert_int_equal(span_at(31), 30);
	assert_int_equal(w.tlsf.lost, 30);
	assert_int_equal(w.tlsf.free, 40);
	assert_int_equal(nh__flags(white_at(&w, 31)) & 3u, NH__PREV_FREE);
	assert_int_equal(nh__flags(white_at(&w, 61)) & 3u, 0); /* the one behind is not drawn in */
	assert_true(nh__tlsf_sound(&w.tlsf, white_at(&w, 61)));
	white_tlsf_drop(&w);
}

/* Search past damage: no crash, the fault is noted, the rest of the list is cut off. */
static void search_meets_damage(void **state)
{
	(void)state;
	three_holes();
	*link_of(11, 0) = 9999;
	assert_int_equal(take(20, 1), 0);
	assert_int_equal(w.tlsf.fault, NH_FAULT_LIST);
	w.tlsf.fault = NH_FAULT_NONE;
	assert_int_equal(take(20, 1), 0);
	expect_fault(NH_FAULT_NONE, NULL); /* cut off: not met again */
	white_tlsf_drop(&w);

	three_holes();
	head_set(&w.tlsf, list_of(&w.tlsf, 20), 31);
	assert_int_equal(take(20, 1), 0);
	expect_fault(NH_FAULT_LIST, white_at(&w, 31));
	assert_int_equal(take(20, 1), 0);
	expect_fault(NH_FAULT_NONE, NULL);
	white_tlsf_drop(&w);
}

/* The last chance wants a block whose links are damaged: it says so and comes to an end. */
static void scan_meets_damage(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		unsigned slices;
		size_t at = white_long_list(&w, 20);
		*link_of(at, side) = side == 0 ? 9999 : 0;
		assert_int_equal(take(71, 1), 0);
		struct nh__scan position = { 0 };
		bool done = false;
		for (slices = 0; !done; slices++) {
			assert_null(nh__tlsf_scan(&w.tlsf, 71, 1, &position, &done));
			assert_true(slices < 100);
		}
		expect_fault(NH_FAULT_LIST, NULL);
		white_tlsf_drop(&w);
	}
}

/* A block that comes to a list of which the first, or the second, is none: it begins a new one, or ends it. */
static void freeing_meets_damage(void **state)
{
	(void)state;
	three_live();
	give(41);
	nh__flag_clear(white_at(&w, 41), NH__FREE);
	give(71);
	expect_fault(NH_FAULT_LIST, white_at(&w, 41));
	assert_int_equal(take(20, 1), 71);
	assert_int_equal(take(20, 1), 0);
	expect_fault(NH_FAULT_NONE, NULL);
	white_tlsf_drop(&w);

	three_live();
	give(71);
	give(11);
	nh__flag_clear(white_at(&w, 71), NH__FREE);
	give(41);
	expect_fault(NH_FAULT_LIST, white_at(&w, 71));
	assert_int_equal(take(20, 1), 11);
	assert_int_equal(take(20, 1), 41);
	assert_int_equal(take(20, 1), 0);
	expect_fault(NH_FAULT_NONE, NULL);
	white_tlsf_drop(&w);
}

/* A free block's header says another length: it is not taken, not merged with, and nothing is read or written where it leads. */
static void lengths_are_not_believed(void **state)
{
	(void)state;
	const uint32_t lies[] = { 0, NH_SPAN_MIN, 19, 21, 61, 71, NH_SPAN_MAX };
	for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
		three_holes();
		nh__block_set(white_at(&w, 41), lies[i], NH__FREE);
		struct nh__block *taken = nh__tlsf_take(&w.tlsf, 20, 1); /* goes on to another list or block */
		assert_true(taken != NULL && taken != white_at(&w, 41));
		white_tlsf_drop(&w);
		three_holes();
		nh__block_set(white_at(&w, 41), lies[i], NH__FREE);
		give(31); /* in front of it */
		assert_int_equal(w.tlsf.fault, lies[i] < NH_SPAN_MIN ? NH_FAULT_NEIGHBOUR : NH_FAULT_LIST);
		assert_int_equal(nh__load_relaxed(&white_at(&w, 31)->owner), NH__OWNER_LOST);
		white_tlsf_drop(&w);
	}
}

/* No resize over a damaged neighbour. */
static void resizing_meets_damage(void **state)
{
	(void)state;
	three_holes();
	*link_of(41, 1) = 0;
	assert_false(nh__tlsf_grow(&w.tlsf, white_at(&w, 31), 15));
	expect_fault(NH_FAULT_LIST, white_at(&w, 41));
	assert_int_equal(span_at(31), 10);
	*link_of(11, 1) = 0;
	assert_null(nh__tlsf_grow_back(&w.tlsf, white_at(&w, 31), 25));
	expect_fault(NH_FAULT_LIST, white_at(&w, 11));
	nh__store_relaxed(&white_at(&w, 41)->owner, 0);
	nh__tlsf_shrink(&w.tlsf, white_at(&w, 31), 4);
	expect_fault(NH_FAULT_NEIGHBOUR, white_at(&w, 41));
	assert_int_equal(span_at(31), 10);
	white_tlsf_drop(&w);
}

#else

static void quarantine_skipped(void **state)
{
	(void)state;
	unit_skip("neighbours and links are checked from NH_HARDENING_MODERATE on");
}

#endif

#if NH__GUARDED

/* The middle one of three blocks in a row. */
static struct nh__block *between(size_t *at)
{
	const uint32_t spans[] = { 10, 20, 10 };
	size_t row[3];
	white_one_region(&w, 40);
	white_row(&w, spans, 3, row);
	*at = row[1];
	return white_at(&w, row[1]);
}

/* The word that becomes the footer of a block which is given back: nobody looks at it again. */
static void written_where_the_footer_comes(void **state)
{
	size_t at;
	(void)state;
	struct nh__block *block = between(&at);
	white_blank(block);
	uint32_t *word = footer_before(nh__block_after(block, nh__block_span(block)));
	*word ^= 1u;
	nh__tlsf_give(&w.tlsf, block);
	expect_fault(NH_FAULT_WRITTEN, word);
	white_tlsf_drop(&w);
}

/* Links and footer are fill again when a block leaves its list; what was written between them can be seen. */
static void written_behind_the_links(void **state)
{
	size_t at;
	(void)state;
	struct nh__block *block = between(&at);
	give(at);
	assert_null(nh__first_written(&links(block)[2], sizeof(uint32_t)));
	links(block)[2] ^= 1u;
	assert_int_equal(white_take(&w, 20, 1), at);
	assert_ptr_equal(nh__first_written(nh__payload(block), NH_ROOM(20)), &links(block)[2]);
	white_tlsf_drop(&w);
}

#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(damaged_lists_are_found),
#if NH_HARDENING >= NH_HARDENING_MODERATE
		cmocka_unit_test(damaged_neighbours),
		cmocka_unit_test(damaged_self),
		cmocka_unit_test(damaged_links),
		cmocka_unit_test(damaged_links_behind),
		cmocka_unit_test(search_meets_damage),
		cmocka_unit_test(scan_meets_damage),
		cmocka_unit_test(freeing_meets_damage),
		cmocka_unit_test(lengths_are_not_believed),
		cmocka_unit_test(resizing_meets_damage),
#if NH__GUARDED
		cmocka_unit_test(written_where_the_footer_comes),
		cmocka_unit_test(written_behind_the_links),
#endif
#else
		cmocka_unit_test(quarantine_skipped),
#endif
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

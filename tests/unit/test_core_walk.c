/* SPDX-License-Identifier: MIT */
/*
 * core/walk.c slice by slice, while blocks around its position merge, grow and split; a second walk
 * that takes over; and validate against every single flipped bit of a small heap's metadata. The source
 * is included, because the slices are static there.
 */
#include <string.h>

#include "core/walk.c"

#include "white.h"

#define ROW 40u
#define SIZE ((size_t)100)

static unit u;
static struct nh__heap *heap;
static void *row[ROW]; /* adjacent live blocks, then one free block to the end */

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 12 * KIB, NH_HEAP_NO_CACHES);
	heap = u.instance->heap[0];
	for (unsigned i = 0; i < ROW; i++) {
		assert_non_null(row[i] = nh_instance_malloc(u.instance, SIZE));
		assert_true(i == 0 || nh__payload(nh__block_after(nh__block_at(row[i - 1u]),
		                                                  nh__span(SIZE))) == row[i]);
	}
	return 0;
}

/* ---- slices ------------------------------------------------------------------------------- */

static struct nh__walk walk;
static struct nh__step steps[NH_SLICE];
static unsigned count;
static struct nh__visitor looker;

static void start(void)
{
	struct nh__note note = { NH_FAULT_NONE, NULL };
	begin(&walk, heap, &note);
}

static nh_status next(void)
{
	struct nh__note note = { NH_FAULT_NONE, NULL };
	looker.what = NULL;
	return slice(&walk, steps, &count, &looker, &note);
}

/* The rest of the walk: its blocks are headers that exist now, in ascending order, up to the end. */
static unsigned finish(void)
{
	unsigned total = 0;
	uintptr_t before = 0;
	do {
		assert_status(next(), NH_OK);
		for (unsigned i = 0; i < count; i++, total++) {
			assert_true((uintptr_t)steps[i].block > before);
			before = (uintptr_t)steps[i].block;
			assert_int_equal(steps[i].span, nh__block_span(steps[i].block));
			assert_true(nh__owner_is_known(steps[i].owner) && steps[i].owner != NH__OWNER_FENCE);
		}
	} while (count != 0);
	assert_null(heap->tlsf.walk);
	return total;
}

static void at_most_a_slice(void **state)
{
	(void)state;
	start();
	unsigned total = 0;
	uint32_t spans = 0;
	for (;;) {
		assert_status(next(), NH_OK);
		if (count == 0)
			break;
		assert_true(count == NH_SLICE || total + count == ROW + 1u);
		for (unsigned i = 0; i < count; i++, total++) {
			spans += steps[i].span;
			assert_int_equal((steps[i].flags & NH__FREE) != 0, total == ROW);
			assert_true(total == ROW || nh__payload(steps[i].block) == row[total]);
		}
	}
	assert_int_equal(total, ROW + 1u);
	assert_int_equal(spans, heap->tlsf.total);
	assert_status(next(), NH_OK); /* stays at the end */
	assert_int_equal(count, 0);
}

/* The position is row[NH_SLICE]; what happens to that block, and how many are left to see. */
static void to_position(void)
{
	start();
	assert_status(next(), NH_OK);
	assert_int_equal(count, NH_SLICE);
	assert_ptr_equal(heap->tlsf.walk, nh__block_at(row[NH_SLICE]));
}

static void release(unsigned index)
{
	nh_instance_free(u.instance, row[index]);
}

static void position_is_swallowed(void **state)
{
	(void)state;
	const unsigned at = NH_SLICE, all = ROW + 1u;
	release(at);
	to_position();
	release(at - 1u); /* takes the free successor: the walk goes on behind both */
	assert_ptr_equal(heap->tlsf.walk, nh__block_at(row[at + 1u]));
	assert_int_equal(finish(), all - at - 1u);
	assert_sound(white_sound(&heap->tlsf));
}

static void position_is_merged_back(void **state)
{
	(void)state;
	const unsigned at = NH_SLICE;
	release(at - 1u);
	to_position();
	release(at);
	assert_ptr_equal(heap->tlsf.walk, nh__block_at(row[at + 1u]));
	assert_int_equal(finish(), ROW + 1u - at - 1u);
}

static void position_merges_with_what_follows(void **state)
{
	(void)state;
	const unsigned at = NH_SLICE;
	release(at + 1u);
	to_position();
	release(at); /* still its first header */
	assert_ptr_equal(heap->tlsf.walk, nh__block_at(row[at]));
	assert_int_equal(finish(), ROW + 1u - at - 1u);
}

static void position_is_grown_over(void **state)
{
	(void)state;
	const unsigned at = NH_SLICE;
	release(at);
	to_position();
	size_t twice = NH_USABLE(2u * nh__span(SIZE));
	assert_ptr_equal(nh_instance_realloc(u.instance, row[at - 1u], twice), row[at - 1u]);
	assert_ptr_equal(heap->tlsf.walk, nh__block_at(row[at + 1u]));
	assert_int_equal(finish(), ROW + 1u - at - 1u);
}

static void position_moves_down(void **state)
{
	(void)state;
	const unsigned at = NH_SLICE;
	release(at - 1u);
	to_position();
	size_t twice = NH_USABLE(2u * nh__span(SIZE));
	assert_ptr_equal(nh_instance_realloc(u.instance, row[at], twice), row[at - 1u]);
	assert_ptr_equal(heap->tlsf.walk, nh__block_at(row[at + 1u]));
	assert_int_equal(finish(), ROW + 1u - at - 1u);
}

/* A split leaves the position's header where it is, and the rest is seen. */
static void position_is_split(void **state)
{
	(void)state;
	const unsigned at = NH_SLICE;
	to_position();
	assert_ptr_equal(nh_instance_realloc(u.instance, row[at], 1), row[at]);
	assert_ptr_equal(heap->tlsf.walk, nh__block_at(row[at]));
	assert_int_equal(finish(), ROW + 1u - at + 1u);
}

/* ---- walks -------------------------------------------------------------------------------- */

static unsigned uncertain;

static const char *note_certain(struct nh__walk *one, struct nh__block *block, const void **bad)
{
	(void)block;
	(void)bad;
	uncertain += !one->certain;
	return NULL;
}

/* What is not known of the block before is so for one block only, of the slice behind the change. */
static void uncertain_for_one_block(void **state)
{
	(void)state;
	looker.check = note_certain;
	uncertain = 0;
	start();
	assert_status(next(), NH_OK);
	assert_int_equal(uncertain, 0);
	release(ROW - 1u);
	assert_status(next(), NH_OK);
	assert_int_equal(uncertain, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_status(next(), NH_OK);
	assert_int_equal(uncertain, 1);
	release(ROW - 3u);
	finish();
	assert_int_equal(uncertain, 2);
	looker.check = NULL;
}

static void second_walk_takes_over(void **state)
{
	(void)state;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	to_position();
	struct nh__walk first = walk;
	start();
	assert_status(slice(&first, steps, &count, &looker, &note), NH_EBUSY);
	assert_int_equal(count, 0);
	assert_int_equal(finish(), ROW + 1u); /* undisturbed */
	assert_status(slice(&first, steps, &count, &looker, &note), NH_EBUSY);
}

static bool stop_at_tenth(struct nh__heap *of, const struct nh__step *step, void *context)
{
	(void)of;
	(void)step;
	return ++*(unsigned *)context < 10u;
}

static void visitor_ends_the_walk(void **state)
{
	(void)state;
	unsigned seen = 0;
	struct nh__note note = { NH_FAULT_NONE, NULL };
	struct nh__visitor visitor = { .visit = stop_at_tenth, .context = &seen };
	assert_status(nh__walk(heap, &visitor, &note), NH_OK);
	assert_int_equal(seen, 10);
}

static int set_up_regions(void **state)
{
	*state = &u;
	const size_t sizes[] = { 4 * KIB, 1 * KIB, 2 * KIB };
	unit_lay_out(&u, 3, sizes);
	u.configs[0].flags = NH_HEAP_NO_CACHES;
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	for (unsigned i = 1; i < 3; i++)
		unit_add_region(&u, 0, i);
	return 0;
}

/* Each region's blocks once, no fence among them. */
static void all_regions(void **state)
{
	(void)state;
	void *block;
	do
		block = nh_instance_malloc(u.instance, 60);
	while (block != NULL);
	unsigned total = 0;
	uint32_t spans = 0;
	for (start(); next() == NH_OK && count != 0;)
		for (unsigned i = 0; i < count; i++, total++) {
			spans += steps[i].span;
			assert_true(steps[i].owner != NH__OWNER_FENCE);
		}
	assert_int_equal(spans, heap->tlsf.total);
	assert_int_equal(total, white_blocks(&heap->tlsf));
	assert_null(walk.region);
}

/* A span that leads nowhere ends the walk, also without a check of its own. */
static void damage_ends_the_walk(void **state)
{
	(void)state;
	enum { AT = NH_SLICE > 5 ? 5 : NH_SLICE - 1 }; /* in the first slice */
	struct nh__block *block = nh__block_at(row[AT]);
	uint32_t span = nh__block_span(block);
	const uint32_t bad[] = { 0, heap->tlsf.total, NH_SPAN_MAX };
	for (unsigned i = 0; i < 3; i++) {
		nh__block_set(block, bad[i], nh__flags(block) & 3u);
		start();
		assert_status(next(), NH_ECORRUPT);
		assert_ptr_equal(looker.bad, block);
		assert_non_null(looker.what);
		assert_int_equal(count, AT);
	}
	nh__block_set(block, span, nh__flags(block) & 3u);
}

/* ---- one flipped bit ---------------------------------------------------------------------- */

static unsigned missed, flipped;

/* Headers where they really are, to tell a damaged span that happens to lead to one. */
static struct nh__block *headers[ROW + 2u];
static unsigned headers_known;

static bool is_header(const void *address)
{
	for (unsigned i = 0; i < headers_known; i++)
		if (address == headers[i])
			return true;
	return false;
}

static void learn_headers(void)
{
	struct nh__region *region = heap->tlsf.regions;
	struct nh__block *block = nh__block_at((void *)region->first);
	for (headers_known = 0; (uintptr_t)nh__payload(block) != region->end; headers_known++) {
		assert_true(headers_known < ROW + 1u);
		headers[headers_known] = block;
		block = nh__block_after(block, nh__block_span(block));
	}
	headers[headers_known++] = block; /* the fence */
}

/* What no walk can tell: one owner code for another of a block that is not FREE; a narrow span that leads
 * to another header, as if there were one block fewer. */
static bool cannot_be_told(struct nh__block *block, size_t byte)
{
	bool live = block != headers[headers_known - 1u] && (nh__flags(block) & NH__FREE) == 0;
	uint8_t owner = nh__load_relaxed(&block->owner);
	if (byte == 0)
		return live && nh__owner_is_known(owner) && owner != NH__OWNER_FENCE;
	if (NH_WIDE)
		return false;
	return live && is_header(nh__block_after(block, nh__block_span(block)));
}

/* A pattern in the live blocks, so that a walk that is led into one meets no header by chance. */
static void lay_out_for_flips(void)
{
	for (unsigned i = 0; i < ROW; i++)
		memset(row[i], 0xa5, SIZE);
	for (unsigned i = 1; i < ROW; i += 3)
		release(i);
	release(9); /* one of twice the size */
	learn_headers();
	assert_status(nh_instance_validate(u.instance, 0, NULL), NH_OK);
}

static bool reported(void *address, unsigned bit)
{
	nh_report report;
	*(unsigned char *)address ^= (unsigned char)(1u << bit);
	nh_status status = nh_instance_validate(u.instance, 0, &report);
	assert_true(status == NH_OK || status == NH_ECORRUPT);
	assert_int_equal(report.what != NULL, status == NH_ECORRUPT);
	assert_int_equal(report.heap, status == NH_OK ? -1 : 0);
	flipped++;
	missed += status == NH_OK;
	return status == NH_ECORRUPT;
}

static void restore(void *address, unsigned bit)
{
	*(unsigned char *)address ^= (unsigned char)(1u << bit);
}

static void flips_in_headers(void **state)
{
	(void)state;
	lay_out_for_flips();
	missed = flipped = 0;
	for (unsigned i = 0; i < headers_known; i++)
		for (size_t byte = 0; byte < NH_HEADER; byte++)
			for (unsigned bit = 0; bit < 8; bit++) {
				unsigned char *address = (unsigned char *)headers[i] + byte;
				if (!reported(address, bit) && !cannot_be_told(headers[i], byte))
					fail_msg("block %u, byte %zu, bit %u", i, byte, bit);
				restore(address, bit);
			}
	print_message("%u of %u flipped bits of headers cannot be told\n", missed, flipped);
	assert_status(nh_instance_validate(u.instance, 0, NULL), NH_OK);
}

/* Links and footers of FREE blocks: each flip is reported. */
static void flips_in_free_blocks(void **state)
{
	(void)state;
	lay_out_for_flips();
	for (unsigned i = 0; i + 1u < headers_known; i++) {
		if ((nh__flags(headers[i]) & NH__FREE) == 0)
			continue;
		unsigned char *words[] = { nh__payload(headers[i]),
			                   (unsigned char *)nh__payload(headers[i]) + 4,
			                   (unsigned char *)headers[i + 1u] - 4 };
		for (unsigned word = 0; word < 3; word++)
			for (unsigned bit = 0; bit < 32; bit++) {
				if (!reported(words[word] + bit / 8u, bit % 8u))
					fail_msg("block %u, word %u, bit %u", i, word, bit);
				restore(words[word] + bit / 8u, bit % 8u);
			}
	}
	assert_status(nh_instance_validate(u.instance, 0, NULL), NH_OK);
}

/* Heads of lists and their bitmap. */
static void flips_in_lists(void **state)
{
	(void)state;
	lay_out_for_flips();
	unsigned char *lists = heap->tlsf.heads;
	size_t heads = heap->tlsf.lists * (heap->tlsf.wide ? 4u : 2u), bytes = heads + (heap->tlsf.lists + 31u) / 32u * 4u;
	assert_ptr_equal(lists + heads, heap->tlsf.map);
	for (size_t byte = 0; byte < bytes; byte++)
		for (unsigned bit = 0; bit < 8; bit++) {
			if (!reported(lists + byte, bit))
				fail_msg("lists, byte %zu, bit %u", byte, bit);
			restore(lists + byte, bit);
		}
	assert_status(nh_instance_validate(u.instance, 0, NULL), NH_OK);
}

/* Links of cached blocks: the walk does not see them, the check of this CPU's magazines does. */
static void flips_in_magazines(void **state)
{
	(void)state;
#if NH_CACHES && NH_HARDENING >= NH_HARDENING_MODERATE
	unit_abandon(&u);
	unit_one(&u, 96 * KIB, 0);
	heap = u.instance->heap[0];
	void *blocks[12];
	for (unsigned i = 0; i < 12; i++)
		blocks[i] = nh_instance_malloc(u.instance, 24);
	for (unsigned i = 0; i < 12; i += 2)
		nh_instance_free(u.instance, blocks[i]);
	assert_status(nh_instance_validate(u.instance, 0, NULL), NH_OK);
	for (unsigned i = 0; i < 12; i += 2) {
		if (nh__load_relaxed(&nh__block_at(blocks[i])->owner) != NH__OWNER_CACHED)
			continue;
		for (unsigned bit = 0; bit < 8; bit++) { /* the count is in the low byte */
			bool told = reported(blocks[i], bit);
			assert_true(told || bit >= NH__COUNT_BITS);
			restore(blocks[i], bit);
		}
		for (unsigned bit = 8; bit < 32;
		     bit++) { /* an offset: it may lead anywhere, and must not crash */
			reported((unsigned char *)blocks[i] + bit / 8u, bit % 8u);
			restore((unsigned char *)blocks[i] + bit / 8u, bit % 8u);
		}
	}
	assert_status(nh_instance_validate(u.instance, 0, NULL), NH_OK);
#else
	unit_skip("links are checked from NH_HARDENING_MODERATE on, and where there are caches");
#endif
}

#define TEST(function) unit_case_damaged(function, set_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(at_most_a_slice),
		TEST(position_is_swallowed),
		TEST(position_is_merged_back),
		TEST(position_merges_with_what_follows),
		TEST(position_is_grown_over),
		TEST(position_moves_down),
		TEST(position_is_split),
		TEST(second_walk_takes_over),
		TEST(uncertain_for_one_block),
		TEST(visitor_ends_the_walk),
		unit_case_damaged(all_regions, set_up_regions),
		TEST(damage_ends_the_walk),
		TEST(flips_in_headers),
		TEST(flips_in_free_blocks),
		TEST(flips_in_lists),
		TEST(flips_in_magazines),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

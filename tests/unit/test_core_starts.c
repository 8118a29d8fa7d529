/* SPDX-License-Identifier: MIT */
/*
 * core/starts.h: by which memory a region is known; from NH_HARDENING_FULL on core/starts.c beside a plain array of flags, every
 * start and span of a region of a few words, on bitmaps that are empty, full and random.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/random.h"
#include "white.h"

/* Whatever address memory begins at, its region is known by that, and not by what lies before or behind. */
static void a_region_is_of_its_memory(void **state)
{
	(void)state;
	unit u;
	unit_lay_out(&u, 2, (const size_t[]){32 * KIB, 128 * KIB});
	unit_begin(&u, 1);
	unsigned char *memory = u.arena.parts[1].base;
	for (size_t size = 256; size < 96 * KIB; size += size / 3u) {
		for (size_t offset = 0; offset < 2u * NH_GRANULE; offset++) {
			uintptr_t base = (uintptr_t)memory + offset;
			assert_status(nh_instance_region_add(u.instance, 0, (void *)base, size), NH_OK);
			const struct nh__region *added = &u.instance->regions[1].region;
			uintptr_t lowest = nh__region_base(added), starts = added->first - NH_HEADER - lowest;
			assert_true(nh__region_is_of(added, base));
			assert_true(nh__region_is_of(added, lowest));
			assert_false(nh__region_is_of(added, lowest + 1u));
			assert_false(nh__region_is_of(added, lowest - NH_GRANULE - (NH__STARTS ? 4u + starts / 16u : 0u)));
			assert_false(nh__region_is_of(added, base - 64 * KIB));
			assert_false(nh__region_is_of(added, base + size));
			assert_status(nh_instance_region_remove(u.instance, 0, (void *)base, NULL), NH_OK);
		}
	}
	unit_end(&u);
}

#if NH__STARTS

#define GRANULES 100u /* three words and a part */
#define WORDS (GRANULES / 32u + 1u)

enum picture { EMPTY, FULL, SOME, PICTURES };

static struct nh__region region;
static unsigned char *memory;
static bool model[32u * WORDS]; /* what the bitmap should say */

static int set_up(void **state)
{
	(void)state;
	memory = aligned_alloc(NH_GRANULE, (GRANULES + 2u) * NH_GRANULE);
	memset(&region, 0, sizeof region);
	region.first = (uintptr_t)memory + NH_GRANULE;
	region.end = region.first + GRANULES * NH_GRANULE;
	region.starts = malloc(WORDS * sizeof *region.starts);
	return memory == NULL || region.starts == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	free((void *)region.starts);
	free(memory);
	return 0;
}

static struct nh__block *block_at(uint32_t granule)
{
	return nh__block_at((void *)(region.first + (uintptr_t)granule * NH_GRANULE));
}

static void paint(enum picture picture, nht_random *random)
{
	for (uint32_t word = 0; word < WORDS; word++) {
		uint32_t bits = picture == EMPTY ? 0 : picture == FULL ? UINT32_MAX : nht_next(random) & nht_next(random);
		nh__store_relaxed(&region.starts[word], bits);
		for (uint32_t bit = 0; bit < 32; bit++)
			model[32u * word + bit] = (bits >> bit & 1u) != 0;
	}
}

static void assert_as_model(void)
{
	for (uint32_t granule = 0; granule < 32u * WORDS; granule++)
		assert_int_equal(nh__load_relaxed(&region.starts[granule / 32u]) >> granule % 32u & 1u, model[granule]);
}

/* The bitmap is empty, all from the first header to the last byte is fill, and nothing else was touched. */
static void a_fresh_region(void **state)
{
	(void)state;
	memset(memory, 0x11, (GRANULES + 2u) * NH_GRANULE);
	paint(FULL, NULL);
	nh__region_prepare(&region);
	memset(model, 0, sizeof model);
	assert_as_model();
	size_t begin = NH_GRANULE - NH_HEADER, end = (GRANULES + 1u) * NH_GRANULE;
	for (size_t i = 0; i < end + NH_GRANULE; i++)
		assert_int_equal(memory[i], i >= begin && i < end ? NH__FILL : 0x11);
}

static void one_bit(void **state)
{
	(void)state;
	nht_random random;
	nht_random_seed(&random, 1);
	for (unsigned picture = 0; picture < PICTURES; picture++) {
		for (uint32_t granule = 0; granule < GRANULES; granule++) {
			for (unsigned start = 0; start < 2; start++) {
				paint(picture, &random);
				assert_int_equal(nh__start_is(&region, block_at(granule)), model[granule]);
				nh__start_put(&region, block_at(granule), start != 0);
				model[granule] = start != 0;
				assert_as_model();
				nh__start_put(NULL, block_at(granule), start == 0); /* the fence's */
				assert_as_model();
			}
		}
	}
}

static void alone(void **state)
{
	(void)state;
	nht_random random;
	nht_random_seed(&random, 2);
	for (unsigned picture = 0; picture < PICTURES; picture++) {
		for (uint32_t from = 0; from < GRANULES; from++) {
			for (uint32_t span = 1; span <= GRANULES - from; span++) {
				paint(picture, &random);
				nh__start_alone(&region, block_at(from), span);
				model[from] = true;
				memset(&model[from + 1u], 0, span - 1u);
				assert_as_model();
			}
		}
	}
}

/* By its definition; words count from the one that has the block's own bit. */
static bool next_is(uint32_t from, uint32_t span, uint32_t words)
{
	if (span == 0 || span > GRANULES - from || (from + span != GRANULES && !model[from + span]))
		return false;
	for (uint32_t granule = from + 1u; granule < from + span; granule++)
		if (model[granule] && granule / 32u - from / 32u < words)
			return false;
	return true;
}

static void the_next_one(void **state)
{
	(void)state;
	static const uint32_t words[] = {0, 1, 2, 3, UINT32_MAX};
	nht_random random;
	nht_random_seed(&random, 3);
	unsigned found = 0;
	for (unsigned round = 0; round < 12; round++) {
		paint(round < 2 ? (enum picture)round : SOME, &random);
		for (uint32_t from = 0; from < GRANULES; from++) {
			for (uint32_t span = 0; span <= GRANULES - from + 1u; span++) {
				for (unsigned i = 0; i < 5; i++) {
					bool is = next_is(from, span, words[i]);
					assert_int_equal(nh__start_next_is(&region, block_at(from), span, words[i]), is);
					found += is;
				}
			}
		}
	}
	assert_true(found > 1000);
}

/* A pair of starts at every distance, and nothing between. */
static void the_next_one_far_away(void **state)
{
	(void)state;
	static const uint32_t words[] = {1, 2, UINT32_MAX};
	for (uint32_t from = 0; from < GRANULES; from++) {
		for (uint32_t to = from + 1u; to < GRANULES; to++) {
			paint(EMPTY, NULL);
			nh__start_put(&region, block_at(from), true);
			nh__start_put(&region, block_at(to), true);
			model[from] = model[to] = true;
			for (unsigned i = 0; i < 3; i++) {
				for (uint32_t span = to - from - 1u; span <= to - from + 1u; span++)
					assert_int_equal(nh__start_next_is(&region, block_at(from), span, words[i]),
					                 next_is(from, span, words[i]));
				uint32_t rest = GRANULES - from;
				assert_int_equal(nh__start_next_is(&region, block_at(from), rest, words[i]), next_is(from, rest, words[i]));
			}
		}
	}
}

static void what_is_around(void **state)
{
	(void)state;
	nht_random random;
	nht_random_seed(&random, 4);
	for (unsigned round = 0; round < 12; round++) {
		paint(round < 2 ? (enum picture)round : SOME, &random);
		for (uint32_t word = 0; word < round % 4u; word++) { /* perhaps none for a while */
			nh__store_relaxed(&region.starts[word], 0);
			memset(&model[32u * word], 0, 32u * sizeof *model);
		}
		struct nh__block *last = NULL;
		assert_null(nh__start_around(&region, region.first - 1u));
		assert_null(nh__start_around(&region, region.first - NH_GRANULE));
		for (uint32_t granule = 0; granule < GRANULES; granule++) {
			uintptr_t at = region.first + granule * NH_GRANULE;
			last = model[granule] ? block_at(granule) : last;
			assert_ptr_equal(nh__start_around(&region, at), last);
			assert_ptr_equal(nh__start_around(&region, at + NH_GRANULE - 1u), last);
		}
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_region_is_of_its_memory),
#if NH__STARTS
		TEST(a_fresh_region),
		TEST(one_bit),
		TEST(alone),
		TEST(the_next_one),
		TEST(the_next_one_far_away),
		TEST(what_is_around),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Writes where none belong: after free, and past a block's end or before its begin. At MODERATE
 * they are noticed at the next use, at a neighbour's operation, or by validate; the damage is cut
 * off and what is left of the heap goes on working.
 */
#include <string.h>

#include "tests/support/random.h"
#include "tests/support/unit.h"

#if NH_HARDENING < NH_HARDENING_MODERATE
int main(void)
{
	return unit_all_skipped("links and neighbours are checked from NH_HARDENING_MODERATE on");
}
#else

/* Links are encoded with a random secret and their check is of some bits only, so one overwrite
 * may pass it by chance, say one in 64. Of ROUNDS, so many misses may happen: the chance of more
 * is below 10^-9. */
#define ROUNDS 40u
#define MISSES_ALLOWED 9u

static unit u;

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 96 * KIB, 0);
	return 0;
}

static int set_up_plain(void **state)
{
	*state = &u;
	unit_one(&u, 96 * KIB, NH_HEAP_NO_CACHES);
	return 0;
}

/* The first report but for those of NH_HARDENING_EXTREME, which validates before a call gets that far. */
static nh_fault met(void)
{
	unsigned at = 0;
	while (nht_fault_get(at).code == NH_FAULT_CORRUPT)
		at++;
	return nht_fault_get(at);
}

static void start_over(uint32_t flags)
{
	unit_abandon(&u);
	unit_one(&u, 96 * KIB, flags);
}

/* The heap still serves and takes back blocks that do not overlap. */
static void assert_still_works(void)
{
	unsigned char *blocks[40];
	nht_fault_clear();
	for (unsigned i = 0; i < 40; i++) {
		blocks[i] = nh_instance_malloc(u.instance, 24 + i * 5u);
		assert_non_null(blocks[i]);
		assert_true(nht_arena_find(&u.arena, blocks[i], 24 + i * 5u) >= 0);
		memset(blocks[i], (int)i, 24 + i * 5u);
	}
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned k = 0; k < 24 + i * 5u; k++)
			assert_int_equal(blocks[i][k], i);
		nh_instance_free(u.instance, blocks[i]);
	}
	assert_int_equal(nht_fault_count() - nht_fault_count_of(NH_FAULT_CORRUPT), 0);
}

#if NH_CACHES
#define ROW 9u

/* A row of blocks of one class; those with odd numbers are free, and cached. */
static void free_every_second(unsigned char *blocks[ROW])
{
	for (unsigned i = 0; i < ROW; i++)
		blocks[i] = nh_instance_malloc(u.instance, 40);
	for (unsigned i = 1; i < ROW; i += 2)
		nh_instance_free(u.instance, blocks[i]);
}

/* Several cached blocks of one class; the one that is damaged is the first to come back. */
static void write_after_free_cached(void **state)
{
	(void)state;
	nht_random random;
	nht_random_seed(&random, 20260101u);
	unsigned missed = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned char *blocks[ROW];
		free_every_second(blocks);
		uint32_t wrong = nht_next(&random);
		assert_true(unit_stats(&u, 0).cached >= 4 * (40 + NHT_OVERHEAD));
		memcpy(blocks[7], &wrong, sizeof wrong);
		/* The last one freed is the next to come. A miss leaves the class's chain pointing anywhere: the
		 * heap is given up without touching it again. */
		void *again = nh_instance_malloc(u.instance, 40);
		assert_true(again == NULL || nht_arena_find(&u.arena, again, 40) >= 0);
		if (nht_fault_count() == 0) {
			missed++;
		} else {
			assert_int_equal(met().code, NH_FAULT_LINK);
			assert_ptr_equal(met().address, blocks[7]);
			assert_still_works();
			assert_int_equal(nh_instance_trim(u.instance, -1), NH_OK);
			assert_true(unit_stats(&u, 0).quarantined > 0);
		}
		start_over(0);
	}
	if (missed > MISSES_ALLOWED)
		fail_msg("%u of %u writes after free were missed", missed, ROUNDS);
}

/* Nobody allocates that class again: the drain of a trim finds it. */
static void write_after_free_then_trim(void **state)
{
	(void)state;
	unsigned missed = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned char *blocks[ROW];
		free_every_second(blocks);
		memset(blocks[3], (int)(0x41u + round), 8);
		assert_status(nh_instance_trim(u.instance, -1), NH_OK);
		if (nht_fault_count_of(NH_FAULT_LINK) == 0)
			missed++;
		else
			assert_still_works();
		start_over(0);
	}
	if (missed > MISSES_ALLOWED)
		fail_msg("%u of %u writes after free were missed", missed, ROUNDS);
}
#endif

/* The list links of a free block in TLSF. */
static void write_after_free_in_tlsf(void **state)
{
	(void)state;
	unsigned char *low = nh_instance_malloc(u.instance, 500);
	unsigned char *block = nh_instance_malloc(u.instance, 500);
	unsigned char *high = nh_instance_malloc(u.instance, 500);
	nh_instance_free(u.instance, block);
	memset(block, 0x41, 16);
	nh_report report;
	assert_status(nh_instance_validate(u.instance, 0, &report), NH_ECORRUPT);
	assert_int_equal(report.heap, 0);
	assert_non_null(report.what);
	assert_non_null(report.address);
	/* used next: taken, or merged with a neighbour */
	nht_fault_clear();
	void *again = nh_instance_malloc(u.instance, 500);
	nh_instance_free(u.instance, high);
	nh_instance_free(u.instance, low);
	assert_true(nht_fault_count() > 0);
	assert_int_equal(met().code, NH_FAULT_LIST);
	assert_true(again == NULL || nht_arena_find(&u.arena, again, 500) >= 0);
	assert_still_works();
}

/* ---- overrun and underrun ----------------------------------------------------------------- */

struct overrun {
	unsigned char *block, *next;
};

/* One word past the end of a block, what memcpy one element too far would write. A third block keeps
 * the rest of the heap apart. */
static struct overrun run_over(void)
{
	struct overrun overrun;
	overrun.block = nh_instance_malloc(u.instance, 500);
	overrun.next = nh_instance_malloc(u.instance, 500);
	assert_non_null(nh_instance_malloc(u.instance, 500));
	uint32_t word = 0x41414141u;
	memcpy(overrun.next - NHT_HEADER, &word, sizeof word); /* past the trailer, if there is one */
	return overrun;
}

/* Validate names the block behind. */
static void overrun_seen_by_validate(void **state)
{
	(void)state;
	struct overrun overrun = run_over();
	nh_report report = {-1, NULL, NULL};
	assert_status(nh_instance_validate(u.instance, -1, &report), NH_ECORRUPT);
	assert_int_equal(report.heap, 0);
	assert_non_null(report.what);
	uintptr_t named = (uintptr_t)report.address;
	assert_true(named >= (uintptr_t)overrun.block - NHT_HEADER && named <= (uintptr_t)overrun.next);
}

/* Freeing the block that was run over: its header is no live one. */
static void overrun_seen_at_free(void **state)
{
	(void)state;
	struct overrun overrun = run_over();
	nh_instance_free(u.instance, overrun.next);
	assert_int_equal(nht_fault_count() - nht_fault_count_of(NH_FAULT_CORRUPT), 1);
	assert_ptr_equal(met().address, overrun.next);
	assert_still_works();
}

/* Freeing the block that ran over: its neighbour's header is not one. */
static void overrun_seen_by_neighbour(void **state)
{
	(void)state;
	struct overrun overrun = run_over();
	nh_instance_free(u.instance, overrun.block);
	nh_instance_trim(u.instance, -1);
	assert_true(nht_fault_count() >= 1);
	assert_int_equal(met().code, NH_FAULT_NEIGHBOUR);
	assert_still_works();
}

/* The word before a block is its own header. */
static void underrun(void **state)
{
	(void)state;
	for (size_t before = 4; before <= NHT_HEADER; before += 4) {
		unsigned char *block = nh_instance_malloc(u.instance, 500);
		unsigned char *wall = nh_instance_malloc(u.instance, 500);
		assert_non_null(wall);
		uint32_t word = 0;
		memcpy(block - before, &word, sizeof word);
		nh_report report;
		assert_status(nh_instance_validate(u.instance, 0, &report), NH_ECORRUPT);
		nht_fault_clear();
		nh_instance_free(u.instance, block);
		nh_instance_trim(u.instance, -1);
		assert_true(nht_fault_count() >= 1);
		start_over(NH_HEAP_NO_CACHES);
	}
}

/* Whatever word of a heap is flipped, validate answers and does not follow it anywhere. */
static void validate_survives_anything(void **state)
{
	(void)state;
	nht_random random;
	nht_random_seed(&random, 977u);
	unsigned found = 0;
	enum { TRIALS = 400 };
	for (unsigned trial = 0; trial < TRIALS; trial++) {
		void *blocks[60];
		for (unsigned i = 0; i < 60; i++)
			blocks[i] = nh_instance_malloc(u.instance, nht_between(&random, 1, 300));
		for (unsigned i = 0; i < 60; i += 2)
			nh_instance_free(u.instance, blocks[i]);
		/* a header of one of the blocks, with one to four bytes changed */
		unsigned char *victim = (unsigned char *)blocks[nht_below(&random, 60)] - NHT_HEADER;
		unsigned char before[8];
		memcpy(before, victim, NHT_HEADER);
		for (size_t k = nht_between(&random, 1, 4); k > 0; k--)
			victim[nht_below(&random, NHT_HEADER)] = (unsigned char)nht_next(&random);
		nh_report report = {-1, NULL, NULL};
		nh_status status = nh_instance_validate(u.instance, 0, &report);
		if (status == NH_ECORRUPT) {
			found++;
			assert_non_null(report.what);
			assert_true(nht_arena_find(&u.arena, report.address, 0) >= 0);
		} else {
			assert_status(status, NH_OK);
		}
		nht_census census;
		(void)nht_census_take(u.instance, 0, &census); /* must come back */
		memcpy(victim, before, NHT_HEADER);
		assert_sound(nht_valid(u.instance));
		start_over(NH_HEAP_NO_CACHES);
	}
	print_message("validate found %u of %u damaged headers\n", found, (unsigned)TRIALS);
	assert_true(found * 10u > TRIALS * 7u);
}

#define PLAIN(test) unit_case_damaged(test, set_up_plain)

int main(void)
{
	const struct CMUnitTest tests[] = {
#if NH_CACHES
		unit_case_damaged(write_after_free_cached, set_up),
		unit_case_damaged(write_after_free_then_trim, set_up),
#endif
		PLAIN(write_after_free_in_tlsf), PLAIN(overrun_seen_by_validate), PLAIN(overrun_seen_at_free),
		PLAIN(overrun_seen_by_neighbour), PLAIN(underrun), PLAIN(validate_survives_anything),
	};
	(void)set_up;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

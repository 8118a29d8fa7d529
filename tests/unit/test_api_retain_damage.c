/* SPDX-License-Identifier: MIT */
/* Heaps that survive a reset and are damaged meanwhile: any bit of record and headers, rubbish, a second attempt, two places. */
#include <stdio.h>

#include "retained.h"
#include "tests/support/env.h"
#include "tests/support/random.h"

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
		unit_case(second_attempt, set_up),
#if NH__STARTS
		unit_case(claimed, set_up),
		unit_case(broken_trailer, set_up),
		unit_case(starts, set_up),
#endif
		unit_case(record_bits, set_up_small),
		unit_case(header_bits, set_up_small),
		unit_case(header_bits, set_up),
		unit_case(rubbish, set_up_small),
		unit_case(two_places, set_up_small),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

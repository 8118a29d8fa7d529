/* SPDX-License-Identifier: MIT */
/*
 * core/guard.c: which words count as fill, and what a trailer's two halves depend on: size, place and secret, each half in
 * its own way. What the halves are is nobody's business; that they are not guessed from each other is.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/random.h"
#include "white.h"

#if !NH__GUARDED
int main(void)
{
	return unit_all_skipped("from NH_HARDENING_FULL on");
}
#else

#define HALF (NH_TRAILER / 2u)
#define HALF_BITS (8u * HALF)
#define SPAN ((uint32_t)8)
#define PLACES 512u

struct halves {
	uint32_t slack, echo;
};

static unsigned char *memory;

static int set_up(void **state)
{
	(void)state;
	memory = aligned_alloc(NH_GRANULE, (PLACES + SPAN + 2u) * NH_GRANULE);
	return memory == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

/* A block in hand whose payload is at granule `place`, which is 1 at least. */
static struct nh__block *block_at(size_t place)
{
	struct nh__block *block = nh__block_at(memory + place * NH_GRANULE);
	nh__block_put(block, NH__OWNER_LARGE, SPAN, 0);
	return block;
}

static unsigned char *trailer_of(struct nh__block *block)
{
	return (unsigned char *)nh__payload(block) + NH_USABLE(SPAN);
}

static struct halves sealed(size_t place, uint32_t secret, size_t size)
{
	struct nh__block *block = block_at(place);
	struct halves halves = {0, 0};
	nh__seal(secret, block, size);
	memcpy(&halves.slack, trailer_of(block), HALF);
	memcpy(&halves.echo, trailer_of(block) + HALF, HALF);
	return halves;
}

static void what_was_asked_for(void **state)
{
	(void)state;
	struct nh__block *block = block_at(3);
	for (size_t size = 1; size <= NH_USABLE(SPAN); size++) {
		size_t told = 0;
		memset(nh__payload(block), 1, NH_ROOM(SPAN));
		nh__seal(WHITE_SECRET, block, size);
		assert_null(nh__seal_broken(WHITE_SECRET, block, &told));
		assert_int_equal(told, size);
		const unsigned char *payload = nh__payload(block);
		for (size_t i = 0; i < NH_USABLE(SPAN); i++)
			assert_int_equal(payload[i], i < size ? 1 : NH__FILL);
	}
}

/* A change of either half is seen, and so is one of both that makes them agree on what cannot be. */
static void a_trailer_that_is_none(void **state)
{
	(void)state;
	struct nh__block *block = block_at(3);
	const size_t size = 40, room = NH_ROOM(SPAN);
	size_t told;
	for (unsigned bit = 0; bit < 8u * NH_TRAILER; bit++) {
		nh__seal(WHITE_SECRET, block, size);
		trailer_of(block)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
		assert_ptr_equal(nh__seal_broken(WHITE_SECRET, block, &told), trailer_of(block));
	}
	for (size_t slack = 0; slack <= room + 2u; slack++) {
		bool sound = slack >= NH_TRAILER && slack < room;
		struct halves halves = sealed(3, WHITE_SECRET, size);
		uint32_t other = (uint32_t)(slack ^ (room - size));
		halves.slack ^= other;
		halves.echo ^= other;
		memcpy(trailer_of(block), &halves.slack, HALF);
		memcpy(trailer_of(block) + HALF, &halves.echo, HALF);
		if (sound)
			nh__fill((unsigned char *)nh__payload(block) + room - slack, slack - NH_TRAILER);
		assert_ptr_equal(nh__seal_broken(WHITE_SECRET, block, &told), sound ? NULL : trailer_of(block));
		if (sound)
			assert_int_equal(told, room - slack);
	}
}

/* Slack that a half cannot count is told as what it can; the bytes between are the caller's. */
static void more_slack_than_a_half_counts(void **state)
{
	(void)state;
	const size_t bytes = 96 * KIB;
	unsigned char *large = aligned_alloc(NH_GRANULE, bytes + NH_GRANULE);
	assert_non_null(large);
	struct nh__block *block = nh__block_at(large + NH_GRANULE);
	size_t told = 0, most = NH_WIDE ? UINT32_MAX : UINT16_MAX;
	nh__block_put(block, NH__OWNER_LARGE, (uint32_t)(bytes / NH_GRANULE), 0);
	size_t room = NH_ROOM(nh__block_span(block));
	nh__seal(WHITE_SECRET, block, 8);
	assert_null(nh__seal_broken(WHITE_SECRET, block, &told));
	assert_int_equal(told, room - 8u > most ? room - most : 8u);
	free(large);
}

static void each_word_is_looked_at(void **state)
{
	(void)state;
	uint32_t words[9];
	for (size_t count = 0; count <= 9; count++) {
		nh__fill(words, sizeof words);
		assert_null(nh__first_written(words, count * sizeof *words));
		for (size_t i = 0; i < 9; i++) {
			for (unsigned byte = 0; byte < sizeof *words; byte++) {
				((unsigned char *)&words[i])[byte] ^= 0x10u;
				assert_ptr_equal(nh__first_written(words, count * sizeof *words), i < count ? &words[i] : NULL);
				((unsigned char *)&words[i])[byte] ^= 0x10u;
			}
		}
	}
}

struct bits {
	unsigned slack[32], echo[32], differ[32];
};

static void count_bits(struct bits *bits, struct halves halves)
{
	for (unsigned bit = 0; bit < HALF_BITS; bit++) {
		bits->slack[bit] += halves.slack >> bit & 1u;
		bits->echo[bit] += halves.echo >> bit & 1u;
		bits->differ[bit] += (halves.slack ^ halves.echo) >> bit & 1u;
	}
}

/* No bit of a half can be guessed, nor from the other half. */
static void assert_mixed(const struct bits *bits, unsigned count)
{
	for (unsigned bit = 0; bit < HALF_BITS; bit++) {
		assert_in_range(bits->slack[bit], count * 35u / 100u, count * 65u / 100u);
		assert_in_range(bits->echo[bit], count * 35u / 100u, count * 65u / 100u);
		assert_in_range(bits->differ[bit], count * 35u / 100u, count * 65u / 100u);
	}
}

static void halves_depend_on_the_place(void **state)
{
	(void)state;
	static const uint32_t secrets[] = {0, WHITE_SECRET, UINT32_MAX};
	for (unsigned s = 0; s < 3; s++) {
		struct bits bits = {{0}, {0}, {0}};
		for (size_t place = 1; place <= PLACES; place++)
			count_bits(&bits, sealed(place, secrets[s], 40));
		assert_mixed(&bits, PLACES);
	}
}

static void halves_depend_on_the_secret(void **state)
{
	(void)state;
	struct bits bits = {{0}, {0}, {0}};
	nht_random random;
	nht_random_seed(&random, 1);
	for (unsigned i = 0; i < PLACES; i++)
		count_bits(&bits, sealed(1, nht_next(&random), 40));
	assert_mixed(&bits, PLACES);
}

/* All of a block, copied elsewhere or to another heap, does not pass there but for a chance in as many as a half has values,
 * or in as many as sizes are possible. */
static void a_copy_does_not_pass(void **state)
{
	(void)state;
	unsigned passed = 0, tried = 0;
	for (size_t from = 1; from < PLACES - 2u * SPAN; from += 7) {
		sealed(from, WHITE_SECRET, 40);
		for (size_t to = from + SPAN; to <= PLACES; to += 5) {
			size_t size;
			memcpy(block_at(to), block_at(from), SPAN * NH_GRANULE);
			passed += nh__seal_broken(WHITE_SECRET, block_at(to), &size) == NULL;
			tried++;
		}
		size_t size;
		passed += nh__seal_broken(WHITE_SECRET ^ 0x80000u, block_at(from), &size) == NULL;
	}
	assert_true(tried > 2000);
	assert_in_range(passed, 0, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_asked_for),
		TEST(a_trailer_that_is_none),
		TEST(more_slack_than_a_half_counts),
		TEST(each_word_is_looked_at),
		TEST(halves_depend_on_the_place),
		TEST(halves_depend_on_the_secret),
		TEST(a_copy_does_not_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

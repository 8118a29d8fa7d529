/* SPDX-License-Identifier: MIT */
/*
 * core/cache.h, core/cache.c: the three descriptions of the classes agree, chains give back what
 * was pushed and notice what was overwritten, the range check of the hits refuses everything that
 * is no payload of the primary region, depot and inbox hold what they may and no more.
 */
#include <string.h>

#include "white.h"

#if !NH_CACHES
int main(void)
{
	return unit_all_skipped("no caches in this configuration");
}
#else

#define GRANULES 512u
#define SECRET WHITE_SECRET
#define MOST 62u /* blocks in a chain */

/* Payloads are granules 1, 2, ... of this; their headers lie before them. */
static _Alignas(16) unsigned char memory[GRANULES * NH_GRANULE];

static struct nh__cache_head head_of_memory(void)
{
	struct nh__cache_head head;
	memset(&head, 0, sizeof head);
	head.first = (uintptr_t)memory + NH_GRANULE - NH_HEADER;
	head.limit = GRANULES - 1u;
	head.secret = SECRET;
	nh__store_relaxed(&head.reach, nh__chain_bound(GRANULES - 1u));
	return head;
}

static void *payload_at(uint32_t granule)
{
	return memory + (size_t)granule * NH_GRANULE;
}

static struct nh__block *block_at(uint32_t granule)
{
	return nh__block_at(payload_at(granule));
}

static unsigned owner_at(uint32_t granule)
{
	return nh__load_relaxed(&block_at(granule)->owner);
}

/* ---- classes ------------------------------------------------------------------------------ */

static void class_spans(void **state)
{
	(void)state;
	assert_int_equal(nh__class_span(0), NH_SPAN_MIN);
	for (unsigned klass = 1; klass < NH_CLASSES; klass++) {
		uint32_t before = nh__class_span(klass - 1u), span = nh__class_span(klass);
		assert_true(span > before);
		/* one granule apart where they are exact, an eighth of a doubling above */
		assert_true(klass < NH_CLASS_EXACT ? span == before + 1u : (span - before) * 8u <= span);
		assert_true(span <= UINT16_MAX);
	}
	assert_int_equal(nh__class_span(NH_CLASSES - 1u), NH__CLASS_SPAN_MAX);
	assert_true(NH_USABLE(NH__CLASS_SPAN_MAX) >> NH__CLASS_STEP == NH__CLASS_TABLE);
	assert_true(NH_USABLE(NH__CLASS_SPAN_MAX) % (1u << NH__CLASS_STEP) == 0);
}

/* The least class that holds the size, found by looking at all of them. */
static unsigned least_class(size_t size)
{
	unsigned klass = 0;
	while (klass < NH_CLASSES && NH_USABLE(nh__class_span(klass)) < size)
		klass++;
	return klass;
}

static void class_of_every_size(void **state)
{
	(void)state;
	static _Atomic uint8_t table[NH__CLASS_TABLE + 1u];
	table[NH__CLASS_TABLE] = 0xee;
	nh__class_table(table);
	assert_int_equal(table[NH__CLASS_TABLE], 0xee);
	for (size_t size = 1; size <= NH_USABLE(NH__CLASS_SPAN_MAX); size++) {
		struct nh__need need = nh__need_of(table, size, 1);
		assert_int_equal(nh__code_klass(table[(size - 1u) >> NH__CLASS_STEP]), least_class(size));
		assert_int_equal(need.klass, least_class(size));
		assert_int_equal(need.span, nh__span(size));
		assert_int_equal(need.class_span, nh__class_span(need.klass));
		assert_true(need.class_span >= need.span);
	}
}

static void sizes_without_class(void **state)
{
	(void)state;
	static _Atomic uint8_t table[NH__CLASS_TABLE];
	nh__class_table(table);
	size_t largest = NH_USABLE(NH__CLASS_SPAN_MAX);
	struct nh__need above = nh__need_of(table, largest + 1u, 1);
	assert_int_equal(above.klass, NH__NO_CLASS);
	assert_int_equal(above.class_span, above.span);
	assert_int_equal(nh__need_of(table, largest, 2).klass, nh__need_of(table, largest, 1).klass);
	assert_int_equal(nh__need_of(table, largest + 1u, 2).klass, NH__NO_CLASS);
	assert_int_equal(nh__need_of(table, 0, 1).span, 0);
	assert_int_equal(nh__need_of(table, 0, 1).klass, NH__NO_CLASS);
	assert_int_equal(nh__need_of(table, SIZE_MAX, 1).span, 0);
}

/* A block may serve the largest class not above it, unless a whole block would be wasted. */
static void class_below_every_span(void **state)
{
	(void)state;
	for (uint32_t span = NH_SPAN_MIN; span <= 4u * NH__CLASS_SPAN_MAX + 100u; span++) {
		unsigned expected = 0;
		while (expected + 1u < NH_CLASSES && nh__class_span(expected + 1u) <= span)
			expected++;
		if (span - nh__class_span(expected) >= NH_SPAN_MIN)
			expected = NH__NO_CLASS;
		if (nh__class_below(span) != expected)
			fail_msg("class_below(%u) = %u", (unsigned)span, nh__class_below(span));
	}
	assert_int_equal(nh__class_below(NH_SPAN_MAX), NH__NO_CLASS);
	for (unsigned klass = 0; klass < NH_CLASSES; klass++)
		assert_int_equal(nh__class_below(nh__class_span(klass)), klass);
}

/* No block of a class is larger than the class is charged for; where the next one is a granule away, that is exact. */
static void most_of_every_class(void **state)
{
	(void)state;
	for (uint32_t span = NH_SPAN_MIN; span <= NH__CLASS_SPAN_MAX + NH_SPAN_MIN; span++) {
		unsigned klass = nh__class_below(span);
		if (klass != NH__NO_CLASS)
			assert_true(nh__class_most(klass, nh__class_span(klass)) >= span);
	}
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		uint32_t span = nh__class_span(klass);
		assert_int_equal(nh__class_most(klass, span), klass + 1u < NH_CLASS_EXACT ? span : span + NH_SPAN_MIN - 1u);
	}
}

static void class_codes(void **state)
{
	(void)state;
	for (unsigned klass = 0; klass < NH_CLASSES; klass++) {
		uint8_t owner = (uint8_t)(NH__OWNER_LIVE + klass);
		assert_true(nh__owner_is_live(owner));
		assert_int_equal((unsigned)owner - NH__OWNER_LIVE, klass);
	}
	assert_true((unsigned)NH__OWNER_LARGE - NH__OWNER_LIVE >= NH_CLASSES);
	assert_true((unsigned)NH__OWNER_CACHED - NH__OWNER_LIVE >= NH_CLASSES);
	assert_true((unsigned)NH__OWNER_TLSF - NH__OWNER_LIVE >= NH_CLASSES);
	assert_true((unsigned)NH__OWNER_LOST - NH__OWNER_LIVE >= NH_CLASSES);
	assert_true((unsigned)NH__OWNER_FENCE - NH__OWNER_LIVE >= NH_CLASSES);
}

/* ---- chains ------------------------------------------------------------------------------- */

/* Chain words count granules from the first block, which is granule 1. */
static uint32_t head_of(uint32_t chain)
{
	return (chain >> NH__COUNT_BITS) + 1u;
}

static uint32_t put_on(uint32_t secret, uint32_t chain, uint32_t granule)
{
	return nh__chain_link(secret, chain, NH__COUNT(chain), block_at(granule), granule - 1u);
}

/* Pushes granules from, from + 4, ... ; the last is on top. */
static uint32_t chain_of(uint32_t from, unsigned count)
{
	uint32_t chain = 0;
	for (unsigned i = 0; i < count; i++)
		chain = put_on(SECRET, chain, from + 4u * i);
	return chain;
}

static void last_in_first_out(void **state)
{
	(void)state;
	struct nh__cache_head head = head_of_memory();
	for (unsigned count = 1; count <= MOST; count++) {
		uint32_t chain = chain_of(3, count);
		for (unsigned left = count; left > 0; left--) {
			uint32_t top = 3u + 4u * (left - 1u);
			assert_int_equal(NH__COUNT(chain), left);
			assert_int_equal(head_of(chain), top);
			assert_int_equal(owner_at(top), NH__OWNER_CACHED);
			assert_ptr_equal(nh__chain_top(&head, chain), block_at(top));
			assert_ptr_equal(nh__chain_pop(&head, &chain), block_at(top));
		}
		assert_true(chain == 0);
		assert_null(nh__chain_pop(&head, &chain));
		assert_true(chain == 0);
	}
}

/* The largest granule of the window and the most blocks fit one word, and none looks closed. */
static void chain_word(void **state)
{
	(void)state;
	uint32_t full = nh__chain_link(SECRET, MOST - 1u, MOST - 1u, block_at(1), NH__WINDOW - 1u);
	assert_int_equal(NH__COUNT(full), MOST);
	assert_true(full >> NH__COUNT_BITS == NH__WINDOW - 1u);
	assert_true(full != NH__CLOSED);
	assert_true(NH__COUNT(NH__CLOSED) > NH_CAP_SMALL && NH__COUNT(NH__CLOSED) > NH_INBOX_LIMIT);
	struct nh__cache_head head = head_of_memory();
	assert_true(nh__chain_offset(&head, block_at(1)) == 0);
	assert_true(nh__chain_offset(&head, block_at(GRANULES - 1u)) == GRANULES - 2u);
}

static void links_are_encoded(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	uint32_t below = chain_of(3, 2), stored, other;
	uint32_t chain = put_on(SECRET, below, 40);
	memcpy(&stored, payload_at(40), sizeof stored);
	assert_true(stored != below);
	assert_true(nh__link_code(stored, SECRET, block_at(40)) == below);
	put_on(SECRET, below, 44);
	memcpy(&other, payload_at(44), sizeof other);
	assert_true(stored != other); /* the address is in it */
	put_on(SECRET ^ 1u, below, 40);
	memcpy(&other, payload_at(40), sizeof other);
	assert_true(stored != other); /* and the secret */
	assert_int_equal(NH__COUNT(chain), 3);
#else
	uint32_t stored;
	chain_of(3, 2);
	memcpy(&stored, payload_at(7), sizeof stored);
	assert_int_equal(NH__COUNT(stored), 1);
	assert_int_equal(head_of(stored), 3);
#endif
}

/* One flipped bit of a link's count, or of an owner byte: the pop refuses and keeps the word. */
static void damage_is_noticed(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	struct nh__cache_head head = head_of_memory();
	for (unsigned bit = 0; bit < NH__COUNT_BITS; bit++) {
		uint32_t chain = chain_of(3, 5), kept = chain, stored;
		memcpy(&stored, payload_at(19), sizeof stored);
		stored ^= UINT32_C(1) << bit;
		memcpy(payload_at(19), &stored, sizeof stored);
		assert_null(nh__chain_pop(&head, &chain));
		assert_true(chain == kept);
	}
	for (unsigned bit = 0; bit < 8; bit++) {
		uint32_t chain = chain_of(3, 5), kept = chain;
		((unsigned char *)block_at(19))[0] ^= (unsigned char)(1u << bit);
		assert_null(nh__chain_pop(&head, &chain));
		assert_true(chain == kept);
	}
	/* a head that leads elsewhere: the wrong block's link has the wrong count, or it is not cached */
	uint32_t chain = chain_of(3, 5) + (4u << NH__COUNT_BITS), kept = chain;
	memset(payload_at(23), 0, 4);
	nh__store_relaxed(&block_at(23)->owner, NH__OWNER_LIVE);
	assert_null(nh__chain_pop(&head, &chain));
	assert_true(chain == kept);
#else
	unit_skip("links are checked from NH_HARDENING_MODERATE on");
#endif
}

/* A link that leads out of the heap is refused before anybody follows it, whatever its count says. */
static void links_stay_in_reach(void **state)
{
	(void)state;
#if NH_HARDENING >= NH_HARDENING_MODERATE
	struct nh__cache_head head = head_of_memory();
	const uint32_t offsets[] = { GRANULES - 1u, GRANULES, GRANULES + 1u, NH__WINDOW / 2u,
		                     NH__WINDOW };
	for (unsigned i = 0; i < 5; i++) {
		uint32_t below = ((offsets[i] - 1u) << NH__COUNT_BITS) + 1u;
		uint32_t chain = put_on(SECRET, below, 40), kept = chain;
		void *expected = offsets[i] < GRANULES ? block_at(40) : NULL;
		assert_ptr_equal(nh__chain_pop(&head, &chain), expected);
		assert_true(chain == (expected == NULL ? kept : below));
	}
	/* not even if it counts nothing */
	uint32_t chain = put_on(SECRET, nh__chain_bound(GRANULES - 1u), 40), kept = chain;
	assert_null(nh__chain_pop(&head, &chain));
	assert_true(chain == kept);
#else
	unit_skip("links are checked from NH_HARDENING_MODERATE on");
#endif
}

/* ---- the range check of the hits ---------------------------------------------------------- */

static bool in_range(const struct nh__cache_head *head, uintptr_t address)
{
	return nh__rotated_offset(head, (const struct nh__block *)address) < head->limit;
}

static void rotated_offset(void **state)
{
	(void)state;
	struct nh__cache_head head = head_of_memory();
	uintptr_t first = head.first, end = first + head.limit * NH_GRANULE;
	for (uintptr_t at = first - 4u * NH_GRANULE; at < end + 4u * NH_GRANULE; at++) {
		bool block = at >= first && at < end && (at + NH_HEADER) % NH_GRANULE == 0;
		if (in_range(&head, at) != block)
			fail_msg("offset %td", (ptrdiff_t)(at - first));
		if (block)
			assert_true(nh__rotated_offset(&head, (const struct nh__block *)at) == (at - first) / NH_GRANULE);
	}
	assert_false(in_range(&head, 0));
	for (uintptr_t low = 1; low < 4096; low++) {
		assert_false(in_range(&head, low));
		assert_false(in_range(&head, (uintptr_t)0 - low));
	}
	for (unsigned bit = 14; bit < sizeof(uintptr_t) * 8u; bit++)
		assert_false(in_range(&head, first ^ (uintptr_t)1 << bit));
	assert_false(in_range(&nh__no_cache.head, 0));
	assert_false(in_range(&nh__no_cache.head, NH_GRANULE));
	assert_false(in_range(&nh__no_cache.head, first));
}

/* ---- merging ------------------------------------------------------------------------------ */

static void should_merge(void **state)
{
	(void)state;
	for (uint32_t span = NH_SPAN_MIN; span < 9; span++)
		for (uint8_t own = 0; own < 4; own++)
			for (uint8_t next = 0; next < 4; next++) {
				struct nh__block *block = block_at(5);
				nh__block_set(block, span, own);
				nh__block_set(nh__block_after(block, span), 7, next);
				bool expected = (own & NH__PREV_FREE) != 0 || (NH_MERGE_LOOK > 1 && (next & NH__FREE) != 0);
				/* its own FREE says nothing: a block in hand is never in the lists */
				assert_int_equal(nh__should_merge(block, nh__block_after(block, span)), expected);
			}
}

/* ---- depot and inbox ---------------------------------------------------------------------- */

#if NH__DEPOT

static void depot(void **state)
{
	(void)state;
	struct nh__shared shared;
	memset(&shared, 0, sizeof shared);
	assert_true(nh__depot_get(&shared) == 0);
	uint32_t sum = 0, got = 0;
	for (uint32_t i = 0; i < NH_DEPOT_SLOTS; i++) {
		/* a weak compare-and-swap may fail spuriously: then the depot says full */
		while (!nh__depot_put(&shared, 100u + i))
			assert_true(i < NH_DEPOT_SLOTS);
		sum += 100u + i;
	}
	assert_false(nh__depot_put(&shared, 999));
	for (uint32_t i = 0; i < NH_DEPOT_SLOTS; i++) {
		uint32_t chain = nh__depot_get(&shared);
		assert_true(chain >= 100u && chain < 100u + NH_DEPOT_SLOTS);
		got += chain;
	}
	assert_true(got == sum); /* each once: they are all different */
	assert_true(nh__depot_get(&shared) == 0);
	assert_true(nh__load_relaxed(&shared.inbox) == 0);
	while (!nh__depot_put(&shared, 7)) {
	}
	assert_true(nh__depot_get(&shared) == 7);
}

static void inbox_push_surely(struct nh__shared *shared, uint32_t granule)
{
	uint32_t before = nh__load_relaxed(&shared->inbox);
	for (unsigned spurious = 0; !nh__inbox_push(shared, SECRET, block_at(granule), granule - 1u); spurious++)
		assert_true(spurious < 1000);
	uint32_t after = nh__load_relaxed(&shared->inbox);
	assert_int_equal(NH__COUNT(after), NH__COUNT(before) + 1u);
	assert_int_equal(head_of(after), granule);
}

static void inbox_limit(void **state)
{
	(void)state;
	struct nh__shared shared;
	struct nh__cache_head head = head_of_memory();
	for (uint8_t limit = 0; limit <= NH_INBOX_LIMIT; limit++) {
		memset(&shared, 0, sizeof shared);
		nh__store_relaxed(&shared.inbox_limit, limit);
		assert_true(nh__inbox_take(&shared) == 0);
		for (uint32_t i = 0; i < limit; i++)
			inbox_push_surely(&shared, 3u + 4u * i);
		uint32_t full = nh__load_relaxed(&shared.inbox);
		nh__store_relaxed(&block_at(200)->owner, NH__OWNER_LIVE);
		assert_false(nh__inbox_push(&shared, SECRET, block_at(200), 200));
		assert_int_equal(owner_at(200), NH__OWNER_LIVE); /* refused at once: not touched */
		assert_true(nh__load_relaxed(&shared.inbox) == full);
		uint32_t chain = nh__inbox_take(&shared);
		assert_true(chain == full);
		assert_true(nh__load_relaxed(&shared.inbox) == 0);
		for (uint32_t i = limit; i > 0; i--)
			assert_ptr_equal(nh__chain_pop(&head, &chain), block_at(3u + 4u * (i - 1u)));
		assert_true(chain == 0);
	}
}

static void inbox_closed(void **state)
{
	(void)state;
	struct nh__shared shared;
	memset(&shared, 0, sizeof shared);
	nh__store_relaxed(&shared.inbox_limit, NH_INBOX_LIMIT);
	nh__store_relaxed(&shared.inbox, NH__CLOSED);
	nh__store_relaxed(&block_at(3)->owner, NH__OWNER_LIVE);
	assert_false(nh__inbox_push(&shared, SECRET, block_at(3), 3));
	assert_int_equal(owner_at(3), NH__OWNER_LIVE);
	assert_true(nh__inbox_take(&shared) == 0);
	assert_true(nh__load_relaxed(&shared.inbox) == NH__CLOSED);
	nh__store_relaxed(&shared.inbox, 0);
	inbox_push_surely(&shared, 3);
}

#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_spans),
		cmocka_unit_test(class_of_every_size),
		cmocka_unit_test(sizes_without_class),
		cmocka_unit_test(class_below_every_span),
		cmocka_unit_test(most_of_every_class),
		cmocka_unit_test(class_codes),
		cmocka_unit_test(last_in_first_out),
		cmocka_unit_test(chain_word),
		cmocka_unit_test(links_are_encoded),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(links_stay_in_reach),
		cmocka_unit_test(rotated_offset),
		cmocka_unit_test(should_merge),
#if NH__DEPOT
		cmocka_unit_test(depot),
		cmocka_unit_test(inbox_limit),
		cmocka_unit_test(inbox_closed),
#endif
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * core/size.h: every function is total. Results are compared with their definition, not with the
 * same arithmetic written again: the least span that holds the size, the overflow the compiler finds.
 */
#include "white.h"

#define MAX_USABLE ((uint64_t)NH_SPAN_MAX * NH_GRANULE - NH_HEADER - NH_TRAILER)

static void constants(void **state)
{
	(void)state;
#if NH_64BIT
	assert_int_equal(NH_GRANULE, 16);
	assert_int_equal(NH_HEADER, 8);
	assert_int_equal(NH_SPAN_MIN, 2);
	assert_true(NH_SPAN_MAX == UINT32_C(0x7fffffff));
#else
	assert_int_equal(NH_GRANULE, 8);
	assert_int_equal(NH_HEADER, NH_WIDE_HEADER ? 8 : 4);
	assert_int_equal(NH_SPAN_MIN, NH_WIDE_HEADER ? 3 : 2);
	assert_true(NH_SPAN_MAX == (NH_WIDE_HEADER ? UINT32_C(0x0fffffff) : UINT32_C(0x003fffff)));
#endif
	/* a free block: header, two links, footer */
	assert_true(NH_SPAN_MIN * NH_GRANULE >= NH_HEADER + 12u);
	assert_true((NH_SPAN_MIN - 1u) * NH_GRANULE < NH_HEADER + 12u);
	/* spans of one region add up below 2^32, and its bytes stay below half the address space */
	assert_true((uint64_t)NH_SPAN_MAX * NH_GRANULE <= (uint64_t)(SIZE_MAX / 2u) + 1u);
	assert_true(NH_USABLE(NH_SPAN_MAX) == MAX_USABLE);
	assert_true(NH_USABLE(NH_SPAN_MIN) == NH_SPAN_MIN * NH_GRANULE - NH_HEADER - NH_TRAILER);
	assert_true(NH_ROOM(NH_SPAN_MIN) == NH_SPAN_MIN * NH_GRANULE - NH_HEADER);
}

/* The least span that holds the size, or 0 for what cannot be. */
static void check_span(size_t size)
{
	uint32_t span = nh__span(size);
	if (size == 0 || size > MAX_USABLE) {
		if (span != 0)
			fail_msg("span(%zu) = %u", size, (unsigned)span);
		return;
	}
	bool holds = span >= NH_SPAN_MIN && span <= NH_SPAN_MAX && NH_USABLE(span) >= size;
	bool least = span == NH_SPAN_MIN || NH_USABLE(span - 1u) < size;
	if (!holds || !least)
		fail_msg("span(%zu) = %u", size, (unsigned)span);
}

static void spans(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 20000; size++)
		check_span(size);
	for (size_t k = 0; k <= 4096; k++)
		check_span(SIZE_MAX - k);
	for (unsigned bit = 0; bit < sizeof(size_t) * 8u; bit++)
		for (size_t k = 0; k <= 3u * NH_GRANULE; k++) {
			check_span(((size_t)1 << bit) - k);
			check_span(((size_t)1 << bit) + k);
		}
	for (size_t k = 0; k <= 4u * NH_GRANULE; k++) {
		check_span((size_t)MAX_USABLE - k);
		check_span((size_t)MAX_USABLE + k);
	}
	assert_true(nh__span((size_t)MAX_USABLE) == NH_SPAN_MAX);
	assert_int_equal(nh__span((size_t)MAX_USABLE + 1u), 0);
}

static void alignments(void **state)
{
	(void)state;
	assert_int_equal(nh__align(0), 1);
	assert_int_equal(nh__align(1), 1);
	for (unsigned bit = 1; bit < sizeof(size_t) * 8u; bit++) {
		size_t alignment = (size_t)1 << bit;
		uint64_t granules = alignment <= NH_GRANULE ? 1u : alignment / NH_GRANULE;
		uint64_t expected = alignment <= (uint64_t)NH_SPAN_MAX * NH_GRANULE / 2u ? granules : 0u;
		if (nh__align(alignment) != expected)
			fail_msg("align(1 << %u) = %u", bit, (unsigned)nh__align(alignment));
		assert_int_equal(nh__align(alignment + 1u), 0);
		if (bit > 1)
			assert_int_equal(nh__align(alignment - 1u), 0);
		assert_int_equal(nh__align(alignment | alignment >> 1), 0);
	}
	for (size_t k = 0; k <= 4096; k++)
		assert_int_equal(nh__align(SIZE_MAX - k), 0);
}

/* The gap in front of an aligned payload, from the definition: none, or a block. */
static uint64_t gap_of(uint64_t at, uint64_t align)
{
	uint64_t gap = 0;
	while ((at + gap) % align != 0 || (gap != 0 && gap < NH_SPAN_MIN))
		gap++;
	return gap;
}

static void padding_is_enough(void **state)
{
	(void)state;
	for (uint32_t align = 1; align <= 256; align *= 2)
		for (uint32_t span = NH_SPAN_MIN; span < 40; span++) {
			uint32_t padded = nh__span_padded(span, align);
			for (uint32_t at = 0; at < align; at++)
				assert_true(gap_of(at, align) + span <= padded);
			assert_true(align == 1 ? padded == span : padded <= span + align + NH_SPAN_MIN);
		}
}

static void padding_never_wraps(void **state)
{
	(void)state;
	uint32_t largest = nh__align((size_t)1 << (NH_64BIT ? 33 : NH_WIDE ? 29 : 23));
	assert_true(largest != 0);
	for (uint32_t align = 2; align != 0 && align <= largest; align *= 2)
		for (uint32_t k = 0; k < 70; k++)
			for (unsigned side = 0; side < 2; side++) {
				uint32_t span = side ? NH_SPAN_MAX - k : NH_SPAN_MIN + k;
				uint64_t sum = (uint64_t)span + align + NH_SPAN_MIN;
				uint64_t expected = sum < NH_SPAN_MAX ? sum : NH_SPAN_MAX;
				assert_true(nh__span_padded(span, align) == expected);
			}
	assert_true(nh__span_padded(NH_SPAN_MAX, 1) == NH_SPAN_MAX);
}

static void check_product(size_t a, size_t b)
{
	size_t product = 0;
	bool wraps = __builtin_mul_overflow(a, b, &product);
	if (nh__product(a, b) != (wraps ? 0 : product))
		fail_msg("product(%zu, %zu) = %zu", a, b, nh__product(a, b));
}

/* 0, and both sides of every power of two and of SIZE_MAX divided by small numbers. */
static size_t edges(size_t *out)
{
	size_t count = 0;
	for (size_t k = 0; k < 4; k++) {
		out[count++] = k;
		out[count++] = SIZE_MAX - k;
	}
	for (unsigned bit = 2; bit < sizeof(size_t) * 8u; bit++)
		for (size_t k = 0; k < 3; k++)
			out[count++] = ((size_t)1 << bit) + k - 1u;
	for (size_t divisor = 2; divisor < 12; divisor++)
		for (size_t k = 0; k < 3; k++)
			out[count++] = SIZE_MAX / divisor + k - 1u;
	return count;
}

static void products(void **state)
{
	(void)state;
	size_t edge[300], count = edges(edge);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			check_product(edge[i], edge[j]);
}

static void granules(void **state)
{
	(void)state;
	size_t edge[300], count = edges(edge);
	for (size_t i = 0; i < count; i++) {
		uint64_t whole = (uint64_t)edge[i] / NH_GRANULE;
		assert_true(nh__granules(edge[i]) ==
		            (whole > NH_SPAN_MAX ? (uint64_t)NH_SPAN_MAX + 1u : whole));
	}
	uint64_t limit = ((uint64_t)NH_SPAN_MAX + 1u) * NH_GRANULE;
	for (size_t k = 1; k <= 2u * NH_GRANULE; k++) {
		uintptr_t bytes = (uintptr_t)(limit - k);
		assert_true(nh__granules(bytes) == bytes / NH_GRANULE);
		assert_true(limit + k > UINTPTR_MAX ||
		            nh__granules((uintptr_t)(limit + k)) == NH_SPAN_MAX + 1u);
	}
	for (uintptr_t bytes = 0; bytes < 1000; bytes++)
		assert_true(nh__granules(bytes) == bytes / NH_GRANULE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants),
		cmocka_unit_test(spans),
		cmocka_unit_test(alignments),
		cmocka_unit_test(padding_is_enough),
		cmocka_unit_test(padding_never_wraps),
		cmocka_unit_test(products),
		cmocka_unit_test(granules),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

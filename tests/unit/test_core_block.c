/* SPDX-License-Identifier: MIT */
/*
 * core/block.h: where each field of a header lies, read byte by byte; that a write of the owner
 * byte and a write of the others leave each other alone; which owner bytes mean what.
 */
#include <string.h>

#include "white.h"

/* A header between two guards, so that a write beyond it is seen. */
struct header {
	_Alignas(16) unsigned char before[16 - NH_HEADER];
	struct nh__block block;
	unsigned char after[16];
};

static void paint(struct header *h)
{
	memset(h, 0xee, sizeof *h);
}

static bool guards(const struct header *h)
{
	for (size_t i = 0; i < sizeof h->before; i++)
		if (h->before[i] != 0xee)
			return false;
	for (size_t i = 0; i < sizeof h->after; i++)
		if (h->after[i] != 0xee)
			return false;
	return true;
}

static unsigned byte(const struct header *h, size_t index)
{
	return ((const unsigned char *)&h->block)[index];
}

/* Spans at the ends of every field's range. */
static unsigned corner_spans(uint32_t *out)
{
	unsigned count = 0;
	out[count++] = 0;
	for (uint32_t bit = 1; bit != 0 && bit <= NH_SPAN_MAX; bit <<= 1) {
		out[count++] = bit - 1u;
		out[count++] = bit;
		if (bit < NH_SPAN_MAX)
			out[count++] = bit + 1u;
	}
	out[count++] = NH_SPAN_MAX - 1u;
	out[count++] = NH_SPAN_MAX;
	return count;
}

static void positions(void **state)
{
	(void)state;
	struct header h;
	memset(&h, 0, sizeof h);
	nh__store_relaxed(&h.block.owner, 0x81);
	assert_int_equal(byte(&h, 0), 0x81);
	for (size_t i = 1; i < NH_HEADER; i++)
		assert_int_equal(byte(&h, i), 0);

	memset(&h, 0, sizeof h);
	nh__block_set(&h.block, 0, NH__FREE | NH__PREV_FREE);
	assert_int_equal(byte(&h, 1), 3);
	assert_int_equal(NH__FREE, 1);
	assert_int_equal(NH__PREV_FREE, 2);
	for (size_t i = 0; i < NH_HEADER; i++)
		assert_true(i == 1 || byte(&h, i) == 0);
}

/* The bytes that hold the span, from the picture at the top of core/block.h. */
static void span_bytes(void **state)
{
	(void)state;
	struct header h;
	uint32_t spans[120];
	unsigned count = corner_spans(spans);
	for (unsigned i = 0; i < count; i++) {
		memset(&h, 0, sizeof h);
		nh__block_set(&h.block, spans[i], 0);
		assert_int_equal(byte(&h, 0), 0);
#if NH_WIDE
		uint32_t word;
		memcpy(&word, (unsigned char *)&h.block + 4, sizeof word);
		assert_true(word == spans[i]);
		assert_int_equal(byte(&h, 1), 0);
		assert_int_equal(byte(&h, 2) | byte(&h, 3), 0);
#else
		uint16_t half;
		memcpy(&half, (unsigned char *)&h.block + 2, sizeof half);
		assert_int_equal(half, spans[i] / 64u);
		assert_int_equal(byte(&h, 1), spans[i] % 64u * 4u);
#endif
	}
}

static void check_reads(struct header *h, uint32_t span, unsigned flags, unsigned owner)
{
	assert_true(nh__block_span(&h->block) == span);
	assert_int_equal(nh__flags(&h->block) & 3u, flags);
	assert_int_equal(nh__load_relaxed(&h->block.owner), owner);
	assert_true(guards(h));
}

static void check_corner(uint32_t span, uint8_t flags, uint8_t owner)
{
	struct header h;
	paint(&h);
#if NH_WIDE
	h.block.key = 0xbeef;
#endif
	nh__store_relaxed(&h.block.owner, owner);
	nh__block_set(&h.block, span, flags);
	check_reads(&h, span, flags, owner);
	nh__store_relaxed(&h.block.owner, (uint8_t)~owner);
	check_reads(&h, span, flags, (uint8_t)~owner);
	nh__flag_set(&h.block, NH__FREE);
	check_reads(&h, span, flags | NH__FREE, (uint8_t)~owner);
	nh__flag_clear(&h.block, NH__PREV_FREE);
	check_reads(&h, span, (flags | NH__FREE) & ~NH__PREV_FREE, (uint8_t)~owner);
	nh__flag_clear(&h.block, NH__FREE);
	check_reads(&h, span, 0, (uint8_t)~owner);
	nh__flag_set(&h.block, NH__PREV_FREE);
	check_reads(&h, span, NH__PREV_FREE, (uint8_t)~owner);
#if NH_WIDE
	assert_int_equal(h.block.key, 0xbeef);
#endif
}

static void fields_are_apart(void **state)
{
	(void)state;
	static const uint8_t owners[] = { 0, 1, 0x55, 0x7f, 0x80, 0xaa, 0xc0, 0xff };
	uint32_t spans[120];
	unsigned count = corner_spans(spans);
	for (unsigned i = 0; i < count; i++)
		for (uint8_t flags = 0; flags < 4; flags++)
			for (unsigned o = 0; o < sizeof owners; o++)
				check_corner(spans[i], flags, owners[o]);
}

static void addresses(void **state)
{
	(void)state;
	_Alignas(16) static unsigned char memory[64 * 16];
	unsigned char *payload = memory + 16;
	struct nh__block *block = nh__block_at(payload);
	assert_ptr_equal(block, payload - NH_HEADER);
	assert_ptr_equal(nh__payload(block), payload);
	for (uint32_t span = 0; span < 30; span++)
		assert_ptr_equal(nh__block_after(block, span), payload + span * NH_GRANULE - NH_HEADER);
	/* far beyond 32 bits where addresses are: only the arithmetic */
	assert_true((uintptr_t)nh__block_after(block, NH_SPAN_MAX) ==
	            (uintptr_t)block + (uintptr_t)NH_SPAN_MAX * NH_GRANULE);
}

/* A key depends on address and secret, or an interior pointer would meet a right one often. */
static void keys(void **state)
{
	(void)state;
#if NH_WIDE
	static const uint32_t secrets[] = { 0, WHITE_SECRET, ~WHITE_SECRET, UINT32_MAX };
	static bool seen[1u << 16];
	for (unsigned i = 0; i < 4; i++) {
		memset(seen, 0, sizeof seen);
		for (uintptr_t place = 0; place < 1u << 16; place++) {
			const struct nh__block *block =
				nh__block_at((void *)((uintptr_t)0x20000000 + place * NH_GRANULE));
			uint16_t key = nh__block_key(secrets[i], block);
			assert_false(seen[key]); /* all that a key can tell apart */
			seen[key] = true;
			for (unsigned k = 0; k < i; k++)
				assert_int_not_equal(key, nh__block_key(secrets[k], block));
		}
	}
#else
	unit_skip("a narrow header has no key");
#endif
}

static void owner_codes(void **state)
{
	(void)state;
	bool known[256] = { false }, live[256] = { false };
	const unsigned named[] = { NH__OWNER_TLSF, NH__OWNER_CACHED, NH__OWNER_LOST, NH__OWNER_FENCE,
		                   NH__OWNER_LARGE };
	for (unsigned i = 0; i < sizeof named / sizeof *named; i++) {
		assert_true(named[i] > 0 && named[i] < 256);
		assert_false(known[named[i]]);
		known[named[i]] = true;
	}
	assert_false(known[NH__OWNER_BUSY]);
	known[NH__OWNER_BUSY] = NH_HARDENING >= NH_HARDENING_FULL; /* below nobody writes it */
	assert_false(known[NH__OWNER_GONE]);
	known[NH__OWNER_GONE] = NH_HARDENING >= NH_HARDENING_FULL; /* likewise */
	live[NH__OWNER_LARGE] = true;
	const unsigned classes = NH_CLASSES;
	for (unsigned klass = 0; klass < classes; klass++) {
		assert_true(NH__OWNER_LIVE + klass < 0xff);
		assert_false(known[NH__OWNER_LIVE + klass]);
		known[NH__OWNER_LIVE + klass] = live[NH__OWNER_LIVE + klass] = true;
	}
	for (unsigned owner = 0; owner < 256; owner++) {
		assert_int_equal(nh__owner_is_live((uint8_t)owner), live[owner]);
		assert_int_equal(nh__owner_is_known((uint8_t)owner), known[owner]);
	}
	/* what memory shows that nobody wrote, or that was cleared or filled */
	assert_false(known[0x00]);
	assert_false(known[0xff]);
	assert_false(known[0xa5]);
	assert_false(known[0xad]);
	/* free() takes owner - LIVE as the class: no other code may look like one */
	assert_true(NH__OWNER_LARGE < NH__OWNER_LIVE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions), cmocka_unit_test(span_bytes), cmocka_unit_test(fields_are_apart),
		cmocka_unit_test(addresses), cmocka_unit_test(keys),       cmocka_unit_test(owner_codes),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

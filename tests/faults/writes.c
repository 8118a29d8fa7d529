/* SPDX-License-Identifier: MIT */
/* Writes to memory that is not, or no longer, one's own. */
#include "tests/faults/faults.h"

#include <string.h>

#define FULL (NH_HARDENING >= NH_HARDENING_FULL)

/* ---- after free --------------------------------------------------------------------------- */

static void scribble(trial *t, unsigned char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = other_than(t, at[i]);
}

/* Takes the class until the block has come back, or would have. */
static void take_back(trial *t, int heap, size_t size)
{
	for (unsigned i = 0; i < 4; i++)
		take(t, heap, size);
}

/* A block on top of its magazine is found by the next malloc; FULL's fill is looked at when that has it in hand. */
static void cached_word(trial *t, size_t at, size_t bytes, nh_fault_code code)
{
	unsigned char *block = take_between(t, CACHED, 40);
	give(t, block);
	scribble(t, block + at, bytes);
	expect(t, code, code == NH_FAULT_LINK ? block : block + at / 4u * 4u);
	take_back(t, CACHED, 40);
}

static void cached_link(trial *t)
{
	cached_word(t, 0, 4, NH_FAULT_LINK);
}

static void cached_link_byte(trial *t)
{
	cached_word(t, nht_below(&t->random, 4), 1, NH_FAULT_LINK);
}

/* Behind link and echo. */
static void cached_elsewhere(trial *t)
{
	cached_word(t, nht_between(&t->random, 8, 39), 1, NH_FAULT_WRITTEN);
}

/* Nobody takes it again; a trim gives it back. */
static void cached_then_trim(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 40);
	give(t, block);
	scribble(t, block, 4);
	expect(t, NH_FAULT_LINK, block);
	nh_instance_trim(t->instance, -1);
}

/* The same by another CPU, which also empties the magazine. */
static void cached_by_another(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 40);
	give(t, block);
	on_cpu(2);
	scribble(t, block, 4);
	expect(t, NH_FAULT_LINK, block);
	nh_instance_trim(t->instance, -1);
}

static void in_depot_link(trial *t)
{
	unsigned char *block = first_in_depot(t);
	scribble(t, block, 4);
	expect(t, NH_FAULT_LINK, block);
	on_cpu(2);
	take_back(t, CACHED, 16);
}

static void in_inbox_link(trial *t)
{
	unsigned char *block = into_inbox(t, take_between(t, REMOTE, 40));
	scribble(t, block, 4);
	expect(t, NH_FAULT_LINK, block);
	on_cpu(1);
	take_back(t, REMOTE, 40);
}

static void free_links(trial *t)
{
	unsigned char *block = take_between(t, PLAIN, 300);
	give(t, block);
	scribble(t, block, 8);
	expect(t, NH_FAULT_LIST, nh__block_at(block));
	for (unsigned side = 0; side < 2; side++) /* or where a link leads */
		expect(t, NH_FAULT_LIST, nh__at_offset(&heap_of(t, PLAIN)->tlsf, ((uint32_t *)(void *)block)[side]));
	take_back(t, PLAIN, 300);
}

static void free_payload(trial *t)
{
	unsigned char *block = take_between(t, PLAIN, 300);
	size_t at = nht_between(&t->random, 8, 290);
	give(t, block);
	scribble(t, block + at, 1);
	expect(t, NH_FAULT_WRITTEN, block + at / 4u * 4u);
	take_back(t, PLAIN, 300);
}

/* The last word of a free block: what the block behind trusts when it is freed. */
static void free_footer(trial *t)
{
	unsigned char *block = take_between(t, PLAIN, 300);
	struct nh__block *header = nh__block_at(block);
	unsigned char *footer = (unsigned char *)nh__block_after(header, nh__block_span(header)) - 4;
	give(t, block);
	scribble(t, footer, 4);
	expect(t, NH_FAULT_NEIGHBOUR, footer);
	give(t, footer + 4 + NH_HEADER);
}

/* ---- overrun ------------------------------------------------------------------------------ */

/* Writes `bytes` from `at` on, and frees. */
static void run_over(trial *t, size_t size, size_t at, size_t bytes)
{
	unsigned char *block = take_between(t, PLAIN, size);
	struct nh__block *header = nh__block_at(block), *next = nh__block_after(header, nh__block_span(header));
	memset(block, 0x77, size);
	scribble(t, block + at, bytes);
	if (FULL)
		expect_in(t, NH_FAULT_OVERRUN, block + size, (unsigned char *)next - 1); /* the byte, or the trailer */
	else
		expect(t, NH_FAULT_NEIGHBOUR, next);
	give(t, block);
}

static void overrun_slack(trial *t)
{
	size_t size = nht_between(&t->random, 300 / NH_GRANULE * NH_GRANULE + NH_GRANULE - 2u * NH_HEADER + 1u,
	                          300 / NH_GRANULE * NH_GRANULE + NH_GRANULE - NH_HEADER - 1u);
	run_over(t, size, size, 1);
}

/* Sizes that fill their block to the last byte. */
static void overrun_byte(trial *t)
{
	size_t size = NH_USABLE(nht_between(&t->random, 20, 40));
	run_over(t, size, size, 1);
}

static void overrun_two(trial *t)
{
	size_t size = NH_USABLE(nht_between(&t->random, 20, 40));
	run_over(t, size, size, 2);
}

static void overrun_word(trial *t)
{
	size_t size = NH_USABLE(nht_between(&t->random, 20, 40));
	run_over(t, size, size, 4);
}

/* Of a block that a cache takes: below FULL nobody looks at what is behind it. */
static struct nh__block *run_over_cached(trial *t, int heap)
{
	size_t size = NH_USABLE(NH_SPAN_MIN + 1u);
	unsigned char *block = take_between(t, heap, size);
	struct nh__block *header = nh__block_at(block), *next = nh__block_after(header, nh__block_span(header));
	if (heap == REMOTE)
		into_inbox(t, take_between(t, REMOTE, size));
	scribble(t, block + size, 4);
	expect_in(t, NH_FAULT_OVERRUN, block + size, (unsigned char *)next - 1);
	give(t, block);
	return next;
}

static void overrun_cached(trial *t)
{
	run_over_cached(t, CACHED);
}

static void overrun_inbox(trial *t)
{
	run_over_cached(t, REMOTE);
}

static void overrun_by_validate(trial *t)
{
	expect(t, NH_FAULT_CORRUPT, run_over_cached(t, CACHED));
	ask_validate(t);
}

/* By a stride, over the trailer, into the next header; both are freed. */
static void overrun_stride(trial *t)
{
	unsigned char *block = take_between(t, PLAIN, 300);
	struct nh__block *header = nh__block_at(block), *next = nh__block_after(header, nh__block_span(header));
	scribble(t, (unsigned char *)next, 4);
	expect(t, NH_FAULT_NEIGHBOUR, next);
	expect(t, NH_FAULT_NEIGHBOUR, nh__payload(next));
	expect(t, NH_FAULT_POINTER, nh__payload(next));
	expect(t, NH_FAULT_DOUBLE_FREE, nh__payload(next));
	give(t, block);
	give(t, nh__payload(next));
}

/* ---- underrun ----------------------------------------------------------------------------- */

static void run_under(trial *t, size_t bytes)
{
	unsigned char *block = take_between(t, PLAIN, 300);
	struct nh__block *header = nh__block_at(block);
	scribble(t, block - bytes, bytes);
	expect(t, NH_FAULT_NEIGHBOUR, block);
	expect(t, NH_FAULT_NEIGHBOUR, header);
	expect(t, NH_FAULT_POINTER, block);
	expect(t, NH_FAULT_DOUBLE_FREE, block);
	give(t, block);
}

static void underrun_byte(trial *t)
{
	run_under(t, 1);
}

static void underrun_word(trial *t)
{
	run_under(t, 4);
}

static void underrun_header(trial *t)
{
	run_under(t, NH_HEADER);
}

#if NH_WIDE
#define UNDERRUN_WORD "NNPAA" /* the span */
#else
#define UNDERRUN_WORD "SSPAA" /* and the owner byte */
#endif

const fault_program write_faults[] = {
	{"write after free, cached, the link", "NNPAA", cached_link},
	{"write after free, cached, a byte of the link", "SSPAA", cached_link_byte},
	{"write after free, cached, another byte", "NNNAA", cached_elsewhere},
	{"write after free, cached, the link, then a trim", "NNPAA", cached_then_trim},
	{"write after free, in another CPU's magazine, then a trim", "NNPAA", cached_by_another},
	{"write after free, in a depot slot, the link", "NNPAA", in_depot_link},
	{"write after free, in an inbox, the link", "NNPAA", in_inbox_link},
	{"write after free, in TLSF, the list links", "NNAAA", free_links},
	{"write after free, in TLSF, another byte", "NNNAA", free_payload},
	{"write after free, in TLSF, the footer", "NNAAA", free_footer},
	{"overrun by a byte, inside the block's last granule", "NNNAA", overrun_slack},
	{"overrun by a byte", "NNPAA", overrun_byte},
	{"overrun by two bytes", "NNPAA", overrun_two},
	{"overrun by a word", "NNPAA", overrun_word},
	{"overrun by a word, freed into a magazine", "NNNAA", overrun_cached},
	{"overrun by a word, freed into an inbox", "NNNAA", overrun_inbox},
	{"overrun by a word, freed into a magazine, by validate", "PPPAA", overrun_by_validate},
	{"overrun by a stride, into the next header", "SSPAA", overrun_stride},
	{"underrun by a byte", "NNAAA", underrun_byte},
	{"underrun by a word", UNDERRUN_WORD, underrun_word},
	{"underrun by a header", "SSPAA", underrun_header},
	{NULL, NULL, NULL},
};

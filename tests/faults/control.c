/* SPDX-License-Identifier: MIT */
/* Words of the allocator itself. */
#include "tests/faults/faults.h"

static struct nh__slot *slot_of(trial *t, void *block)
{
	unsigned klass = (unsigned)nh__load_relaxed(&nh__block_at(block)->owner) - NH__OWNER_LIVE;
	return &heap_of(t, CACHED)->cache[0]->slot[klass];
}

/* Where its word leads, whatever it says now. */
static void *top_of(trial *t, const struct nh__slot *slot)
{
	return nh__payload(nh__chain_top(&heap_of(t, CACHED)->cache[0]->head, slot->cur));
}

/* One bit of a magazine's word, of its count or of its head. */
static void chain_bit(trial *t, unsigned from, unsigned to)
{
	unsigned char *block = take_between(t, CACHED, 40), *first = take_between(t, CACHED, 40);
	struct nh__slot *slot = slot_of(t, block);
	give(t, first);
	give(t, block);
	slot->cur ^= UINT32_C(1) << nht_between(&t->random, from, to);
	expect(t, NH_FAULT_LINK, top_of(t, slot));
	for (unsigned i = 0; i < 4; i++)
		take(t, CACHED, 40);
}

static void chain_count(trial *t)
{
	chain_bit(t, 0, 1);
}

/* A bit that keeps it inside the heap. */
static void chain_head(trial *t)
{
	chain_bit(t, NH__COUNT_BITS, NH__COUNT_BITS + 4u);
}

static void chain_by_validate(trial *t)
{
	unsigned char *block = take_between(t, CACHED, 40), *first = take_between(t, CACHED, 40);
	struct nh__slot *slot = slot_of(t, block);
	give(t, first);
	give(t, block);
	slot->cur ^= UINT32_C(1) << nht_between(&t->random, 0, 31);
	expect(t, NH_FAULT_CORRUPT, top_of(t, slot));
	if (NH_HARDENING < NH_HARDENING_MODERATE) /* links are not checked: further down, where it leaves the heap */
		expect_in(t, NH_FAULT_CORRUPT, NULL, (void *)UINTPTR_MAX);
	ask_validate(t);
}

/* The head of the only list that is not empty leads elsewhere. Returns the block that was the first. */
static struct nh__block *lose_head(trial *t)
{
	struct nh__tlsf *tlsf = &heap_of(t, PLAIN)->tlsf;
	uint16_t *head = tlsf->heads;
	while (*head == 0)
		head++;
	struct nh__block *first = nh__at_offset(tlsf, *head);
	*head = (uint16_t)(*head + nht_between(&t->random, 1, 100));
	expect(t, NH_FAULT_LIST, nh__at_offset(tlsf, *head));
	return first;
}

static void list_head(trial *t)
{
	nh_request request = {.heaps = UINT32_C(1) << PLAIN};
	lose_head(t);
	nh_instance_alloc(t->instance, &request, 300);
}

static void list_head_by_validate(trial *t)
{
	expect(t, NH_FAULT_CORRUPT, lose_head(t));
	ask_validate(t);
}

static void header_by_validate(trial *t)
{
	unsigned char *block = take_between(t, PLAIN, 300);
	struct nh__block *header = nh__block_at(block);
	nh__block_set(header, nh__block_span(header) + (uint32_t)nht_between(&t->random, 1, 5), nh__flags(header));
	/* without starts, where no header is but one should be */
	expect(t, NH_FAULT_CORRUPT, NH_HARDENING >= NH_HARDENING_FULL ? header : nh__block_after(header, nh__block_span(header)));
	ask_validate(t);
}

static void list_links_by_validate(trial *t)
{
	unsigned char *block = take_between(t, PLAIN, 300);
	give(t, block);
	uint32_t *link = (uint32_t *)(void *)block + nht_below(&t->random, 2);
	*link ^= UINT32_C(1) << nht_below(&t->random, 16);
	expect(t, NH_FAULT_CORRUPT, link);
	ask_validate(t);
}

const fault_program control_faults[] = {
	{"magazine word, a bit of the count", "SSAAA", chain_count},
	{"magazine word, a bit of the head", "NNPAA", chain_head},
	{"magazine word, a bit, by validate", "AAAAA", chain_by_validate},
	{"head of a free list", "NNAAA", list_head},
	{"head of a free list, by validate", "AAAAA", list_head_by_validate},
	{"a header's span, by validate", "AAAAA", header_by_validate},
	{"a free block's links, by validate", "AAAAA", list_links_by_validate},
	{NULL, NULL, NULL},
};

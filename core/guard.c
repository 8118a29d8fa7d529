/* SPDX-License-Identifier: MIT */
/* Fill and trailer: see core/guard.h. */
#include "core/guard.h"

#if NH__GUARDED

#include <string.h>

/*
 * `slack`: bytes of the room that were not asked for, the trailer's own among them. `echo`: its complement. Both are
 * mixed with the heap's secret and the address: bytes that come from elsewhere, another trailer among them, do not pass,
 * and an overrun into one half alone is always seen.
 */
#if NH_WIDE
typedef uint32_t half;
#else
typedef uint16_t half;
#endif
#define HALF_MAX ((half)~(half)0)

struct trailer {
	half slack, echo;
};

_Static_assert(sizeof(struct trailer) == NH_TRAILER, "the trailer has the size of a header");

static struct trailer *trailer_of(struct nh__block *block)
{
	return (struct trailer *)((uintptr_t)nh__payload(block) + NH_USABLE(nh__block_span(block)));
}

static uint32_t mask_of(uint32_t secret, const struct nh__block *block)
{
	uint32_t mixed = ((uint32_t)((uintptr_t)block >> NH_GRANULE_SHIFT) ^ secret) * UINT32_C(2246822519);
	return mixed ^ mixed >> 15;
}

static half slack_mask(uint32_t mask)
{
	return (half)(mask >> (32u - 8u * sizeof(half)));
}

static half echo_mask(uint32_t mask)
{
	return (half)(mask << 31 | mask >> 1); /* a rotation; narrow: what slack_mask left */
}

void nh__fill(void *at, size_t bytes)
{
	memset(at, (int)NH__FILL, bytes);
}

const void *nh__first_written(const void *at, size_t bytes)
{
	const uint32_t *word = at;
	for (size_t left = bytes / sizeof *word; left != 0; left--, word++)
		if (NH__UNLIKELY(*word != NH__FILL_WORD))
			return word;
	return NULL;
}

void nh__seal(uint32_t secret, struct nh__block *block, size_t size)
{
	struct trailer *trailer = trailer_of(block);
	size_t slack = NH_ROOM(nh__block_span(block)) - size;
	uint32_t mask = mask_of(secret, block);
	nh__fill((unsigned char *)nh__payload(block) + size, slack - sizeof *trailer);
	if (slack > HALF_MAX) /* never true: halves of 32 bits count all there is; those of narrow headers do not */
		slack = HALF_MAX; /* only behind a shrink that could not cut: what is between is taken for asked for */
	trailer->slack = (half)(slack ^ slack_mask(mask));
	trailer->echo = (half)(~slack ^ echo_mask(mask));
}

const void *nh__seal_broken(uint32_t secret, struct nh__block *block, size_t *size)
{
	const struct trailer *trailer = trailer_of(block);
	size_t room = NH_ROOM(nh__block_span(block));
	uint32_t mask = mask_of(secret, block);
	half slack = (half)(trailer->slack ^ slack_mask(mask));
	if ((half)(trailer->echo ^ echo_mask(mask)) != (half)~slack || slack < sizeof *trailer || slack >= room)
		return trailer;
	*size = room - slack;
	for (const unsigned char *byte = (unsigned char *)nh__payload(block) + *size; byte < (const unsigned char *)trailer; byte++)
		if (NH__UNLIKELY(*byte != NH__FILL))
			return byte;
	return NULL;
}

#endif

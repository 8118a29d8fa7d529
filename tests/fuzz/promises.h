/* SPDX-License-Identifier: MIT */
/* What every parser of regions promises of its result, judged again here, by other means than in check.c. */
#ifndef NHT_FUZZ_PROMISES_H
#define NHT_FUZZ_PROMISES_H

#include "core/compat/regions/source.h"
#include "tests/support/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define FUZZ_MAX 16u
#define FUZZ_UNTOUCHED '\x01'

static inline void fuzz_error_begin(nh_regions_error *error)
{
	memset(error->text, FUZZ_UNTOUCHED, sizeof error->text);
}

static inline void fuzz_judge_text(nh_status status, const nh_regions_error *error)
{
	if (status == NH_OK)
		return;
	const char *end = memchr(error->text, '\0', sizeof error->text);
	NHT_CHECK(end != NULL && end > error->text, "refused without a text");
	for (const char *c = error->text; c < end; c++)
		NHT_CHECK(*c >= ' ' && *c <= '~', "byte %d in a text", *c);
}

/* Accepted entries: every byte of memory is at most one's, and heaps are numbered without a gap. */
static inline void fuzz_judge_entries(const nh_region_entry *entries, unsigned count, uint64_t last)
{
	unsigned heaps = 0, named = 0;
	NHT_CHECK(count <= FUZZ_MAX, "%u entries", count);
	for (unsigned i = 0; i < count; i++) {
		const nh_region_entry *a = &entries[i];
		if (!a->serves)
			continue;
		NHT_CHECK(a->size != 0 && a->base != 0 && a->base <= last && last - a->base >= a->size - 1,
		          "entry %u", i);
		NHT_CHECK(a->heap < NH_MAX_HEAPS, "heap %u", a->heap);
		heaps |= 1u << a->heap;
		named = a->heap >= named ? a->heap + 1 : named;
		for (unsigned k = 0; k < i; k++) {
			const nh_region_entry *b = &entries[k];
			bool apart = a->base < b->base ? b->base - a->base >= a->size
			                               : a->base - b->base >= b->size;
			NHT_CHECK(!b->serves || apart, "entries %u and %u overlap", i, k);
		}
	}
	NHT_CHECK(heaps == (1u << named) - 1u && named > 0, "heaps %x", heaps);
}

/* Both; true if it was accepted. */
static inline bool fuzz_accepted(nh_status status, const nh_regions_error *error, const nh_region_entry *entries, unsigned count)
{
	fuzz_judge_text(status, error);
	if (status == NH_OK)
		fuzz_judge_entries(entries, count, UINT32_MAX);
	return status == NH_OK;
}

/* For what is written and read by nobody. */
static inline FILE *fuzz_nowhere(void)
{
	static FILE *nowhere;
	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	return nowhere;
}

/* An exact copy, so that AddressSanitizer sees who reads on; aligned as malloc aligns. */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
	char *copy = malloc(size == 0 ? 1 : size);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	return copy;
}

#endif

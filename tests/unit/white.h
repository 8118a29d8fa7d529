/* SPDX-License-Identifier: MIT */
/*
 * What the white-box programs (test_core_*.c) share: a TLSF without a heap around it, and a look at
 * its structure. White-box programs include core headers; one that needs static functions of a
 * core file includes that file, and the linker then leaves the library's object of it out.
 */
#ifndef NHT_WHITE_H
#define NHT_WHITE_H

#include "core/guard.h"
#include "core/instance.h"
#include "core/reserve.h"
#include "core/starts.h"
#include "tests/support/env.h"
#include "tests/support/unit.h"

/* Step of exhaustive loops: larger where each turn costs more. */
#ifdef __arm__
#define WHITE_STRIDE 13u
#else
#define WHITE_STRIDE (NHT_TSAN || NHT_ASAN ? 7u : 1u)
#endif

#define WHITE_REGIONS 4u
#define WHITE_SECRET UINT32_C(0x1b5ecafe)

/* Granule 0 of the memory is the origin; regions are placed by granules from there. */
typedef struct white_tlsf {
	struct nh__tlsf tlsf;
	struct nh__region region[WHITE_REGIONS];
	unsigned regions;
	unsigned char *memory;
	size_t granules;
	void *lists;
	size_t lists_size;
} white_tlsf;

/* Memory of `granules`, filled with a pattern; lists fitted to regions of `fitted`. No region yet. */
void white_tlsf_make(white_tlsf *w, size_t granules, uint32_t fitted, bool wide);

/* Forgets all regions, so that the same memory serves a new layout. */
void white_tlsf_again(white_tlsf *w, uint32_t fitted, bool wide);

/* Adds a region of one free block of `span` whose payload is granule `at`, which is 1 at least. */
struct nh__region *white_tlsf_region(white_tlsf *w, size_t at, uint32_t span);

void white_tlsf_drop(white_tlsf *w);

/* The block whose payload is granule `at`. */
struct nh__block *white_at(white_tlsf *w, size_t at);
/* The granule of a block's payload, 0 for NULL. */
size_t white_granule(white_tlsf *w, struct nh__block *block);

/* What the block at this granule says of itself. */
uint32_t white_span(white_tlsf *w, size_t at);
bool white_free(white_tlsf *w, size_t at);

/* A block in hand as its owner leaves it to TLSF: fill from NH_HARDENING_FULL on. */
void white_blank(struct nh__block *block);

/* Granule of what take gives, 0 for none; and its return. */
size_t white_take(white_tlsf *w, uint32_t span, uint32_t align);
void white_give(white_tlsf *w, size_t at);

/* Memory with one region of `span` at granule 1, and lists fitted to it. */
void white_one_region(white_tlsf *w, uint32_t span);

/* Adjacent live blocks from the region's begin on; their granules. */
void white_row(white_tlsf *w, const uint32_t *spans, unsigned count, size_t *at);

/* Makes one list of `count` free blocks of 64 granules, behind a block of 71 that was freed first; the
 * rest of the region is taken. The granule of the 71. */
size_t white_long_list(white_tlsf *w, unsigned count);

/* Every block and level is sound, and the accounts agree with the blocks. NULL or a phrase. */
const char *white_sound(struct nh__tlsf *tlsf);

/* Number of blocks in all regions. */
unsigned white_blocks(struct nh__tlsf *tlsf);

#endif

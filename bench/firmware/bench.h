/* SPDX-License-Identifier: MIT */
/*
 * Cost of single calls on a bare board, see main.c. One call is measured at a time, between bench_begin()
 * and bench_end(); what kind of call it was is known afterwards. Where the board has a counter the image
 * keeps the sums; elsewhere the runner counts, and is told the kinds in order, a letter each.
 */
#ifndef BENCH_H
#define BENCH_H

#include "board.h"

/* Kinds of calls. bench.mjs has the same names in the same order. */
enum bench_kind {
	BENCH_EMPTY,       /* nothing between begin and end: to be subtracted */
	BENCH_PAIR_MALLOC, /* 64 bytes, malloc and free in turn, between blocks that stay */
	BENCH_PAIR_FREE,
	BENCH_ALONE_MALLOC, /* the same, in a heap that is empty otherwise */
	BENCH_ALONE_FREE,
	BENCH_MALLOC_HIT, /* random sizes, 300 blocks live */
	BENCH_MALLOC_MISS,
	BENCH_MALLOC_LARGE, /* of no class */
	BENCH_FREE_HIT,
	BENCH_FREE_OVERFLOW,
	BENCH_FREE_LARGE,
	BENCH_FREE_REMOTE,      /* into a heap that is near to the other CPU */
	BENCH_FREE_REMOTE_FULL, /* and its inbox is full */
	BENCH_FALLBACK,         /* the near heap is full */
	BENCH_RECLAIM,          /* found only after all caches were emptied */
	BENCH_REFUSED,          /* not even then */
	BENCH_KINDS
};

void bench_begin(void);
void bench_end(void);
/* The call that has just ended was of this kind. */
void bench_was(enum bench_kind kind);
/* Prints what was measured. */
void bench_report(void);

#endif

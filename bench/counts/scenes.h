/* SPDX-License-Identifier: MIT */
#ifndef COUNTS_SCENES_H
#define COUNTS_SCENES_H

/* One call or pair of calls each, in one heap of 64 MiB that all CPUs share. */
void count_calls(void);

/* The same operation again and again with more blocks, a larger heap, more heaps. */
void count_growth(void);

#endif

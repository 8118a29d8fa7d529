/* SPDX-License-Identifier: MIT */
/* A fixture for cmocka: one nh_single over memory that was full of something else, and faults are caught. */
#ifndef NHT_SINGLE_H
#define NHT_SINGLE_H

#include <nearheap/single.h>

#define NHT_SINGLE_SIZE ((size_t)4096)

extern unsigned char nht_single_memory[NHT_SINGLE_SIZE];
extern nh_single *nht_single;

int nht_single_set_up(void **state);

/* Fails if a fault was told that no test has cleared. */
int nht_single_tear_down(void **state);

/* The same for tests that damage the heap. */
int nht_single_tear_down_damaged(void **state);

nh_heap_stats nht_single_stats(void);

#endif

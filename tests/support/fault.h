/* SPDX-License-Identifier: MIT */
/*
 * Catches what the library reports. While a catcher is set, reports are recorded and the hook
 * returns, so that the test can look at what the library did next.
 */
#ifndef NHT_FAULT_H
#define NHT_FAULT_H

#include <nearheap/nearheap.h>

#define NHT_FAULTS_KEPT 16u

/* Sets the catcher and forgets what was recorded. */
void nht_fault_catch(void);

/* Restores the library's default and returns how many reports there were. */
unsigned nht_fault_release(void);

/* Sets a hook that fails the program: for tests in which no report may come. */
void nht_fault_forbid(void);

void nht_fault_clear(void);
unsigned nht_fault_count(void);
unsigned nht_fault_count_of(nh_fault_code code);

/* The index-th report since the last clear; NH_FAULT_NONE beyond the last or the kept ones. */
nh_fault nht_fault_get(unsigned index);

#endif

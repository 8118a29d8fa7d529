/* SPDX-License-Identifier: MIT */
/*
 * A stretch that callgrind counts. The reader adds up the instructions of the library's functions alone, so
 * that loops, random numbers and the calls themselves cost nothing.
 */
#ifndef COUNTS_COUNT_H
#define COUNTS_COUNT_H

#include <stdint.h>
#include <stdio.h>
#include <valgrind/callgrind.h>

static inline void count_begin(void)
{
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_ZERO_STATS;
}

/* The result is told per operation. */
static inline void count_end(const char *scene, uint64_t point, uint32_t operations)
{
	char label[80];
	snprintf(label, sizeof label, "%s %llu %u", scene, (unsigned long long)point, (unsigned)operations);
	CALLGRIND_DUMP_STATS_AT(label);
	CALLGRIND_STOP_INSTRUMENTATION;
}

#endif

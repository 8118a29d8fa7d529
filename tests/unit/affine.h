/* SPDX-License-Identifier: MIT */
/* One heap with caches, local to those CPUs that a test says. */
#ifndef NHT_AFFINE_H
#define NHT_AFFINE_H

#include "white.h"

#if NH_CACHES

#define FOR_ALL 0u        /* to every CPU: two magazines, where there are two CPUs */
#define FOR_ONE NH_CPU(0) /* one magazine */

static unit u;
static struct nh__heap *heap;
static struct nh__cache *cache; /* of CPU 0 */

static inline void begin(uint32_t affinity)
{
	const size_t size = 256 * KIB;
	unit_lay_out(&u, 1, &size);
	u.configs[0].affinity = affinity;
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	cache = heap->cache[0];
	assert_non_null(cache);
}

/* For unit_case: the test itself begins. */
static inline int none_yet(void **state)
{
	*state = &u;
	return 0;
}

#endif

#endif

/* SPDX-License-Identifier: MIT */
/* Two heaps whose words are made wrong, for the programs about core/check.c. */
#ifndef NHT_CHECKED_H
#define NHT_CHECKED_H

#include "white.h"

static unit u;
static struct nh__heap *heap, *single;
static struct nh__tlsf *tlsf;
static struct nh__claim *claim;

#define NEAR (NH_CPUS > 1 ? 1u : 0u)

/* Heap 0: two regions, all CPUs. Heap 1: one CPU, another than this. */
static inline int set_up(void **state)
{
	static const size_t sizes[] = {256 * KIB, 64 * KIB, 32 * KIB};
	*state = &u;
	unit_lay_out(&u, 3, sizes);
	u.configs[0].flags = u.configs[1].flags = 0;
	u.configs[1].affinity = NH_CPU(NEAR);
	unit_begin(&u, 2);
	unit_add_region(&u, 0, 2);
	heap = u.instance->heap[0];
	single = u.instance->heap[1];
	tlsf = &heap->tlsf;
	claim = &u.instance->control[0];
	return 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A heap that survives resets, for the programs about it. A reset is played by forgetting the instance: nothing of it, of the
 * control memory or of the caches is used again, as after a real one (tests/retain plays it between any two instructions).
 */
#ifndef NHT_RETAINED_H
#define NHT_RETAINED_H

#include <string.h>

#include "core/retain.h"
#include "tests/support/kept.h"
#include "tests/support/unit.h"

#define SIZE (40 * KIB)
#define SMALL ((size_t)3000)

static unit u;
static _Alignas(64) unsigned char control[8 * KIB + NH_CPUS * 4 * KIB];
static kept table[KEPT];

static inline int lay_out(size_t size)
{
	const size_t sizes[2] = {size, 8 * KIB};
	unit_lay_out(&u, 2, sizes);
	u.configs[0].attributes = NH_ATTR_DMA;
	u.configs[0].flags = NH_HEAP_NOT_DEFAULT;
	memset(u.arena.parts[0].base, 0x3c, size);
	memset(table, 0, sizeof table);
	unit_begin(&u, 0);
	return 0;
}

static inline int set_up(void **state)
{
	*state = &u;
	return lay_out(SIZE);
}

/* Its headers are most of it. */
static inline int set_up_small(void **state)
{
	*state = &u;
	lay_out(SMALL);
	u.configs[0].control = control;
	u.configs[0].control_size = sizeof control;
	return 0;
}

static inline void forget(void)
{
	assert_status(nh_instance_deinit(u.instance), NH_OK);
	unit_begin(&u, 0);
}

static inline nh_retained attach(void)
{
	nh_retained report;
	int heap = -1;
	memset(&report, 0xff, sizeof report);
	assert_status(nh_instance_heap_add_retained(u.instance, &u.configs[0], &heap, &report), NH_OK);
	assert_int_equal(heap, 0);
	return report;
}

static inline nh_retained reset(void)
{
	forget();
	return attach();
}

static inline struct nh__record *record(void)
{
	return nh__record_of(nh__heap_by_id(u.instance, 0));
}

static inline void make(unsigned slot, size_t size)
{
	const nh_request request = {.heaps = 1u};
	table[slot] = (kept){nh_instance_alloc(u.instance, &request, size), size};
	if (table[slot].at != NULL)
		kept_fill(&table[slot], slot);
}

static inline void drop(unsigned slot)
{
	nh_instance_free(u.instance, table[slot].at);
	table[slot].at = NULL;
}

static inline void make_some(void)
{
	static const size_t sizes[] = {24, 40, 100, 24, 300, 8, 700, 24, 60, 129, 24, 16};
	for (unsigned i = 0; i < 12; i++)
		make(i, sizes[i]);
	drop(3);
	drop(6);
	drop(10);
}

static inline void assert_cold(const nh_retained *report, nh_retained_found found)
{
	assert_int_equal(report->found, found);
	assert_int_equal(report->generation, 0);
	assert_int_equal(report->blocks, 0);
	assert_int_equal(report->live, 0);
	assert_null(nh_instance_retained_root(u.instance, 0));
	assert_sound(nht_all_heaps_returned(u.instance));
}

#endif

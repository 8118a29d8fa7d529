/* SPDX-License-Identifier: MIT */
#include "single.h"

#include "fault.h"

#include <string.h>

_Alignas(16) unsigned char nht_single_memory[NHT_SINGLE_SIZE];
nh_single *nht_single;

int nht_single_set_up(void **state)
{
	(void)state;
	memset(nht_single_memory, 0x99, sizeof nht_single_memory);
	nht_fault_catch();
	return nh_single_init(nht_single_memory, sizeof nht_single_memory, &nht_single) == NH_OK ? 0 : -1;
}

int nht_single_tear_down(void **state)
{
	(void)state;
	return nht_fault_release() == 0 ? 0 : -1;
}

int nht_single_tear_down_damaged(void **state)
{
	(void)state;
	nht_fault_release();
	return 0;
}

nh_heap_stats nht_single_stats(void)
{
	nh_heap_stats result;
	nh_single_stats_get(nht_single, &result);
	return result;
}

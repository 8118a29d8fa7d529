/* SPDX-License-Identifier: MIT */
/* nearheap_regions.h - what nearheap_regions() made of the program's source; for nh_regions_init(). */
#ifndef NEARHEAP_REGIONS_GENERATED_H
#define NEARHEAP_REGIONS_GENERATED_H

#include <nearheap/regions.h>

extern const nh_region_table nearheap_regions;

#endif

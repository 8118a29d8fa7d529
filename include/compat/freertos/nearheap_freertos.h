/* SPDX-License-Identifier: MIT */
/*
 * nearheap_freertos.h - what heap_nearheap.c offers beyond FreeRTOS's own functions.
 *
 * The file is added to a FreeRTOS program instead of heap_4.c or heap_5.c; docs/FREERTOS.md has its
 * options and what differs.
 */
#ifndef NEARHEAP_FREERTOS_H
#define NEARHEAP_FREERTOS_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The instance that pvPortMalloc serves from, for nh_instance_alloc() by attribute, nh_instance_walk()
 * ... ; NULL before it is initialised. Anywhere; wait-free. Blocks from nh_instance_ functions may be given
 * to vPortFree() and the other way round, but the figures of xPortGetFreeHeapSize() and its like only count what
 * went through FreeRTOS's functions. */
nh_instance *nh_freertos_instance(void);

#ifdef __cplusplus
}
#endif

#endif

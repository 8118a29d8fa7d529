/* SPDX-License-Identifier: MIT */
/*
 * What heap_nearheap.c needs of FreeRTOS, declared as FreeRTOS publishes it; kernel.c runs it with
 * threads. Nothing of FreeRTOS itself is here.
 */
#ifndef INC_FREERTOS_H
#define INC_FREERTOS_H

#include <stddef.h>
#include <stdint.h>

#include "FreeRTOSConfig.h"

typedef long BaseType_t;
typedef unsigned long UBaseType_t;

/* ---- the port ---------------------------------------------------------------------------- */

#ifndef portBYTE_ALIGNMENT
#define portBYTE_ALIGNMENT 8
#endif

UBaseType_t port_mask_interrupts(void);
void port_unmask_interrupts(UBaseType_t saved);
#define portSET_INTERRUPT_MASK_FROM_ISR() port_mask_interrupts()
#define portCLEAR_INTERRUPT_MASK_FROM_ISR(saved) port_unmask_interrupts(saved)

#if configNUMBER_OF_CORES > 1
BaseType_t port_core_id(void);
#define portGET_CORE_ID() port_core_id()
#endif

/* ---- defaults ---------------------------------------------------------------------------- */

#ifndef configSUPPORT_DYNAMIC_ALLOCATION
#define configSUPPORT_DYNAMIC_ALLOCATION 1
#endif
#ifndef configASSERT
#define configASSERT(x)
#endif
#ifndef traceMALLOC
#define traceMALLOC(pvAddress, uiSize)
#endif
#ifndef traceFREE
#define traceFREE(pvAddress, uiSize)
#endif

/* ---- memory ------------------------------------------------------------------------------ */

typedef struct HeapRegion {
	uint8_t *pucStartAddress;
	size_t xSizeInBytes;
} HeapRegion_t;

typedef struct xHeapStats {
	size_t xAvailableHeapSpaceInBytes;
	size_t xSizeOfLargestFreeBlockInBytes;
	size_t xSizeOfSmallestFreeBlockInBytes;
	size_t xNumberOfFreeBlocks;
	size_t xMinimumEverFreeBytesRemaining;
	size_t xNumberOfSuccessfulAllocations;
	size_t xNumberOfSuccessfulFrees;
} HeapStats_t;

void vPortDefineHeapRegions(const HeapRegion_t *const pxHeapRegions);
void vPortGetHeapStats(HeapStats_t *pxHeapStats);
void *pvPortMalloc(size_t xWantedSize);
void *pvPortCalloc(size_t xNum, size_t xSize);
void vPortFree(void *pv);
void vPortInitialiseBlocks(void);
size_t xPortGetFreeHeapSize(void);
size_t xPortGetMinimumEverFreeHeapSize(void);
void xPortResetHeapMinimumEverFreeHeapSize(void);
void vPortHeapResetState(void);

#endif

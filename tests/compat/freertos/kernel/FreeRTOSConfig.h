/* SPDX-License-Identifier: MIT */
/* As a program has it; what differs between the test programs comes from their command lines. */
#ifndef FREERTOS_CONFIG_H
#define FREERTOS_CONFIG_H

#include <stddef.h>

#ifndef configNUMBER_OF_CORES
#define configNUMBER_OF_CORES 1
#endif

#define configASSERT(x) ((x) ? (void)0 : config_assert_failed())
void config_assert_failed(void);

/* Traces are for programs with one thread. */
#if configNUMBER_OF_CORES == 1
#define traceMALLOC(pvAddress, uiSize) config_trace_malloc((pvAddress), (uiSize))
#define traceFREE(pvAddress, uiSize) config_trace_free((pvAddress), (uiSize))
#endif
void config_trace_malloc(void *address, size_t size);
void config_trace_free(void *address, size_t size);

void vApplicationMallocFailedHook(void);

#endif

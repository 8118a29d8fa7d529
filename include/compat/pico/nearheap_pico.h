/* SPDX-License-Identifier: MIT */
/*
 * nearheap_pico.h - the heap of a program for the Raspberry Pi Pico SDK.
 *
 *     pico_sdk_init()
 *     add_subdirectory(nearheap)
 *     target_link_libraries(app pico_stdlib nearheap_pico)
 *
 * That is all: malloc() and its family, new and delete are served from the memory that the SDK's linker
 * script leaves, on both cores and in interrupt handlers, from the first constructor on.
 * What follows is for programs that want it otherwise. docs/PICO.md has the memory map.
 */
#ifndef NEARHEAP_PICO_H
#define NEARHEAP_PICO_H

#include <nearheap/nearheap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fills in the heaps to start with, at most `room`, and returns how many. The default:
 *
 *   "striped"    end ... __StackLimit                    NH_ATTR_DMA, both cores
 *   "scratch_y"  __scratch_y_end__ ... __StackBottom     NH_ATTR_DMA | NH_ATTR_FAST, core 0, on request only
 *   "scratch_x"  __scratch_x_end__ ... __StackOneBottom  the same, core 1
 *
 * A program may define its own. Called once, before constructors, on the core that allocates
 * first; it must not allocate. A heap that is too small is left out, any other error is a panic().
 *
 * Here as later, nh_heap_add() and nh_region_add() check against the image: NH_EOVERLAP for code, data and stacks,
 * NH_ERANGE for what is not SRAM. Memory elsewhere (PSRAM) needs NH_ATTR_EXTERNAL, and as a region a heap that has it. */
unsigned nh_pico_heaps(nh_heap_config *heaps, unsigned room);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/* Stand-in: the second core and its mailbox. */
#ifndef _PICO_MULTICORE_H
#define _PICO_MULTICORE_H

#include <pico.h>

#ifdef __cplusplus
extern "C" {
#endif

void multicore_launch_core1(void (*entry)(void));
void multicore_fifo_push_blocking(uint32_t data);
uint32_t multicore_fifo_pop_blocking(void);

#ifdef __cplusplus
}
#endif

#endif

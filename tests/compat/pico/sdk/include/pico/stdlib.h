/* SPDX-License-Identifier: MIT */
/* Stand-in. */
#ifndef _PICO_STDLIB_H
#define _PICO_STDLIB_H

#include <pico.h>

#ifdef __cplusplus
extern "C" {
#endif

bool stdio_init_all(void);

static inline void tight_loop_contents(void)
{
}

#ifdef __cplusplus
}
#endif

#endif

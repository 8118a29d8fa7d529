/* SPDX-License-Identifier: MIT */
/* Stand-in: what may be configured of the wrappers of malloc. */
#ifndef _PICO_MALLOC_H
#define _PICO_MALLOC_H

#ifndef PICO_USE_MALLOC_MUTEX
#define PICO_USE_MALLOC_MUTEX 1
#endif
#ifndef PICO_MALLOC_PANIC
#define PICO_MALLOC_PANIC 1
#endif

#endif

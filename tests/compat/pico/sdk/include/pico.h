/* SPDX-License-Identifier: MIT */
/* Stand-in: types, panic, the core's number. */
#ifndef _PICO_H
#define _PICO_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned int uint;

#define NUM_CORES 2u
#define __unused __attribute__((unused))
#define WRAPPER_FUNC(x) __wrap_##x
#define REAL_FUNC(x) __real_##x

/* A program may name a function of its own: PICO_PANIC_FUNCTION. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static inline uint get_core_num(void)
{
	return *(volatile uint32_t *)0xd0000000u;
}

#ifdef __cplusplus
}
#endif

#endif

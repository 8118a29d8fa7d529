/* SPDX-License-Identifier: MIT */
/* Parts of the program. */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHECK(condition) ((condition) ? (void)0 : app_failed(__FILE__, __LINE__, #condition))

void app_failed(const char *file, int line, const char *what) __attribute__((noreturn));

/* ---- work.c: both cores, through newlib's own functions ---------------------------------- */

/* Blocks of many sizes, strings made by newlib, blocks that the other core frees. */
void work(unsigned rounds);
/* What only core 0 may do, since newlib shares its files. */
void work_files(void);

/* ---- objects.cpp ------------------------------------------------------------------------- */

/* What a static constructor allocated was there before main and is as it was. */
bool objects_from_constructor(void);
void objects_new_and_delete(void);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/* Sources as text, and what must be said of them. */
#ifndef TEXTS_H
#define TEXTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/compat/regions/source.h"

/* A mistake, and the whole text of its refusal. */
struct mistake {
	const char *text, *refusal;
};

/* An exact copy without a terminator, so that a sanitizer sees who reads on. */
static inline char *exact(const char *text, size_t length)
{
	char *copy = malloc(length == 0 ? 1 : length);
	memcpy(copy, text, length);
	return copy;
}

#endif

/* SPDX-License-Identifier: MIT */
/* CHECK for what runs as a cmocka program and as an image. */
#ifndef CHECK_H
#define CHECK_H

#ifdef NHT_ON_BOARD
#include "board.h"
#define CHECK(condition) BOARD_CHECK(condition)
#else
#include "tests/support/unit.h"
#define CHECK(condition) assert_true(condition)
#endif

/* family.c: the default instance is initialised, nobody else is active. */
void check_sizes(void);
void check_alignment(void);
void check_resizing(void);
void check_exhaustion(void);

/* How often nh_exhausted was called, and with what. */
extern unsigned exhausted_calls;
extern size_t exhausted_size;

#endif

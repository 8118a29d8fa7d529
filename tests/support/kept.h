/* SPDX-License-Identifier: MIT */
/* What a program knows of its blocks in a retained heap, compared with what a reset left of them. */
#ifndef NHT_KEPT_H
#define NHT_KEPT_H

#include <nearheap/nearheap.h>
#include <stdbool.h>
#include <stddef.h>

#define KEPT 64u

/* at NULL: nothing in this slot. */
typedef struct kept {
	unsigned char *at;
	size_t size;
} kept;

/* Bytes that tell by slot and place. */
void kept_fill(const kept *known, unsigned slot);
/* Its first `size` bytes are as they were filled. */
bool kept_holds(const kept *known, unsigned slot, size_t size);

/* Every known block is live and holds, but for slot `in_hand` (KEPT: none); at most `others` more are live; statistics and validate
 * agree. NULL, or what is wrong. */
const char *kept_all(nh_instance *instance, int heap, const kept *table, unsigned in_hand, unsigned others);

/* Frees all that is live; then nothing may be missing. */
const char *kept_end(nh_instance *instance, int heap);

#endif

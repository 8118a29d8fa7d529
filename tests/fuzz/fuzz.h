/* SPDX-License-Identifier: MIT */
/*
 * A parser under fuzz: one function that takes any bytes, and fails (nht_fail) if the parser breaks a
 * promise: it accepted what cannot be, or refused without a text.
 */
#ifndef NHT_FUZZ_H
#define NHT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's name for it; replay.c calls the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/* Heaps for the model (tests/model) that an input chooses. */
#ifndef NHT_FUZZ_SETUPS_H
#define NHT_FUZZ_SETUPS_H

#include "tests/model/model.h"

#include "fuzz.h"

/* More operations than inputs have bytes for. */
#define FUZZ_STEPS ((size_t)4096)

/* An input of no bytes is an input. */
void fuzz_begin(nht_random *random, const uint8_t *data, size_t size);

/* Up to `most` heaps, each with up to three regions, some of which are added later. */
void fuzz_setup(model_setup *setup, nht_random *random, unsigned most);

/* Damage: one bit, or up to 4 KiB of the `left` bytes from `at` on; what is 8 bytes before may be copied. */
void fuzz_change(nht_random *random, unsigned char *at, size_t left);

#endif

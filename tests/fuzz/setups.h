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

#endif

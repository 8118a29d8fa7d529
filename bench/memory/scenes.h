/* SPDX-License-Identifier: MIT */
/* What is measured; each scene prints one line of JSON. */
#ifndef MEMORY_SCENES_H
#define MEMORY_SCENES_H

#include "population.h"

/* The live share is the sum of what was asked for, as a part of the whole region: control memory, headers,
 * rounding, caches and holes are all loss. */

/* Share at the first allocation that fails. */
void scene_fill(struct run *run, uint32_t seed, uint32_t replacements);

/* The same where one block in three is freed again at once, at random. */
void scene_churn(struct run *run, uint32_t seed, uint32_t replacements);

/* The largest share, in steps of half a percent (1 and 2 in small heaps), at which so many blocks are replaced at
 * random and no allocation fails. */
void scene_sustained(struct run *run, uint32_t seed, uint32_t replacements);

/* The same for the firmware-like mix. */
void scene_phases(struct run *run, uint32_t seed, uint32_t replacements);

/* While so many blocks are replaced at a share of 60 %: the largest free block as a part of all that is not live,
 * caches included; mean of many looks. */
void scene_contiguity(struct run *run, uint32_t seed, uint32_t replacements);

/* Of an empty heap: control memory, and the largest block it gives; then of a full one: what a block costs
 * beyond its usable bytes. */
void scene_bytes(struct run *run, uint32_t seed, uint32_t replacements);

#endif

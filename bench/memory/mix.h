/* SPDX-License-Identifier: MIT */
/* What programs ask for, and for how long. */
#ifndef MEMORY_MIX_H
#define MEMORY_MIX_H

#include <stdint.h>

#define MIX_FOR_EVER UINT32_MAX

struct wish {
	uint32_t size;
	uint32_t life; /* in allocations of anybody; MIX_FOR_EVER: until room is needed */
};

/* 80 % of 8 to 64 bytes, 20 % of 128 to 1536; they live until room is needed. */
struct wish mix_random(uint32_t *random, uint32_t now);

/* Firmware in phases of 20,000 allocations: messages and packets that die young, records of a few sizes that
 * stay for thousands of allocations, now and then a buffer, and what is never given back of its own accord. Which
 * of them prevail, and in which sizes, changes with the phase. */
struct wish mix_firmware(uint32_t *random, uint32_t now);

#endif

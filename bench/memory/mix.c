/* SPDX-License-Identifier: MIT */
/* See mix.h. */
#include "mix.h"
#include "bench/demo/pattern.h"

#define PHASES 3u
#define PHASE_LENGTH 20000u
#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

enum kind { MESSAGE, PACKET, RECORD, BUFFER, SETTLED, KINDS };

/* In percent, by phase: idle, traffic, start of a service. */
static const uint8_t parts[PHASES][KINDS] = {
	{ 50, 20, 24, 2, 4 },
	{ 60, 25, 10, 1, 4 },
	{ 30, 20, 42, 3, 5 },
};

static const uint32_t mean_life[KINDS] = { 20, 50, 5000, 10000, 200000 };

static const uint16_t packets[] = { 128, 256, 300, 512, 600, 1024, 1514, 1536 };
static const uint16_t records[] = { 12, 16, 20, 24, 32, 40, 48, 56, 72, 96, 120, 200 };

/* Each phase uses a part of the sizes of its own. */
static uint32_t one_of(uint32_t *random, const uint16_t *sizes, uint32_t count, uint32_t phase)
{
	return sizes[(demo_between(random, 0, count * 2u / 3u) + phase * 3u) % count];
}

struct wish mix_random(uint32_t *random, uint32_t now)
{
	(void)now;
	const uint32_t size = demo_between(random, 1, 100) <= 80 ? demo_between(random, 8, 64)
	                                                         : demo_between(random, 128, 1536);
	return (struct wish){ .size = size, .life = MIX_FOR_EVER };
}

static enum kind kind_of(uint32_t *random, uint32_t phase)
{
	uint32_t left = demo_between(random, 0, 99);
	unsigned kind = MESSAGE;
	while (left >= parts[phase][kind])
		left -= parts[phase][kind++];
	return (enum kind)kind;
}

struct wish mix_firmware(uint32_t *random, uint32_t now)
{
	const uint32_t phase = now / PHASE_LENGTH % PHASES;
	const enum kind kind = kind_of(random, phase);
	struct wish wish = { .life = demo_between(random, 1, 2u * mean_life[kind]) };
	switch (kind) {
	case MESSAGE:
		wish.size = demo_between(random, 4, 36u + 16u * phase);
		break;
	case PACKET:
		wish.size = one_of(random, packets, COUNT(packets), phase);
		break;
	case BUFFER:
		wish.size = demo_between(random, 600, 2100);
		break;
	default:
		wish.size = one_of(random, records, COUNT(records), phase);
		break;
	}
	return wish;
}

/* SPDX-License-Identifier: MIT */
#include "setups.h"

#include <string.h>

#define KIB ((size_t)1024)

/* Heaps with caches begin at 16 KiB, or lower where a build says so. */
static const size_t sizes[] = { 200, 700, 2 * KIB, 3 * KIB, 5 * KIB, 9 * KIB, 18 * KIB, 36 * KIB };
#define SIZES (sizeof sizes / sizeof sizes[0])
#define HEADS_FROM                                                                                           \
	(12 * KIB) /* smaller ones get control memory from elsewhere: it may be more than they have */

static const uint32_t attributes[] = {
	0,
	0,
	NH_ATTR_DMA,
	NH_ATTR_DMA | NH_ATTR_FAST,
	NH_ATTR_FAST | NH_ATTR_USER(3),
	NH_ATTR_EXEC,
	NH_ATTR_USER(3) | NH_ATTR_DMA,
	NH_ATTR_EXTERNAL,
};

/* Affinities must name a configured CPU. */
#define ON(cpu) NH_CPU((cpu) % NH_CPUS)
static const uint32_t affinities[] = { 0, 0, ON(0), ON(1), ON(0) | ON(1), ON(2), ON(1) | ON(3), UINT32_MAX };

void fuzz_begin(nht_random *random, const uint8_t *data, size_t size)
{
	static const uint8_t none[1];
	nht_random_bytes(random, size == 0 ? none : data, size);
}

static void choose_heap(model_heap *heap, nht_random *random)
{
	unsigned regions = 1u + (unsigned)nht_below(random, MODEL_REGIONS - 1u);
	heap->regions[0] = sizes[nht_below(random, SIZES)] + nht_below(random, 32);
	for (unsigned i = 1; i < regions; i++)
		heap->regions[i] = sizes[nht_below(random, SIZES / 2u)] + nht_below(random, 32);
	heap->attributes = attributes[nht_below(random, sizeof attributes / sizeof attributes[0])];
	heap->affinity = affinities[nht_below(random, sizeof affinities / sizeof affinities[0])];
	heap->flags = (uint32_t)nht_below(random, 4);
	heap->control_apart = heap->regions[0] < HEADS_FROM || heap->attributes == NH_ATTR_EXTERNAL ||
	                      nht_chance(random, 30);
}

void fuzz_setup(model_setup *setup, nht_random *random, unsigned most)
{
	memset(setup, 0, sizeof *setup);
	setup->name = "an input";
	setup->heap_count = 1u + (unsigned)nht_below(random, most);
	for (unsigned heap = 0; heap < setup->heap_count; heap++)
		choose_heap(&setup->heaps[heap], random);
	setup->initial = (unsigned)nht_below(random, setup->heap_count + 1u);
	setup->cpus = NH_CPUS < 4 ? NH_CPUS : 4;
	setup->batch = 16;
	setup->limit = 1024;
	setup->small = (unsigned)nht_below(random, 100);
	setup->upkeep = 80;
	setup->watch = nht_chance(random, 50);
	setup->odd = nht_chance(random, 50);
}

void fuzz_change(nht_random *random, unsigned char *at, size_t left)
{
	size_t kind = nht_below(random, 8), size = kind < 4 ? (size_t)1 << kind : 16u;
	uint32_t word;
	if (size > left)
		size = left;
	switch (kind) {
	case 4: /* a number that limits are compared with */
		word = (uint32_t)(UINT64_C(0x100000000) >> nht_below(random, 33)) -
		       (uint32_t)nht_below(random, 3);
		memcpy(at, &word, left < sizeof word ? left : sizeof word);
		break;
	case 5: /* the same structure from elsewhere */
		memmove(at, at - (size < 8 ? 0 : 8), size);
		break;
	case 6:
		at[0] ^= (unsigned char)(1u << nht_below(random, 8));
		break;
	case 7:
		size = 1u + nht_below(random, left < 4096 ? left : 4096);
		memset(at, (int)nht_below(random, 256), size);
		break;
	default:
		for (size_t i = 0; i < size; i++)
			at[i] = (unsigned char)nht_below(random, 256);
	}
}

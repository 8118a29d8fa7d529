/* SPDX-License-Identifier: MIT */
/*
 * One heap of each size that matters, with caches and without: 128 bytes is the least that can
 * hold anything, 16 KiB the most that gets no caches by default, 192 KiB a microcontroller's SRAM,
 * 64 MiB what only wide headers or several regions can hold.
 */
#include "model.h"

#define KIB ((size_t)1024)
#define MIB (KIB * 1024u)

/* A narrow header counts 22 bits of granules; two regions make the same heap there. */
#if NH_64BIT || NH_WIDE_HEADER
#define LARGE SPAN(64 * MIB)
#else
#define LARGE SPAN(32 * MIB - 4096, 32 * MIB - 4096)
#endif

#define CPUS (NH_CPUS < 4 ? NH_CPUS : 4)

#define ONE(label, regions_, flags_, apart, operations_, batch_, limit_, small_, watch_, odd_)            \
	{                                                                                           \
		.name = label, .heaps = {{regions_, 0, 0, flags_, apart}}, .heap_count = 1, .initial = 1, \
		.cpus = CPUS, .operations = operations_, .batch = batch_, .limit = limit_,          \
		.small = small_, .watch = watch_, .odd = odd_                                       \
	}
#define SPAN(...) {__VA_ARGS__}

static const model_setup setups[] = {
	ONE("128 B", SPAN(128), 0, true, 60000, 64, 16, 90, true, false),
	ONE("128 B, odd, no caches", SPAN(131), NH_HEAP_NO_CACHES, true, 60000, 64, 16, 90, true, true),
	ONE("1 KiB", SPAN(1 * KIB), 0, true, 60000, 64, 64, 70, true, true),
	ONE("4 KiB", SPAN(4 * KIB), 0, false, 80000, 128, 256, 60, true, false),
	ONE("4 KiB, no caches, 2 regions", SPAN(3 * KIB, 1 * KIB), NH_HEAP_NO_CACHES, false, 80000, 128, 256, 60, true, true),
	ONE("16 KiB", SPAN(16 * KIB), 0, false, 100000, 256, 1024, 60, false, true),
	ONE("17 KiB in 3 regions", SPAN(17 * KIB, 4 * KIB, 600), 0, false, 150000, 256, 1024, 60, false, true),
	ONE("48 KiB", SPAN(48 * KIB), 0, false, 300000, 512, 2048, 75, false, false),
	ONE("192 KiB", SPAN(192 * KIB), 0, false, 600000, 2048, 8192, 75, false, false),
	ONE("192 KiB, small blocks", SPAN(192 * KIB), 0, false, 600000, 2048, 8192, 97, false, true),
	ONE("192 KiB, no caches", SPAN(192 * KIB), NH_HEAP_NO_CACHES, false, 300000, 2048, 8192, 75, false, true),
	ONE("64 MiB", LARGE, 0, false, 200000, 8192, 30000, 85, false, false),
	ONE("64 MiB, no caches", LARGE, NH_HEAP_NO_CACHES, true, 100000, 8192, 30000, 85, false, true),
};

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	for (unsigned i = 0; i < sizeof setups / sizeof setups[0]; i++)
		model_run(&setups[i], nht_seed() + i);
	return 0;
}

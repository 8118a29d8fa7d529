/* SPDX-License-Identifier: MIT */
/*
 * Several heaps with attributes and affinity, some added at run time, from several CPUs: the
 * choice of the heap is compared with the rules, call by call where the setup says watch.
 */
#include "model.h"

#define KIB ((size_t)1024)
#define CPUS (NH_CPUS < 4 ? NH_CPUS : 4)

/* Affinities must name a configured CPU. */
#define ON(cpu) NH_CPU((cpu) % NH_CPUS)

#define DMA NH_ATTR_DMA
#define FAST NH_ATTR_FAST
#define EXEC NH_ATTR_EXEC
#define EXTERNAL NH_ATTR_EXTERNAL
#define USER NH_ATTR_USER(3)

/* The banks of a two-core microcontroller, four cores instead of two, and a PSRAM. */
#define BANKS(unit)                                                                        \
	{                                                                                  \
		{{4 * (unit), 2 * (unit), 0, 0}, DMA | EXEC, 0, 0, false},                 \
		{{2 * (unit), 0, 0, 0}, DMA | FAST, ON(0), 0, false},                      \
		{{2 * (unit), 0, 0, 0}, DMA | FAST, ON(1), 0, false},                      \
		{{2 * (unit), (unit), 0, 0}, FAST | USER, ON(2) | ON(3), 0, false},        \
		{{3 * (unit), 0, 0, 0}, USER, 0, NH_HEAP_NOT_DEFAULT, false},              \
		{{6 * (unit), 3 * (unit), 0, 0}, EXTERNAL, 0, NH_HEAP_NOT_DEFAULT, true},  \
		{{2 * (unit), 0, 0, 0}, DMA | USER, ON(1), NH_HEAP_NO_CACHES, false},      \
	}
#define BANK_COUNT 7

static const model_setup setups[] = {
	{.name = "banks of 2 KiB, watched", .heaps = BANKS(2 * KIB), .heap_count = BANK_COUNT, .initial = 3,
	 .cpus = CPUS, .operations = 30000, .batch = 256, .limit = 2048, .small = 50, .watch = true, .odd = true},
	{.name = "banks of 10 KiB, watched", .heaps = BANKS(10 * KIB), .heap_count = BANK_COUNT, .initial = BANK_COUNT,
	 .cpus = CPUS, .operations = 15000, .batch = 512, .limit = 4096, .small = 70, .watch = true, .odd = false},
	{.name = "banks of 24 KiB", .heaps = BANKS(24 * KIB), .heap_count = BANK_COUNT, .initial = 0,
	 .cpus = CPUS, .operations = 300000, .batch = 1024, .limit = 8192, .small = 85, .watch = false, .odd = true},
	{.name = "two local heaps, inbox", .heaps = {{{40 * KIB, 0, 0, 0}, 0, ON(0), 0, false},
	                                           {{40 * KIB, 0, 0, 0}, 0, ON(1) | ON(2), 0, false}},
	 .heap_count = 2, .initial = 2, .cpus = CPUS, .operations = 300000, .batch = 512, .limit = 4096, .small = 95,
	 .watch = false, .odd = false},
};

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	for (unsigned i = 0; i < sizeof setups / sizeof setups[0]; i++)
		if (setups[i].heap_count <= NH_MAX_HEAPS)
			model_run(&setups[i], nht_seed() + 100u + i);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The scenarios: one line of threads each; the language is in scenario.h. Spans on the host: 2, 3 and 5 granules. */
#include "scenario.h"


const struct ex_scenario ex_scenarios[] = {
	{ .name = "two", .about = "two CPUs, memory for two blocks, which one CPU has cached",
	  .heap = { { 4, NH_CPU(0) | NH_CPU(1) } }, .threads = { "0:aaff|afaf", "1:|afaf" },
	  .credits = 2, .cap = 2, .runs = 200000 },
	{ .name = "idle", .about = "the memory is in the cache of a CPU that does nothing",
	  .heap = { { 4, NH_CPU(0) | NH_CPU(1) | NH_CPU(2) } }, .threads = { "0:|afa", "1:|af", "2:aaff|" },
	  .credits = 2, .cap = 2, .runs = 200000 },
	{ .name = "inbox", .about = "a CPU that is not local allocates and frees: through the inbox",
	  .heap = { { 4, NH_CPU(0) } }, .threads = { "0:aaff|afaf", "1:|afaf" },
	  .credits = 2, .cap = 2, .runs = 200000 },
};
const unsigned ex_scenario_count = sizeof ex_scenarios / sizeof ex_scenarios[0];

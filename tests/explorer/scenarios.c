/* SPDX-License-Identifier: MIT */
/*
 * The scenarios; the language of their threads is in scenario.h. On 64-bit hosts a block of the first class has 2 granules,
 * of the second 3, a large one 5: a region of 4 granules is memory for two blocks of the first class.
 */
#include "scenario.h"

#define C0 NH_CPU(0)
#define C01 (NH_CPU(0) | NH_CPU(1))
#define C012 (NH_CPU(0) | NH_CPU(1) | NH_CPU(2))

const struct ex_scenario ex_scenarios[] = {
	/* ---- caches and reclaim ---- */
	{ .name = "two", .about = "two CPUs want two blocks, which one of them has cached", .heap = { { 4, C01 } },
	  .threads = { "0:aaff|afaf", "1:|afaf" }, .credits = 2, .cap = 2, .runs = 20000 },
	{ .name = "grow", .about = "the same, and magazines begin with no room", .heap = { { 4, C01 } },
	  .threads = { "0:|afaf", "1:|afaf" }, .credits = 2, .runs = 20000 },
	{ .name = "idle", .about = "the memory is in the cache of a CPU that does nothing", .heap = { { 4, C012 } },
	  .threads = { "0:|afa", "1:|af", "2:aaff|" }, .credits = 2, .cap = 2, .runs = 40000 },
	{ .name = "three", .about = "three CPUs, two blocks", .heap = { { 4, C012 } },
	  .threads = { "0:aaff|af", "1:|af", "2:|af" }, .credits = 2, .cap = 2, .runs = 40000 },
	{ .name = "helpers", .about = "three CPUs reclaim at once, and help each other", .heap = { { 6, C012 } },
	  .threads = { "0:|a", "1:|a", "2:aaafff|af" }, .credits = 3, .cap = 2, .runs = 40000 },
	{ .name = "classes", .about = "what one class has cached, the other needs", .heap = { { 6, C01 } },
	  .threads = { "0:aaff|bf", "1:bf|aaff" }, .cap = 2, .runs = 40000 },
	{ .name = "thaw", .about = "frees open the caches under a waiter who sees nothing of it", .heap = { { 8, C01 } },
	  .threads = { "0:|aaff", "1:aaaa|ffffa" }, .cap = 1, .runs = 20000 },
	{ .name = "trim", .about = "trim while others allocate and free", .heap = { { 4, C01 } },
	  .threads = { "0:aaff|afaf", "1:|taf" }, .credits = 2, .cap = 2, .runs = 20000 },
	{ .name = "trims", .about = "two trims at once", .heap = { { 4, C01 } },
	  .threads = { "0:aaff|aft", "1:|t" }, .credits = 2, .cap = 2, .runs = 20000 },
	{ .name = "hurry", .about = "requests that may not reclaim", .heap = { { 4, C01 } },
	  .threads = { "0:aaff|nfnf", "1:|anff" }, .cap = 2, .runs = 20000 },
	/* ---- depot ---- */
	{ .name = "depot", .about = "full magazines go to the depot while a reclaim takes it all", .heap = { { 6, C01 } },
	  .threads = { "0:aaa|fff", "1:|afa" }, .credits = 3, .cap = 1, .runs = 20000 },
	{ .name = "exchange", .about = "one CPU fills the depot, the other empties it", .heap = { { 8, C01 } },
	  .threads = { "0:aaaa|ffff", "1:|aaff" }, .credits = 4, .cap = 1, .runs = 20000 },
	{ .name = "depot3", .about = "three CPUs at the depot", .heap = { { 8, C012 } },
	  .threads = { "0:aaa|fff", "1:|aaf", "2:|af" }, .credits = 4, .cap = 1, .runs = 40000 },
	/* ---- inbox ---- */
	{ .name = "inbox", .about = "a CPU that is not local frees through the inbox", .heap = { { 4, C0 } },
	  .threads = { "0:aaff|afaf", "1:|afaf" }, .credits = 2, .cap = 2, .runs = 20000 },
	{ .name = "inbox3", .about = "two CPUs push into one inbox, its owner takes it", .heap = { { 6, C0 } },
	  .threads = { "0:a|fafa", "1:a|f", "2:a|f" }, .credits = 3, .cap = 2, .runs = 40000 },
	{ .name = "push", .about = "pushes against a reclaim", .heap = { { 6, C0 } },
	  .threads = { "0:aaff|a", "1:a|faf", "2:|af" }, .credits = 3, .cap = 2, .runs = 40000 },
	{ .name = "pushes", .about = "two that push, and one of them reclaims", .heap = { { 6, C0 } },
	  .threads = { "0:af|", "1:a|fa", "2:a|fa" }, .credits = 3, .cap = 2, .runs = 40000 },
	{ .name = "mail", .about = "blocks are handed over and freed by the other CPU", .heap = { { 4, C0 } },
	  .threads = { "0:|apapaf", "1:|cfcf" }, .credits = 2, .cap = 2, .runs = 20000 },
	/* ---- tasks and interrupts ---- */
	{ .name = "tasks", .about = "two tasks of one CPU preempt each other", .heap = { { 4, C01 } },
	  .threads = { "0:|af", "0:|af", "1:aaff|af" }, .credits = 2, .cap = 2, .runs = 40000 },
	{ .name = "urgent", .about = "a task of higher priority comes in anywhere", .heap = { { 4, C01 } },
	  .threads = { "0:|af", "0h:|af", "1:aaff|af" }, .credits = 2, .cap = 2, .runs = 40000 },
	{ .name = "handler", .about = "an interrupt handler allocates and frees", .heap = { { 6, C01 } },
	  .threads = { "0:aaff|afaf", "0i:|af", "1:|af" }, .credits = 3, .cap = 2, .runs = 40000 },
	{ .name = "handlers", .about = "handlers on two CPUs, one of them not local", .heap = { { 6, C0 } },
	  .threads = { "0:aff|af", "0i:|af", "1:a|f", "1i:|af" }, .credits = 4, .cap = 2, .runs = 40000 },
	{ .name = "migrate", .about = "a task moves to the other CPU in the middle of an operation", .heap = { { 4, C01 } },
	  .threads = { "0:aaff|afaf", "1:|af", "m0>1" }, .credits = 2, .cap = 2, .runs = 40000 },
	{ .name = "leave", .about = "a task moves to a CPU the heap is not local to", .heap = { { 4, C0 } },
	  .threads = { "0:aff|afaf", "1:|af", "m0>1" }, .credits = 2, .cap = 2, .runs = 40000 },
	/* ---- other operations ---- */
	{ .name = "realloc", .about = "blocks that grow and shrink beside others", .heap = { { 8, C01 } },
	  .threads = { "0:a|rRf", "1:|afaf" }, .cap = 2, .runs = 20000 },
	{ .name = "moves", .about = "a block must move, and takes what others have cached", .heap = { { 7, C01 } },
	  .threads = { "0:aa|rff", "1:af|ar" }, .cap = 2, .runs = 20000 },
	{ .name = "aligned", .about = "aligned and large blocks out of what is cached", .heap = { { 11, C01 } },
	  .threads = { "0:aaff|Aflf", "1:aab|ffzf" }, .cap = 2, .runs = 20000 },
	{ .name = "validate", .about = "validate in slices while others allocate", .heap = { { 8, C01 } },
	  .threads = { "0:aaff|abff", "1:a|vf" }, .cap = 2, .runs = 20000 },
	{ .name = "walk", .about = "walk and statistics, one takes over from the other", .heap = { { 8, C01 } },
	  .threads = { "0:aaff|afs", "1:a|wf" }, .cap = 2, .runs = 20000 },
	/* ---- several heaps ---- */
	{ .name = "heaps", .about = "two heaps, each with a block in the other CPU's cache",
	  .heap = { { 2, NH_CPU(0) }, { 2, NH_CPU(1) } }, .threads = { "0:af|aaff", "1:af|af" }, .credits = 2, .cap = 2,
	  .runs = 40000 },
	{ .name = "heaps3", .about = "two heaps, three CPUs: the double check",
	  .heap = { { 2, NH_CPU(0) }, { 2, NH_CPU(1) } }, .threads = { "0:af|af", "1:af|af", "2:|af" }, .credits = 2,
	  .cap = 2, .runs = 40000 },
	{ .name = "region-add", .about = "a region is added to a heap that has nothing left", .heap = { { 4, C01 } },
	  .threads = { "0:aaff|aaafff", "1:|Gaf" }, .cap = 2, .runs = 20000 },
	{ .name = "heap-add", .about = "a heap is added when there is nothing left", .heap = { { 4, C01 } },
	  .threads = { "0:aaff|aaafff", "1:|Haf" }, .cap = 2, .runs = 20000 },
	{ .name = "heap-adds", .about = "two CPUs add, a third allocates", .heap = { { 2, C01 } },
	  .threads = { "0:|Haf", "1:|G", "2:|aff" }, .cap = 2, .runs = 20000 },
	/* ---- CPUs that die ---- */
	{ .name = "killed", .about = "a CPU dies anywhere; the other keeps its fast path", .heap = { { 12, C01 } },
	  .threads = { "0:aaff|afaf", "1:aaf|faaff", "k1" }, .cap = 2, .runs = 40000 },
	{ .name = "killed-depot", .about = "a CPU dies at the depot", .heap = { { 16, C01 } },
	  .threads = { "0:af|af", "1:aaaaa|ffffaaa", "k1" }, .cap = 1, .runs = 40000 },
	{ .name = "killed-inbox", .about = "a CPU dies while it pushes; the other takes the inbox", .heap = { { 12, C0 } },
	  .threads = { "0:af|aaff", "1:aa|ff", "k1" }, .cap = 2, .runs = 40000 },
};
const unsigned ex_scenario_count = sizeof ex_scenarios / sizeof ex_scenarios[0];

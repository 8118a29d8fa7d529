/* SPDX-License-Identifier: MIT */
/*
 * Memory that programs get out of a heap, see scenes.h:
 *
 *     memory SCENE HEAP_BYTES CPUS REPLACEMENTS FIRST_SEED SEEDS
 *
 * Prints a line of JSON per seed. Exit status: 0 measured, 2 it could not be.
 */
#include "scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	void (*play)(struct run *run, uint32_t seed, uint32_t replacements);
} scenes[] = {
	{ "fill", scene_fill },     { "churn", scene_churn },           { "sustained", scene_sustained },
	{ "phases", scene_phases }, { "contiguity", scene_contiguity }, { "bytes", scene_bytes },
};

static uint32_t number(const char *text)
{
	char *end = NULL;
	const unsigned long value = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || value == 0 || value > UINT32_MAX) {
		fprintf(stderr, "memory: '%s' is not a positive number\n", text);
		exit(2);
	}
	return (uint32_t)value;
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fputs("memory SCENE HEAP_BYTES CPUS REPLACEMENTS FIRST_SEED SEEDS\n", stderr);
		return 2;
	}
	struct run run = { .heap_size = number(argv[2]), .cpus = number(argv[3]) };
	const uint32_t replacements = number(argv[4]), first = number(argv[5]), seeds = number(argv[6]);
	if (run.cpus > NH_CPUS) {
		fprintf(stderr, "memory: %u CPUs, compiled for %u\n", run.cpus, (unsigned)NH_CPUS);
		return 2;
	}
	for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
		if (strcmp(argv[1], scenes[i].name) != 0)
			continue;
		for (uint32_t seed = first; seed != first + seeds; seed++)
			scenes[i].play(&run, seed, replacements);
		return 0;
	}
	fprintf(stderr, "memory: no scene '%s'\n", argv[1]);
	return 2;
}

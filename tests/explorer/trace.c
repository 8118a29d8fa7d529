/* SPDX-License-Identifier: MIT */
/*
 * The trace of a failing run: one line per operation, with thread, CPU, function and line, the location's name, value
 * and memory order. Kept as it happens, named at the end: addr2line is asked for all places at once.
 */
#define _GNU_SOURCE
#include "explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES 20000u
#define PLACES 2000u

struct line {
	uint32_t step;
	int8_t thread;
	uint8_t cpu;
	const char *what;
	const void *address, *pc;
	uint64_t value;
	char detail[40];
};

bool ex_tracing;
static struct line lines[LINES];
static unsigned count;

static struct place {
	const void *pc;
	char text[96];
} places[PLACES];
static unsigned place_count;

void ex_trace_begin(void)
{
	count = 0;
	ex_tracing = true;
}

void ex_trace(const char *what, const void *address, uint64_t value, const char *detail, const void *pc)
{
	if (!ex_tracing || count == LINES)
		return;
	struct line *line = &lines[count++];
	line->step = ex_run.steps;
	line->thread = (int8_t)ex_run.thread;
	line->cpu = (uint8_t)ex_on_cpu();
	line->what = what;
	line->address = address;
	line->pc = pc;
	line->value = value;
	snprintf(line->detail, sizeof line->detail, "%s", detail);
}

/* ---- places ------------------------------------------------------------------------------- */

static struct place *place_of(const void *pc)
{
	for (unsigned i = 0; i < place_count; i++)
		if (places[i].pc == pc)
			return &places[i];
	if (place_count == PLACES)
		return NULL;
	places[place_count] = (struct place){ .pc = pc };
	return &places[place_count++];
}

/* Function and line, without the folders above the source. */
static void shorten(struct place *place, const char *function, const char *file)
{
	const char *slash = strrchr(file, '/');
	if (slash != NULL)
		while (slash > file && slash[-1] != '/')
			slash--;
	char *place_end = strchr(file, ' '); /* addr2line adds a discriminator */
	if (place_end != NULL)
		*place_end = '\0';
	snprintf(place->text, sizeof place->text, "%.48s %.44s", function, slash == NULL ? file : slash);
}

static void places_name(void)
{
	char path[4096], command[8192], function[256], file[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1u);
	place_count = 0;
	for (unsigned i = 0; i < count; i++)
		if (lines[i].pc != NULL)
			place_of(lines[i].pc);
	if (length <= 0 || place_count == 0)
		return;
	path[length] = '\0';
	for (unsigned first = 0; first < place_count;) {
		size_t used = (size_t)snprintf(command, sizeof command, "addr2line -f -e '%s'", path);
		unsigned end = first;
		/* the call is before its return address */
		for (; end < place_count && used < sizeof command - 32u; end++)
			used += (size_t)snprintf(command + used, sizeof command - used, " %p",
			                         (const void *)((const char *)places[end].pc - 1));
		FILE *pipe = popen(command, "r");
		if (pipe == NULL)
			return;
		for (unsigned i = first; i < end; i++) {
			if (fgets(function, sizeof function, pipe) == NULL ||
			    fgets(file, sizeof file, pipe) == NULL)
				break;
			function[strcspn(function, "\n")] = '\0';
			file[strcspn(file, "\n")] = '\0';
			shorten(&places[i], function, file);
		}
		pclose(pipe);
		first = end;
	}
}

/* ---- printing ----------------------------------------------------------------------------- */

void ex_trace_print(void)
{
	char name[64];
	places_name();
	printf("  step thread  operation\n");
	for (unsigned i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		const struct place *place = line->pc == NULL ? NULL : place_of(line->pc);
		if (line->thread < 0)
			printf("  %5u      - ", line->step);
		else
			printf("  %5u t%d cpu%u ", line->step, line->thread, line->cpu);
		printf("%-7s %-24s ", line->what,
		       line->address == NULL ? "" : ex_name(line->address, name, sizeof name));
		if (line->address != NULL)
			printf("%8llx  ", (unsigned long long)line->value);
		printf("%s  %s\n", line->detail, place == NULL ? "" : place->text);
	}
	if (count == LINES)
		printf("  ... and more\n");
}

/* SPDX-License-Identifier: MIT */
/* The environment, and speaking without stdio. */
#define _GNU_SOURCE
#include "core/compat/preload/preload.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The heap's control memory and a few blocks. */
#define LEAST NHP_MIB

struct nhp_settings nhp_settings = { .limit = SIZE_MAX };
static int ear = STDERR_FILENO;

void nhp_say(const char *format, ...)
{
	char line[300] = "nearheap: ";
	size_t used = strlen(line);
	va_list arguments;
	va_start(arguments, format);
	int wanted = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
	va_end(arguments);
	if (wanted < 0)
		return;
	used = strlen(line);
	line[used++] = '\n';
	if (write(ear, line, used) < 0)
		return; /* nobody listens */
}

/* "512M": a decimal number and K, M, G or T, powers of 1024. */
static bool parse_size(const char *text, size_t *size)
{
	size_t value = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(value, (size_t)10, &value) ||
		    __builtin_add_overflow(value, (size_t)(*at - '0'), &value))
			return false;
	if (at == text)
		return false;
	const char units[] = "KMGT", *unit = *at == '\0' ? NULL : strchr(units, *at);
	if (unit != NULL) {
		at++;
		for (const char *u = units; u <= unit; u++)
			if (__builtin_mul_overflow(value, (size_t)1024, &value))
				return false;
	}
	*size = value;
	return *at == '\0';
}

static bool flag(const char *name)
{
	const char *text = getenv(name);
	if (text == NULL || strcmp(text, "") == 0 || strcmp(text, "0") == 0)
		return false;
	if (strcmp(text, "1") != 0)
		nhp_say("%s=%.64s: 0 or 1; taken as 1", name, text);
	return true;
}

void nhp_settings_read(void)
{
	nhp_settings.verbose = flag("NEARHEAP_VERBOSE");
	nhp_settings.stats = flag("NEARHEAP_STATS");
	if (nhp_settings.stats && (ear = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100)) < 0)
		ear = STDERR_FILENO; /* many programs close it before they end; none has so high a number */
	const char *text = getenv("NEARHEAP_SIZE");
	size_t limit;
	if (text == NULL)
		return;
	if (!parse_size(text, &limit) || limit < LEAST) {
		nhp_say("NEARHEAP_SIZE=%.64s: not a size of 1M or more, such as 512M or 4G; without limit", text);
		return;
	}
	nhp_settings.limit = limit & ~(NHP_PAGE - 1);
	nhp_settings.limited = true;
}

/* SPDX-License-Identifier: MIT */
#include "logged.h"

#include <pthread.h>
#include <string.h>

#define NH_TIZENRT_KEEP_NAMES
#include <tinyara/mm/mm.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char last[256], shown[256];
static unsigned lines;
static _Alignas(16) unsigned char ram[RAM_SIZE];

static void keep(const char *line)
{
	pthread_mutex_lock(&mutex);
	strncpy(last, line, sizeof last - 1);
	lines++;
	pthread_mutex_unlock(&mutex);
}

void logged_begin(void)
{
	nh_tizenrt_log_set(keep);
	lines = 0;
	nh_tizenrt_simulate(RAM_FIRST, ram, sizeof ram);
}

void logged_end(void)
{
	nh_tizenrt_deinit();
	nh_tizenrt_log_set(NULL);
}

int logged_set_up(void **state)
{
	(void)state;
	logged_begin();
	return 0;
}

int logged_tear_down(void **state)
{
	(void)state;
	logged_end();
	return 0;
}

unsigned logged(const char **line)
{
	pthread_mutex_lock(&mutex);
	unsigned count = lines;
	lines = 0;
	memcpy(shown, last, sizeof shown);
	last[0] = '\0';
	*line = shown;
	pthread_mutex_unlock(&mutex);
	return count;
}

unsigned char *ram_at(unsigned address)
{
	return ram + (address - RAM_FIRST);
}

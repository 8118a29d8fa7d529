/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and says what it took: measure RESULT.json LIBRARY COMMAND [ARGUMENT ...]
 *
 * The library is preloaded into the command only. CPU time and peak memory are those of the command and of every process
 * it waited for; peak memory is that of the largest of them, at least what this small program has. Exit status: the
 * command's, 128 + n for signal n.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	if (argc < 4) {
		fputs("measure RESULT.json LIBRARY COMMAND [ARGUMENT ...]\n", stderr);
		return 2;
	}
	double begin = now();
	pid_t child = fork();
	if (child == 0) {
		if (setenv("LD_PRELOAD", argv[2], 1) == 0)
			execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child) {
		perror("measure");
		return 2;
	}
	double seconds = now() - begin;
	FILE *file = fopen(argv[1], "w");
	if (file == NULL ||
	    fprintf(file, "{\"seconds\": %.6f, \"cpu\": %.6f, \"peakKib\": %ld}\n", seconds,
	            seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss) < 0 ||
	    fclose(file) != 0) {
		perror(argv[1]);
		return 2;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

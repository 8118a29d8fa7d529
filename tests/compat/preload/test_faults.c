/* SPDX-License-Identifier: MIT */
/*
 * What a program does wrong with malloc's family under libnearheap-preload.so ends it with SIGABRT and a line that says what it
 * was. Each fault has a process of its own. Nothing of nearheap is linked here.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB ((size_t)1024 * 1024)

static void *volatile sink;

static void free_twice(void)
{
	void *block = malloc(64);
	sink = block;
	free(block);
	free(sink);
}

static void free_large_twice(void)
{
	void *block = malloc(4 * MIB);
	sink = block;
	free(block);
	free(sink);
}

static void free_inside(void)
{
	sink = (char *)malloc(5000) + 1024;
	free(sink);
}

static void free_inside_large(void)
{
	sink = (char *)malloc(4 * MIB) + 8192;
	free(sink);
}

static void free_local(void)
{
	unsigned char local[256] = { 0 };
	sink = local + 128;
	free(sink);
}

static void free_wild(void)
{
	sink = (void *)(uintptr_t)16;
	free(sink);
}

static void free_unmapped(void)
{
	sink = (void *)((uintptr_t)1 << 46);
	free(sink);
}

static void realloc_wild(void)
{
	sink = (void *)((uintptr_t)1 << 46);
	sink = realloc(sink, 100);
}

/* Runs it in a process of its own, which must abort; what it said. */
static size_t aborts(void (*fault)(void), char *text, size_t room)
{
	int pipes[2], status;
	assert_int_equal(pipe(pipes), 0);
	pid_t process = fork();
	if (process == 0) {
		dup2(pipes[1], STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		fault();
		_exit(0);
	}
	close(pipes[1]);
	size_t used = 0;
	ssize_t got;
	while (used + 1 < room && (got = read(pipes[0], text + used, room - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(process, &status, 0), process);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	return used;
}

static void faults_are_named(void **state)
{
	(void)state;
	void (*const faults[])(void) = { free_twice, free_large_twice, free_inside,   free_inside_large,
		                         free_local, free_wild,        free_unmapped, realloc_wild };
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		char text[300];
		assert_true(aborts(faults[i], text, sizeof text) > 0);
		if (strncmp(text, "nearheap: ", 10) != 0)
			fail_msg("fault %zu said: %s", i, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(faults_are_named) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

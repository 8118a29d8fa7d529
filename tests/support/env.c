/* SPDX-License-Identifier: MIT */
#include "env.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Fixed, so that an unattended run repeats; any other value is as good. */
#define FIXED_SEED UINT64_C(0x6e65617268656170)

static const char *program = "the test";
static char context[160];
static uint64_t seed = FIXED_SEED;

void nht_start(int argc, char **argv)
{
	if (argc > 0)
		program = argv[0];
	const char *text = getenv("NH_SEED");
	if (text == NULL || *text == '\0')
		return;
	char *end = NULL;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 0);
	if (errno != 0 || *end != '\0') {
		fprintf(stderr, "NH_SEED=%s is not a number\n", text);
		exit(2);
	}
	seed = (uint64_t)value;
}

uint64_t nht_seed(void)
{
	return seed;
}

void nht_context(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(context, sizeof context, format, arguments);
	va_end(arguments);
}

_Noreturn void nht_fail(const char *file, int line, const char *condition, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s:%d: FAILED: %s: ", file, line, condition);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " [%s] seed 0x%" PRIx64 "; replay: NH_SEED=0x%" PRIx64 " %s\n", context, seed, seed,
	        program);
	fflush(stderr);
	fflush(stdout);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	abort(); /* fuzzers keep the inputs of programs that crash */
#else
	_Exit(1);
#endif
}

/* The compilers', where they count. */
extern int __llvm_profile_write_file(void) __attribute__((weak));
extern void __gcov_dump(void) __attribute__((weak));

_Noreturn void nht_leave(int status)
{
	if (__llvm_profile_write_file != NULL)
		__llvm_profile_write_file();
	if (__gcov_dump != NULL)
		__gcov_dump();
	_Exit(status);
}

static double environment_factor(const char *name, double unset)
{
	const char *text = getenv(name);
	if (text == NULL || *text == '\0')
		return unset;
	char *end = NULL;
	double value = strtod(text, &end);
	if (*end != '\0' || !(value > 0.0) || value > 1e6) {
		fprintf(stderr, "%s=%s is not a positive number\n", name, text);
		exit(2);
	}
	return value;
}

static size_t scaled(size_t operations, double factor)
{
	double result = (double)operations * factor;
	return result < 1.0 ? 1u : (size_t)result;
}

size_t nht_test_operations(size_t operations)
{
	double factor = environment_factor("NH_TEST_SCALE", 100.0) / 100.0;
	if (NHT_TSAN)
		factor /= 10.0;
	else if (NHT_ASAN)
		factor /= 4.0;
#ifdef __arm__
	factor /= 8.0; /* an emulated program, nearly always */
#endif
	return scaled(operations, factor);
}

size_t nht_stress_operations(size_t operations)
{
	double factor = environment_factor("NH_STRESS_SCALE", 1.0);
	if (NHT_TSAN)
		factor /= 12.0;
	else if (NHT_ASAN)
		factor /= 3.0;
#ifdef __arm__
	factor /= 8.0;
#endif
	return scaled(operations, factor);
}

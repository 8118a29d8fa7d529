/* SPDX-License-Identifier: MIT */
/*
 * What a test program takes from its environment, and how it fails.
 *
 *   NH_SEED          the seed (decimal or 0x...); unset: a fixed one, so that runs repeat
 *   NH_TEST_SCALE    percent of the operations of random tests (100)
 *   NH_STRESS_SCALE  factor on the operations of stress programs (1.0)
 *
 * Every failure line names the place, what was under test, the seed and the command that replays
 * it. Operations are scaled down where each costs more: sanitizers and emulated 32-bit programs.
 */
#ifndef NHT_ENV_H
#define NHT_ENV_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define NHT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NHT_TSAN 1
#endif
#endif
#ifndef NHT_TSAN
#define NHT_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define NHT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NHT_ASAN 1
#endif
#endif
#ifndef NHT_ASAN
#define NHT_ASAN 0
#endif

/* False: the host port was built for one thread, which keeps the only slot. */
#ifdef NH_HOST_THREADS
#define NHT_THREADS (NH_HOST_THREADS != 0)
#else
#define NHT_THREADS 1
#endif

/* First call of main(). */
void nht_start(int argc, char **argv);

/* The seed of this program run. */
uint64_t nht_seed(void);

/* Names what is under test for failure lines: "heap 4096 no caches". Kept as a copy. */
void nht_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the failure with seed and replay command and leaves the process at once with status 1:
 * other threads may be in any state, so nothing is unwound. */
_Noreturn void nht_fail(const char *file, int line, const char *condition, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* How a forked child leaves: at once, but what it counted of the coverage is kept. */
_Noreturn void nht_leave(int status);

#define NHT_CHECK(condition, ...)                                                                  \
	do {                                                                                       \
		if (!(condition))                                                                  \
			nht_fail(__FILE__, __LINE__, #condition, __VA_ARGS__);                     \
	} while (0)

/* Operations of a random test or stress program after scaling; at least 1. */
size_t nht_test_operations(size_t operations);
size_t nht_stress_operations(size_t operations);

#endif

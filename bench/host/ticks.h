/* SPDX-License-Identifier: MIT */
/* A clock fine enough for one call. On x86 the time-stamp counter, fenced so that the call lies between two readings. */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench
{

inline uint64_t ticks()
{
#if defined(__x86_64__)
	_mm_lfence();
	const uint64_t now = __rdtsc();
	_mm_lfence();
	return now;
#else
	return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/* Measured against the steady clock over 20 ms. */
inline double ticks_per_ns()
{
	using clock = std::chrono::steady_clock;
	const auto begin = clock::now();
	const uint64_t first = ticks();
	while (clock::now() - begin < std::chrono::milliseconds(20)) {
	}
	const uint64_t last = ticks();
	return static_cast<double>(last - first) /
	       std::chrono::duration<double, std::nano>(clock::now() - begin).count();
}

} // namespace bench

#endif

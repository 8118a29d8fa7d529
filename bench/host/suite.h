/* SPDX-License-Identifier: MIT */
/* What the files of the suite share: the allocators, a block taken and written, and the registration of workloads. */
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

#include "bench/host/allocator.h"
#include "tests/support/random.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

namespace bench
{

/* All that are measured, those of ours first; the three builds of ours. Loaded once. */
const std::vector<const bench_allocator *> &allocators();
const std::vector<const bench_nearheap *> &nearheaps();
const bench_allocator *find(const std::string &name);
const bench_nearheap &nearheap_of(const bench_allocator &allocator);

[[noreturn]] void exhausted(const bench_allocator &allocator, size_t size);

/* The user's half of an allocation: look whether it worked, write the first word. */
inline void *written(const bench_allocator &allocator, void *block, size_t size)
{
	if (__builtin_expect(block == nullptr, 0))
		exhausted(allocator, size);
	*static_cast<volatile uintptr_t *>(block) = size;
	return block;
}

inline void *take(const bench_allocator &allocator, size_t size)
{
	return written(allocator, allocator.malloc(size), size);
}

inline size_t between(nht_random &random, size_t low, size_t high)
{
	return nht_between(&random, low, high);
}

/* Replacements decided beforehand, so that the loop measures the allocator; the first blocks have the sizes of the
 * first steps. Longer than a branch predictor remembers, shorter than the second-level cache. */
constexpr size_t TRACE = 16384;
struct step {
	uint32_t slot, size;
};

struct trace {
	std::vector<step> steps; /* a power of two */
	size_t live;

	trace(size_t length, size_t live_blocks, size_t low, size_t high, uint64_t seed);
	size_t mask() const
	{
		return steps.size() - 1;
	}
};

/* Name of a result: WORKLOAD/ALLOCATOR, read by bench.mjs. Timed by `wall`, or by the thread's own time, which does not
 * count what other programs take. */
using body = void (*)(benchmark::State &state, const bench_allocator &allocator, long parameter);
struct workload {
	const char *name;
	body run;
	long parameter;
	int threads;
	unsigned needs; /* BENCH_...: allocators that lack one of these are left out */
	bool wall;
};
void add(const workload &workload);
void add(const workload &workload, const bench_allocator &allocator, const std::string &name);

/* Each registers its file's workloads. */
void add_single();
void add_threads();
void add_select();
void add_growth();

/* The time from when all threads of a benchmark are there to when the last is done, and (counter `cpu`) how many CPUs
 * they kept busy. Google Benchmark would take the mean of the threads' own times, which is shorter where they do not
 * all run at once. Without UseManualTime nobody looks at it. */
class wall
{
public:
	explicit wall(benchmark::State &state);
	void stop();

private:
	benchmark::State &state;
	std::chrono::steady_clock::time_point begin;
	double cpu;
};

/* Random replacements among the blocks of a trace: fresh(size) and give(block) are the allocator. */
template <typename allocate, typename release>
void replace(benchmark::State &state, const trace &trace, allocate fresh, release give)
{
	std::vector<void *> blocks(trace.live);
	for (size_t i = 0; i < trace.live; i++)
		blocks[i] = fresh(trace.steps[i & trace.mask()].size);
	const step *const steps = trace.steps.data();
	const size_t mask = trace.mask();
	size_t at = 0;
	wall wall(state);
	for (auto _ : state) {
		const step &now = steps[at++ & mask];
		give(blocks[now.slot]);
		blocks[now.slot] = fresh(now.size);
	}
	wall.stop();
	for (void *block : blocks)
		give(block);
	state.SetItemsProcessed(state.iterations());
}

inline void replace(benchmark::State &state, const bench_allocator &allocator, const trace &trace)
{
	replace(
		state, trace, [&](size_t size) { return take(allocator, size); },
		[&](void *block) { allocator.free(block); });
}

/* Percentiles of single calls, as JSON on standard output. */
void print_latency(unsigned replays);

} // namespace bench

#endif

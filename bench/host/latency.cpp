/* SPDX-License-Identifier: MIT */
/*
 * Percentiles of single calls. A trace is replayed from the same beginning; `all` is of every call of every replay,
 * the machine's interruptions among them, `floor` of the least that each call of the trace ever took: what is left
 * is the allocator's own doing. The reading of the clock is taken off.
 */
#include "bench/host/suite.h"
#include "bench/host/ticks.h"

#include <algorithm>
#include <cstdio>

namespace bench
{

namespace
{

/* Times in ticks: exact up to 4095, beyond in steps of 1/64 of the value. */
class histogram
{
public:
	void add(uint64_t value)
	{
		counts[index(value)]++;
		total++;
		most = std::max(most, value);
	}

	/* The least value that `share` of all do not exceed. */
	uint64_t percentile(double share) const
	{
		const auto wanted = static_cast<uint64_t>(share * static_cast<double>(total));
		uint64_t seen = 0;
		for (size_t i = 0; i < counts.size(); i++) {
			seen += counts[i];
			if (seen > wanted)
				return value_of(i);
		}
		return most;
	}

	uint64_t largest() const
	{
		return most;
	}

private:
	static constexpr unsigned EXACT_BITS = 12, STEP_BITS = 6;
	static constexpr size_t EXACT = size_t(1) << EXACT_BITS, STEPS = size_t(1) << STEP_BITS;

	static size_t index(uint64_t value)
	{
		if (value < EXACT)
			return static_cast<size_t>(value);
		const unsigned log = 63u - static_cast<unsigned>(__builtin_clzll(value));
		return EXACT + (log - EXACT_BITS) * STEPS + ((value >> (log - STEP_BITS)) & (STEPS - 1));
	}

	static uint64_t value_of(size_t index)
	{
		if (index < EXACT)
			return index;
		const size_t above = index - EXACT, log = EXACT_BITS + above / STEPS;
		return (STEPS + above % STEPS) << (log - STEP_BITS);
	}

	std::vector<uint64_t> counts = std::vector<uint64_t>(EXACT + (64 - EXACT_BITS) * STEPS);
	uint64_t total = 0, most = 0;
};

/* One kind of call over all replays. */
struct calls {
	histogram all;
	std::vector<uint64_t> least;

	explicit calls(size_t count) : least(count, UINT64_MAX)
	{
	}

	void add(size_t call, uint64_t took)
	{
		all.add(took);
		least[call] = std::min(least[call], took);
	}

	histogram floor() const
	{
		histogram result;
		for (uint64_t value : least)
			result.add(value);
		return result;
	}
};

uint64_t clock_cost()
{
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < 10000; i++) {
		const uint64_t before = ticks();
		least = std::min(least, ticks() - before);
	}
	return least;
}

void replay(const bench_allocator &allocator, const trace &trace, uint64_t clock, calls &mallocs,
            calls &frees)
{
	std::vector<void *> blocks(trace.live);
	for (size_t i = 0; i < trace.live; i++)
		blocks[i] = take(allocator, trace.steps[i].size);
	for (size_t i = 0; i < trace.steps.size(); i++) {
		const step &now = trace.steps[i];
		const uint64_t begin = ticks();
		allocator.free(blocks[now.slot]);
		const uint64_t between = ticks();
		void *block = allocator.malloc(now.size);
		const uint64_t end = ticks();
		blocks[now.slot] = written(allocator, block, now.size);
		frees.add(i, std::max(between - begin, clock) - clock);
		mallocs.add(i, std::max(end - between, clock) - clock);
	}
	for (void *block : blocks)
		allocator.free(block);
}

void print_histogram(const char *name, const histogram &histogram, double rate, const char *end)
{
	auto ns = [&](uint64_t value) { return static_cast<double>(value) / rate; };
	std::printf("\"%s\": {\"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f, \"max\": %.2f}%s", name,
	            ns(histogram.percentile(0.5)), ns(histogram.percentile(0.99)),
	            ns(histogram.percentile(0.999)), ns(histogram.largest()), end);
}

void print_calls(const char *name, const calls &calls, double rate, const char *end)
{
	std::printf("      \"%s\": {", name);
	print_histogram("all", calls.all, rate, ", ");
	print_histogram("floor", calls.floor(), rate, "}");
	std::printf("%s\n", end);
}

} // namespace

void print_latency(unsigned replays)
{
	struct scene {
		const char *name;
		trace steps;
	};
	const scene scenes[] = { { "pair64", trace(4096, 1, 64, 64, 70) },
		                 { "random512", trace(TRACE, 1000, 8, 512, 71) },
		                 { "random4096", trace(TRACE, 1000, 8, 4096, 72) } };
	const double rate = ticks_per_ns();
	const uint64_t clock = clock_cost();
	std::printf("{\n");
	for (const scene &scene : scenes) {
		std::printf("  \"%s\": {\n", scene.name);
		std::vector<const bench_allocator *> able;
		for (const bench_allocator *allocator : allocators())
			if (!(allocator->lacks & BENCH_ONE_SIZE))
				able.push_back(allocator);
		std::vector<calls> mallocs(able.size(), calls(scene.steps.steps.size())), frees = mallocs;
		for (unsigned round = 0; round < replays; round++)
			for (size_t i = 0; i < able.size(); i++)
				replay(*able[i], scene.steps, clock, mallocs[i], frees[i]);
		for (size_t i = 0; i < able.size(); i++) {
			std::printf("    \"%s\": {\n", able[i]->name);
			print_calls("malloc", mallocs[i], rate, ",");
			print_calls("free", frees[i], rate, "");
			std::printf("    }%s\n", i + 1 < able.size() ? "," : "");
		}
		std::printf("  }%s\n", &scene + 1 < std::end(scenes) ? "," : "");
	}
	std::printf("}\n");
}

} // namespace bench

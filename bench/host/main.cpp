/* SPDX-License-Identifier: MIT */
/*
 * Google Benchmark over all allocators and workloads, or (--latency[=REPLAYS]) percentiles of single calls as JSON.
 * bench.mjs runs it.
 */
#include "bench/host/suite.h"

#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace bench
{

/* Which allocators can do it here. */
static bool able(const workload &workload, const bench_allocator &allocator)
{
	const bool crowded = static_cast<unsigned>(workload.threads) > std::thread::hardware_concurrency();
	const unsigned needs = workload.needs | (crowded ? BENCH_CONVOYS : 0u);
	return (allocator.lacks & needs) == 0;
}

void add(const workload &workload, const bench_allocator &allocator, const std::string &name)
{
	auto run = [workload, &allocator](benchmark::State &state) {
		workload.run(state, allocator, workload.parameter);
	};
	auto *registered = benchmark::RegisterBenchmark((name + "/" + allocator.name).c_str(), run);
	registered->Threads(workload.threads);
	if (workload.wall)
		registered->UseManualTime();
}

void add(const workload &workload)
{
	for (const bench_allocator *allocator : allocators())
		if (able(workload, *allocator))
			add(workload, *allocator, workload.name);
}

/* The peers keep their thread-local data where the loader placed what the program was linked with; loaded later, they
 * need more spare room there than the C library leaves by default. It reads this once, before main. tcmalloc
 * must not take the C library's own sbrk memory apart. */
static void with_room_for_peers(char **words)
{
	static const char tunables[] = "glibc.rtld.optional_static_tls=16384";
	const char *set = std::getenv("GLIBC_TUNABLES");
	if (set != nullptr && std::strcmp(set, tunables) == 0)
		return;
	setenv("GLIBC_TUNABLES", tunables, 1);
	setenv("TCMALLOC_SKIP_SBRK", "true", 1);
	execv("/proc/self/exe", words);
	std::perror("bench_host: /proc/self/exe");
	std::exit(1);
}

/* As long as a process has one thread, the C library's malloc does without its lock. Ours has two, all the time. */
class second_thread
{
public:
	second_thread() : thread([this] { wait(); })
	{
	}
	~second_thread()
	{
		{
			std::lock_guard<std::mutex> guard(mutex);
			over = true;
		}
		changed.notify_one();
		thread.join();
	}

private:
	void wait()
	{
		std::unique_lock<std::mutex> lock(mutex);
		changed.wait(lock, [this] { return over; });
	}

	std::mutex mutex;
	std::condition_variable changed;
	bool over = false;
	std::thread thread; /* last: it uses the others */
};

static int run(int count, char **words)
{
	static const char option[] = "--latency";
	const size_t length = std::strlen(option);
	if (count == 2 && std::strncmp(words[1], option, length) == 0) {
		char *end = words[1] + length;
		const unsigned long replays = *end == '=' ? std::strtoul(end + 1, &end, 10) : 25;
		if (*end == '\0' && replays > 0 && replays <= 10000) {
			print_latency(static_cast<unsigned>(replays));
			return 0;
		}
	}
	benchmark::Initialize(&count, words);
	if (benchmark::ReportUnrecognizedArguments(count, words))
		return 2;
	benchmark::AddCustomContext("compiler", BENCH_COMPILER);
	add_single();
	add_threads();
	add_select();
	add_growth();
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
	return 0;
}

} // namespace bench

int main(int count, char **words)
{
	bench::with_room_for_peers(words);
	bench::second_thread second;
	return bench::run(count, words);
}

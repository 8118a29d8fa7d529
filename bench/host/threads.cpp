/* SPDX-License-Identifier: MIT */
/*
 * Several threads on one heap. An item is one block, whichever thread frees it; time is the wall's, so that twice
 * the threads on twice the CPUs should halve it.
 *
 * larson: P. Larson, M. Krishnan, "Memory allocation for long-running server applications", ISMM 1998: each thread
 * replaces blocks at random, then ends and leaves all of them to a successor.
 * xmalloc: C. Lever, D. Boreham, "malloc() performance in a multithreaded Linux environment", USENIX 2000: half of
 * the threads only allocate, the others only free.
 * mstress: as mimalloc's stress test is described: blocks of skewed sizes, some kept, some exchanged with
 * whatever another thread has left at a place that all share.
 */
#include "bench/host/queue.h"
#include "bench/host/suite.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <map>
#include <mutex>
#include <thread>

namespace bench
{

/* ---- wall --------------------------------------------------------------------------------- */

namespace
{

/* All threads of a benchmark meet here; one benchmark runs at a time. */
void meet(int threads)
{
	static std::mutex mutex;
	static std::condition_variable changed;
	static int here;
	static uint64_t meetings;
	std::unique_lock<std::mutex> lock(mutex);
	const uint64_t mine = meetings;
	if (++here == threads) {
		here = 0;
		meetings++;
		changed.notify_all();
	}
	changed.wait(lock, [&] { return meetings != mine; });
}

double cpu_seconds()
{
	timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

} // namespace

wall::wall(benchmark::State &of) : state(of)
{
	meet(state.threads());
	cpu = cpu_seconds();
	begin = std::chrono::steady_clock::now();
}

void wall::stop()
{
	meet(state.threads());
	state.SetIterationTime(
		std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
	if (state.thread_index() == 0)
		state.counters["cpu"] = benchmark::Counter(cpu_seconds() - cpu, benchmark::Counter::kIsRate);
}

namespace
{

/* ---- independent -------------------------------------------------------------------------- */

constexpr int MOST_THREADS = 8;

const trace &trace_of(const benchmark::State &state)
{
	static const std::vector<trace> traces = [] {
		std::vector<trace> all;
		for (int i = 0; i < MOST_THREADS; i++)
			all.emplace_back(TRACE, 1000, 8, 512, static_cast<uint64_t>(10 + i));
		return all;
	}();
	return traces[static_cast<size_t>(state.thread_index())];
}

void independent(benchmark::State &state, const bench_allocator &allocator, long)
{
	replace(state, allocator, trace_of(state));
}

/* One instance a level, for ever: threads of one benchmark have no moment at which one of them could open it. */
std::map<const bench_nearheap *, nh_instance *> near;

void open_near(const bench_nearheap &nearheap)
{
	std::array<nh_heap_config, NH_CPUS> heaps = {};
	for (unsigned i = 0; i < heaps.size(); i++) {
		heaps[i].size = BENCH_HEAP / heaps.size();
		heaps[i].affinity = NH_CPU(i);
	}
	near[&nearheap] = nearheap.open(heaps.data(), NH_CPUS);
}

/* The same with a heap for each CPU. */
void independent_near(benchmark::State &state, const bench_allocator &allocator, long)
{
	const bench_nearheap &nearheap = nearheap_of(allocator);
	nh_instance *const instance = near.at(&nearheap);
	replace(
		state, trace_of(state),
		[&](size_t size) { return written(allocator, nearheap.malloc(instance, size), size); },
		[&](void *block) { nearheap.free(instance, block); });
}

/* ---- producer and consumer ---------------------------------------------------------------- */

/* Thread 0 takes and writes, thread 1 reads and frees. */
void handover(benchmark::State &state, const bench_allocator &allocator, long most)
{
	static bench_queue *const queue = bench_queue_new(1023);
	static const trace sizes(TRACE, 1, 8, 512, 20);
	wall wall(state);
	if (state.thread_index() == 0) {
		size_t at = 0;
		for (auto _ : state) {
			const size_t size = most == 64 ? 64 : sizes.steps[at++ & sizes.mask()].size;
			bench_queue_put(queue, take(allocator, size));
		}
		state.SetItemsProcessed(state.iterations());
	} else {
		for (auto _ : state) {
			void *block = bench_queue_take(queue);
			benchmark::DoNotOptimize(*static_cast<volatile uintptr_t *>(block));
			allocator.free(block);
		}
	}
	wall.stop();
}

/* ---- larson ------------------------------------------------------------------------------- */

constexpr size_t LARSON_LIVE = 1000;
constexpr size_t LARSON_ROUNDS = 100 * LARSON_LIVE;

struct hall {
	std::array<void *, LARSON_LIVE> blocks = {};
	nht_random random;
};

void larson_life(const bench_allocator &allocator, hall &own)
{
	for (size_t round = 0; round < LARSON_ROUNDS; round++) {
		void *&victim = own.blocks[nht_below(&own.random, LARSON_LIVE)];
		allocator.free(victim);
		victim = take(allocator, between(own.random, 8, 1000));
	}
}

/* One turn of the loop is the life of one thread. The thread that counts them never allocates. */
void larson(benchmark::State &state, const bench_allocator &allocator, long)
{
	hall own;
	nht_random_seed(&own.random, static_cast<uint64_t>(30 + state.thread_index()));
	std::thread([&] {
		for (void *&block : own.blocks)
			block = take(allocator, between(own.random, 8, 1000));
	}).join();
	wall wall(state);
	for (auto _ : state)
		std::thread([&] { larson_life(allocator, own); }).join();
	wall.stop();
	std::thread([&] {
		for (void *block : own.blocks)
			allocator.free(block);
	}).join();
	state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(LARSON_ROUNDS));
}

/* ---- xmalloc ------------------------------------------------------------------------------ */

constexpr size_t BATCHES = 63;
struct batch {
	std::array<void *, 64> blocks;
};

struct exchange {
	bench_queue *empty = bench_queue_new(BATCHES), *full = bench_queue_new(BATCHES);
	std::array<batch, BATCHES> batches;

	exchange()
	{
		for (batch &one : batches)
			bench_queue_put_shared(empty, &one);
	}
};

void xmalloc(benchmark::State &state, const bench_allocator &allocator, long)
{
	static exchange all;
	wall wall(state);
	if (state.thread_index() % 2 == 0) {
		nht_random random;
		nht_random_seed(&random, static_cast<uint64_t>(40 + state.thread_index()));
		for (auto _ : state) {
			batch *one = static_cast<batch *>(bench_queue_take_shared(all.empty));
			for (void *&block : one->blocks)
				block = take(allocator, between(random, 8, 512));
			bench_queue_put_shared(all.full, one);
		}
		state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch().blocks.size()));
	} else {
		for (auto _ : state) {
			batch *one = static_cast<batch *>(bench_queue_take_shared(all.full));
			for (void *block : one->blocks)
				allocator.free(block);
			bench_queue_put_shared(all.empty, one);
		}
	}
	wall.stop();
}

/* ---- mstress ------------------------------------------------------------------------------ */

constexpr size_t KEPT = 1000;

size_t skewed_size(nht_random &random)
{
	const size_t percent = nht_below(&random, 100);
	return percent < 90   ? between(random, 8, 128)
	       : percent < 99 ? between(random, 128, 1024)
	                      : between(random, 1024, 16384);
}

void mstress(benchmark::State &state, const bench_allocator &allocator, long)
{
	static std::array<std::atomic<void *>, KEPT> shared = {};
	std::vector<void *> kept(KEPT);
	nht_random random;
	nht_random_seed(&random, static_cast<uint64_t>(50 + state.thread_index()));
	wall wall(state);
	for (auto _ : state) {
		void *block = take(allocator, skewed_size(random));
		const size_t place = nht_below(&random, KEPT);
		if (nht_chance(&random, 50))
			std::swap(block, kept[place]);
		else
			block = shared[place].exchange(block, std::memory_order_acq_rel);
		allocator.free(block);
	}
	wall.stop();
	for (void *block : kept)
		allocator.free(block);
	if (state.thread_index() == 0)
		for (auto &place : shared)
			allocator.free(place.exchange(nullptr, std::memory_order_acq_rel));
	state.SetItemsProcessed(state.iterations());
}

} // namespace

void add_threads()
{
	for (const workload &one : {
		     workload{ "threads1", independent, 0, 1, BENCH_ONE_SIZE, true },
		     workload{ "threads2", independent, 0, 2, BENCH_ONE_SIZE, true },
		     workload{ "threads4", independent, 0, 4, BENCH_ONE_SIZE, true },
		     workload{ "threads8", independent, 0, 8, BENCH_ONE_SIZE, true },
		     workload{ "handover64", handover, 64, 2, BENCH_ONE_THREAD, true },
		     workload{ "handover_random", handover, 512, 2, BENCH_ONE_SIZE | BENCH_ONE_THREAD, true },
		     /* a life is long: if one thread had to wait for a turn of the scheduler each time, it would take seconds */
		     workload{ "larson", larson, 0, 2, BENCH_ONE_SIZE | BENCH_ONE_THREAD | BENCH_CONVOYS,
	                       true },
		     workload{ "xmalloc", xmalloc, 0, 2, BENCH_ONE_SIZE | BENCH_ONE_THREAD, true },
		     workload{ "mstress", mstress, 0, 2, BENCH_ONE_SIZE | BENCH_ONE_THREAD, true },
	     })
		add(one);
	for (const bench_nearheap *nearheap : nearheaps()) {
		open_near(*nearheap);
		add({ nullptr, independent_near, 0, 2, 0, true }, nearheap->table, "threads2_near");
	}
}

} // namespace bench

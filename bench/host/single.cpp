/* SPDX-License-Identifier: MIT */
/* One thread. An item is one block: taken, its first word written, given back. */
#include "bench/host/suite.h"

#include <array>

namespace bench
{

trace::trace(size_t length, size_t live_blocks, size_t low, size_t high, uint64_t seed) : live(live_blocks)
{
	nht_random random;
	nht_random_seed(&random, seed);
	steps.resize(length);
	for (step &one : steps)
		one = { static_cast<uint32_t>(nht_below(&random, live)),
			static_cast<uint32_t>(between(random, low, high)) };
}

namespace
{

void pair(benchmark::State &state, const bench_allocator &allocator, long size)
{
	for (auto _ : state)
		allocator.free(take(allocator, static_cast<size_t>(size)));
	state.SetItemsProcessed(state.iterations());
}

/* The oldest of 32 goes when a new one comes. */
void fifo(benchmark::State &state, const bench_allocator &allocator, long size)
{
	std::array<void *, 32> blocks;
	for (void *&block : blocks)
		block = take(allocator, static_cast<size_t>(size));
	size_t at = 0;
	for (auto _ : state) {
		void *&oldest = blocks[at++ % blocks.size()];
		allocator.free(oldest);
		oldest = take(allocator, static_cast<size_t>(size));
	}
	for (void *block : blocks)
		allocator.free(block);
	state.SetItemsProcessed(state.iterations());
}

void random_sizes(benchmark::State &state, const bench_allocator &allocator, long most)
{
	static const trace small(TRACE, 1000, 8, 512, 1), large(TRACE, 1000, 8, 4096, 2);
	replace(state, allocator, most == 512 ? small : large);
}

/* A string that is appended to: 16 bytes to 8 KiB, half as much again each time. One item is one string. */
void growing(benchmark::State &state, const bench_allocator &allocator, long most)
{
	for (auto _ : state) {
		void *block = take(allocator, 16);
		for (size_t size = 24; size <= static_cast<size_t>(most); size += size / 2)
			block = written(allocator, allocator.realloc(block, size), size);
		allocator.free(block);
	}
	state.SetItemsProcessed(state.iterations());
}

/* Sixteen live blocks, so that it is not always the same memory that is cleared or fitted. */
template <typename function>
void among_16(benchmark::State &state, const bench_allocator &allocator, function fresh)
{
	static const trace steps(TRACE, 16, 8, 512, 3);
	replace(
		state, steps, [&](size_t size) { return written(allocator, fresh(size), size); },
		[&](void *block) { allocator.free(block); });
}

void cleared(benchmark::State &state, const bench_allocator &allocator, long)
{
	among_16(state, allocator, [&](size_t size) { return allocator.calloc(1, size); });
}

/* Multiples of the alignment, as aligned_alloc once demanded. */
void aligned(benchmark::State &state, const bench_allocator &allocator, long alignment)
{
	const size_t align = static_cast<size_t>(alignment);
	among_16(state, allocator,
	         [&](size_t size) { return allocator.aligned(align, (size + align - 1) & ~(align - 1)); });
}

} // namespace

void add_single()
{
	for (const workload &one : {
		     workload{ "pair16", pair, 16, 1, BENCH_ONE_SIZE, false },
		     workload{ "pair64", pair, 64, 1, 0, false },
		     workload{ "pair256", pair, 256, 1, 0, false },
		     workload{ "pair1024", pair, 1024, 1, 0, false },
		     workload{ "fifo32", fifo, 64, 1, 0, false },
		     workload{ "random512", random_sizes, 512, 1, BENCH_ONE_SIZE, false },
		     workload{ "random4096", random_sizes, 4096, 1, BENCH_ONE_SIZE, false },
		     workload{ "realloc", growing, 8192, 1, BENCH_ONLY_MALLOC, false },
		     workload{ "calloc", cleared, 0, 1, BENCH_ONLY_MALLOC, false },
		     workload{ "aligned64", aligned, 64, 1, BENCH_ONLY_MALLOC, false },
	     })
		add(one);
}

} // namespace bench

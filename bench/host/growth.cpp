/* SPDX-License-Identifier: MIT */
/* Does it cost more when there is more of it? Names end in the number: growth_blocks_1000/ALLOCATOR. */
#include "bench/host/suite.h"

namespace bench
{

namespace
{

/* Replacements of 8 to 512 bytes among ever more blocks. The processor's caches show in everybody's. */
void live_blocks(benchmark::State &state, const bench_allocator &allocator, long count)
{
	const size_t live = static_cast<size_t>(count);
	const trace steps(1u << 17, live, 8, 512, 60);
	replace(state, allocator, steps);
}

/* The same 4 KiB in use in ever larger heaps. */
void heap_size(benchmark::State &state, const bench_allocator &allocator, long bytes)
{
	static const trace steps(TRACE, 64, 8, 64, 61);
	const bench_nearheap &nearheap = nearheap_of(allocator);
	nh_heap_config heap = {};
	heap.size = static_cast<size_t>(bytes);
	nh_instance *instance = nearheap.open(&heap, 1);
	replace(
		state, steps,
		[&](size_t size) { return written(allocator, nearheap.malloc(instance, size), size); },
		[&](void *block) { nearheap.free(instance, block); });
	nearheap.close(instance);
}

} // namespace

void add_growth()
{
	for (const char *name :
	     { "nearheap_moderate", "jemalloc", "mimalloc", "tcmalloc", "glibc", "tlsf_mutex" })
		for (long count : { 100, 300, 1000, 3000, 10000, 30000, 100000 })
			add({ nullptr, live_blocks, count, 1, 0, false }, *find(name),
			    "growth_blocks_" + std::to_string(count));
	for (const bench_nearheap *nearheap : nearheaps())
		for (long kib : { 16, 32, 64, 256, 1024, 16 * 1024, 128 * 1024, 512 * 1024 })
			add({ nullptr, heap_size, kib * 1024, 1, 0, false }, nearheap->table,
			    "growth_heap_" + std::to_string(kib));
}

} // namespace bench

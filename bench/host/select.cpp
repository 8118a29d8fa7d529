/* SPDX-License-Identifier: MIT */
/* What only nearheap does: memory chosen by attribute and by nearness. An item is a block of 64 bytes. */
#include "bench/host/suite.h"

namespace bench
{

namespace
{

constexpr size_t SIZE = 64;

/* Of `count` heaps, each with an attribute of its own, the last is wanted. */
void by_attribute(benchmark::State &state, const bench_allocator &allocator, long count)
{
	const bench_nearheap &nearheap = nearheap_of(allocator);
	std::vector<nh_heap_config> heaps(static_cast<size_t>(count));
	for (unsigned i = 0; i < heaps.size(); i++) {
		heaps[i].size = 1u << 20;
		heaps[i].attributes = NH_ATTR_USER(i);
	}
	nh_instance *instance = nearheap.open(heaps.data(), static_cast<unsigned>(count));
	const uint32_t wanted = heaps.back().attributes;
	for (auto _ : state)
		nearheap.free(instance,
		              written(allocator, nearheap.malloc_attr(instance, wanted, SIZE), SIZE));
	nearheap.close(instance);
	state.SetItemsProcessed(state.iterations());
}

/* Takes all of heap 0, large pieces first. They are forgotten with the instance. */
void fill_first(const bench_nearheap &nearheap, nh_instance *instance)
{
	nh_request request = {};
	request.heaps = 1;
	request.flags = NH_NO_RECLAIM | NH_NO_FOREIGN;
	for (size_t size = 4096; size >= 16; size /= 2)
		while (nearheap.alloc(instance, &request, size) != nullptr) {
		}
}

/* A heap of this CPU and a shared one; `full`: the near one has nothing left, so each block comes from the other. */
void by_nearness(benchmark::State &state, const bench_allocator &allocator, long full)
{
	const bench_nearheap &nearheap = nearheap_of(allocator);
	nh_heap_config heaps[2] = {};
	heaps[0].size = 256u << 10;
	heaps[0].affinity = NH_CPU(0);
	heaps[1].size = 8u << 20;
	nh_instance *instance = nearheap.open(heaps, 2);
	if (full != 0)
		fill_first(nearheap, instance);
	for (auto _ : state)
		nearheap.free(instance, written(allocator, nearheap.malloc(instance, SIZE), SIZE));
	nearheap.close(instance);
	state.SetItemsProcessed(state.iterations());
}

} // namespace

void add_select()
{
	for (const bench_nearheap *nearheap : nearheaps()) {
		for (long heaps : { 1, 2, 4, 8, 16 })
			add({ nullptr, by_attribute, heaps, 1, 0, false }, nearheap->table,
			    "select" + std::to_string(heaps));
		add({ nullptr, by_nearness, 0, 1, 0, false }, nearheap->table, "affinity_near");
		add({ nullptr, by_nearness, 1, 1, 0, false }, nearheap->table, "affinity_fallback");
	}
}

} // namespace bench

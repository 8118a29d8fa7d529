// SPDX-License-Identifier: MIT
// A vector whose memory is the heap's, once chosen by attribute and once by operator new.
#include <cstdio>
#include <vector>

#include <nearheap/first_use.h>
#include <nearheap/memory_resource.hpp>

static char memory[65536];

nh_status nh_first_use(void)
{
	nh_heap_config heap{};
	heap.base = memory;
	heap.size = sizeof memory;
	return nh_init(&heap, 1, nullptr);
}

int main()
{
	std::vector<int> plain(10);
	nearheap::memory_resource all;
	std::pmr::vector<int> chosen(10, &all);
	bool both = nh_heap_of(plain.data()) == 0 && nh_heap_of(chosen.data()) == 0;
	std::printf("nearheap %s: %u bytes or more\n", nh_version(), both ? 40u : 0u);
	return both ? 0 : 1;
}

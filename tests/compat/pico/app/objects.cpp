// SPDX-License-Identifier: MIT
// C++ in the program: before main, every kind of new, and a container's memory chosen by attribute.
#include <cstdint>
#include <new>

#include <nearheap/memory_resource.hpp>

#include "app.h"

namespace
{

struct table {
	unsigned *cells;

	table() : cells(new unsigned[100])
	{
		for (unsigned i = 0; i < 100; i++)
			cells[i] = i * i;
	}
};

table before_main;

struct alignas(128) wide {
	char bytes[200];
};

bool aligned(const void *block, std::uintptr_t alignment)
{
	return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

} // namespace

bool objects_from_constructor()
{
	for (unsigned i = 0; i < 100; i++)
		if (before_main.cells[i] != i * i)
			return false;
	return nh_heap_of(before_main.cells) == 0;
}

void objects_new_and_delete()
{
	int *one = new int(5);
	CHECK(nh_heap_of(one) == 0);
	delete one;
	wide *several = new wide[3];
	CHECK(aligned(several, 128));
	delete[] several;
	wide *quiet = new (std::nothrow) wide;
	CHECK(quiet != nullptr && aligned(quiet, 128));
	delete quiet;
	CHECK(new (std::nothrow) char[std::size_t(1) << 30] == nullptr);

	nearheap::memory_resource fast(NH_ATTR_FAST);
	void *block = fast.allocate(48, 32);
	CHECK(aligned(block, 32) && nh_heap_of(block) == 1);
	fast.deallocate(block, 48, 32);
	delete[] before_main.cells;
}

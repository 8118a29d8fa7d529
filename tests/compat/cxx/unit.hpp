// SPDX-License-Identifier: MIT
// cmocka, and the heap under test, for programs in C++.
#ifndef UNIT_HPP
#define UNIT_HPP

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <csetjmp>

extern "C" { // not every version says so itself
#include <cmocka.h>
}

#include <nearheap/nearheap.h>

inline bool aligned(const void *block, std::size_t alignment)
{
	return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

// Bytes with users, of all heaps.
inline std::size_t live()
{
	std::size_t bytes = 0;
	for (int heap = 0; heap < static_cast<int>(nh_heap_count()); heap++) {
		nh_heap_stats stats;
		assert_int_equal(nh_heap_stats_get(heap, &stats), NH_OK);
		bytes += stats.live;
	}
	return bytes;
}

#endif

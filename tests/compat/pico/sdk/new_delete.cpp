// SPDX-License-Identifier: MIT
// Stand-in: the operators that programs without exceptions get, unless they say they have their own.
#if !PICO_CXX_DISABLE_ALLOCATION_OVERRIDES
#include <cstdlib>

void *operator new(std::size_t size)
{
	return std::malloc(size);
}

void *operator new[](std::size_t size)
{
	return std::malloc(size);
}

void operator delete(void *block) noexcept
{
	std::free(block);
}

void operator delete[](void *block) noexcept
{
	std::free(block);
}
#endif

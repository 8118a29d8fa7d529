// SPDX-License-Identifier: MIT
// Without exceptions: a form that may not return nullptr ends the program, the others return it.
#include <csignal>
#include <cstdlib>
#include <new>

#include <nearheap/first_use.h>
#include <nearheap/memory_resource.hpp>

#include "unit.hpp"

namespace
{

alignas(16) unsigned char memory[64 * 1024];
std::jmp_buf before_abort;
std::size_t exhausted;

void aborted(int)
{
	std::longjmp(before_abort, 1);
}

// abort() comes out of it by way of the signal.
template <typename Call> bool aborts(Call call)
{
	std::signal(SIGABRT, aborted);
	if (setjmp(before_abort) == 0) {
		call();
		return false;
	}
	return true;
}

} // namespace

void nh_exhausted(std::size_t size)
{
	exhausted = size;
}

static int begin(void **)
{
	nh_heap_config heap{};
	heap.base = memory;
	heap.size = sizeof memory;
	return nh_init(&heap, 1, nullptr) == NH_OK ? 0 : -1;
}

static void refusals(void **)
{
	void *volatile block = ::operator new(1 << 20, std::nothrow);
	assert_null(block);
	assert_int_equal(exhausted, 0); /* whoever takes nullptr for an answer needs no help */
	assert_true(aborts([&] { block = ::operator new(1 << 20); }));
	assert_int_equal(exhausted, 1 << 20);
}

static void resource(void **)
{
	nearheap::memory_resource all;
	void *block = all.allocate(100);
	assert_int_equal(nh_heap_of(block), 0);
	all.deallocate(block, 100);
	assert_true(all.is_equal(all));
	assert_true(aborts([] {
		nearheap::memory_resource none(NH_ATTR_DMA);
		none.deallocate(none.allocate(100), 100);
	}));
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(resource),
	};
	return cmocka_run_group_tests(tests, begin, nullptr);
}

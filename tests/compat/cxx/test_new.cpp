// SPDX-License-Identifier: MIT
// Every form of new and delete, in a program whose library, containers and constructors use them too.
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <nearheap/first_use.h>

#include "unit.hpp"

namespace
{

constexpr std::size_t MEMORY = 1024 * 1024;
alignas(16) unsigned char memory[MEMORY];
unsigned asked;

// A constant initializer: this is locked by constructors that run before ours would.
std::mutex mutex;

struct alignas(256) wide {
	char bytes[300];
};

struct counted {
	static int alive;
	int value = 7;

	counted()
	{
		alive++;
	}

	~counted()
	{
		alive--;
	}
};

int counted::alive;

// Made before main, by whichever constructor comes first.
std::string before_main(100, 'x');
std::vector<int> also_before_main(50, 3);

} // namespace

nh_status nh_first_use(void)
{
	std::lock_guard<std::mutex> guard(mutex);
	asked++;
	nh_heap_config heap{};
	heap.name = "all";
	heap.base = memory;
	heap.size = sizeof memory;
	return nh_heap_count() == 0 ? nh_init(&heap, 1, nullptr) : NH_EALREADY;
}

static void constructors_before_main(void **)
{
	assert_int_equal(asked, 1);
	assert_int_equal(nh_heap_of(before_main.data()), 0);
	assert_int_equal(nh_heap_of(also_before_main.data()), 0);
	assert_true(before_main == std::string(100, 'x'));
	assert_int_equal(also_before_main[49], 3);
}

static void plain_and_arrays(void **)
{
	std::size_t before = live();
	counted *one = new counted, *many = new counted[10];
	assert_int_equal(counted::alive, 11);
	assert_int_equal(nh_heap_of(one), 0);
	assert_int_equal(nh_heap_of(many), 0);
	assert_int_equal(many[9].value, 7);
	delete one;
	delete[] many;
	assert_int_equal(counted::alive, 0);
	void *none = ::operator new(0), *other = ::operator new(0);
	assert_non_null(none);
	assert_ptr_not_equal(none, other);
	::operator delete(none);
	::operator delete(other, std::size_t(0));
	delete static_cast<int *>(nullptr);
	assert_int_equal(live(), before);
}

static void over_aligned(void **)
{
	std::size_t before = live();
	wide *one = new wide, *many = new wide[3], *quiet = new (std::nothrow) wide,
	     *quiet_many = new (std::nothrow) wide[2];
	for (wide *block : { one, many, quiet, quiet_many }) {
		assert_int_equal(nh_heap_of(block), 0);
		assert_true(aligned(block, 256));
	}
	delete one;
	delete[] many;
	delete quiet;
	delete[] quiet_many;
	constexpr auto alignment = std::align_val_t(512);
	void *block = ::operator new(100, alignment, std::nothrow);
	assert_true(block != nullptr && aligned(block, 512));
	::operator delete(block, alignment, std::nothrow);
	block = ::operator new[](100, alignment);
	assert_true(aligned(block, 512));
	::operator delete[](block, std::size_t(100), alignment);
	block = ::operator new[](100, alignment, std::nothrow);
	::operator delete[](block, alignment, std::nothrow);
	block = ::operator new[](100, std::nothrow);
	::operator delete[](block, std::nothrow);
	assert_int_equal(live(), before);
}

static void no_memory(void **)
{
	const volatile std::size_t much = 4 * MEMORY;
	void *volatile block; // compilers may leave out a new whose block goes nowhere
	bool thrown = false;
	try {
		block = new char[much];
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	assert_true(thrown);
	thrown = false;
	try {
		block = ::operator new(much, std::align_val_t(64));
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	assert_true(thrown);
	block = new (std::nothrow) char[much];
	assert_null(block);
	block = ::operator new(much, std::align_val_t(64), std::nothrow);
	assert_null(block);
}

// ---- handlers ------------------------------------------------------------------------------

namespace
{

void *reserve;
unsigned handled;

void give_up_reserve()
{
	handled++;
	if (reserve == nullptr)
		throw std::bad_alloc();
	::operator delete(reserve);
	reserve = nullptr;
}

void give_up()
{
	handled++;
	std::set_new_handler(nullptr);
}

} // namespace

// The handler frees a block, and the request that called it gets one. Then it throws, and only the
// forms that may not throw turn that into nullptr.
static void handler_makes_room(void **)
{
	constexpr std::size_t half = MEMORY / 2;
	std::size_t before = live();
	reserve = ::operator new(half + half / 4);
	std::set_new_handler(give_up_reserve);
	handled = 0;
	void *volatile block = ::operator new(half);
	void *volatile refused;
	assert_int_equal(handled, 1);
	assert_null(reserve);
	bool thrown = false;
	try {
		refused = ::operator new(half);
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	assert_true(thrown);
	assert_int_equal(handled, 2);
	refused = ::operator new(half, std::nothrow);
	assert_null(refused);
	assert_int_equal(handled, 3);
	std::set_new_handler(give_up);
	refused = ::operator new(half, std::nothrow);
	assert_null(refused);
	assert_int_equal(handled, 4);
	assert_null(std::get_new_handler());
	::operator delete(block);
	assert_int_equal(live(), before);
}

// ---- containers ----------------------------------------------------------------------------

static void fill()
{
	std::map<int, std::string> map;
	for (int i = 0; i < 300; i++)
		map[i * 37 % 300] = std::string(static_cast<std::size_t>(i % 60), 'a');
	for (int i = 0; i < 300; i += 2)
		map.erase(i);
	auto shared = std::make_shared<std::vector<std::string>>();
	for (auto &entry : map)
		shared->push_back(entry.second);
	assert_int_equal(shared->size(), 150);
}

static void containers_in_threads(void **)
{
	std::size_t before = live();
	{
		std::vector<std::thread> threads;
		for (int i = 0; i < 3; i++)
			threads.emplace_back(fill);
		fill();
		for (auto &thread : threads)
			thread.join();
	}
	assert_int_equal(live(), before);
	nh_report report;
	assert_int_equal(nh_validate(-1, &report), NH_OK);
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constructors_before_main),
		cmocka_unit_test(plain_and_arrays),
		cmocka_unit_test(over_aligned),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(handler_makes_room),
		cmocka_unit_test(containers_in_threads),
	};
	return cmocka_run_group_tests(tests, nullptr, nullptr);
}

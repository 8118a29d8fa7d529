// SPDX-License-Identifier: MIT
// nearheap::memory_resource: containers in memory chosen by attribute, CPU, set of heaps, instance.
#include <list>
#include <memory_resource>
#include <string>
#include <vector>

#include <nearheap/memory_resource.hpp>

#include "unit.hpp"

namespace
{

constexpr std::size_t SIZE = 128 * 1024;
alignas(4096) unsigned char memory[5][SIZE];
enum { PLAIN, DMA, NEAR0, NEAR1 };

nh_instance_storage storage;
nh_instance *other;

nh_heap_config heap(const char *name, unsigned number, std::uint32_t attributes, std::uint32_t affinity)
{
	nh_heap_config config{};
	config.name = name;
	config.base = memory[number];
	config.size = SIZE;
	config.attributes = attributes;
	config.affinity = affinity;
	return config;
}

} // namespace

static int begin(void **)
{
	const nh_heap_config heaps[] = { heap("plain", PLAIN, 0, 0), heap("dma", DMA, NH_ATTR_DMA, 0),
		                         heap("near0", NEAR0, 0, NH_CPU(0)),
		                         heap("near1", NEAR1, 0, NH_CPU(1) | NH_CPU(2)) };
	const nh_heap_config own = heap("other", 4, 0, 0);
	return nh_init(heaps, NH_CPUS < 3 ? 3 : 4, nullptr) == NH_OK &&
	                       nh_instance_init(&storage, &own, 1, nullptr, &other) == NH_OK
	               ? 0
	               : -1;
}

static int end(void **)
{
	return nh_instance_deinit(other) == NH_OK && nh_deinit() == NH_OK ? 0 : -1;
}

static void by_attribute(void **)
{
	std::size_t before = live();
	{
		nearheap::memory_resource dma(NH_ATTR_DMA);
		std::pmr::vector<int> numbers(&dma);
		for (int i = 0; i < 1000; i++)
			numbers.push_back(i);
		assert_int_equal(nh_heap_of(numbers.data()), DMA);
		std::pmr::list<std::pmr::string> names(&dma);
		names.emplace_back(200, 'n');
		assert_int_equal(nh_heap_of(names.front().data()), DMA); /* its strings too */
	}
	assert_int_equal(live(), before);
}

static void by_cpu(void **)
{
	nearheap::memory_resource near = nearheap::memory_resource::near_to(NH_CPU(0));
	void *block = near.allocate(100);
	assert_int_equal(nh_heap_of(block), NEAR0);
	near.deallocate(block, 100);
	bool thrown = false;
	try {
		nearheap::memory_resource nowhere = nearheap::memory_resource::near_to(NH_CPU(31));
		block = nowhere.allocate(1);
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	assert_true(thrown);
}

static void by_request(void **)
{
	nh_request request{};
	request.heaps = 1u << PLAIN;
	request.alignment = 512;
	request.flags = NH_ZERO;
	nearheap::memory_resource plain(request);
	for (std::size_t alignment : { std::size_t(1), std::size_t(64), std::size_t(1024) }) {
		auto *block = static_cast<unsigned char *>(plain.allocate(200, alignment));
		assert_int_equal(nh_heap_of(block), PLAIN);
		assert_true(aligned(block, alignment < 512 ? 512 : alignment));
		for (int i = 0; i < 200; i++)
			assert_int_equal(block[i], 0);
		plain.deallocate(block, 200, alignment);
	}
	void *none = plain.allocate(0);
	assert_non_null(none);
	plain.deallocate(none, 0);
	bool thrown = false;
	try {
		none = plain.allocate(2 * SIZE);
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	assert_true(thrown);
}

static void by_instance(void **)
{
	nearheap::memory_resource own(0, other), all;
	std::pmr::string text(300, 't', &own);
	assert_int_equal(nh_heap_of(text.data()), -1);
	assert_int_equal(nh_instance_heap_of(other, text.data()), 0);
	assert_ptr_equal(own.instance(), other);
	assert_int_equal(own.request().require, 0);
}

static void equality(void **)
{
	nearheap::memory_resource all, dma(NH_ATTR_DMA), own(0, other);
	assert_true(all == dma); /* one frees what the other allocated */
	assert_true(all != own);
	assert_true(all != *std::pmr::new_delete_resource());
	void *block = dma.allocate(10);
	all.deallocate(block, 10);
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_attribute), cmocka_unit_test(by_cpu),   cmocka_unit_test(by_request),
		cmocka_unit_test(by_instance),  cmocka_unit_test(equality),
	};
	return cmocka_run_group_tests(tests, begin, end);
}

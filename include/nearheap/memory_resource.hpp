// SPDX-License-Identifier: MIT
//
// nearheap/memory_resource.hpp - containers in chosen memory: a std::pmr::memory_resource over
// nh_alloc() and nh_free().
//
//     nearheap::memory_resource dma(NH_ATTR_DMA);
//     std::pmr::vector<char> buffer(512, &dma);
//
// Header only, C++17. Calls are as free as nh_alloc(): from any CPU, without a lock of the resource's own. The
// resource holds a few words, no memory; it must outlive its containers, not their blocks.
//
// No memory: std::bad_alloc, or std::abort() where exceptions are off (a resource may not return nullptr).
#ifndef NEARHEAP_MEMORY_RESOURCE_HPP
#define NEARHEAP_MEMORY_RESOURCE_HPP

#include <cstddef>
#include <cstdlib>
#include <memory_resource>
#include <new>

#include <nearheap/nearheap.h>

namespace nearheap
{

class memory_resource : public std::pmr::memory_resource
{
      public:
	// Memory that has all of `attributes`; 0 = as nh_malloc().
	explicit memory_resource(std::uint32_t attributes = 0, nh_instance *instance = nh_default()) noexcept
	    : instance_(instance), request_()
	{
		request_.require = attributes;
	}

	// As the request says; its alignment is a minimum. What request.preferences points to must live as long.
	explicit memory_resource(const nh_request &request, nh_instance *instance = nh_default()) noexcept
	    : instance_(instance), request_(request)
	{
	}

	// Only heaps that are near to one of these CPUs (NH_CPU(0) | ...), not the shared ones: for what one
	// core works on. Heaps added later are not among them. Task; walks each heap once. If there is none,
	// nothing can be allocated.
	static memory_resource near_to(std::uint32_t cpus, std::uint32_t attributes = 0,
	                               nh_instance *instance = nh_default()) noexcept
	{
		nh_request request{};
		request.require = attributes;
		for (int heap = 0; heap < static_cast<int>(nh_instance_heap_count(instance)); heap++) {
			nh_heap_stats stats{};
			// Attributes and affinity are filled in whatever becomes of the walk.
			(void)nh_instance_heap_stats_get(instance, heap, &stats);
			if ((stats.affinity & cpus) != 0)
				request.heaps |= std::uint32_t(1) << heap;
		}
		if (request.heaps == 0)
			request.heaps = std::uint32_t(1) << 31; // no heap has this number
		return memory_resource(request, instance);
	}

	nh_instance *instance() const noexcept
	{
		return instance_;
	}

	const nh_request &request() const noexcept
	{
		return request_;
	}

      private:
	void *do_allocate(std::size_t size, std::size_t alignment) override
	{
		nh_request request = request_;
		if (alignment > request.alignment)
			request.alignment = alignment;
		if (void *block = nh_instance_alloc(instance_, &request, size == 0 ? 1 : size))
			return block;
#ifdef __cpp_exceptions
		throw std::bad_alloc();
#else
		std::abort();
#endif
	}

	void do_deallocate(void *block, std::size_t, std::size_t) override
	{
		nh_instance_free(instance_, block);
	}

	// Blocks of an instance may be freed through any resource of it. Without RTTI a resource of
	// unknown type is not asked.
	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
	{
#ifdef __cpp_rtti
		auto *same = dynamic_cast<const memory_resource *>(&other);
		return same != nullptr && same->instance_ == instance_;
#else
		return this == &other;
#endif
	}

	nh_instance *instance_;
	nh_request request_;
};

} // namespace nearheap

#endif

// SPDX-License-Identifier: MIT
//
// operator new and delete over the default instance, all forms. The bound of each is nh_malloc's
// and nh_free's; what fails goes round with std::get_new_handler() as the standard says.
//
// Without exceptions the forms that may not return nullptr abort; with them they throw bad_alloc.
#include <cstddef>
#include <cstdlib>
#include <new>

#include <nearheap/first_use.h>
#include <nearheap/nearheap.h>

#if defined(__SANITIZE_ADDRESS__)
#define NH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NH_ASAN 1
#endif
#endif
#ifdef NH_ASAN
#include <sanitizer/asan_interface.h>
#endif

// nearheap_cxx refers to it from the linker's command line.
extern "C" {
extern const char nh_cxx_routed;
const char nh_cxx_routed = 1;
}

namespace
{

// One attempt, a second one after nh_first_use_ready(): see core/compat/newlib/malloc.c.
void *attempt(std::size_t size, std::size_t alignment) noexcept
{
	void *block = alignment == 0 ? nh_malloc(size) : nh_aligned_alloc(alignment, size);
	if (block != nullptr || !nh_first_use_ready())
		return block;
	return alignment == 0 ? nh_malloc(size) : nh_aligned_alloc(alignment, size);
}

// nullptr if there is no handler. A handler makes room, throws, or does not return.
void *obtain(std::size_t size, std::size_t alignment)
{
	if (size == 0)
		size = 1;
	for (;;) {
		if (void *block = attempt(size, alignment))
			return block;
		std::new_handler handler = std::get_new_handler();
		if (handler == nullptr)
			return nullptr;
		handler();
	}
}

void *obtain_or_throw(std::size_t size, std::size_t alignment)
{
	if (void *block = obtain(size, alignment))
		return block;
#ifdef __cpp_exceptions
	throw std::bad_alloc();
#else
	nh_exhausted(size);
	std::abort();
#endif
}

void *obtain_or_null(std::size_t size, std::size_t alignment) noexcept
{
#ifdef __cpp_exceptions
	try {
		return obtain(size, alignment);
	} catch (...) { // a handler's
		return nullptr;
	}
#else
	return obtain(size, alignment);
#endif
}

// AddressSanitizer poisons the count in front of an array of objects, and counts on its own delete to lift that.
void free_array(void *block) noexcept
{
#ifdef NH_ASAN
	__asan_unpoison_memory_region(block, nh_usable_size(block));
#endif
	nh_free(block);
}

constexpr std::size_t bytes(std::align_val_t alignment) noexcept
{
	return static_cast<std::size_t>(alignment);
}

} // namespace

// ---- new -----------------------------------------------------------------------------------

void *operator new(std::size_t size)
{
	return obtain_or_throw(size, 0);
}

void *operator new[](std::size_t size)
{
	return obtain_or_throw(size, 0);
}

void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
	return obtain_or_null(size, 0);
}

void *operator new[](std::size_t size, const std::nothrow_t &) noexcept
{
	return obtain_or_null(size, 0);
}

void *operator new(std::size_t size, std::align_val_t alignment)
{
	return obtain_or_throw(size, bytes(alignment));
}

void *operator new[](std::size_t size, std::align_val_t alignment)
{
	return obtain_or_throw(size, bytes(alignment));
}

void *operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
	return obtain_or_null(size, bytes(alignment));
}

void *operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
	return obtain_or_null(size, bytes(alignment));
}

// ---- delete: the block knows its size and heap ---------------------------------------------

void operator delete(void *block) noexcept
{
	nh_free(block);
}

void operator delete[](void *block) noexcept
{
	free_array(block);
}

void operator delete(void *block, const std::nothrow_t &) noexcept
{
	nh_free(block);
}

void operator delete[](void *block, const std::nothrow_t &) noexcept
{
	free_array(block);
}

void operator delete(void *block, std::size_t) noexcept
{
	nh_free(block);
}

void operator delete[](void *block, std::size_t) noexcept
{
	free_array(block);
}

void operator delete(void *block, std::align_val_t) noexcept
{
	nh_free(block);
}

void operator delete[](void *block, std::align_val_t) noexcept
{
	free_array(block);
}

void operator delete(void *block, std::align_val_t, const std::nothrow_t &) noexcept
{
	nh_free(block);
}

void operator delete[](void *block, std::align_val_t, const std::nothrow_t &) noexcept
{
	free_array(block);
}

void operator delete(void *block, std::size_t, std::align_val_t) noexcept
{
	nh_free(block);
}

void operator delete[](void *block, std::size_t, std::align_val_t) noexcept
{
	free_array(block);
}

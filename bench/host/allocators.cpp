/* SPDX-License-Identifier: MIT */
/*
 * All allocators in one process. Peers are loaded with their names kept to themselves (RTLD_LOCAL), so that each
 * serves only those calls that go through its table; the C library's own stays the process's malloc.
 */
#include "bench/host/suite.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace bench
{

namespace
{

void *symbol(void *library, const char *file, const char *name)
{
	void *address = dlsym(library, name);
	if (address == nullptr) {
		std::fprintf(stderr, "bench_host: %s: no %s\n", file, name);
		std::exit(1);
	}
	return address;
}

template <typename function> void bind(function &target, void *library, const char *file, const char *name)
{
	target = reinterpret_cast<function>(symbol(library, file, name));
}

const bench_allocator *peer(const char *name, const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (library == nullptr) {
		std::fprintf(stderr, "bench_host: %s\n", dlerror());
		std::exit(1);
	}
	auto *table = new bench_allocator();
	table->name = name;
	bind(table->malloc, library, file, "malloc");
	bind(table->free, library, file, "free");
	bind(table->realloc, library, file, "realloc");
	bind(table->calloc, library, file, "calloc");
	bind(table->aligned, library, file, "aligned_alloc");
	return table;
}

const bench_allocator *c_library()
{
	return new bench_allocator{ "glibc",      0,           std::malloc,  std::free,
		                    std::realloc, std::calloc, aligned_alloc };
}

} // namespace

const std::vector<const bench_nearheap *> &nearheaps()
{
	static const std::vector<const bench_nearheap *> all = {
		bench_nearheap_none(),
		bench_nearheap_basic(),
		bench_nearheap_moderate(),
	};
	return all;
}

const std::vector<const bench_allocator *> &allocators()
{
	static const std::vector<const bench_allocator *> all = {
		&nearheaps()[0]->table,
		&nearheaps()[1]->table,
		&nearheaps()[2]->table,
		c_library(),
		peer("jemalloc", "libjemalloc.so.2"),
		peer("mimalloc", "libmimalloc.so.2"),
		peer("tcmalloc", "libtcmalloc_minimal.so.4"),
		bench_tlsf_ticket(),
		bench_tlsf_mcs(),
		bench_tlsf_mutex(),
		bench_ck_stack(),
		bench_limit(),
	};
	return all;
}

const bench_allocator *find(const std::string &name)
{
	for (const bench_allocator *allocator : allocators())
		if (name == allocator->name)
			return allocator;
	std::fprintf(stderr, "bench_host: no allocator '%s'\n", name.c_str());
	std::exit(1);
}

const bench_nearheap &nearheap_of(const bench_allocator &allocator)
{
	for (const bench_nearheap *nearheap : nearheaps())
		if (&nearheap->table == &allocator)
			return *nearheap;
	std::fprintf(stderr, "bench_host: %s is no nearheap\n", allocator.name);
	std::exit(1);
}

void exhausted(const bench_allocator &allocator, size_t size)
{
	std::fprintf(stderr, "bench_host: %s has no %zu bytes\n", allocator.name, size);
	std::exit(1);
}

} // namespace bench

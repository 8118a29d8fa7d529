/* SPDX-License-Identifier: MIT */
/* The default instance: one line per function, so that each stays usable on its own. */
#include "core/hit.h"
#include "core/lifecycle.h"

/* Before nh_init every CPU's first cache is the empty one, without a test in the hit: hence the
 * initializer, doubled up to NH_CPUS + 1 entries. */
static nh_instance the_default = {
#if NH_CACHES
	.first = {
#define ONE NH__NO_CACHE,
#define TWO ONE ONE
#define FOUR TWO TWO
#define EIGHT FOUR FOUR
#define SIXTEEN EIGHT EIGHT
#define THIRTYTWO SIXTEEN SIXTEEN
#define SIXTYFOUR THIRTYTWO THIRTYTWO
#define HUNDREDS SIXTYFOUR SIXTYFOUR
#if (NH_CPUS + 1) & 1
		ONE
#endif
#if (NH_CPUS + 1) & 2
		TWO
#endif
#if (NH_CPUS + 1) & 4
		FOUR
#endif
#if (NH_CPUS + 1) & 8
		EIGHT
#endif
#if (NH_CPUS + 1) & 16
		SIXTEEN
#endif
#if (NH_CPUS + 1) & 32
		THIRTYTWO
#endif
#if (NH_CPUS + 1) & 64
		SIXTYFOUR
#endif
#if (NH_CPUS + 1) & 128
		HUNDREDS
#endif
#if (NH_CPUS + 1) & 256
		HUNDREDS HUNDREDS
#endif
	},
#endif
	.ready = false,
};

nh_instance *nh_default(void)
{
	return &the_default;
}

/* Keeps library and application to one configuration: see nearheap/config.h. */
const volatile char NH__CONFIGURED = 1;

#undef nh_init
nh_status nh_init(const nh_heap_config *heaps, unsigned count, unsigned *failed)
{
	return nh__default_init(heaps, count, failed);
}

nh_status nh_deinit(void)
{
	return nh_instance_deinit(&the_default);
}

nh_status nh_heap_add(const nh_heap_config *config, int *heap)
{
	return nh_instance_heap_add(&the_default, config, heap);
}

nh_status nh_region_add(int heap, void *base, size_t size)
{
	return nh_instance_region_add(&the_default, heap, base, size);
}

nh_status nh_region_remove(int heap, const void *base, size_t *live)
{
	return nh_instance_region_remove(&the_default, heap, base, live);
}

nh_status nh_heap_remove(int heap, size_t *live)
{
	return nh_instance_heap_remove(&the_default, heap, live);
}

nh_status nh_heap_add_retained(const nh_heap_config *config, int *heap, nh_retained *report)
{
	return nh_instance_heap_add_retained(&the_default, config, heap, report);
}

nh_status nh_retained_root_set(int heap, const void *block)
{
	return nh_instance_retained_root_set(&the_default, heap, block);
}

void *nh_retained_root(int heap)
{
	return nh_instance_retained_root(&the_default, heap);
}

nh_status nh_cpu_offline(unsigned cpu)
{
	return nh_instance_cpu_offline(&the_default, cpu);
}

nh_status nh_cpu_online(unsigned cpu)
{
	return nh_instance_cpu_online(&the_default, cpu);
}

nh_status nh_cpu_recover(unsigned cpu)
{
	return nh_instance_cpu_recover(&the_default, cpu);
}

nh_status nh_heap_salvage(int heap, size_t *blocks)
{
	return nh_instance_heap_salvage(&the_default, heap, blocks);
}

/* The slow paths with one argument less, so that the hits keep nothing for them. */
#if NH_HARDENING < NH_HARDENING_FULL

static NH__NOINLINE void *malloc_slow(size_t size)
{
	return nh__malloc_slow(&the_default, size);
}

static NH__NOINLINE void *malloc_miss(unsigned klass)
{
	return nh__malloc_miss(&the_default, klass);
}

#endif

static NH__NOINLINE void free_slow(void *block)
{
	nh__free_slow(&the_default, block);
}

#if NH_HARDENING >= NH_HARDENING_FULL

void *nh_malloc(size_t size)
{
	return nh_instance_malloc(&the_default, size);
}

#else

void *nh_malloc(size_t size)
{
	struct nh__block *block;
	unsigned klass;
	switch (nh__malloc_hit(&the_default, size, &block, &klass)) {
	case NH__HIT:
		return nh__payload(block);
	case NH__MISS:
		return malloc_miss(klass);
	default:
		return malloc_slow(size);
	}
}

#endif

void *nh_calloc(size_t count, size_t size)
{
	return nh_instance_calloc(&the_default, count, size);
}

void *nh_aligned_alloc(size_t alignment, size_t size)
{
	return nh_instance_aligned_alloc(&the_default, alignment, size);
}

void *nh_realloc(void *block, size_t size)
{
	return nh_instance_realloc(&the_default, block, size);
}

void nh_free(void *block)
{
	struct nh__block *header = nh__block_at(block);
	NH_PORT_OPAQUE(header); /* one live value in place of two */
	if (NH__UNLIKELY(!nh__free_hit(&the_default, header)))
		free_slow(nh__payload(header));
}

size_t nh_usable_size(const void *block)
{
	return nh_instance_usable_size(&the_default, block);
}

void *nh_alloc(const nh_request *request, size_t size)
{
	return nh_instance_alloc(&the_default, request, size);
}

void *nh_realloc_request(const nh_request *request, void *block, size_t size)
{
	return nh_instance_realloc_request(&the_default, request, block, size);
}

void *nh_malloc_attr(uint32_t attributes, size_t size)
{
	return nh_instance_malloc_attr(&the_default, attributes, size);
}

void *nh_calloc_attr(uint32_t attributes, size_t count, size_t size)
{
	return nh_instance_calloc_attr(&the_default, attributes, count, size);
}

void *nh_realloc_attr(uint32_t attributes, void *block, size_t size)
{
	return nh_instance_realloc_attr(&the_default, attributes, block, size);
}

void *nh_aligned_alloc_attr(uint32_t attributes, size_t alignment, size_t size)
{
	return nh_instance_aligned_alloc_attr(&the_default, attributes, alignment, size);
}

unsigned nh_explain(const nh_request *request, size_t size, nh_explanation *out, unsigned max)
{
	return nh_instance_explain(&the_default, request, size, out, max);
}

int nh_heap_of(const void *address)
{
	return nh_instance_heap_of(&the_default, address);
}

nh_status nh_trim(int heap)
{
	return nh_instance_trim(&the_default, heap);
}

nh_status nh_heap_stats_get(int heap, nh_heap_stats *stats)
{
	return nh_instance_heap_stats_get(&the_default, heap, stats);
}

nh_status nh_cpu_stats_get(int heap, unsigned cpu, nh_cpu_stats *stats)
{
	return nh_instance_cpu_stats_get(&the_default, heap, cpu, stats);
}

unsigned nh_heap_count(void)
{
	return nh_instance_heap_count(&the_default);
}

nh_status nh_walk(int heap, bool (*visit)(const nh_block_info *block, void *context), void *context)
{
	return nh_instance_walk(&the_default, heap, visit, context);
}

nh_status nh_validate(int heap, nh_report *report)
{
	return nh_instance_validate(&the_default, heap, report);
}

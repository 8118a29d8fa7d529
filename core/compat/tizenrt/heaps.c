/* SPDX-License-Identifier: MIT */
/*
 * The heaps: by index, by address, and how they are made. Written from one task; a heap appears with a
 * release and is read with an acquire, so one may be added while others allocate.
 */
#include "core/compat/tizenrt/tizenrt.h"

#include <stdatomic.h>

/* Entries of the lists are only needed before the instance is, and are too large for a small stack. */
static union {
	nh_instance_storage instance;
	nh_region_entry entries[NH_MAX_REGIONS];
} storage;
static nh_instance *instance; /* written before the first entry of `heaps` */
static struct mm_heap_s *_Atomic heaps[NH_MAX_HEAPS];
static _Atomic int listed; /* heaps that lists brought; 0 = none */
static _Atomic int prior;

static const char *const names[] = { "heap0",  "heap1",  "heap2",  "heap3", "heap4",  "heap5",
	                             "heap6",  "heap7",  "heap8",  "heap9", "heap10", "heap11",
	                             "heap12", "heap13", "heap14", "heap15" };
_Static_assert(NH_MAX_HEAPS <= sizeof names / sizeof names[0], "a name per heap");

/* ---- looking ------------------------------------------------------------------------------ */

nh_instance *nh__mm_instance(void)
{
	return instance;
}

static struct mm_heap_s *heap_at(int index)
{
	if (index < 0 || index >= NH_MAX_HEAPS)
		return NULL;
	/* acquire: of publish */
	return atomic_load_explicit(&heaps[index], memory_order_acquire);
}

static int heap_count(void)
{
	int count = 0;
	while (heap_at(count) != NULL)
		count++;
	return count;
}

bool nh__mm_is_heap(const char *function, int index)
{
	if (heap_at(index) != NULL)
		return true;
	nh__mm_log("mm: %s: heap index %i is out of range, there are %i heaps", function, index,
	           heap_count());
	return false;
}

int nh__mm_index_of(const struct mm_heap_s *heap)
{
	for (int index = 0; heap != NULL && heap_at(index) != NULL; index++)
		if (heap_at(index) == heap)
			return index;
	return -1;
}

int nh__mm_shared_count(void)
{
	/* acquire: of publish_lists */
	int count = atomic_load_explicit(&listed, memory_order_acquire);
	return count != 0 ? count : heap_count();
}

int nh__mm_prior(void)
{
	return atomic_load_explicit(&prior, memory_order_relaxed); /* behind nh__mm_shared_count */
}

int mm_get_index_of_heap(void *address)
{
	if (address == NULL)
		return 0;
	return heap_at(0) == NULL ? -1 : nh_instance_heap_of(instance, address);
}

struct mm_heap_s *mm_get_heap(void *address)
{
	struct mm_heap_s *heap = address == NULL ? NULL : heap_at(mm_get_index_of_heap(address));
	if (heap == NULL)
		nh__mm_log("mm: mm_get_heap: %x is in no heap", (uint64_t)(uintptr_t)address);
	return heap;
}

struct mm_heap_s *mm_get_heap_with_index(int index)
{
	return nh__mm_is_heap("mm_get_heap_with_index", index) ? heap_at(index) : NULL;
}

/* ---- making ------------------------------------------------------------------------------- */

static void publish(int index, struct mm_heap_s *heap)
{
	/* release: to heap_at */
	atomic_store_explicit(&heaps[index], heap, memory_order_release);
}

/* Control memory in the structure if it fits, else at the head of the region if that costs no more
 * than an eighth; else without caches, which takes less. */
static void place_control(nh_heap_config *config, struct mm_heap_s *heap)
{
	config->control = heap->control.bytes;
	config->control_size = sizeof heap->control.bytes;
	if (nh_heap_control_size(config) <= config->control_size)
		return;
	if (nh_heap_control_size(config) > config->size / 8u) {
		config->flags |= NH_HEAP_NO_CACHES;
		if (nh_heap_control_size(config) <= config->control_size)
			return;
	}
	config->control = NULL;
	config->control_size = 0;
}

/* Not before all is well: the program may go on with its own hook if there is no heap. */
static void first_heap(void)
{
	nh_fatal_hook_set(nh_tizenrt_fault);
}

static int refused(const char *function, const char *why)
{
	nh__mm_log("mm: %s: %s", function, why);
	return -EINVAL;
}

static nh_status add_heap(const nh_heap_config *config, int *index)
{
	if (heap_at(0) != NULL)
		return nh_instance_heap_add(instance, config, index);
	nh_status status = nh_instance_init(&storage.instance, config, 1, NULL, &instance);
	*index = 0;
	if (status == NH_OK)
		first_heap();
	return status;
}

int mm_initialize(struct mm_heap_s *heap, void *start, size_t size)
{
	if (heap == NULL)
		return refused("mm_initialize", "no heap");
	if (nh__mm_index_of(heap) >= 0)
		return refused("mm_initialize", "the heap is in use");
	nh_heap_config config = { .base = start, .size = size, .window = SIZE_MAX };
	int index = heap_count();
	config.name = index < NH_MAX_HEAPS ? names[index] : NULL;
	place_control(&config, heap);
	nh_status status = add_heap(&config, &index);
	if (status != NH_OK)
		return refused("mm_initialize", nh_status_string(status));
	publish(index, heap);
	return OK;
}

int mm_addregion(struct mm_heap_s *heap, void *start, size_t size)
{
	int index = nh__mm_index_of(heap);
	if (index < 0)
		return refused("mm_addregion", "no such heap");
	nh_status status = nh_instance_region_add(instance, index, start, size);
	return status == NH_OK ? OK : refused("mm_addregion", nh_status_string(status));
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Reads lists and says where the memory is that they mean; what is wrong goes to the log. */
static bool read_lists(const nh_regions_lists *lists, unsigned *count)
{
	nh_regions_error error;
	nh_region_entry *entry = storage.entries;
	if (nh_regions_from_lists(lists, UINTPTR_MAX, storage.entries, NH_MAX_REGIONS, count, &error) !=
	    NH_OK) {
		nh__mm_log("mm: configuration: %s", error.text);
		return false;
	}
	for (unsigned i = 0; i < *count; i++, entry++) {
		const void *memory = nh__mm_platform_ram((uintptr_t)entry->base, (size_t)entry->size);
		if (memory == NULL) {
			nh__mm_log("mm: %s_START, entry %u: there is no RAM at %x", lists->prefix,
			           (uint64_t)entry->position, entry->base);
			return false;
		}
		entry->base = (uintptr_t)memory;
	}
	return true;
}

/* Names the list and entry that a table's address is from. The entries are gone: they are read again. */
static void log_entry(const nh_regions_lists *lists, const void *base, nh_status status)
{
	unsigned count = 0;
	if (!read_lists(lists, &count))
		return;
	for (unsigned i = 0; i < count; i++)
		if (storage.entries[i].base == (uintptr_t)base)
			nh__mm_log("mm: %s, entry %u: %s", lists->prefix,
			           (uint64_t)storage.entries[i].position, nh_status_string(status));
}

static bool make_heaps(const nh_tizenrt_configuration *configuration, unsigned count)
{
	nh_heap_config configs[NH_MAX_HEAPS];
	nh_region_config further[NH_MAX_REGIONS];
	nh_region_table table = { configs, NH_MAX_HEAPS, further, NH_MAX_REGIONS };
	unsigned failed = 0;
	/* There is room: lists have at most so many of both. */
	(void)nh_regions_fill(storage.entries, count, configs, &table.heap_count, further,
	                      &table.further_count);
	for (unsigned i = 0; i < table.heap_count; i++) {
		configs[i].name = names[i];
		place_control(&configs[i], &configuration->heaps[i]);
	}
	nh_status status = nh_instance_regions_init(&storage.instance, &table, &failed, &instance);
	if (status != NH_OK)
		log_entry(&configuration->lists,
		          failed < table.heap_count ? configs[failed].base
		                                    : further[failed - table.heap_count].base,
		          status);
	return status == NH_OK;
}

int nh_tizenrt_start(const nh_tizenrt_configuration *configuration)
{
	unsigned count = 0;
	const nh_regions_lists *lists = &configuration->lists;
	if (heap_at(0) != NULL) {
		nh__mm_log("mm: %s: there are heaps already", lists->prefix);
		return -EALREADY;
	}
	if (!read_lists(lists, &count) || !make_heaps(configuration, count))
		return -EINVAL;
	first_heap();
	atomic_store_explicit(&prior, (int)lists->prior, memory_order_relaxed);
	for (int i = 0; i < (int)lists->heaps; i++)
		publish(i, &configuration->heaps[i]);
	/* release: to nh__mm_shared_count */
	atomic_store_explicit(&listed, (int)lists->heaps, memory_order_release);
	return OK;
}

void nh_tizenrt_deinit(void)
{
	if (heap_at(0) != NULL)
		(void)nh_instance_deinit(instance);
	for (int i = 0; i < NH_MAX_HEAPS; i++)
		publish(i, NULL);
	atomic_store_explicit(&listed, 0, memory_order_release);
	atomic_store_explicit(&prior, 0, memory_order_relaxed);
	nh__mm_platform_reset();
}

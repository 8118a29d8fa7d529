/* SPDX-License-Identifier: MIT */
/* What a hit must leave to the slow path, and that to the fatal hook: addresses that only look like blocks, sizes that cannot be. */
#include <string.h>

#include "white.h"

static unit u;
static struct nh__heap *heap;

static int set_up(void **state)
{
	*state = &u;
	unit_one(&u, 64 * KIB, 0);
	heap = u.instance->heap[0];
	return 0;
}

#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_EXTREME

/* A header that somebody copied into a block: all of it is right but the key, which knows its place. */
static void a_forged_header(void **state)
{
	(void)state;
	unsigned char *block = nh_instance_malloc(u.instance, 400), *sample = nh_instance_malloc(u.instance, 40);
	unsigned char *inside = block + 64;
	memset(block, 0, 400);
	memcpy(nh__block_at(inside), nh__block_at(sample), NH_HEADER);
#if NH_CACHES
	unsigned klass = nh__need_of(nh__class_table_of(u.instance), 40, 1).klass;
	uint32_t before = heap->cache[0]->slot[klass].cur;
	heap->cache[0]->slot[klass].cap = 8; /* there is room for it */
#endif
	nh_instance_free(u.instance, inside);
	unit_expect_fault(NH_FAULT_POINTER, inside);
#if NH_CACHES
	assert_int_equal(heap->cache[0]->slot[klass].cur, before);
#endif
	nh_instance_free(u.instance, sample);
	nh_instance_free(u.instance, block);
}

/* The header that ends a region, and the address in front of the first block. */
static void the_ends_of_a_region(void **state)
{
	(void)state;
	struct nh__region *region = heap->tlsf.regions;
	void *fence = (void *)region->end, *before = (void *)(region->first - NH_GRANULE);
	nh_instance_free(u.instance, fence);
	unit_expect_fault(NH_FAULT_POINTER, fence);
	nh_instance_free(u.instance, before);
	unit_expect_fault(NH_FAULT_POINTER, before);
}

static void wrong_spans(unit *w, const struct nh__region *region, unsigned char *block)
{
	struct nh__block *header = nh__block_at(block);
	uint32_t span = header->span, room = (uint32_t)nh__span_to_end(region, header);
	const uint32_t spans[] = {0, NH_SPAN_MIN - 1u, room + 1u, UINT32_MAX};
	assert_in_range((uintptr_t)block, region->first, region->end);
	for (unsigned i = 0; i < 4; i++) {
		header->span = spans[i];
		nh_instance_free(w->instance, block);
		unit_expect_fault(NH_FAULT_NEIGHBOUR, block);
		assert_int_equal(nh_instance_usable_size(w->instance, block), 0);
	}
#if !NH__GUARDED /* else the bitmap knows better */
	header->span = room; /* the largest that may be */
	assert_int_equal(nh_instance_usable_size(w->instance, block), NH_USABLE(room));
#endif
	header->span = span;
	nh_instance_free(w->instance, block);
}

/* A span that is none, or leaves the region: whoever wrote it had the block before, or this one from below. */
static void a_wrong_span(void **state)
{
	(void)state;
	void *low = nh_instance_malloc(u.instance, 5000);
	wrong_spans(&u, heap->tlsf.regions, nh_instance_malloc(u.instance, 20000));
	nh_instance_free(u.instance, low);
}

/* The same behind a heap's first region, where the hits do not know the end. */
static void a_wrong_span_elsewhere(void **state)
{
	(void)state;
	const size_t sizes[] = {16 * KIB, 64 * KIB};
	unit w;
	unit_lay_out(&w, 2, sizes);
	unit_begin(&w, 1);
	assert_status(nh_instance_region_add(w.instance, 0, w.arena.parts[1].base, sizes[1]), NH_OK);
	void *low = nh_instance_malloc(w.instance, 20000);
	wrong_spans(&w, &w.instance->regions[1].region, nh_instance_malloc(w.instance, 20000));
	nh_instance_free(w.instance, low);
	unit_end(&w);
	nht_fault_catch();
}

#endif

#if NH_CACHES

/* A size just above the last class is of none, whatever lies behind the table. */
static void a_size_behind_the_table(void **state)
{
	(void)state;
	const size_t size = NH_USABLE(NH__CLASS_SPAN_MAX) + 1u;
	unsigned char *behind = (unsigned char *)u.instance + offsetof(nh_instance, class_of) + NH__CLASS_TABLE;
	if (offsetof(nh_instance, first) <= offsetof(nh_instance, class_of) + NH__CLASS_TABLE)
		unit_skip("there is no room behind the table");
	void *small[3];
	for (unsigned i = 0; i < 3; i++)
		small[i] = nh_instance_malloc(u.instance, 40);
	unsigned klass = nh__need_of(nh__class_table_of(u.instance), 40, 1).klass;
	struct nh__slot *slot = &heap->cache[0]->slot[klass];
	slot->cap = 8;
	nh_instance_free(u.instance, small[1]);
	assert_int_equal(NH__COUNT(slot->cur) > 0, 1);
	*behind = NH__CODE(klass);
	void *large = nh_instance_malloc(u.instance, size);
	*behind = 0;
	assert_true(nh_instance_usable_size(u.instance, large) >= size);
	nh_instance_free(u.instance, large);
	nh_instance_free(u.instance, small[0]);
	nh_instance_free(u.instance, small[2]);
}

#if NH_HARDENING < NH_HARDENING_FULL

/* An owner byte that is no live one is no class: behind the last magazine lies something else, here what looks like one with room. */
static void no_class_behind_the_last(void **state)
{
	(void)state;
	static _Alignas(256) unsigned char control[128 * KIB];
	const size_t size = 64 * KIB;
	unit w;
	unit_lay_out(&w, 1, &size);
	w.configs[0].control = control + 0xe0; /* the first byte of a pointer to it is the room */
	w.configs[0].control_size = sizeof control - 0xe0;
	unit_begin(&w, 1);
	struct nh__cache *cache = w.instance->heap[0]->cache[0];
	assert_int_equal((uintptr_t)w.instance->heap[0] & 0xffu, 0xe0);
	assert_ptr_equal(cache->heap, w.instance->heap[0]);
	void *block = nh_instance_malloc(w.instance, 40);
	_Atomic uint8_t *byte = &nh__block_at(block)->owner;
	uint8_t owner = nh__load_relaxed(byte);
	for (unsigned other = NH__OWNER_LIVE + NH_CLASSES; other < 256; other++) {
		nh__store_relaxed(byte, (uint8_t)other);
		nh_instance_free(w.instance, block);
		unit_expect_fault(NH_FAULT_POINTER, block);
		assert_int_equal(nh__load_relaxed(byte), other);
		assert_ptr_equal(cache->heap, w.instance->heap[0]);
	}
	nh__store_relaxed(byte, owner);
	nh_instance_free(w.instance, block);
	unit_end(&w);
	nht_fault_catch();
}

#endif

#endif

/* A heap that is refused takes back those before it: the storage is as if nothing had been. */
static void a_failed_init_leaves_nothing(void **state)
{
	(void)state;
	static nh_instance_storage storage;
	nh_instance *instance = NULL, *failed_one = (nh_instance *)(void *)&storage;
	static unsigned char memory[2][8192];
	nh_heap_config configs[2] = {{.base = memory[0], .size = sizeof memory[0]}, {.base = memory[1], .size = 1}};
	unsigned failed = 9;
	assert_status(nh_instance_init(&storage, configs, 2, &failed, &instance), NH_ESMALL);
	assert_int_equal(failed, 1);
	assert_int_equal(nh_instance_heap_count(failed_one), 0);
	assert_status(nh_instance_trim(failed_one, -1), NH_ENOINIT);
	assert_status(nh_instance_deinit(failed_one), NH_ENOINIT);
	assert_null(nh_instance_malloc(failed_one, 10));
	configs[1].size = sizeof memory[1];
	assert_status(nh_instance_init(&storage, configs, 2, &failed, &instance), NH_OK);
	assert_int_equal(nh_instance_heap_count(instance), 2);
	assert_status(nh_instance_deinit(instance), NH_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE && NH_HARDENING < NH_HARDENING_EXTREME
		unit_case(a_forged_header, set_up),
		unit_case(the_ends_of_a_region, set_up),
		unit_case(a_wrong_span, set_up),
		unit_case(a_wrong_span_elsewhere, set_up),
#endif
#if NH_CACHES
		unit_case(a_size_behind_the_table, set_up),
#if NH_HARDENING < NH_HARDENING_FULL
		unit_case(no_class_behind_the_last, set_up),
#endif
#endif
		unit_case(a_failed_init_leaves_nothing, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * core/heap.c beside its caches: who has none, when hits are kept out, and a search that somebody's free comes in between. The
 * source is included, for the moment between two lock holds.
 */
#include <string.h>

#include "arch/port.h"

static void (*between)(void); /* called once, when interrupts go off for the second time */
static unsigned saves;

static nh_port_irq counted_save(void)
{
	nh_port_irq irq = nh_port_irq_save();
	if (++saves == 2 && between != NULL)
		between();
	return irq;
}

#define nh_port_irq_save() counted_save()
#include "core/heap.c"
#undef nh_port_irq_save

#include "affine.h"

#if !NH_CACHES

/* What TLSF has ready comes with the first hold. */
static void one_hold(void **state)
{
	(void)state;
	static unit u;
	unit_one(&u, 64 * KIB, 0);
	struct nh__need need = nh__need_of(NULL, 24, 1);
	struct nh__note note = {NH_FAULT_NONE, NULL};
	saves = 0;
	assert_non_null(nh__heap_take(u.instance->heap[0], &need, &note));
	assert_int_equal(saves, 1);
	unit_abandon(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_hold)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

#define SMALL ((size_t)24)

static unsigned klass; /* of SMALL */

static void start(uint32_t affinity)
{
	begin(affinity);
	klass = nh__need_of(nh__class_table_of(u.instance), SMALL, 1).klass;
}

/* ---- who has no cache --------------------------------------------------------------------- */

/* Masks name 32 CPUs; none names what comes behind. */
static void who_is_local(void **state)
{
	(void)state;
	start(FOR_ONE);
	for (unsigned cpu = 0; cpu <= 64; cpu++) {
		assert_true(nh__is_local(0, cpu));
		assert_int_equal(nh__is_local(UINT32_MAX, cpu), cpu < 32);
		for (unsigned other = 0; other < 32; other++)
			assert_int_equal(nh__is_local(NH_CPU(other), cpu), cpu == other);
	}
}

/* A thread without a slot has no cache: what lies behind the last CPU's is something else. */
static void no_slot_no_cache(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	start(FOR_ONE);
	struct nh__need need = {nh__class_span(klass), 1, nh__class_span(klass), (uint8_t)klass};
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		nh__store_relaxed(&heap->remote[cpu], 1u);
	nh_host_detach();
	void *block = nh__heap_take(heap, &need, &note);
	assert_non_null(block);
	assert_true(nh__heap_could(heap, &need, &note));
	white_blank(nh__block_at(block));
	nh__heap_give(heap, nh_port_cpu(), block, nh__load_relaxed(&nh__block_at(block)->owner), &note);
	assert_int_equal(note.code, NH_FAULT_NONE);
#if NH__DEPOT
	struct nh__freeze before = heap->freeze;
	nh__store_relaxed(&heap->shared[klass].inbox_limit, 2);
	block = nh__heap_take(heap, &need, &note);
	white_blank(nh__block_at(block));
	nh__heap_give(heap, nh_port_cpu(), block, nh__load_relaxed(&nh__block_at(block)->owner), &note);
	assert_int_equal(NH__COUNT(nh__load_relaxed(&heap->shared[klass].inbox)), 1);
	assert_memory_equal(&heap->freeze, &before, sizeof before);
#endif
	assert_status(nh_host_attach(0), NH_OK);
}

/* An aligned request has a magazine only if its first block lies right; nobody looks at a block of an empty one. */
static void a_magazine_for_aligned_requests(void **state)
{
	(void)state;
	start(FOR_ONE);
	struct nh__slot *slot = &cache->slot[klass];
	for (uint32_t align = 1; align <= 64; align *= 2) {
		const struct nh__need need = {nh__class_span(klass), align, nh__class_span(klass), (uint8_t)klass};
		const struct nh__need none = {nh__class_span(klass), align, nh__class_span(klass), NH__NO_CLASS};
		unsigned right = 0;
		for (uint32_t offset = 0; offset < 256; offset++) {
			slot->cur = offset << NH__COUNT_BITS | 1u;
			uintptr_t payload = (uintptr_t)nh__payload(nh__chain_top(&cache->head, slot->cur));
			bool lies_right = payload % (align * NH_GRANULE) == 0;
			assert_ptr_equal(slot_for(cache, &need), lies_right ? slot : NULL);
			assert_null(slot_for(cache, &none));
			right += lies_right;
			slot->cur = offset << NH__COUNT_BITS;
			assert_ptr_equal(slot_for(cache, &need), align == 1 ? slot : NULL);
		}
		assert_int_equal(right, 256u / align);
	}
	slot->cur = 0;
}

#if NH__DEPOT

/* An inbox that a reclaim has closed holds nothing, and is no reason to leave the depot alone. */
static void behind_a_closed_inbox(void **state)
{
	(void)state;
	start(FOR_ALL);
	struct nh__shared *shared = &heap->shared[klass];
	struct nh__slot *slot = &cache->slot[klass];
	void *blocks[3];
	for (unsigned i = 0; i < 3; i++)
		blocks[i] = nh_instance_malloc(u.instance, SMALL);
	slot->cap = 1;
	slot->cur = 0;
	nh_instance_free(u.instance, blocks[1]);
	uint32_t chain = slot->cur, takes = nh__load_relaxed(&cache->counters[NH__INBOX_TAKES]);
	slot->cur = 0;
	nh__store_relaxed(&shared->depot[0], chain);
	nh__store_relaxed(&shared->inbox, NH__CLOSED);
	assert_ptr_equal(nh_instance_malloc(u.instance, SMALL), blocks[1]);
	assert_int_equal(nh__load_relaxed(&cache->counters[NH__INBOX_TAKES]), takes);
	assert_true(nh__load_relaxed(&shared->inbox) == NH__CLOSED);
	nh__store_relaxed(&shared->inbox, 0);
}

#endif

#if NH_PORT_GATE_BOUNDS

/* Closed while the gate is seized, and for ever where hits would need a fence. */
static void bounds_of_hits(void **state)
{
	(void)state;
	start(FOR_ONE);
	struct nh__cache_head *head = &cache->head;
	const uint32_t kept = nh_host__gate_open;
	nh_host__gate_open = 0;
	nh__bounds_open(heap, head);
	assert_int_equal(nh__load_relaxed(&head->limit), heap->tlsf.primary);
	assert_int_equal(nh__load_relaxed(&head->open), nh__load_relaxed(&head->reach));
	nh__bounds_close(head);
	assert_int_equal(nh__load_relaxed(&head->limit), 0);
	assert_int_equal(nh__load_relaxed(&head->open), 0);
	nh_host__gate_open = 2;
	nh__bounds_open(heap, head);
	assert_int_equal(nh__load_relaxed(&head->limit), 0);
	assert_int_equal(nh__load_relaxed(&head->open), 0);
	nh_host__gate_open = kept;
	nh__bounds_open(heap, head);
}

#endif

static void *given; /* by somebody else */

static void give(void)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	white_blank(nh__block_at(given));
	assert_true(nh__heap_lock(heap, 0));
	nh__give_locked(heap, given);
	nh__heap_unlock(heap, 0, &note);
}

#define TOO_CLOSE "classes lie too close to each other"

/* The first class above which another begins so late that a block between them could be cut; NH_CLASSES if there is none. */
static unsigned wide_class(void)
{
	unsigned wide = 1;
	while (wide < NH_CLASSES && nh__class_span(wide) - nh__class_span(wide - 1u) <= NH_SPAN_MIN)
		wide++;
	return wide;
}

/* ---- what one lock hold takes ------------------------------------------------------------- */

/* What TLSF has ready comes with the first hold, through the gate and beside it. */
static void one_hold(void **state)
{
	(void)state;
	start(FOR_ONE);
	struct nh__need need = nh__need_of(nh__class_table_of(u.instance), SMALL, 1);
	struct nh__note note = {NH_FAULT_NONE, NULL};
	cache->slot[klass].cur = 0;
	saves = 0;
	assert_non_null(nh__heap_take(heap, &need, &note));
	assert_int_equal(saves, 1);
	uint32_t busy = nh__load_relaxed(&cache->head.gate.busy);
	nh__store_relaxed(&cache->head.gate.busy, busy | 1u); /* in the middle of a cache operation */
	saves = 0;
	assert_non_null(nh__heap_take(heap, &need, &note));
	assert_int_equal(saves, 1);
	nh__store_relaxed(&cache->head.gate.busy, busy);
}

/* Smaller than the class, but large enough: one operation finds that too. */
static void the_exact_span(void **state)
{
	(void)state;
	start(FOR_ONE);
	unsigned wide = wide_class();
	if (wide == NH_CLASSES)
		unit_skip(TOO_CLOSE);
	uint32_t span = nh__class_span(wide) - 1u;
	struct nh__need need = nh__need_of(nh__class_table_of(u.instance), NH_USABLE(span), 1);
	assert_int_equal(need.span, span);
	assert_int_equal(need.class_span, span + 1u);
	struct nh__block *block = nh__tlsf_take(&heap->tlsf, span, 1);
	nh__make_live(heap, block);
	assert_int_equal(nh__block_span(block), span);
	unit_take_all(&u, 5000, NULL);
	unit_take_all(&u, 8, NULL);
	assert_null(nh__take_locked(heap, &need));
	given = nh__payload(block);
	give();
	assert_ptr_equal(nh__take_locked(heap, &need), given);
	assert_int_equal(nh__block_span(block), span);
	assert_int_equal(nh__load_relaxed(&block->owner), nh__live_owner(heap, block));
}

/* ---- between two lock holds --------------------------------------------------------------- */

/* A block of just the class that is freed while one searches for what would do, is taken as it is, not cut. */
static void a_block_of_the_class_is_not_cut(void **state)
{
	(void)state;
	start(FOR_ONE);
	unsigned wide = wide_class();
	if (wide == NH_CLASSES)
		unit_skip(TOO_CLOSE);
	uint32_t span = nh__class_span(wide);
	given = nh_instance_malloc(u.instance, NH_USABLE(span));
	assert_int_equal(nh__block_span(nh__block_at(given)), span);
	unit_take_all(&u, 5000, NULL);
	unit_take_all(&u, 8, NULL);
	struct nh__need need = nh__need_of(nh__class_table_of(u.instance), NH_USABLE(nh__class_span(wide - 1u) + 1u), 1);
	struct nh__note note = {NH_FAULT_NONE, NULL};
	assert_int_equal(need.klass, wide);
	assert_null(nh__heap_take(heap, &need, &note));
	between = give;
	saves = 0;
	void *block = nh__heap_take(heap, &need, &note);
	between = NULL;
	assert_ptr_equal(block, given);
	assert_int_equal(nh__block_span(nh__block_at(block)), span);
	assert_int_equal(nh__load_relaxed(&nh__block_at(block)->owner), NH__OWNER_LIVE + wide);
	assert_int_equal(heap->tlsf.free, 0);
}

#define TEST(function) unit_case_damaged(function, none_yet)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_local),
		TEST(no_slot_no_cache),
		TEST(a_magazine_for_aligned_requests),
#if NH__DEPOT
		TEST(behind_a_closed_inbox),
#endif
#if NH_PORT_GATE_BOUNDS
		TEST(bounds_of_hits),
#endif
		TEST(one_hold),
		TEST(the_exact_span),
		TEST(a_block_of_the_class_is_not_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

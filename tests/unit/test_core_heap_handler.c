/* SPDX-License-Identifier: MIT */
/*
 * Calls of a handler that interrupted a lock hold of its own CPU, as the port tells them: nothing waits, nothing is half
 * done. What cannot be served is NULL, what cannot be freed is reported and stays live, whole, and can be freed later.
 */
#include <string.h>

#include "arch/port.h"
#include "core/check.h"
#include "white.h"

static unit u;
static struct nh__heap *heap;

static void begin(size_t size, uint32_t affinity, uint32_t flags)
{
	unit_lay_out(&u, 1, &size);
	u.configs[0].affinity = affinity;
	u.configs[0].flags = flags;
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
}

static void interrupt(void)
{
	assert_true(nh_port_lock_begin());
}

static void resume(void)
{
	nh_port_lock_end();
}

static unsigned char *marked(size_t size)
{
	unsigned char *block = nh_instance_malloc(u.instance, size);
	assert_non_null(block);
	memset(block, 0x6c, size);
	return block;
}

static void assert_marked(const unsigned char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(block[i], 0x6c);
}

static void no_memory_and_no_wait(void **state)
{
	(void)state;
	const nh_request request = {.heaps = 1u};
	begin(64 * KIB, 0, NH_HEAP_NO_CACHES);
	interrupt();
	assert_null(nh_instance_malloc(u.instance, 100));
	assert_null(nh_instance_malloc(u.instance, 5000));
	assert_null(nh_instance_alloc(u.instance, &request, 100));
	assert_null(nh_instance_aligned_alloc(u.instance, 256, 100));
	resume();
	assert_int_equal(nht_fault_count(), 0);
	void *block = nh_instance_malloc(u.instance, 100);
	assert_non_null(block);
	nh_instance_free(u.instance, block);
	unit_end(&u);
}

/* It is reported, and live as before. */
static void a_free_is_put_off(void **state)
{
	(void)state;
	begin(64 * KIB, 0, NH_HEAP_NO_CACHES);
	static const size_t sizes[] = {40, 100, 9000};
	for (unsigned i = 0; i < 3; i++) {
		unsigned char *block = marked(sizes[i]);
		uint8_t owner = nh__load_relaxed(&nh__block_at(block)->owner);
		size_t before = unit_stats(&u, 0).free;
		interrupt();
		nh_instance_free(u.instance, block);
		resume();
		unit_expect_fault(NH_FAULT_CONTEXT, block);
		assert_int_equal(unit_stats(&u, 0).free, before);
		assert_int_equal(nh__load_relaxed(&nh__block_at(block)->owner), owner);
		assert_marked(block, NHT_EXACT ? 0 : sizes[i]); /* at FULL what is freed is filled first */
		nh_instance_free(u.instance, block);
	}
	unit_end(&u);
}

static void no_resize(void **state)
{
	(void)state;
	begin(64 * KIB, 0, NH_HEAP_NO_CACHES);
	unsigned char *block = marked(200);
	size_t before = unit_stats(&u, 0).free;
	interrupt();
	assert_null(nh_instance_realloc(u.instance, block, 400)); /* what follows is free */
	assert_null(nh_instance_realloc(u.instance, block, 20000));
	resume();
	assert_int_equal(unit_stats(&u, 0).free, before);
	assert_int_equal(nht_fault_count(), 0);
	assert_marked(block, 200);
	assert_int_equal(nh_instance_usable_size(u.instance, block) < 400, 1);
	nh_instance_free(u.instance, block);
	unit_end(&u);
}

/* Looks at nothing, and says that of it. */
static void no_looks(void **state)
{
	(void)state;
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__need need;
	const void *bad;
	struct nh__heap *checked;
	begin(64 * KIB, 0, NH_HEAP_NO_CACHES);
	need = nh__need_of(nh__class_table_of(u.instance), 1000, 1);
	interrupt();
	assert_false(nh__heap_could(heap, &need, &note));
	assert_null(nh__check_control(u.instance, 0, &checked, &bad, &note));
	resume();
	assert_int_equal(note.code, NH_FAULT_NONE);
	assert_true(nh__heap_could(heap, &need, &note));
	unit_end(&u);
}

#if NH_CACHES && NH__GATE && NH__DEPOT

/* The magazines go on as long as they need no lock (from NH_HARDENING_FULL on each free looks at its neighbours under it). */
#if NH_HARDENING < NH_HARDENING_FULL

static void caches_serve_on(void **state)
{
	(void)state;
	begin(256 * KIB, NH_CPU(0), 0);
	unsigned char *blocks[3];
	for (unsigned i = 0; i < 3; i++)
		blocks[i] = marked(40);
	nh_instance_free(u.instance, blocks[1]);
	interrupt();
	unsigned char *again = nh_instance_malloc(u.instance, 40);
	assert_non_null(again);
	nh_instance_free(u.instance, again);
	resume();
	assert_int_equal(nht_fault_count(), 0);
	nh_instance_free(u.instance, blocks[0]);
	nh_instance_free(u.instance, blocks[2]);
	unit_end(&u);
}

#endif

/* Until they are full. */
static void a_full_magazine_puts_off(void **state)
{
	(void)state;
	enum { MANY = 400 };
	static unsigned char *blocks[MANY];
	unsigned i = 0;
	begin(256 * KIB, NH_CPU(0), 0);
	for (unsigned k = 0; k < MANY; k++)
		blocks[k] = marked(40);
	interrupt();
	for (; i < MANY && nht_fault_count() == 0; i += 2)
		nh_instance_free(u.instance, blocks[i]);
	resume();
	assert_true(i > 0 && i < MANY);
	unit_expect_fault(NH_FAULT_CONTEXT, blocks[i - 2u]);
	assert_marked(blocks[i - 2u], NHT_EXACT ? 0 : 40);
	for (unsigned k = 0; k < MANY; k++)
		if (k % 2u != 0 || k >= i - 2u)
			nh_instance_free(u.instance, blocks[k]);
	unit_end(&u);
}

/* Another CPU's block, whose inbox has no room: a push that failed has left nothing in it. */
static void a_remote_free_is_put_off(void **state)
{
	(void)state;
	begin(256 * KIB, NH_CPU(1), 0);
	unsigned char *block = marked(40);
	uint8_t owner = nh__load_relaxed(&nh__block_at(block)->owner);
	unsigned klass = nh__need_of(nh__class_table_of(u.instance), 40, 1).klass;
	uint8_t limit = nh__load_relaxed(&heap->shared[klass].inbox_limit);
	nh__store_relaxed(&heap->shared[klass].inbox_limit, 0);
	interrupt();
	nh_instance_free(u.instance, block);
	resume();
	nh__store_relaxed(&heap->shared[klass].inbox_limit, limit);
	unit_expect_fault(NH_FAULT_CONTEXT, block);
	assert_int_equal(nh__load_relaxed(&nh__block_at(block)->owner), owner);
	assert_marked(block, NHT_EXACT ? 0 : 40);
	nh_instance_free(u.instance, block);
	assert_int_equal(nht_fault_count(), 0);
	unit_end(&u);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_and_no_wait),
		cmocka_unit_test(a_free_is_put_off),
		cmocka_unit_test(no_resize),
		cmocka_unit_test(no_looks),
#if NH_CACHES && NH__GATE && NH__DEPOT
#if NH_HARDENING < NH_HARDENING_FULL
		cmocka_unit_test(caches_serve_on),
#endif
		cmocka_unit_test(a_full_magazine_puts_off),
		cmocka_unit_test(a_remote_free_is_put_off),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

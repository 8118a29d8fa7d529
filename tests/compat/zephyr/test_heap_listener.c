/* SPDX-License-Identifier: MIT */
/* Listeners, defined and registered as Zephyr's programs do. */
#include <zephyr/sys/heap_listener.h>
#include <zephyr/sys/sys_heap.h>

#include "tests/support/unit.h"

#include <string.h>

static uint64_t memory[512], other_memory[64];
static struct sys_heap heap, other;

struct event {
	char kind;
	uintptr_t id;
	void *address, *end;
	size_t bytes;
};

static struct event events[32];
static unsigned count;

static void note(struct event event)
{
	assert_true(count < 32);
	events[count++] = event;
}

static void on_alloc(uintptr_t id, void *mem, size_t bytes)
{
	note((struct event){ 'a', id, mem, NULL, bytes });
}

static void on_free(uintptr_t id, void *mem, size_t bytes)
{
	note((struct event){ 'f', id, mem, NULL, bytes });
}

static void on_resize(uintptr_t id, void *old_end, void *new_end)
{
	note((struct event){ 'r', id, old_end, new_end, 0 });
}

static void on_alloc_too(uintptr_t id, void *mem, size_t bytes)
{
	note((struct event){ 'A', id, mem, NULL, bytes });
}

HEAP_LISTENER_ALLOC_DEFINE(alloc_listener, HEAP_ID_FROM_POINTER(&heap), on_alloc);
HEAP_LISTENER_ALLOC_DEFINE(second_listener, HEAP_ID_FROM_POINTER(&heap), on_alloc_too);
HEAP_LISTENER_FREE_DEFINE(free_listener, HEAP_ID_FROM_POINTER(&heap), on_free);
HEAP_LISTENER_RESIZE_DEFINE(libc_listener, HEAP_ID_LIBC, on_resize);
static struct heap_listener silent; /* all zero */

static int setup(void **state)
{
	(void)state;
	sys_heap_init(&heap, memory, sizeof memory);
	sys_heap_init(&other, other_memory, sizeof other_memory);
	heap_listener_register(&silent);
	heap_listener_register(&alloc_listener);
	heap_listener_register(&free_listener);
	heap_listener_register(&libc_listener);
	count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	heap_listener_unregister(&libc_listener);
	heap_listener_unregister(&alloc_listener);
	heap_listener_unregister(&free_listener);
	heap_listener_unregister(&silent);
	return 0;
}

static void expect(unsigned index, char kind, void *mem, size_t bytes)
{
	assert_true(index < count);
	assert_int_equal(events[index].kind, kind);
	assert_int_equal(events[index].id, HEAP_ID_FROM_POINTER(&heap));
	assert_ptr_equal(events[index].address, mem);
	assert_int_equal(events[index].bytes, bytes);
}

static void test_alloc_and_free(void **state)
{
	(void)state;
	void *block = sys_heap_alloc(&heap, 100);
	size_t usable = sys_heap_usable_size(&heap, block);
	assert_int_equal(count, 1);
	expect(0, 'a', block, usable);
	sys_heap_free(&heap, block);
	assert_int_equal(count, 2);
	expect(1, 'f', block, usable);
	block = sys_heap_aligned_alloc(&heap, 0x48, 50);
	expect(2, 'a', block, sys_heap_usable_size(&heap, block));
	sys_heap_free(&heap, block);
	assert_int_equal(count, 4);
	/* nothing for what did not happen, nor for other heaps */
	assert_null(sys_heap_alloc(&heap, 0));
	assert_null(sys_heap_alloc(&heap, sizeof memory));
	sys_heap_free(&heap, NULL);
	sys_heap_free(&other, sys_heap_alloc(&other, 10));
	assert_int_equal(count, 4);
}

static void test_resizing(void **state)
{
	(void)state;
	void *block = sys_heap_alloc(&heap, 200);
	size_t first = sys_heap_usable_size(&heap, block);
	assert_ptr_equal(sys_heap_realloc(&heap, block, 64), block);
	size_t second = sys_heap_usable_size(&heap, block);
	expect(1, 'a', block, second);
	expect(2, 'f', block, first);
	assert_ptr_equal(sys_heap_realloc(&heap, block, 64), block); /* nothing changes */
	assert_int_equal(count, 3);
	assert_ptr_equal(sys_heap_realloc(&heap, block, 300), block);
	size_t third = sys_heap_usable_size(&heap, block);
	expect(3, 'a', block, third);
	expect(4, 'f', block, second);
	void *wall = sys_heap_alloc(&heap, 8);
	void *moved = sys_heap_realloc(&heap, block, 1000);
	assert_ptr_not_equal(moved, block);
	expect(6, 'a', moved, sys_heap_usable_size(&heap, moved));
	expect(7, 'f', block, third);
	count = 0;
	assert_null(sys_heap_realloc(&heap, moved, sizeof memory));
	assert_int_equal(count, 0);
	sys_heap_free(&heap, moved);
	sys_heap_free(&heap, wall);
}

static void test_several(void **state)
{
	(void)state;
	heap_listener_register(&second_listener);
	heap_listener_register(&alloc_listener); /* a second time: heard once */
	void *block = sys_heap_alloc(&heap, 10);
	assert_int_equal(count, 2);
	assert_int_equal(events[0].kind, 'a'); /* in the order of registration */
	assert_int_equal(events[1].kind, 'A');
	heap_listener_unregister(&alloc_listener);
	heap_listener_unregister(&alloc_listener); /* no longer there: ignored */
	sys_heap_free(&heap, block);
	block = sys_heap_alloc(&heap, 10);
	assert_int_equal(count, 4);
	assert_int_equal(events[3].kind, 'A');
	heap_listener_unregister(&second_listener);
	sys_heap_free(&heap, block);
	assert_int_equal(count, 5);
}

/* The owner of another heap notifies by itself. */
static void test_notify(void **state)
{
	(void)state;
	heap_listener_notify_resize(HEAP_ID_LIBC, memory, memory + 3);
	assert_int_equal(count, 1);
	assert_int_equal(events[0].kind, 'r');
	assert_int_equal(events[0].id, 0);
	assert_ptr_equal(events[0].address, memory);
	assert_ptr_equal(events[0].end, memory + 3);
	heap_listener_notify_resize(HEAP_ID_FROM_POINTER(&heap), memory, memory + 3);
	heap_listener_notify_alloc(HEAP_ID_LIBC, memory, 7);
	heap_listener_notify_free(HEAP_ID_FROM_POINTER(&other), memory, 7);
	assert_int_equal(count, 1);
	heap_listener_notify_alloc(HEAP_ID_FROM_POINTER(&heap), memory, 7);
	heap_listener_notify_free(HEAP_ID_FROM_POINTER(&heap), memory, 7);
	expect(1, 'a', memory, 7);
	expect(2, 'f', memory, 7);
	assert_true(HEAP_EVT_UNKNOWN == 0 && HEAP_REALLOC < HEAP_MAX_EVENTS);
}

static void test_nobody(void **state)
{
	(void)state;
	teardown(NULL);
	sys_heap_free(&heap, sys_heap_alloc(&heap, 10));
	assert_int_equal(count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_alloc_and_free), TEST(test_resizing), TEST(test_several),
		TEST(test_notify),         TEST(test_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * A program of the Pico SDK with nearheap_pico. Core 1 starts before the first constructor runs and
 * allocates at once; then both cores work, and each thing that may go wrong does.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pico/multicore.h>
#include <pico/stdlib.h>

#include <nearheap_pico.h>

#include "app.h"

#define ROUNDS 60u

void app_panic(const char *format, ...) __attribute__((noreturn));

static jmp_buf before_panic;
static bool panic_expected;
static char panic_text[96];

void app_panic(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(panic_text, sizeof panic_text, format, arguments);
	va_end(arguments);
	if (panic_expected)
		longjmp(before_panic, 1);
	printf("core %u: panic: %s\n", get_core_num(), panic_text);
	_exit(1);
}

void app_failed(const char *file, int line, const char *what)
{
	printf("%s:%d: core %u: check failed: %s\n", file, line, get_core_num(), what);
	_exit(1);
}

/* ---- core 1 ------------------------------------------------------------------------------ */

static void *volatile early_block;

static void core1_main(void)
{
	early_block = malloc(24);
	CHECK(early_block != NULL);
	void *fast = nh_malloc_attr(NH_ATTR_FAST, 40);
	CHECK((uintptr_t)fast >> 12 == 0x20040000u >> 12);
	free(fast);
	(void)multicore_fifo_pop_blocking();
	work(ROUNDS);
	multicore_fifo_push_blocking(1);
	for (;;)
		tight_loop_contents();
}

static void early(void)
{
	multicore_launch_core1(core1_main);
}

__attribute__((section(".preinit_array.90000"), used)) static void (*const early_entry)(void) = early;

/* ---- what goes wrong --------------------------------------------------------------------- */

static void expect_panic(void (*provoke)(void), const char *text)
{
	panic_expected = true;
	if (setjmp(before_panic) == 0) {
		provoke();
		app_failed(__FILE__, __LINE__, text);
	}
	panic_expected = false;
	if (strstr(panic_text, text) == NULL)
		app_failed(__FILE__, __LINE__, panic_text);
}

static void *volatile hidden; /* from the compiler, which knows what malloc and free may do */

static void too_much(void)
{
	hidden = malloc((size_t)1 << 30);
}

static void free_twice(void)
{
	hidden = malloc(16);
	free(hidden);
	free(hidden);
}

static void wrong_regions(void)
{
	static char data[64];
	char stack[64];
	char *const sram_end = (char *)0x20042000;
	nh_heap_config external = {
		.name = "psram", .base = (void *)0x11000000, .size = 4096, .attributes = NH_ATTR_EXTERNAL
	};
	CHECK(nh_region_add(0, data, sizeof data) == NH_EOVERLAP);
	CHECK(nh_region_add(0, stack, sizeof stack) == NH_EOVERLAP);
	CHECK(nh_region_add(0, (void *)0x20020000, 4096) == NH_EOVERLAP); /* is a region already */
	CHECK(nh_region_add(0, (void *)0x10000000, 4096) == NH_ERANGE);   /* flash */
	CHECK(nh_region_add(0, sram_end - 32, 64) != NH_OK);
	CHECK(nh_region_add(0, sram_end, 4096) == NH_ERANGE);
	CHECK(nh_region_add(0, (void *)(uintptr_t)-64, 128) == NH_EWRAP);
	CHECK(nh_region_add(0, NULL, 64) == NH_EINVAL);
	CHECK(nh_region_add(99, data, sizeof data) == NH_ENOENT);
	CHECK(nh_heap_add(NULL, NULL) == NH_EINVAL);
	CHECK(nh_heap_add(&external, NULL) ==
	      NH_ENOTSUP); /* let through to core, which wants control memory */
	external.base = data;
	CHECK(nh_heap_add(&external, NULL) == NH_EOVERLAP);
	external.attributes = 0;
	external.base = (void *)0x11000000;
	CHECK(nh_heap_add(&external, NULL) == NH_ERANGE);
}

/* ---- core 0 ------------------------------------------------------------------------------ */

static size_t live(void)
{
	size_t bytes = 0;
	for (int heap = 0; heap < (int)nh_heap_count(); heap++) {
		nh_heap_stats stats;
		CHECK(nh_heap_stats_get(heap, &stats) == NH_OK);
		bytes += stats.live;
	}
	return bytes;
}

int main(void)
{
	stdio_init_all();
	CHECK(objects_from_constructor());
	CHECK(nh_heap_count() == 3);
	while (early_block == NULL)
		tight_loop_contents();
	CHECK(nh_heap_of(early_block) == 0);

	void *fast = nh_malloc_attr(NH_ATTR_FAST, 40);
	CHECK((uintptr_t)fast >> 12 == 0x20041000u >> 12);
	free(fast);

	multicore_fifo_push_blocking(1);
	work(ROUNDS);
	CHECK(multicore_fifo_pop_blocking() == 1);
	work_files();
	objects_new_and_delete();
	free(early_block);

	/* Only what newlib keeps for itself is left: all of it is the heap's, none of another's. */
	size_t kept = live();
	CHECK(kept == mallinfo().uordblks && kept < 4096);
	wrong_regions();
	expect_panic(too_much, "Out of memory");
	expect_panic(free_twice,
	             nh_fault_string(NH_FAULT_DOUBLE_FREE)); /* the one fault: a panic does not return */
	CHECK(live() == kept);

	nh_report report;
	CHECK(nh_validate(-1, &report) == NH_OK);
	printf("app: ok, %u bytes kept by newlib\n", (unsigned)kept);
	fflush(stdout);
	return 0;
}

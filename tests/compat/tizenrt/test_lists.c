/* SPDX-License-Identifier: MIT */
/* Mistakes in the lists: one line that names list and position, -EINVAL, and no heap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tinyara/mm/mm.h>

#include "logged.h"

static struct mm_heap_s heaps[NH_MAX_HEAPS];

static int start(long regions, long nheaps, long prior, const char *starts, const char *sizes,
                 const char *indices)
{
	const nh_tizenrt_configuration configuration = {
		{ NULL, "CONFIG_RAM_KREGIONx", "CONFIG_KMM_REGIONS", "CONFIG_KMM_NHEAPS", regions, nheaps,
		  prior, starts, sizes, indices },
		heaps,
	};
	return nh_tizenrt_start(&configuration);
}

struct mistake {
	long regions, heaps, prior;
	const char *starts, *sizes, *indices, *line;
};

#define PREFIX "mm: configuration: CONFIG_RAM_KREGIONx"

static const struct mistake mistakes[] = {
	/* lists too short, too long, empty */
	{ 2, 1, 0, "0x1000", "256,256", "0,0", PREFIX "_START, entry 2: is missing, there are 2 regions" },
	{ 2, 1, 0, "0x1000,0x2000", "256", "0,0", PREFIX "_SIZE, entry 2: is missing, there are 2 regions" },
	{ 2, 1, 0, "0x1000,0x2000", "256,256", "0,",
	  PREFIX "_HEAP_INDEX, entry 2: is missing, there are 2 regions" },
	{ 1, 1, 0, "", "256", "0", PREFIX "_START, entry 1: is missing, there are 1 regions" },
	{ 1, 1, 0, "0x1000,0x2000", "256", "0", PREFIX "_START, entry 2: one too many, there are 1 regions" },
	{ 1, 1, 0, "0x1000,", "256,7,8", "0", PREFIX "_SIZE, entry 2: one too many, there are 1 regions" },
	{ 2, 1, 0, "0x1000,,0x2000", "256,256", "0,0", PREFIX "_START, entry 2: is empty" },
	{ 1, 1, 0, ",", "256", "0", PREFIX "_START, entry 1: is empty" },
	{ 1, 1, 0, "0x1000,,", "256", "0", PREFIX "_START, entry 2: one too many, there are 1 regions" },
	{ 1, 1, 0, NULL, "256", "0", PREFIX "_START is not set" },
	{ 1, 1, 0, "0x1000", NULL, "0", PREFIX "_SIZE is not set" },
	{ 1, 2, 0, "0x1000", "256", NULL, PREFIX "_HEAP_INDEX is not set" },
	/* spaces */
	{ 2, 1, 0, "0x1000, 0x2000", "256,256", "0,0", PREFIX "_START, entry 2: ' 0x2000' has a space" },
	{ 2, 1, 0, "0x1000,0x2000", "256 ,256", "0,0", PREFIX "_SIZE, entry 1: '256 ' has a space" },
	{ 1, 1, 0, " ", "256", "0", PREFIX "_START, entry 1: ' ' has a space" },
	{ 1, 1, 0, "0x1000", "256", "\t0", PREFIX "_HEAP_INDEX, entry 1: '?0' has a space" },
	/* no numbers */
	{ 1, 1, 0, "0xfg", "256", "0", PREFIX "_START, entry 1: '0xfg' is no hexadecimal number" },
	{ 1, 1, 0, "0x", "256", "0", PREFIX "_START, entry 1: '0x' is no hexadecimal number" },
	{ 1, 1, 0, "-1", "256", "0", PREFIX "_START, entry 1: '-1' is no hexadecimal number" },
	{ 1, 1, 0, "0x1000", "0x100", "0", PREFIX "_SIZE, entry 1: '0x100' is no decimal number" },
	{ 1, 1, 0, "0x1000", "256K", "0", PREFIX "_SIZE, entry 1: '256K' is no decimal number" },
	{ 1, 1, 0, "0x1000", "256", "-1", PREFIX "_HEAP_INDEX, entry 1: '-1' is no decimal number" },
	{ 1, 1, 0, "0x1000;0x2000", "256", "0",
	  PREFIX "_START, entry 1: '0x1000;0x2000' is no hexadecimal number" },
	/* too large */
	{ 1, 1, 0, "0x1000", "99999999999999999999999999", "0",
	  PREFIX "_SIZE, entry 1: '999999999999999999999999...' is too large" },
	{ 1, 1, 0, "0x10000000000000000", "256", "0",
	  PREFIX "_START, entry 1: '0x10000000000000000' is too large" },
	{ 2, 2, 0, "0x1000,0x2000", "256,256", "0,2", PREFIX "_HEAP_INDEX, entry 2: '2' is too large" },
	{ 0, 1, 0, "", "", "", "mm: configuration: CONFIG_KMM_REGIONS: 0 is out of range (1 to 16)" },
	{ 17, 1, 0, "", "", "", "mm: configuration: CONFIG_KMM_REGIONS: 17 is out of range (1 to 16)" },
	{ -1, 1, 0, "", "", "", "mm: configuration: CONFIG_KMM_REGIONS: -1 is out of range (1 to 16)" },
	{ 1, 0, 0, "0x1000", "256", "0", "mm: configuration: CONFIG_KMM_NHEAPS: 0 is out of range (1 to 8)" },
	{ 1, 9, 0, "0x1000", "256", "0", "mm: configuration: CONFIG_KMM_NHEAPS: 9 is out of range (1 to 8)" },
	{ 1, 1, 1, "0x1000", "256", "0",
	  "mm: configuration: CONFIG_RAM_MALLOC_PRIOR_INDEX: 1 is out of range (0 to 0)" },
	{ 1, 1, -1, "0x1000", "256", "0",
	  "mm: configuration: CONFIG_RAM_MALLOC_PRIOR_INDEX: -1 is out of range (0 to 0)" },
	/* regions that cannot be */
	{ 1, 1, 0, "0x1000", "0", "0", PREFIX "_START, entry 1: the size is 0" },
	{ 1, 1, 0, "0x0", "256", "0", PREFIX "_START, entry 1: a heap cannot begin at address 0" },
	{ 2, 1, 0, "0x1000,0x10ff", "256,256", "0,0",
	  PREFIX "_START, entry 2: overlaps CONFIG_RAM_KREGIONx_START, entry 1" },
	{ 3, 2, 0, "0x1000,0x2000,0x1000", "256,256,256", "0,1,1",
	  PREFIX "_START, entry 3: overlaps CONFIG_RAM_KREGIONx_START, entry 1" },
	{ 2, 3, 0, "0x1000,0x2000", "256,256", "0,2", "mm: configuration: heap 1 has no region" },
	{ 2, 3, 0, "0x1000,0x2000", "256,256", "0,1", PREFIX "_HEAP_INDEX: heap 2 has no region" },
	{ 2, 1, 0, "0x1000,0x1100", "256,8", "0,0", "mm: CONFIG_RAM_KREGIONx, entry 2: " },
	{ 1, 1, 0, "0x1000", "8", "0", "mm: CONFIG_RAM_KREGIONx, entry 1: " },
	/* what is not simulated */
	{ 2, 1, 0, "0x1000,0x80000", "256,256", "0,0",
	  "mm: CONFIG_RAM_KREGIONx_START, entry 2: there is no RAM at 0x80000" },
	{ 1, 1, 0, "0x20f00", "512", "0",
	  "mm: CONFIG_RAM_KREGIONx_START, entry 1: there is no RAM at 0x20f00" },
	{ 1, 1, 0, "0x800", "4096", "0", "mm: CONFIG_RAM_KREGIONx_START, entry 1: there is no RAM at 0x800" },
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		const struct mistake *m = &mistakes[i];
		assert_int_equal(start(m->regions, m->heaps, m->prior, m->starts, m->sizes, m->indices),
		                 -EINVAL);
		const char *line;
		assert_int_equal(logged(&line), 1);
		size_t length = strlen(m->line);
		if (m->line[length - 1] == ' ')
			assert_memory_equal(line, m->line, length); /* the reason is nearheap's */
		else
			assert_string_equal(line, m->line);
		assert_null(malloc(8));
		assert_null(malloc_at(0, 8));
		assert_logged("mm: malloc_at: heap index 0 is out of range, there are 0 heaps");
		/* All or nothing: the same memory is free for a sound configuration. */
		assert_int_equal(start(1, 1, 0, "0x1000", "256", "0"), OK);
		assert_non_null(malloc(8));
		logged_end();
		logged_begin();
	}
}

static void test_wrap(void **state)
{
	(void)state;
	char sizes[32], starts[32] = "0xfffffffffffffff0";
	strcpy(sizes, "32");
	if (sizeof(void *) == 4)
		strcpy(starts, "0xfffffff0");
	assert_int_equal(start(1, 1, 0, starts, sizes, "0"), -EINVAL);
	assert_logged(PREFIX "_START, entry 1: start and size reach beyond the last address");
}

static void test_accepted(void **state)
{
	(void)state;
	static const char *const forms[][3] = {
		{ "0x1000,0x2000", "256,256", "0,1" },      { "0x1000,0x2000,", "256,256,", "0,1," },
		{ "1000,2000", "0256,00256", "0,01" }, /* hexadecimal, with or without 0x */
		{ "0X1000,0x00002000", "256,256,", "0,1" }, { "0x2000,0x1000", "256,256", "1,0" },
	};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		assert_int_equal(start(2, 2, 0, forms[i][0], forms[i][1], forms[i][2]), OK);
		unsigned char *a = malloc_at(0, 100), *b = malloc_at(1, 100);
		assert_true(a >= ram_at(0x1000) && a < ram_at(0x1100));
		assert_true(b >= ram_at(0x2000) && b < ram_at(0x2100));
		logged_end();
		logged_begin();
	}
	assert_int_equal(start(1, 1, 0, "0x1000", "256", NULL), OK); /* one heap needs no indices */
	assert_non_null(malloc_at(0, 100));
	assert_nothing_logged();
}

static void test_no_simulated_ram(void **state)
{
	(void)state;
	nh_tizenrt_deinit();
	assert_int_equal(start(1, 1, 0, "0x1000", "256", "0"), -EINVAL);
	assert_logged("mm: CONFIG_RAM_KREGIONx_START, entry 1: there is no RAM at 0x1000");
	assert_int_equal(nh_tizenrt_simulate(0x1000, NULL, 256), -EINVAL);
	assert_int_equal(nh_tizenrt_simulate(0x1000, heaps, 0), -EINVAL);
	assert_int_equal(nh_tizenrt_simulate(0x1000, heaps, SIZE_MAX), -EINVAL);
}

int main(void)
{
	_Static_assert(NH_MAX_HEAPS == 8 && NH_MAX_REGIONS == 16, "the texts above say so");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mistakes, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_wrap, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_accepted, logged_set_up, logged_tear_down),
		cmocka_unit_test_setup_teardown(test_no_simulated_ram, logged_set_up, logged_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

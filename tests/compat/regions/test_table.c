/* SPDX-License-Identifier: MIT */
/* The text table: what is read, what is refused, and with which text. */
#include "texts.h"

#define MAX 16u
#define LAST UINT32_MAX

static nh_region_entry entries[MAX];
static unsigned count;
static nh_regions_error error;

static nh_status parse(const char *text, uint64_t last)
{
	static char *copy;
	free(copy); /* names point into it until the next */
	copy = exact(text, strlen(text));
	error.text[0] = '\0';
	return nh__regions_from_table("t", copy, strlen(text), last, entries, MAX, &count, &error);
}

static void assert_name(const nh_region_entry *entry, const char *name)
{
	assert_int_equal(entry->name_length, strlen(name));
	assert_memory_equal(entry->name, name, entry->name_length);
}

static void test_columns(void **state)
{
	(void)state;
	assert_int_equal(parse("# a comment\n"
	                       "\n"
	                       "local0 0x20000000 48K - 0 -\r\n"
	                       "\tlocal-1\t536920064\t49152\t-\t1\t-   # by core 1\n"
	                       "shared 0x20018000 0x20000 dma,fast,user0,user15 0,1,31 -\n"
	                       "more 0x20040000 4096 fast,dma,user15,user0 31,0,1 2\n"
	                       "psram 0x60000000 8M external,not-default,no-caches - - 2K\n"
	                       "all 0x10000000 1M exec,cacheable,noncacheable,retained,shareable - 7",
	                       LAST),
	                 NH_ENOENT); /* 2 and 7 are named, 0, 1, 3, 4 given */
	assert_string_equal(error.text, "t: heap 5 has no region");
	assert_int_equal(parse("local0 0x20000000 48K - 0 -\n"
	                       "shared 0x20018000 0x20000 dma,fast,user0,user15 0,1,31 2\n"
	                       "more 0x20040000 4096 fast,dma,user15,user0 31,0,1 2\n"
	                       "psram 0x60000000 8M external,not-default,no-caches - - 2K\n"
	                       "all 0x10000000 1M exec,cacheable,noncacheable,retained,shareable - -\n",
	                       LAST),
	                 NH_OK);
	assert_int_equal(count, 5);
	assert_name(&entries[0], "local0");
	assert_int_equal(entries[0].base, 0x20000000);
	assert_int_equal(entries[0].size, 48 * 1024);
	assert_int_equal(entries[0].attributes, 0);
	assert_int_equal(entries[0].affinity, NH_CPU(0));
	assert_int_equal(entries[0].heap, 0);
	assert_int_equal(entries[1].size, 0x20000);
	assert_int_equal(entries[1].attributes,
	                 NH_ATTR_DMA | NH_ATTR_FAST | NH_ATTR_USER(0) | NH_ATTR_USER(15));
	assert_int_equal(entries[1].affinity, NH_CPU(0) | NH_CPU(1) | NH_CPU(31));
	assert_int_equal(entries[1].heap, 2);
	assert_int_equal(entries[2].heap, 2);
	assert_int_equal(entries[2].position, 3);
	assert_name(&entries[3], "psram");
	assert_int_equal(entries[3].size, 8 * 1024 * 1024);
	assert_int_equal(entries[3].attributes, NH_ATTR_EXTERNAL);
	assert_int_equal(entries[3].flags, NH_HEAP_NOT_DEFAULT | NH_HEAP_NO_CACHES);
	assert_int_equal(entries[3].control_size, 2048);
	assert_int_equal(entries[3].heap, 1); /* the lowest that no line names */
	assert_int_equal(entries[4].attributes, NH_ATTR_EXEC | NH_ATTR_CACHEABLE | NH_ATTR_NONCACHEABLE |
	                                                NH_ATTR_RETAINED | NH_ATTR_SHAREABLE);
	assert_int_equal(entries[4].heap, 3);
}

static void test_address_width(void **state)
{
	(void)state;
	assert_int_equal(parse("a 0xffffff00 256 - - -", LAST), NH_OK);
	assert_int_equal(parse("a 0xffffff00 257 - - -", LAST), NH_EWRAP);
	assert_string_equal(error.text, "t:1: start and size reach beyond the last address");
	assert_int_equal(parse("a 0x100000000 256 - - -", LAST), NH_EINVAL);
	assert_string_equal(error.text, "t:1:3: base: '0x100000000' is no address");
	assert_int_equal(parse("a 0x100000000 256 - - -", UINT64_MAX), NH_OK);
	assert_int_equal(parse("a 0xffffffffffffff00 256 - - -", UINT64_MAX), NH_OK);
	assert_int_equal(parse("a 0xffffffffffffff00 257 - - -", UINT64_MAX), NH_EWRAP);
	assert_int_equal(parse("a 0x1000 17592186044416M - - -", UINT64_MAX), NH_EINVAL);
	assert_string_equal(error.text, "t:1:10: size: '17592186044416M' is no size");
}

static const struct mistake mistakes[] = {
	{ "", "t: no region" },
	{ "# only a comment", "t: no region" },
	{ "a", "t:1: no base, a line has at least 6 columns" },
	{ "a 1", "t:1: no size, a line has at least 6 columns" },
	{ "a 4096 256", "t:1: no attributes, a line has at least 6 columns" },
	{ "a 4096 256 -", "t:1: no affinity, a line has at least 6 columns" },
	{ "\n\na 4096 256 - - # -", "t:3: no heap, a line has at least 6 columns" },
	{ "a 4096 256 - - - - 1", "t:1:20: '1' is one column too many" },
	{ "a 0x10zz 256 - - -", "t:1:3: base: '0x10zz' is no address" },
	{ "a 0x0x10 256 - - -", "t:1:3: base: '0x0x10' is no address" },
	{ "a -4096 256 - - -", "t:1:3: base: '-4096' is no address" },
	{ "a 4096, 256 - - -", "t:1:3: base: '4096,' is no address" },
	{ "a 4K 256 - - -", "t:1:3: base: '4K' is no address" },
	{ "a 4096 - - - -", "t:1:8: size: '-' is no size" },
	{ "a 4096 256k - - -", "t:1:8: size: '256k' is no size" },
	{ "a 4096 K - - -", "t:1:8: size: 'K' is no size" },
	{ "a 4096 4194304K - - -", "t:1:8: size: '4194304K' is no size" },
	{ "a 4096 256 dmaa - -", "t:1:12: unknown attribute 'dmaa'" },
	{ "a 4096 256 dma,,fast - -", "t:1:16: unknown attribute ''" },
	{ "a 4096 256 dma, - -", "t:1:16: unknown attribute ''" },
	{ "a 4096 256 DMA - -", "t:1:12: unknown attribute 'DMA'" },
	{ "a 4096 256 fast,user16 - -", "t:1:17: unknown attribute 'user16'" },
	{ "a 4096 256 user - -", "t:1:12: unknown attribute 'user'" },
	{ "a 4096 256 - 0,32 -", "t:1:16: '32' is no CPU (0 to 31)" },
	{ "a 4096 256 - 0, -", "t:1:16: '' is no CPU (0 to 31)" },
	{ "a 4096 256 - both -", "t:1:14: 'both' is no CPU (0 to 31)" },
	{ "a 4096 256 - - 16", "t:1:16: heap: '16' is no heap number" },
	{ "a 4096 256 - - x", "t:1:16: heap: 'x' is no heap number" },
	{ "a 4096 256 - - - 2X", "t:1:18: control: '2X' is no size" },
	{ "a\"b 4096 256 - - -", "t:1:1: name: 'a\"b' may have letters, digits, '_' and '-' only" },
	{ "abcdefghijklmnopqrstuvwxyz0123456789 4096 256 - - -",
	  "t:1:1: name: 'abcdefghijklmnopqrstuvwx...' is longer than 31 characters" },
	{ "a 4096 0 - - -", "t:1: the size is 0" },
	{ "a 0 4096 - - -", "t:1: a heap cannot begin at address 0" },
	{ "a 4096 256 - - -\na 8192 256 - - -", "t:2: has the name of t:1" },
	{ "a 4096 257 - - -\nb 4352 256 - - -", "t:2: overlaps t:1" },
	{ "b 4352 256 - - 0\n#\na 4096 4096 - - 0", "t:3: overlaps t:1" },
	{ "a 4096 256 dma - 0\nb 8192 256 - - 0",
	  "t:2: is in one heap with, and has not all properties of t:1" },
	{ "a 4096 256 - 0 0\nb 8192 256 - 1 0",
	  "t:2: is in one heap with, and has not all properties of t:1" },
	{ "a 4096 256 - - 0\nb 8192 256 - - 2", "t: heap 1 has no region" },
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		assert_int_not_equal(parse(mistakes[i].text, LAST), NH_OK);
		assert_string_equal(error.text, mistakes[i].refusal);
	}
}

static void test_too_many(void **state)
{
	(void)state;
	char text[1024] = "";
	for (unsigned i = 0; i <= MAX; i++)
		sprintf(text + strlen(text), "r%u %u 256 - - 0\n", i, 4096 + i * 256);
	assert_int_equal(parse(text, LAST), NH_ENOSPC);
	assert_string_equal(error.text, "t:17: more than 16 regions");
	*strrchr(text, 'r') = '#';
	assert_int_equal(parse(text, LAST), NH_OK);
	text[0] = '\0';
	for (unsigned i = 0; i <= NH_MAX_HEAPS; i++)
		sprintf(text + strlen(text), "r%u %u 256 - - -\n", i, 4096 + i * 256);
	assert_int_equal(parse(text, LAST), NH_ENOSPC);
	assert_string_equal(error.text, "t: 9 heaps, at most 8 are possible");
}

static void test_no_text_wanted(void **state)
{
	(void)state;
	assert_int_equal(nh__regions_from_table("t", "a", 1, LAST, entries, MAX, &count, NULL), NH_EINVAL);
}

/* The largest region is first; what lies below it needs links of full width. */
static void test_fill(void **state)
{
	(void)state;
	nh_heap_config heaps[2];
	nh_region_config further[3];
	unsigned heap_count = 2, further_count = 3;
	assert_int_equal(parse("a 0x1000 256 - - 0\nb 0x3000 1024 - - 0\nc 0x4000 256 - - 0\n"
	                       "d 0x8000 512 dma - 1\ne 0x9000 512 dma - 1\n",
	                       LAST),
	                 NH_OK);
	assert_int_equal(nh_regions_fill(entries, count, heaps, &heap_count, further, &further_count), NH_OK);
	assert_int_equal(heap_count, 2);
	assert_int_equal(further_count, 3);
	assert_int_equal((uintptr_t)heaps[0].base, 0x3000);
	assert_true(heaps[0].window == SIZE_MAX);
	assert_int_equal((uintptr_t)heaps[1].base, 0x8000);
	assert_int_equal(heaps[1].window, 0x1200);
	assert_int_equal(heaps[1].attributes, NH_ATTR_DMA);
	assert_int_equal((uintptr_t)further[0].base, 0x1000);
	assert_int_equal((uintptr_t)further[1].base, 0x4000);
	assert_int_equal(further[2].heap, 1);
	further_count = 2;
	assert_int_equal(nh_regions_fill(entries, count, heaps, &heap_count, further, &further_count),
	                 NH_ENOSPC);
	heap_count = 1;
	further_count = 3;
	assert_int_equal(nh_regions_fill(entries, count, heaps, &heap_count, further, &further_count),
	                 NH_ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),        cmocka_unit_test(test_address_width),
		cmocka_unit_test(test_mistakes),       cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_no_text_wanted), cmocka_unit_test(test_fill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

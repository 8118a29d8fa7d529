/* SPDX-License-Identifier: MIT */
/* .config: lines, both generations of lists, and what is refused. */
#include "texts.h"

#define MAX 16u

static nh_region_entry entries[MAX];
static unsigned count;
static nh_regions_error error;

static nh_status parse(const char *text, size_t length)
{
	char *copy = exact(text, length);
	error.text[0] = '\0';
	nh_status status =
		nh__regions_from_config("c", copy, length, UINT32_MAX, entries, MAX, &count, &error);
	free(copy);
	return status;
}

#define LISTS(regions, heaps, start, size, index)                                                            \
	"CONFIG_KMM_REGIONS=" regions "\nCONFIG_KMM_NHEAPS=" heaps "\nCONFIG_RAM_KREGIONx_START=" start      \
	"\nCONFIG_RAM_KREGIONx_SIZE=" size "\nCONFIG_RAM_KREGIONx_HEAP_INDEX=" index "\n"

static void test_documented(void **state)
{
	(void)state;
	static const char text[] = "#\n# Automatically generated file; DO NOT EDIT.\n#\n\n"
				   "CONFIG_ARCH=\"arm\"\nCONFIG_TEXT=\"a \\\"quoted\\\" \\\\ # "
				   "text\"\nCONFIG_YES=y\nCONFIG_MODULE=m\n"
				   "# CONFIG_NOT is not set\nCONFIG_HEX=0x1f\nCONFIG_NEGATIVE=-5\r\n" LISTS(
					   "6", "4", "\"0x1000,0x1400,0x3000,0x3800,0x7000,0x7100\"",
					   "\"1024,512,2048,512,256,4096,\"", "\"0,1,1,2,2,3\"");
	assert_int_equal(parse(text, sizeof text - 1), NH_OK);
	assert_int_equal(count, 6);
	static const unsigned starts[] = { 0x1000, 0x1400, 0x3000, 0x3800, 0x7000, 0x7100 };
	static const unsigned sizes[] = { 1024, 512, 2048, 512, 256, 4096 }, heaps[] = { 0, 1, 1, 2, 2, 3 };
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(entries[i].base, starts[i]);
		assert_int_equal(entries[i].size, sizes[i]);
		assert_int_equal(entries[i].heap, heaps[i]);
	}
}

static void test_older(void **state)
{
	(void)state;
	static const char text[] =
		"CONFIG_MM_REGIONS=2\nCONFIG_MM_NHEAPS=2\nCONFIG_RAM_REGIONx_START=\"0x1000,0x2000,\"\n"
		"CONFIG_RAM_REGIONx_SIZE=\"256,512\"\nCONFIG_RAM_REGIONx_HEAP_INDEX=\"1,0\"";
	assert_int_equal(parse(text, sizeof text - 1), NH_OK);
	assert_int_equal(count, 2);
	assert_int_equal(entries[0].heap, 1);
	static const char one[] = "CONFIG_MM_REGIONS=1\nCONFIG_RAM_REGIONx_START=\"0x1000\"\n"
				  "CONFIG_RAM_REGIONx_SIZE=\"256\"\n";
	assert_int_equal(parse(one, sizeof one - 1), NH_OK); /* one heap, no indices */
}

static const struct mistake mistakes[] = {
	{ "", "c: neither CONFIG_RAM_KREGIONx_START nor CONFIG_RAM_REGIONx_START is set" },
	{ "garbage", "c:1: 'garbage' is no option" },
	{ "\n\nCONFIG_=y", "c:3: 'CONFIG_=y' is no option" },
	{ "CONFIG_A B=y", "c:1: 'CONFIG_A B=y' is no option" },
	{ " CONFIG_A=y", "c:1: ' CONFIG_A=y' is no option" },
	{ "CONFIG_A", "c:1: 'CONFIG_A' is no option" },
	{ "CONFIG_A=", "c:1: '' is no value" },
	{ "CONFIG_A=yes", "c:1: 'yes' is no value" },
	{ "CONFIG_A=12 ", "c:1: '12 ' is no value" },
	{ "CONFIG_A=0xg", "c:1: '0xg' is no value" },
	{ "CONFIG_A=-", "c:1: '-' is no value" },
	{ "CONFIG_A=99999999999999999999", "c:1: '99999999999999999999' is no value" },
	{ "CONFIG_A=\"text", "c:1: '\"text' does not end with its quote" },
	{ "CONFIG_A=\"text\" ", "c:1: '\"text\" ' does not end with its quote" },
	{ "CONFIG_A=\"te\"xt\"", "c:1: '\"te\"xt\"' does not end with its quote" },
	{ "CONFIG_A=\"text\\\"", "c:1: '\"text\\\"' does not end with its quote" },
	{ "CONFIG_A=\"text\\", "c:1: '\"text\\' does not end with its quote" },
	{ "CONFIG_KMM_REGIONS=1\nCONFIG_KMM_REGIONS=2", "c:2: CONFIG_KMM_REGIONS is set in line 1 already" },
	{ "CONFIG_KMM_REGIONS=\"1\"", "c:1: CONFIG_KMM_REGIONS: a number expected" },
	{ "CONFIG_RAM_KREGIONx_START=0x1000", "c:1: CONFIG_RAM_KREGIONx_START: a string expected" },
	{ "CONFIG_RAM_KREGIONx_START=\"0x1000\"\nCONFIG_RAM_REGIONx_START=\"0x1000\"\n",
	  "c:2: CONFIG_RAM_KREGIONx_START and CONFIG_RAM_REGIONx_START: one generation of lists, not both" },
	{ "CONFIG_RAM_KREGIONx_START=\"0x1000\"", "c: CONFIG_KMM_REGIONS: 0 is out of range (1 to 16)" },
	{ "CONFIG_KMM_REGIONS=-3\nCONFIG_RAM_KREGIONx_START=\"0x1000\"",
	  "c: CONFIG_KMM_REGIONS: -1 is out of range (1 to 16)" },
	{ "CONFIG_KMM_REGIONS=1\nCONFIG_RAM_KREGIONx_START=\"0x1000\"\n",
	  "c: CONFIG_RAM_KREGIONx_SIZE is not set" },
	{ LISTS("1", "2", "\"0x1000\"", "\"256\"", "\"0\""),
	  "c: CONFIG_RAM_KREGIONx_HEAP_INDEX: heap 1 has no region" },
	{ LISTS("2", "1", "\"0x1000\"", "\"256,256\"", "\"0,0\""),
	  "c: CONFIG_RAM_KREGIONx_START, entry 2: is missing, there are 2 regions" },
	{ LISTS("1", "1", "\"0x1000\"", "\"256,256\"", "\"0,0\""),
	  "c: CONFIG_RAM_KREGIONx_SIZE, entry 2: one too many, there are 1 regions" },
	{ LISTS("2", "1", "\"0x1000,0x1001\"", "\"256,256\"", "\"0,0\""),
	  "c: CONFIG_RAM_KREGIONx_START, entry 2: overlaps c: CONFIG_RAM_KREGIONx_START, entry 1" },
	{ LISTS("1", "1", "\"0xffffff00\"", "\"512\"", "\"0\""),
	  "c: CONFIG_RAM_KREGIONx_START, entry 1: start and size reach beyond the last address" },
	{ LISTS("1", "1", "\"0x1000\"", "\"256\"", "\"0\"") "CONFIG_RAM_MALLOC_PRIOR_INDEX=1\n",
	  "c: CONFIG_RAM_MALLOC_PRIOR_INDEX: 1 is out of range (0 to 0)" },
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		assert_int_not_equal(parse(mistakes[i].text, strlen(mistakes[i].text)), NH_OK);
		assert_string_equal(error.text, mistakes[i].refusal);
	}
}

static void test_zero_byte(void **state)
{
	(void)state;
	assert_int_equal(parse("CONFIG_A=y\n# \0\n", 15), NH_EINVAL);
	assert_string_equal(error.text, "c:2: a zero byte");
}

static void test_long_list(void **state)
{
	(void)state;
	char text[1200] = "CONFIG_KMM_REGIONS=1\nCONFIG_RAM_KREGIONx_START=\"";
	size_t begin = strlen(text);
	memset(text + begin, '0', 512);
	strcpy(text + begin + 512, "\"\n");
	assert_int_equal(parse(text, strlen(text)), NH_EINVAL);
	assert_string_equal(error.text, "c:2: the list is longer than 511 characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documented), cmocka_unit_test(test_older),
		cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_long_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

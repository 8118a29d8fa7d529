/* SPDX-License-Identifier: MIT */
/*
 * The tool behind the CMake function nearheap_regions(): reads one source, writes C. Runs on the
 * machine that builds; addresses are the target's, of ADDRESS_BITS.
 *
 *   nearheap-regions table|kconfig|devicetree FILE NAME ADDRESS_BITS OUTPUT.c [CONFIG_HEADER]
 *
 * NAME is what errors and comments call the file. A mistake is one line on stderr, status 1, and no output.
 */
#include "core/compat/regions/source.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FILE (1024 * 1024)

static int fail(const char *name, const char *what)
{
	fprintf(stderr, "nearheap_regions: %s%s%s\n", name, name[0] == '\0' ? "" : ": ", what);
	return 1;
}

/* malloc's alignment is enough for a blob. NULL: it cannot be read, or is too large. */
static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	char *text = malloc(MAX_FILE + 1);
	*length = 0;
	if (file != NULL && text != NULL)
		*length = fread(text, 1, MAX_FILE + 1, file);
	if (file == NULL || text == NULL || ferror(file) || *length > MAX_FILE) {
		free(text);
		text = NULL;
	}
	if (file != NULL)
		fclose(file);
	return text;
}

static nh_status read_source(const char *kind, const char *name, const char *text, size_t length,
                             uint64_t last, nh_region_entry *entries, unsigned *count,
                             nh_regions_error *error)
{
	if (strcmp(kind, "table") == 0)
		return nh__regions_from_table(name, text, length, last, entries, NH_MAX_REGIONS, count,
		                              error);
	if (strcmp(kind, "kconfig") == 0)
		return nh__regions_from_config(name, text, length, last, entries, NH_MAX_REGIONS, count,
		                               error);
#ifdef NH_REGIONS_DEVICETREE
	if (strcmp(kind, "devicetree") == 0)
		return nh_regions_from_tree(name, text, length, last, entries, NH_MAX_REGIONS, count, error);
#endif
	return nh__refuse(error, NH_ENOTSUP, "%s: this tool reads no %s", name, kind);
}

static bool close_output(FILE *out)
{
	bool good = !ferror(out);
	return fclose(out) == 0 && good;
}

static int write_outputs(char **argv, int argc, const char *text, size_t length,
                         const nh_region_entry *entries, unsigned count)
{
	FILE *out = fopen(argv[5], "w");
	if (out == NULL)
		return fail(argv[5], "cannot be written");
	nh__emit_tables(out, argv[3], entries, count, strcmp(argv[1], "devicetree") == 0);
	if (!close_output(out))
		return fail(argv[5], "cannot be written");
	if (argc < 7)
		return 0;
	out = fopen(argv[6], "w");
	if (out == NULL)
		return fail(argv[6], "cannot be written");
	nh__emit_config(out, argv[3], text, length);
	return close_output(out) ? 0 : fail(argv[6], "cannot be written");
}

int main(int argc, char **argv)
{
	static nh_region_entry entries[NH_MAX_REGIONS];
	nh_regions_error error;
	unsigned count = 0;
	size_t length;
	if (argc < 6 || argc > 7 || (strcmp(argv[4], "32") != 0 && strcmp(argv[4], "64") != 0))
		return fail("", "table|kconfig|devicetree FILE NAME 32|64 OUTPUT.c [CONFIG_HEADER]");
	char *text = read_file(argv[2], &length);
	if (text == NULL)
		return fail(argv[3], "cannot be read, or is larger than 1 MiB");
	uint64_t last = strcmp(argv[4], "32") == 0 ? UINT32_MAX : UINT64_MAX;
	int result;
	if (read_source(argv[1], argv[3], text, length, last, entries, &count, &error) != NH_OK)
		result = fail("", error.text);
	else
		result = write_outputs(argv, argc, text, length, entries, count);
	free(text);
	return result;
}

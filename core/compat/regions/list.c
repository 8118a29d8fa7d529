/* SPDX-License-Identifier: MIT */
/*
 * Lists of numbers as menuconfig keeps them: "0x1000,0x1400," One pass; each entry is told by its
 * position, counted from 1.
 */
#include "core/compat/regions/text.h"

#include <string.h>

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10u;
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10u : 16u;
}

/* What is wrong with [text, end) as a number; NULL if *value is it. */
static const char *number(const char *text, const char *end, unsigned base, uint64_t last, uint64_t *value)
{
	if (base == 16 && end - text > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	*value = 0;
	bool large = false;
	for (; text < end; text++) {
		unsigned digit = digit_of(*text);
		if (digit >= base)
			return base == 16 ? "is no hexadecimal number" : "is no decimal number";
		large = large || *value > (UINT64_MAX - digit) / base;
		*value = *value * base + digit;
	}
	return large || *value > last ? "is too large" : NULL;
}

nh_status nh_regions_list(const nh_regions_source *source, const char *text, size_t length, unsigned base,
                          uint64_t last, unsigned expected, uint64_t *values, nh_regions_error *error)
{
	const char *end = text + length;
	unsigned count = 0;
	nh_region_entry at = { 0 };
	char place[NH__PLACE];
	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		const char *stop = comma == NULL ? end : comma;
		size_t characters = (size_t)(stop - text);
		at.position = count + 1u;
		nh__place(place, source, &at);
		if (count == expected)
			return nh__refuse(error, NH_EINVAL, "%s: one too many, there are %u regions", place,
			                  (uint64_t)expected);
		if (characters == 0)
			return nh__refuse(error, NH_EINVAL, "%s: is empty", place);
		if (memchr(text, ' ', characters) != NULL || memchr(text, '\t', characters) != NULL)
			return nh__refuse(error, NH_EINVAL, "%s: %q has a space", place, text, characters);
		const char *wrong = number(text, stop, base, last, &values[count]);
		if (wrong != NULL)
			return nh__refuse(error, NH_EINVAL, "%s: %q %s", place, text, characters, wrong);
		count++;
		text = stop == end ? end : stop + 1;
	}
	at.position = count + 1u;
	if (count < expected)
		return nh__refuse(error, NH_EINVAL, "%s: is missing, there are %u regions",
		                  nh__place(place, source, &at), (uint64_t)expected);
	return NH_OK;
}

/* ---- TizenRT's three lists ---------------------------------------------------------------- */

/* One list into `values`; its name is the prefix and `suffix`. */
static nh_status one_list(const nh_regions_lists *lists, const char *suffix, const char *text, unsigned base,
                          uint64_t last, uint64_t *values, nh_regions_error *error)
{
	char name[48];
	nh__text(name, sizeof name, "%s_%s", lists->prefix, suffix);
	nh_regions_source source = { lists->file, name };
	if (text == NULL)
		return nh__refuse(error, NH_EINVAL, "%s%s%s is not set", NH__FILE(lists->file), name);
	return nh_regions_list(&source, text, strlen(text), base, last, (unsigned)lists->regions, values,
	                       error);
}

static nh_status read_lists(const nh_regions_lists *lists, uint64_t last, nh_region_entry *entries,
                            nh_regions_error *error)
{
	uint64_t values[NH_MAX_REGIONS];
	unsigned count = (unsigned)lists->regions;
	nh_status status = one_list(lists, "START", lists->start, 16, last, values, error);
	for (unsigned i = 0; status == NH_OK && i < count; i++)
		entries[i] = (nh_region_entry){ .base = values[i], .position = i + 1u, .serves = true };
	if (status == NH_OK)
		status = one_list(lists, "SIZE", lists->size, 10, last, values, error);
	for (unsigned i = 0; status == NH_OK && i < count; i++)
		entries[i].size = values[i];
	if (status == NH_OK && (lists->index != NULL || lists->heaps != 1)) {
		status = one_list(lists, "HEAP_INDEX", lists->index, 10, (uint64_t)lists->heaps - 1u, values,
		                  error);
		for (unsigned i = 0; status == NH_OK && i < count; i++)
			entries[i].heap = (unsigned)values[i];
	}
	return status;
}

static nh_status one_number(const nh_regions_lists *lists, const char *name, long value, long least,
                            long most, nh_regions_error *error)
{
	if (value >= least && value <= most)
		return NH_OK;
	return nh__refuse(error, NH_ERANGE, "%s%s%s: %i is out of range (%i to %i)", NH__FILE(lists->file),
	                  name, (int)value, (int)least, (int)most);
}

nh_status nh_regions_from_lists(const nh_regions_lists *lists, uint64_t last, nh_region_entry *entries,
                                unsigned max, unsigned *count, nh_regions_error *error)
{
	long most = max < NH_MAX_REGIONS ? (long)max : (long)NH_MAX_REGIONS;
	unsigned heaps = 0;
	nh_status status = one_number(lists, lists->regions_name, lists->regions, 1, most, error);
	if (status == NH_OK)
		status = one_number(lists, lists->heaps_name, lists->heaps, 1, NH_MAX_HEAPS, error);
	if (status == NH_OK)
		status = one_number(lists, "CONFIG_RAM_MALLOC_PRIOR_INDEX", lists->prior, 0, lists->heaps - 1,
		                    error);
	if (status == NH_OK)
		status = read_lists(lists, last, entries, error);
	if (status != NH_OK)
		return status;
	char name[48];
	nh__text(name, sizeof name, "%s_START", lists->prefix);
	nh_regions_source source = { lists->file, name };
	status = nh_regions_check(&source, entries, (unsigned)lists->regions, last, &heaps, error);
	if (status == NH_OK && heaps < (unsigned)lists->heaps)
		return nh__refuse(error, NH_ENOENT, "%s%s%s_HEAP_INDEX: heap %u has no region",
		                  NH__FILE(lists->file), lists->prefix, (uint64_t)heaps);
	if (status == NH_OK)
		*count = (unsigned)lists->regions;
	return status;
}

/* SPDX-License-Identifier: MIT */
/*
 * .config as the Kconfig tools write it: CONFIG_NAME=value, value being y, m, n, a number or a quoted
 * string; "# CONFIG_NAME is not set"; other comments; empty lines. Nothing else is passed over.
 */
#include "core/compat/regions/source.h"

#include <string.h>

/* ---- lines -------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t length)
{
	if (length <= 7 || memcmp(text, "CONFIG_", 7) != 0)
		return false;
	for (size_t i = 7; i < length; i++) {
		char c = text[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

static bool is_plain(const char *text, size_t length)
{
	uint64_t value;
	if (length == 1 && (text[0] == 'y' || text[0] == 'm' || text[0] == 'n'))
		return true;
	if (length > 1 && text[0] == '-') {
		text++;
		length--;
	}
	return nh__number(text, length, false, UINT64_MAX, &value);
}

/* The end of a string that begins behind a quote: the closing quote, or NULL. Backslash keeps one character. */
static const char *string_end(const char *text, const char *end)
{
	for (; text < end && *text != '"'; text++)
		if (*text == '\\' && ++text == end)
			return NULL;
	return text < end ? text : NULL;
}

static nh_status read_line(const nh_config_reader *reader, const char *text, const char *end,
                           nh_config_item *item, nh_regions_error *error)
{
	const char *equals = memchr(text, '=', (size_t)(end - text));
	size_t length = equals == NULL ? 0 : (size_t)(equals - text);
	if (!is_name(text, length))
		return nh__refuse(error, NH_EINVAL, "%s:%u: %q is no option", reader->file,
		                  (uint64_t)reader->line, text, (size_t)(end - text));
	const char *value = equals + 1;
	*item = (nh_config_item){ text, value, length, (size_t)(end - value), reader->line, false };
	if (value < end && *value == '"') {
		const char *close = string_end(value + 1, end);
		item->string = true;
		item->value = value + 1;
		item->value_length = close == NULL ? 0 : (size_t)(close - item->value);
		if (close == NULL || close + 1 != end)
			return nh__refuse(error, NH_EINVAL, "%s:%u: %q does not end with its quote",
			                  reader->file, (uint64_t)reader->line, value, (size_t)(end - value));
	} else if (!is_plain(item->value, item->value_length)) {
		return nh__refuse(error, NH_EINVAL, "%s:%u: %q is no value", reader->file,
		                  (uint64_t)reader->line, item->value, item->value_length);
	}
	return NH_OK;
}

nh_status nh__config_next(nh_config_reader *reader, nh_config_item *item, bool *found,
                          nh_regions_error *error)
{
	*found = false;
	while (reader->at < reader->end) {
		const char *text = reader->at;
		const char *newline = memchr(text, '\n', (size_t)(reader->end - text));
		const char *end = newline == NULL ? reader->end : newline;
		reader->at = newline == NULL ? reader->end : newline + 1;
		reader->line++;
		if (end > text && end[-1] == '\r')
			end--;
		if (memchr(text, '\0', (size_t)(end - text)) != NULL)
			return nh__refuse(error, NH_EINVAL, "%s:%u: a zero byte", reader->file,
			                  (uint64_t)reader->line);
		if (text == end || *text == '#')
			continue;
		*found = true;
		return read_line(reader, text, end, item, error);
	}
	return NH_OK;
}

/* ---- regions ------------------------------------------------------------------------------ */

#define LIST 512u /* characters of a list */

enum option { REGIONS, NHEAPS, PRIOR, START, SIZE, INDEX, OPTIONS }; /* from START on strings */

static const struct generation {
	const char *prefix, *names[OPTIONS];
} generations[2] = {
	{ "CONFIG_RAM_KREGIONx",
	  { "CONFIG_KMM_REGIONS", "CONFIG_KMM_NHEAPS", "CONFIG_RAM_MALLOC_PRIOR_INDEX",
	    "CONFIG_RAM_KREGIONx_START", "CONFIG_RAM_KREGIONx_SIZE", "CONFIG_RAM_KREGIONx_HEAP_INDEX" } },
	{ "CONFIG_RAM_REGIONx",
	  { "CONFIG_MM_REGIONS", "CONFIG_MM_NHEAPS", "CONFIG_RAM_MALLOC_PRIOR_INDEX",
	    "CONFIG_RAM_REGIONx_START", "CONFIG_RAM_REGIONx_SIZE", "CONFIG_RAM_REGIONx_HEAP_INDEX" } },
};

static bool is_option(const nh_config_item *item, const char *name)
{
	return item->name_length == strlen(name) && memcmp(item->name, name, item->name_length) == 0;
}

/* All of one generation that is set; line 0 = not set. */
static nh_status collect(nh_config_reader reader, const struct generation *generation, nh_config_item *items,
                         nh_regions_error *error)
{
	nh_config_item item;
	bool found;
	memset(items, 0, OPTIONS * sizeof *items);
	for (;;) {
		nh_status status = nh__config_next(&reader, &item, &found, error);
		if (status != NH_OK || !found)
			return status;
		for (unsigned i = 0; i < OPTIONS; i++) {
			if (!is_option(&item, generation->names[i]))
				continue;
			if (items[i].line != 0)
				return nh__refuse(error, NH_EINVAL, "%s:%u: %s is set in line %u already",
				                  reader.file, (uint64_t)item.line, generation->names[i],
				                  (uint64_t)items[i].line);
			if (item.string != (i >= START))
				return nh__refuse(error, NH_EINVAL, "%s:%u: %s: %s expected", reader.file,
				                  (uint64_t)item.line, generation->names[i],
				                  i >= START ? "a string" : "a number");
			items[i] = item;
		}
	}
}

/* A number of the .config, or `otherwise` where it is not set; -1 is out of every range. */
static long number(const nh_config_item *item, long otherwise)
{
	uint64_t value;
	if (item->line == 0)
		return otherwise;
	return nh__number(item->value, item->value_length, false, INT32_MAX, &value) ? (long)value : -1;
}

/* A terminated copy of a list; NULL if it is not set. Quotes and backslashes are garbage to the reader of lists. */
static nh_status copy(const char *file, const nh_config_item *item, char *buffer, const char **list,
                      nh_regions_error *error)
{
	*list = NULL;
	if (item->line == 0)
		return NH_OK;
	if (item->value_length >= LIST)
		return nh__refuse(error, NH_EINVAL, "%s:%u: the list is longer than %u characters", file,
		                  (uint64_t)item->line, (uint64_t)LIST - 1u);
	memcpy(buffer, item->value, item->value_length);
	buffer[item->value_length] = '\0';
	*list = buffer;
	return NH_OK;
}

static nh_status from_items(const char *file, const struct generation *generation,
                            const nh_config_item *items, uint64_t last, nh_region_entry *entries,
                            unsigned max, unsigned *count, nh_regions_error *error)
{
	char start[LIST], size[LIST], index[LIST];
	nh_regions_lists lists = {
		.file = file,
		.prefix = generation->prefix,
		.regions_name = generation->names[REGIONS],
		.heaps_name = generation->names[NHEAPS],
		.regions = number(&items[REGIONS], 0),
		.heaps = number(&items[NHEAPS], 1),
		.prior = number(&items[PRIOR], 0),
	};
	nh_status status = copy(file, &items[START], start, &lists.start, error);
	if (status == NH_OK)
		status = copy(file, &items[SIZE], size, &lists.size, error);
	if (status == NH_OK)
		status = copy(file, &items[INDEX], index, &lists.index, error);
	return status == NH_OK ? nh_regions_from_lists(&lists, last, entries, max, count, error) : status;
}

nh_status nh__regions_from_config(const char *file, const char *text, size_t length, uint64_t last,
                                  nh_region_entry *entries, unsigned max, unsigned *count,
                                  nh_regions_error *error)
{
	const nh_config_reader reader = { file, text, text + length, 0 };
	nh_config_item items[2][OPTIONS];
	for (unsigned i = 0; i < 2; i++) {
		nh_status status = collect(reader, &generations[i], items[i], error);
		if (status != NH_OK)
			return status;
	}
	bool kernel = items[0][START].line != 0, user = items[1][START].line != 0;
	if (kernel && user)
		return nh__refuse(error, NH_EINVAL, "%s:%u: %s and %s: one generation of lists, not both",
		                  file, (uint64_t)items[1][START].line, generations[0].names[START],
		                  generations[1].names[START]);
	if (!kernel && !user)
		return nh__refuse(error, NH_ENOENT, "%s: neither %s nor %s is set", file,
		                  generations[0].names[START], generations[1].names[START]);
	unsigned chosen = kernel ? 0 : 1;
	return from_items(file, &generations[chosen], items[chosen], last, entries, max, count, error);
}

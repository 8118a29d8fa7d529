/* SPDX-License-Identifier: MIT */
/*
 * The text table: a region per line, columns apart by spaces or tabs, '#' begins a comment.
 *
 *   name  base  size  attributes  affinity  heap  [control]
 *
 * '-' stands for nothing in every column but the first three.
 */
#include "core/compat/regions/source.h"

#include <string.h>

enum column { NAME, BASE, SIZE, ATTRIBUTES, AFFINITY, HEAP, CONTROL, COLUMNS };

static const char *const column_names[COLUMNS] = { "name",     "base", "size",   "attributes",
	                                           "affinity", "heap", "control" };

struct word {
	const char *text;
	size_t length;
	unsigned column; /* of the text, 1-based */
};

struct row {
	const char *file;
	unsigned line;
	struct word words[COLUMNS];
	unsigned count;
};

static nh_status refuse(nh_regions_error *error, const struct row *row, const struct word *word,
                        const char *what)
{
	return nh__refuse(error, NH_EINVAL, "%s:%u:%u: %s: %q %s", row->file, (uint64_t)row->line,
	                  (uint64_t)word->column, column_names[word - row->words], word->text, word->length,
	                  what);
}

/* ---- words -------------------------------------------------------------------------------- */

bool nh__number(const char *text, size_t length, bool units, uint64_t last, uint64_t *value)
{
	unsigned shift = 0, base = 10;
	if (units && length > 1 && (text[length - 1] == 'K' || text[length - 1] == 'M'))
		shift = text[--length] == 'K' ? 10 : 20;
	if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		base = 16;
	const nh_regions_source nowhere = { NULL, "" };
	/* A list of one; a ',' at its end is for lists only. */
	if (length == 0 || text[length - 1] == ',' ||
	    nh_regions_list(&nowhere, text, length, base, last >> shift, 1, value, NULL) != NH_OK)
		return false;
	*value <<= shift;
	return true;
}

static bool is(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool is_nothing(const struct word *word)
{
	return is(word->text, word->length, "-");
}

/* The part of a ','-separated word that begins at *at; moves *at behind it. */
static struct word part_of(const struct word *word, size_t *at)
{
	const char *begin = word->text + *at;
	const char *comma = memchr(begin, ',', word->length - *at);
	size_t length = comma == NULL ? word->length - *at : (size_t)(comma - begin);
	*at += length + 1u;
	return (struct word){ begin, length, 0 };
}

static bool attribute(const struct word *part, nh_region_entry *entry)
{
	static const struct {
		const char *name;
		uint32_t attribute, flag;
	} known[] = {
		{ "dma", NH_ATTR_DMA, 0 },
		{ "exec", NH_ATTR_EXEC, 0 },
		{ "cacheable", NH_ATTR_CACHEABLE, 0 },
		{ "noncacheable", NH_ATTR_NONCACHEABLE, 0 },
		{ "external", NH_ATTR_EXTERNAL, 0 },
		{ "retained", NH_ATTR_RETAINED, 0 },
		{ "fast", NH_ATTR_FAST, 0 },
		{ "shareable", NH_ATTR_SHAREABLE, 0 },
		{ "not-default", 0, NH_HEAP_NOT_DEFAULT },
		{ "no-caches", 0, NH_HEAP_NO_CACHES },
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (is(part->text, part->length, known[i].name)) {
			entry->attributes |= known[i].attribute;
			entry->flags |= known[i].flag;
			return true;
		}
	}
	uint64_t user;
	if (part->length <= 4 || memcmp(part->text, "user", 4) != 0 ||
	    !nh__number(part->text + 4, part->length - 4, false, 15, &user))
		return false;
	entry->attributes |= NH_ATTR_USER(user);
	return true;
}

static nh_status attributes(const struct row *row, nh_region_entry *entry, nh_regions_error *error)
{
	const struct word *word = &row->words[ATTRIBUTES];
	for (size_t at = 0; at <= word->length && !is_nothing(word);) {
		struct word part = part_of(word, &at);
		if (!attribute(&part, entry))
			return nh__refuse(error, NH_EINVAL, "%s:%u:%u: unknown attribute %q", row->file,
			                  (uint64_t)row->line,
			                  (uint64_t)(word->column + (size_t)(part.text - word->text)),
			                  part.text, part.length);
	}
	return NH_OK;
}

static nh_status affinity(const struct row *row, nh_region_entry *entry, nh_regions_error *error)
{
	const struct word *word = &row->words[AFFINITY];
	for (size_t at = 0; at <= word->length && !is_nothing(word);) {
		struct word part = part_of(word, &at);
		uint64_t cpu;
		if (!nh__number(part.text, part.length, false, 31, &cpu))
			return nh__refuse(error, NH_EINVAL, "%s:%u:%u: %q is no CPU (0 to 31)", row->file,
			                  (uint64_t)row->line,
			                  (uint64_t)(word->column + (size_t)(part.text - word->text)),
			                  part.text, part.length);
		entry->affinity |= NH_CPU(cpu);
	}
	return NH_OK;
}

/* ---- rows --------------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static nh_status split(struct row *row, const char *text, const char *end, nh_regions_error *error)
{
	const char *begin = text;
	row->count = 0;
	for (;;) {
		while (text < end && is_space(*text))
			text++;
		if (text == end || *text == '#')
			break;
		struct word word = { text, 0, (unsigned)(text - begin) + 1u };
		while (text < end && !is_space(*text) && *text != '#')
			text++;
		word.length = (size_t)(text - word.text);
		if (row->count == COLUMNS)
			return nh__refuse(error, NH_EINVAL, "%s:%u:%u: %q is one column too many", row->file,
			                  (uint64_t)row->line, (uint64_t)word.column, word.text, word.length);
		row->words[row->count++] = word;
	}
	if (row->count != 0 && row->count < CONTROL)
		return nh__refuse(error, NH_EINVAL, "%s:%u: no %s, a line has at least 6 columns", row->file,
		                  (uint64_t)row->line, column_names[row->count]);
	return NH_OK;
}

static nh_status name(const struct row *row, nh_region_entry *entry, nh_regions_error *error)
{
	const struct word *word = &row->words[NAME];
	for (size_t i = 0; i < word->length; i++) {
		char c = word->text[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return refuse(error, row, word, "may have letters, digits, '_' and '-' only");
	}
	if (word->length > 31)
		return refuse(error, row, word, "is longer than 31 characters");
	entry->name = word->text;
	entry->name_length = (unsigned)word->length;
	return NH_OK;
}

static nh_status read_row(const struct row *row, uint64_t last, nh_region_entry *entry,
                          nh_regions_error *error)
{
	const struct word *words = row->words;
	uint64_t value = 0;
	*entry = (nh_region_entry){ .position = row->line, .heap = NH_REGION_OWN_HEAP, .serves = true };
	nh_status status = name(row, entry, error);
	if (status == NH_OK && !nh__number(words[BASE].text, words[BASE].length, false, last, &entry->base))
		status = refuse(error, row, &words[BASE], "is no address");
	if (status == NH_OK && !nh__number(words[SIZE].text, words[SIZE].length, true, last, &entry->size))
		status = refuse(error, row, &words[SIZE], "is no size");
	if (status == NH_OK)
		status = attributes(row, entry, error);
	if (status == NH_OK)
		status = affinity(row, entry, error);
	if (status == NH_OK && !is_nothing(&words[HEAP])) {
		if (!nh__number(words[HEAP].text, words[HEAP].length, false, NH_MAX_HEAPS - 1, &value))
			return refuse(error, row, &words[HEAP], "is no heap number");
		entry->heap = (unsigned)value;
	}
	if (status == NH_OK && row->count > CONTROL && !is_nothing(&words[CONTROL])) {
		if (!nh__number(words[CONTROL].text, words[CONTROL].length, true, UINT32_MAX, &value))
			return refuse(error, row, &words[CONTROL], "is no size");
		entry->control_size = (uint32_t)value;
	}
	return status;
}

nh_status nh__regions_from_table(const char *file, const char *text, size_t length, uint64_t last,
                                 nh_region_entry *entries, unsigned max, unsigned *count,
                                 nh_regions_error *error)
{
	const nh_regions_source source = { file, NULL };
	struct row row = { .file = file };
	*count = 0;
	for (const char *end = text + length; text < end;) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline == NULL ? end : newline;
		row.line++;
		nh_status status = split(&row, text, stop, error);
		if (status == NH_OK && row.count != 0) {
			if (*count == max)
				return nh__refuse(error, NH_ENOSPC, "%s:%u: more than %u regions", file,
				                  (uint64_t)row.line, (uint64_t)max);
			status = read_row(&row, last, &entries[(*count)++], error);
		}
		if (status != NH_OK)
			return status;
		text = stop == end ? end : stop + 1;
	}
	if (*count == 0)
		return nh__refuse(error, NH_ENOENT, "%s: no region", file);
	return nh_regions_check(&source, entries, *count, last, NULL, error);
}

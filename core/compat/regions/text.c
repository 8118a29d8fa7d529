/* SPDX-License-Identifier: MIT */
/* Texts of errors: see text.h. */
#include "core/compat/regions/text.h"

#include <string.h>

#define QUOTED 24u /* characters of a source that a text repeats */

struct writer {
	char *at, *end; /* end: where the terminator must fit */
};

/* Names are somebody else's: what cannot be printed is not. */
static void put(struct writer *writer, char c)
{
	if (writer->at < writer->end)
		*writer->at++ = c >= ' ' && c <= '~' ? c : '?';
}

static void put_string(struct writer *writer, const char *string)
{
	while (*string != '\0')
		put(writer, *string++);
}

static void put_number(struct writer *writer, uint64_t value, unsigned base)
{
	char digits[20];
	unsigned count = 0;
	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (count > 0)
		put(writer, digits[--count]);
}

static void put_quoted(struct writer *writer, const char *text, size_t length)
{
	put(writer, '\'');
	for (size_t i = 0; i < length && i < QUOTED; i++)
		put(writer, text[i]);
	put_string(writer, length > QUOTED ? "...'" : "'");
}

static void put_integer(struct writer *writer, int value)
{
	if (value < 0)
		put(writer, '-');
	put_number(writer, value < 0 ? (uint64_t) - (int64_t)value : (uint64_t)value, 10);
}

void nh__text_list(char *buffer, size_t size, const char *format, va_list arguments)
{
	struct writer writer = { buffer, buffer + size - 1 };
	for (; *format != '\0'; format++) {
		if (*format != '%') {
			put(&writer, *format);
			continue;
		}
		switch (*++format) {
		case 's':
			put_string(&writer, va_arg(arguments, const char *));
			break;
		case 'q': {
			const char *text = va_arg(arguments, const char *);
			put_quoted(&writer, text, va_arg(arguments, size_t));
			break;
		}
		case 'x':
			put_string(&writer, "0x");
			put_number(&writer, va_arg(arguments, uint64_t), 16);
			break;
		case 'u':
			put_number(&writer, va_arg(arguments, uint64_t), 10);
			break;
		case 'i':
			put_integer(&writer, va_arg(arguments, int));
			break;
		default:
			put(&writer, *format);
		}
	}
	*writer.at = '\0';
}

void nh__text(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	nh__text_list(buffer, size, format, arguments);
	va_end(arguments);
}

nh_status nh__refuse(nh_regions_error *error, nh_status status, const char *format, ...)
{
	if (error != NULL) {
		va_list arguments;
		va_start(arguments, format);
		nh__text_list(error->text, sizeof error->text, format, arguments);
		va_end(arguments);
	}
	return status;
}

const char *nh__place(char buffer[NH__PLACE], const nh_regions_source *source, const nh_region_entry *entry)
{
	if (entry->node != NULL)
		nh__text(buffer, NH__PLACE, "%s%s%s", NH__FILE(source->file), entry->node);
	else if (source->list != NULL)
		nh__text(buffer, NH__PLACE, "%s%s%s, entry %u", NH__FILE(source->file), source->list,
		         (uint64_t)entry->position);
	else
		nh__text(buffer, NH__PLACE, "%s:%u", source->file, (uint64_t)entry->position);
	return buffer;
}

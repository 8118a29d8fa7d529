/* SPDX-License-Identifier: MIT
 *
 * What boards have in common: formatted output over board_putc(), without buffers and without
 * 64-bit or floating-point support, and the end of a failed check.
 */
#include "board.h"

#include <stdarg.h>
#include <string.h>

#define DIGITS_MAX 10u /* of a uint32_t in decimal */

struct field {
	unsigned width;
	bool left;
	char pad;
};

static void put_text(const char *text, unsigned length)
{
	for (unsigned i = 0; i < length; i++) {
		board_putc(text[i]);
	}
}

static void put_pad(char pad, unsigned length, unsigned width)
{
	for (; length < width; length++) {
		board_putc(pad);
	}
}

void board_puts(const char *text)
{
	put_text(text, (unsigned)strlen(text));
}

/* Text in a field. A sign goes before zeros but after spaces. */
static void put_field(const char *text, unsigned length, bool negative, const struct field *f)
{
	const unsigned total = length + (negative ? 1u : 0u);
	if (!f->left && f->pad != '0') {
		put_pad(f->pad, total, f->width);
	}
	if (negative) {
		board_putc('-');
	}
	if (!f->left && f->pad == '0') {
		put_pad('0', total, f->width);
	}
	put_text(text, length);
	if (f->left) {
		put_pad(' ', total, f->width);
	}
}

static void put_number(uint32_t value, uint32_t base, bool negative, const struct field *f)
{
	char digits[DIGITS_MAX];
	unsigned first = DIGITS_MAX;
	do {
		digits[--first] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0u);
	put_field(&digits[first], DIGITS_MAX - first, negative, f);
}

/* Flags, width and 'l' of a conversion; returns where the letter is. */
static const char *parse_field(const char *p, struct field *f)
{
	*f = (struct field){ .pad = ' ' };
	for (; *p == '-' || *p == '0'; p++) {
		if (*p == '-') {
			f->left = true;
		} else {
			f->pad = '0';
		}
	}
	for (; *p >= '0' && *p <= '9'; p++) {
		f->width = f->width * 10u + (unsigned)(*p - '0');
	}
	while (*p == 'l') {
		p++;
	}
	return p;
}

static void put_conversion(char letter, const struct field *f, va_list *arguments)
{
	if (letter == 's') {
		const char *text = va_arg(*arguments, const char *);
		put_field(text, (unsigned)strlen(text), false, f);
	} else if (letter == 'c') {
		const char c = (char)va_arg(*arguments, int);
		put_field(&c, 1u, false, f);
	} else if (letter == 'd') {
		const int value = va_arg(*arguments, int);
		const uint32_t magnitude = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
		put_number(magnitude, 10u, value < 0, f);
	} else if (letter == 'u' || letter == 'x') {
		put_number(va_arg(*arguments, unsigned), letter == 'x' ? 16u : 10u, false, f);
	} else {
		board_putc(letter); /* %% and, visibly, what is not supported */
	}
}

void board_printf(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	for (const char *p = format; *p != '\0'; p++) {
		if (*p != '%') {
			board_putc(*p);
			continue;
		}
		struct field f;
		p = parse_field(p + 1, &f);
		if (*p == '\0') {
			break;
		}
		put_conversion(*p, &f, &arguments);
	}
	va_end(arguments);
}

_Noreturn void board_check_failed(const char *file, int line, const char *what)
{
	board_printf("%s:%d: cpu %u: check failed: %s\n", file, line, board_cpu(), what);
	board_exit(1);
}

/* SPDX-License-Identifier: MIT */
/* The one place that knows where text goes. A program replaces it by a function of the same name. */
#include <nearheap/zephyr.h>

#include <stdarg.h>

#if defined(__ZEPHYR__)
#include <zephyr/sys/printk.h>
#define PRINT(format, arguments) vprintk(format, arguments)
#elif NH_ZEPHYR_STDIO
#include <stdio.h>
#define PRINT(format, arguments) vprintf(format, arguments)
#else
#define PRINT(format, arguments) ((void)(format))
#endif

__attribute__((weak)) void nh_zephyr_print(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	PRINT(format, arguments);
	va_end(arguments);
}

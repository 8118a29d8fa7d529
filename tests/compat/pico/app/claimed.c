/* SPDX-License-Identifier: MIT */
/* A program that claims a spin lock of the heap's for itself: it must hear of it, before main. */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <hardware/sync.h>
#include <pico/stdlib.h>

void app_panic(const char *format, ...) __attribute__((noreturn));

void app_panic(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_exit(strstr(format, "spin lock %d is claimed") != NULL && va_arg(arguments, int) == 30 ? 0 : 1);
}

static void early(void)
{
	spin_lock_claim(30);
}

__attribute__((section(".preinit_array.00900"), used)) static void (*const early_entry)(void) = early;

int main(void)
{
	return 1;
}

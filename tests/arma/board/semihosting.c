/* SPDX-License-Identifier: MIT
 *
 * Console, command line and exit code through the debugger's, or QEMU's, semihosting.
 */
#include "internal.h"

#include <string.h>

enum operation { SYS_WRITEC = 0x03, SYS_GET_CMDLINE = 0x15, SYS_EXIT_EXTENDED = 0x20 };

#define APPLICATION_EXIT 0x20026u

void board_putc(char c)
{
	cpu_semihosting(SYS_WRITEC, &c);
}

uint32_t semihosting_seed(uint32_t other)
{
	static const char key[] = "seed=";
	char line[128] = "";
	struct {
		char *buffer;
		size_t size;
	} block = { line, sizeof line };
	if (cpu_semihosting(SYS_GET_CMDLINE, &block) != 0)
		return other;
	const char *found = strstr(line, key);
	if (found == NULL)
		return other;
	uint32_t seed = 0;
	for (const char *p = found + sizeof key - 1; *p >= '0' && *p <= '9'; p++)
		seed = seed * 10u + (uint32_t)(*p - '0');
	return seed;
}

_Noreturn void semihosting_exit(int code)
{
	uintptr_t block[2] = { APPLICATION_EXIT, (uintptr_t)(unsigned)code };
	for (;;)
		cpu_semihosting(SYS_EXIT_EXTENDED, block);
}

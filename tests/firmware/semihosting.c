/* SPDX-License-Identifier: MIT
 *
 * Console, seed and exit of boards whose runner answers semihosting calls. board_port.h has
 * board_semihosting(), the call itself.
 *
 * Every CPU collects a line of its own, so that lines do not mix; a call per character would be slow too.
 */
#include "board.h"

#define SYS_WRITE0 0x04u
#define SYS_GET_CMDLINE 0x15u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT 0x20026u

#define LINE 128u

static struct line {
	char text[LINE + 1u];
	unsigned length;
} lines[BOARD_CPUS];

volatile uint32_t nh_board_seed = 1u;

static void flush(struct line *line)
{
	line->text[line->length] = '\0';
	line->length = 0;
	if (line->text[0] != '\0') {
		board_semihosting(SYS_WRITE0, line->text);
	}
}

void board_putc(char c)
{
	struct line *const line = &lines[board_cpu()];
	line->text[line->length++] = c;
	if (c == '\n' || line->length == LINE) {
		flush(line);
	}
}

/* "... seed=N ..." in what the runner passes on. */
void board_read_seed(void)
{
	static char words[256];
	uintptr_t block[2] = { (uintptr_t)words, sizeof words };
	if (board_semihosting(SYS_GET_CMDLINE, block) != 0) {
		return;
	}
	words[sizeof words - 1u] = '\0';
	static const char key[] = "seed=";
	for (const char *at = words; *at != '\0'; at++) {
		unsigned same = 0;
		while (key[same] != '\0' && at[same] == key[same]) {
			same++;
		}
		if (key[same] != '\0') {
			continue;
		}
		uint32_t seed = 0;
		for (at += same; *at >= '0' && *at <= '9'; at++) {
			seed = seed * 10u + (uint32_t)(*at - '0');
		}
		nh_board_seed = seed;
		return;
	}
}

_Noreturn void board_exit(int code)
{
	flush(&lines[board_cpu()]);
	uintptr_t block[2] = { APPLICATION_EXIT, (uintptr_t)code };
	for (;;) {
		board_semihosting(SYS_EXIT_EXTENDED, block);
	}
}

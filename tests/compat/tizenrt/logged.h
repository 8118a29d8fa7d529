/* SPDX-License-Identifier: MIT */
/* The log of nearheap::tizenrt as a test sees it, and the RAM that the documented addresses stand for. */
#ifndef LOGGED_H
#define LOGGED_H

#include <stddef.h>

/* Lines from now on are kept, and RAM is simulated from 0x1000 on. */
void logged_begin(void);

/* Forgets all heaps. */
void logged_end(void);

/* Both for cmocka. */
int logged_set_up(void **state);
int logged_tear_down(void **state);

/* Lines since the last call, and the last of them; valid until the next call. */
unsigned logged(const char **line);

/* One line, this one. */
#define assert_logged(expected)                                                                              \
	do {                                                                                                 \
		const char *line_;                                                                           \
		assert_int_equal(logged(&line_), 1);                                                         \
		assert_string_equal(line_, expected);                                                        \
	} while (0)
/* One line with this in it, for those with addresses. */
#define assert_logged_with(part)                                                                             \
	do {                                                                                                 \
		const char *line_;                                                                           \
		assert_int_equal(logged(&line_), 1);                                                         \
		if (strstr(line_, part) == NULL)                                                             \
			fail_msg("'%s' is not in '%s'", part, line_);                                        \
	} while (0)
#define assert_nothing_logged()                                                                              \
	do {                                                                                                 \
		const char *line_;                                                                           \
		if (logged(&line_) != 0)                                                                     \
			fail_msg("logged: %s", line_);                                                       \
	} while (0)

/* The memory at a documented address. */
#define RAM_FIRST 0x1000u
#define RAM_SIZE 0x20000u
unsigned char *ram_at(unsigned address);

#endif

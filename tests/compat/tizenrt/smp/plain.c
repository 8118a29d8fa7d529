/* SPDX-License-Identifier: MIT */
/* The plain names are ours here, also for code that has never heard of TizenRT: strdup of the C library. */
#include <tinyara/mm/mm.h>

#include <string.h>

#include "board.h"

int main(void);
char *strdup(const char *text); /* POSIX, which -std=c11 hides */

void board_handler(enum board_irq irq)
{
	(void)irq;
}

int main(void)
{
	static struct mm_heap_s heap;
	void *base;
	size_t size;
	board_init();
	board_bank_memory(BOARD_SHARED, &base, &size);
	BOARD_CHECK(malloc(8) == NULL);
	BOARD_CHECK(mm_initialize(&heap, base, size) == OK);

	void *(*const function)(size_t) = malloc; /* a name like any other */
	void *blocks[] = { function(100), calloc(10, 10), zalloc(100), memalign(64, 100),
		           realloc(NULL, 100) };
	for (unsigned i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		BOARD_CHECK(mm_get_heap(blocks[i]) == &heap);
	BOARD_CHECK((uintptr_t)blocks[3] % 64u == 0);
	blocks[4] = realloc(blocks[4], 2000);
	BOARD_CHECK(blocks[4] != NULL);
	char *text = strdup("a block of the C library's");
	BOARD_CHECK(mm_get_index_of_heap(text) == 0 && strcmp(text, "a block of the C library's") == 0);
	free(text);
	for (unsigned i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		free(blocks[i]);
	BOARD_CHECK(mallinfo().uordblks == 0);
	board_printf("plain names: ok\n");
	return 0;
}

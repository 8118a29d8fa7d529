/* SPDX-License-Identifier: MIT */
/*
 * Does the plugin count right? Stretches of a known number of instructions, which check.mjs compares with
 * what the plugin reports.
 */
#include "board.h"

int main(void);
void begin(void);
void end(void);
void keep(void);
void take(void);
void give(void);
void call(void);

void board_handler(enum board_irq irq)
{
	(void)irq;
}

/* Naked: an entry is one instruction, the return. */
#define EMPTY(name)                                                                                          \
	__attribute__((naked, noinline)) void name(void)                                                     \
	{                                                                                                    \
		__asm volatile("bx lr");                                                                     \
	}
EMPTY(begin)
EMPTY(end)
EMPTY(keep)
EMPTY(take)
EMPTY(give)

/* Three instructions, or 3 + 5 through the second of them. */
__attribute__((naked, noinline)) void call(void)
{
	__asm volatile("cbz r0, 1f\n\t.rept 4\n\tnop\n\t.endr\n1:\n\tnop\n\tbx lr");
}

int main(void)
{
	board_init();
	__asm volatile(
		"bl begin\n\t.rept 10\n\tnop\n\t.endr\n\tbl end\n\tbl keep\n\t" /* bx, 10, bl: 12 */
		"bl begin\n\tbl end\n\t"                                        /* not kept */
		"bl begin\n\t.rept 3\n\tnop\n\t.endr\n\tbl end\n\tbl keep\n\t"  /* 5 */
		"bl take\n\t.rept 7\n\tnop\n\t.endr\n\tbl give\n\t"             /* 7, bl: 8 */
		"bl take\n\tnop\n\tbl give\n\t"                                 /* 2 */
		"mrs r4, primask\n\tcpsid i\n\t.rept 20\n\tnop\n\t.endr\n\t"
		"mrs r5, primask\n\tcpsid i\n\tnop\n\tmsr primask, r5\n\tmsr primask, r4\n\t" /* 20 + 5 */
		"movs r0, #0\n\tbl call\n\tmovs r0, #1\n\tbl call\n\tbl call\n\t"             /* 3, 7, 7 */
		::
			: "r0", "r4", "r5", "lr", "memory");
	board_puts("counted\n");
	return 0;
}

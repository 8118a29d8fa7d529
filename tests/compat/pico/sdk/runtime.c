/* SPDX-License-Identifier: MIT */
/* Stand-in: what runs before main, in the SDK's order, and the console, over the board's functions. */
#include <pico/multicore.h>
#include <pico/stdlib.h>

#include "board.h"

int __real_main(void);
int __wrap_main(void);
void _exit(int code) __attribute__((noreturn));
int _write(int file, const char *text, int length);

extern void *__dso_handle;
void *__dso_handle; /* programs end, but are not unloaded */

typedef void (*initializer)(void);
extern const initializer __preinit_array_start[], __preinit_array_end[];
extern const initializer __init_array_start[], __init_array_end[];

static void run(const initializer *from, const initializer *to)
{
	while (from < to)
		(*from++)();
}

int __wrap_main(void)
{
	board_init();
	run(__preinit_array_start, __preinit_array_end);
	run(__init_array_start, __init_array_end);
	return __real_main();
}

bool stdio_init_all(void)
{
	return true;
}

int _write(int file, const char *text, int length)
{
	(void)file;
	for (int i = 0; i < length; i++)
		board_putc(text[i]);
	return length;
}

#ifdef PICO_PANIC_FUNCTION
/* Arguments stay where they are. */
__attribute__((naked)) void panic(__unused const char *format, ...)
{
#define NAME_OF(x) #x
#define TEXT(x) NAME_OF(x)
	__asm__ volatile("push {lr}\n\tbl " TEXT(PICO_PANIC_FUNCTION));
}
#else
void panic(const char *format, ...)
{
	board_puts("*** PANIC *** ");
	board_puts(format);
	board_putc('\n');
	board_exit(1);
}
#endif

/* The board wants one; nothing enables an interrupt here. */
void board_handler(enum board_irq irq)
{
	(void)irq;
}

void multicore_launch_core1(void (*entry)(void))
{
	board_start_cpu1(entry);
}

void multicore_fifo_push_blocking(uint32_t data)
{
	while ((RP_REG(SIO_FIFO_ST) & SIO_FIFO_RDY) == 0) {
	}
	board_barrier();
	RP_REG(SIO_FIFO_WR) = data;
	board_send_event();
}

uint32_t multicore_fifo_pop_blocking(void)
{
	while ((RP_REG(SIO_FIFO_ST) & SIO_FIFO_VLD) == 0)
		board_wait_event();
	uint32_t data = RP_REG(SIO_FIFO_RD);
	board_barrier();
	return data;
}

void _exit(int code)
{
	board_exit(code);
}

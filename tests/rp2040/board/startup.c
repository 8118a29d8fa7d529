/* SPDX-License-Identifier: MIT
 *
 * Vector table and reset. Every handler is weak: an image defines the isr_ name
 * of what it uses. Unexpected exceptions end the image with a breakpoint that the
 * runner reports: #0xff for faults, #0xfe for the rest.
 */
#include <stdint.h>
#include <string.h>

#include "board.h"

typedef void (*handler)(void);

struct vector_table {
	uint32_t *initial_sp;
	handler exception[15];
	handler irq[32];
};

extern uint32_t __nh_stack0_top[];
extern uint32_t __data_start[], __data_end[], __data_load[];
extern uint32_t __bss_start[], __bss_end[];
extern const struct vector_table vectors;

int main(void);
void reset_handler(void);
void fault_handler(void);
void unexpected_handler(void);

/** First code of the image, on core 0, from the boot loader or the emulator. */
void reset_handler(void)
{
	memcpy(__data_start, __data_load, (size_t)((char *)__data_end - (char *)__data_start));
	memset(__bss_start, 0, (size_t)((char *)__bss_end - (char *)__bss_start));
	board_exit(main());
}

/* Naked: the runner reports the registers and the stack as the fault left them. */
__attribute__((naked)) void fault_handler(void)
{
	__asm volatile("bkpt #0xff\n\tb .");
}

__attribute__((naked)) void unexpected_handler(void)
{
	__asm volatile("bkpt #0xfe\n\tb .");
}

#define WEAK_HANDLER(name, target) void name(void) __attribute__((weak, alias(#target)))

WEAK_HANDLER(isr_nmi, fault_handler);
WEAK_HANDLER(isr_hardfault, fault_handler);
WEAK_HANDLER(isr_svcall, unexpected_handler);
WEAK_HANDLER(isr_pendsv, unexpected_handler);
WEAK_HANDLER(isr_systick, unexpected_handler);

#define FOR_EACH_IRQ(f)                                                                                      \
	f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15) f(16) f(17)    \
		f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26) f(27) f(28) f(29) f(30) f(31)

#define DECLARE_IRQ(n) WEAK_HANDLER(isr_irq##n, unexpected_handler);
FOR_EACH_IRQ(DECLARE_IRQ)

#define IRQ_ENTRY(n) isr_irq##n,
__attribute__((section(".vectors"), used)) const struct vector_table vectors = {
    .initial_sp = __nh_stack0_top,
    .exception = {
        reset_handler,
        isr_nmi,
        isr_hardfault,
        unexpected_handler, unexpected_handler, unexpected_handler, unexpected_handler,
        unexpected_handler, unexpected_handler, unexpected_handler,
        isr_svcall,
        unexpected_handler, unexpected_handler,
        isr_pendsv,
        isr_systick,
    },
    .irq = { FOR_EACH_IRQ(IRQ_ENTRY) },
};

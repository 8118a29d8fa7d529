/* SPDX-License-Identifier: MIT
 *
 * Vector tables of both CPUs, and reset. QEMU loads .data where it belongs. A fault says where, and ends
 * the image.
 */
#include <string.h>

#include "board.h"

#include "board_internal.h"

typedef void (*handler)(void);

struct vector_table {
	void *initial_sp;
	handler exception[15];
	handler irq[32];
};

#define CFSR 0xe000ed28u
#define BFAR 0xe000ed38u
#define EXIT_FAULT 99

extern char __bss_start[], __bss_end[];

int main(void);
void reset_handler(void);
void board_fault(const uint32_t *frame, uint32_t exception);
void fault_handler(void);

void reset_handler(void)
{
	memset(__bss_start, 0, (size_t)(__bss_end - __bss_start));
	board_exit(main());
}

/** The frame that the exception pushed: r0-r3, r12, lr, pc, xpsr. */
void board_fault(const uint32_t *frame, uint32_t exception)
{
	board_printf("cpu %u: exception %u at %x, called from %x, r0 %x; CFSR %x, BFAR %x\n", board_cpu(),
	             (unsigned)exception, (unsigned)frame[6], (unsigned)frame[5], (unsigned)frame[0],
	             (unsigned)BOARD_REG(CFSR), (unsigned)BOARD_REG(BFAR));
	board_exit(EXIT_FAULT);
}

__attribute__((naked)) void fault_handler(void)
{
	__asm volatile("mov r0, sp\n\tmrs r1, ipsr\n\tbl board_fault");
}

void board_urgent_handler(void) __attribute__((weak, alias("fault_handler")));

#define EXCEPTIONS(reset)                                                                                    \
	{                                                                                                    \
		[0] = (reset), [1] = fault_handler, [2] = fault_handler, [3] = fault_handler,                \
		[4] = fault_handler, [5] = fault_handler, [6] = fault_handler, [10] = fault_handler,         \
		[11] = fault_handler, [13] = fault_handler, [14] = board_systick_handler,                    \
	}
#define IRQS                                                                                                 \
	{                                                                                                    \
		[IRQ_MHU0] = board_mhu_handler, [IRQ_MHU1] = board_urgent_handler,                           \
		[IRQ_A] = board_a_handler, [IRQ_B] = board_b_handler,                                        \
	}

extern const struct vector_table board_cpu0_vectors;

__attribute__((section(".vectors"), used, aligned(512))) const struct vector_table board_cpu0_vectors = {
	.initial_sp = __nh_stack0_top,
	.exception = EXCEPTIONS(reset_handler),
	.irq = IRQS,
};

__attribute__((section(".vectors1"), used, aligned(512))) const struct vector_table board_cpu1_vectors = {
	.initial_sp = __nh_stack1_top,
	.exception = EXCEPTIONS(board_cpu1_entry),
	.irq = IRQS,
};

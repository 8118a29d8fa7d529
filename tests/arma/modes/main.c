/* SPDX-License-Identifier: MIT */
/*
 * The heap called in each mode of an ARMv7-A CPU: where it may wait for its lock, where it does not reclaim,
 * and where it refuses, because the mode may have interrupted a lock hold.
 */
#include <nearheap/cortex_a.h>

#include "board.h"

enum mode { FIQ = 0x11, IRQ = 0x12, SUPERVISOR = 0x13, ABORT = 0x17, UNDEFINED = 0x1b, SYSTEM = 0x1f };

#define MASKED 0xc0u
#define MISSED 3000u /* bytes of no class: TLSF, under the lock */

int main(void);

/* volatile: the compiler does not see the call in call_in_mode */
static volatile nh_cortex_a_context expected;
static void *volatile allocated;
static volatile unsigned reported;
static volatile nh_fault_code fault_code;
static char system_stack[4096] __attribute__((aligned(8)));

void board_handler(enum board_irq irq)
{
	BOARD_CHECK(irq != BOARD_IRQ_IPI);
}

static void report(const nh_fault *fault)
{
	fault_code = fault->code;
	reported++;
}

/* The registers that FIQ mode has for itself hold nothing here; all modes but System have a stack. */
static void call_in_mode(enum mode mode, void (*function)(void))
{
	register uint32_t saved __asm("r4");
	register uint32_t control __asm("r5") = mode | MASKED;
	register void (*called)(void) __asm("r6") = function;
	register char *stack __asm("r7") = mode == SYSTEM ? system_stack + sizeof system_stack : NULL;
	__asm volatile("mrs r4, cpsr\n\t"
	               "msr cpsr_c, r5\n\t"
	               "cmp r7, #0\n\t"
	               "movne sp, r7\n\t"
	               "blx r6\n\t"
	               "msr cpsr_c, r4"
	               : "=&r"(saved), "+r"(control), "+r"(called), "+r"(stack)
	               :
	               : "r0", "r1", "r2", "r3", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

static void use_heap(void)
{
	void *block = nh_malloc(MISSED);
	const unsigned before = reported;
	BOARD_CHECK(nh_cortex_a_context_get() == expected);
	if (expected == NH_CORTEX_A_FAULT) {
		BOARD_CHECK(block == NULL);
		nh_free(allocated);
		BOARD_CHECK(reported == before + 1u && fault_code == NH_FAULT_CONTEXT);
		BOARD_CHECK(nh_usable_size(allocated) >= MISSED); /* still whose it was */
	} else {
		BOARD_CHECK(block != NULL);
		nh_free(block);
		BOARD_CHECK(reported == before);
	}
}

static void check(enum mode mode, nh_cortex_a_context context)
{
	expected = context;
	call_in_mode(mode, use_heap);
}

int main(void)
{
	nh_heap_config heap = { .name = "shared" };
	board_init();
	board_bank_memory(BOARD_SHARED, &heap.base, &heap.size);
	BOARD_CHECK(nh_init(&heap, 1, NULL) == NH_OK);
	nh_fatal_hook_set(report);
	allocated = nh_malloc(MISSED);
	BOARD_CHECK(allocated != NULL);
	check(SUPERVISOR, NH_CORTEX_A_TASK);
	check(SYSTEM, NH_CORTEX_A_TASK);
	check(IRQ, NH_CORTEX_A_HANDLER);
	check(FIQ, NH_ARMA_FIQ ? NH_CORTEX_A_HANDLER : NH_CORTEX_A_FAULT);
	check(ABORT, NH_CORTEX_A_FAULT);
	check(UNDEFINED, NH_CORTEX_A_FAULT);
	nh_free(allocated);
	BOARD_CHECK(nh_deinit() == NH_OK);
	board_puts("modes: ok\n");
	return 0;
}

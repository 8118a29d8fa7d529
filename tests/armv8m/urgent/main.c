/* SPDX-License-Identifier: MIT */
/*
 * NH_ARMV8M_BASEPRI: a handler above the mask interrupts lock holds. What it asks for that needs a lock is
 * refused, whatever was interrupted; what needs none is served; nothing is damaged. CPU 1 sends it from
 * MHU1 again and again while CPU 0 is in and out of the lock.
 */
#include <nearheap/nearheap.h>

#include "board.h"

#include "../board_internal.h"

#define MHU1 0x50004000u
#define NVIC_IPR(irq) (0xe000e400u + (irq))
#define NVIC_ISER 0xe000e100u
#define URGENT 0x20u /* more than the 0x40 that the library is built with */
#define HANDLED 200u
#define LARGE 2000u

int main(void);

static volatile uint32_t handled, inside_lock, served, over;
static volatile uint32_t contexts; /* refused frees that were reported */
static void *volatile large;

void board_handler(enum board_irq irq)
{
	(void)irq;
}

static void hook(const nh_fault *fault)
{
	BOARD_CHECK(fault->code == NH_FAULT_CONTEXT && fault->address == large);
	contexts++;
}

void board_urgent_handler(void)
{
	uint32_t basepri;
	__asm volatile("mrs %0, basepri" : "=r"(basepri));
	BOARD_REG(MHU1 + 8u) = UINT32_MAX;
	inside_lock += basepri != 0;
	handled++;
	BOARD_CHECK(nh_malloc(LARGE) == NULL);
	nh_free(large);
	BOARD_CHECK(contexts == handled && nh_usable_size(large) >= LARGE);
	void *small = nh_malloc(24);
	if (small != NULL) {
		served++;
		nh_free(small); /* it has just left the magazine it fits into */
	}
}

static void core1_main(void)
{
	while (over == 0u) {
		BOARD_REG(MHU1 + 4u) = 1u;
		for (volatile uint32_t i = 0; i < 50u; i++) {
		}
	}
}

int main(void)
{
	nh_heap_config heap = { .name = "shared" };
	board_init();
	board_bank_memory(BOARD_SHARED, &heap.base, &heap.size);
	BOARD_CHECK(nh_init(&heap, 1, NULL) == NH_OK);
	nh_fatal_hook_set(hook);
	large = nh_malloc(LARGE);
	void *small[12];
	for (unsigned i = 0; i < 12u; i++)
		small[i] = nh_malloc(24);
	for (unsigned i = 0; i < 12u; i += 2u)
		nh_free(small[i]); /* parked: what is beside them stays */
	*(volatile uint8_t *)(uintptr_t)NVIC_IPR(IRQ_MHU1) = URGENT;
	BOARD_REG(NVIC_ISER) = 1u << IRQ_MHU1;
	board_start_cpu1(core1_main);
	while (handled < HANDLED) {
		void *block = nh_malloc(300);
		BOARD_CHECK(block != NULL);
		nh_free(block);
	}
	over = 1u;
	nh_report report;
	BOARD_CHECK(nh_validate(-1, &report) == NH_OK);
	board_printf("urgent: %u calls, %u on top of a lock hold, %u small ones served\n", (unsigned)handled,
	             (unsigned)inside_lock, (unsigned)served);
	BOARD_CHECK(inside_lock != 0 && served != 0);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The demo on a bare RP2040, real or emulated. Its cores are cores, its handlers are handlers. */
#include <nearheap/nearheap.h>

#include "platform.h"

#define IRQ_FIRST 26u /* without a source on the chip: pended by us, and by the emulator's injector */

extern char __nh_local0_start[], __nh_local0_end[], __nh_local1_start[], __nh_local1_end[];
extern char __nh_shared_start[], __nh_shared_end[];
extern char __nh_scratch_x_start[], __nh_scratch_x_end[], __nh_scratch_y_start[], __nh_scratch_y_end[];

void isr_irq26(void);
void isr_irq27(void);
int main(void);

const char demo_time_unit[] = "cycles of a call";
const uint32_t demo_scale = 1;
const bool demo_irq_off_measured = true;

/* Own core's handlers only. */
static volatile uint32_t stolen[DEMO_CORES];
static uint32_t exception_cost; /* entry, exit, and what the handler does outside its own timing */
static bool calibrating;

static void (*core1_function)(void);

void demo_bank_memory(enum demo_bank bank, void **base, size_t *size)
{
	static char *const start[DEMO_BANKS] = { __nh_local0_start, __nh_local1_start, __nh_shared_start,
		                                 __nh_scratch_y_start, __nh_scratch_x_start };
	static char *const end[DEMO_BANKS] = { __nh_local0_end, __nh_local1_end, __nh_shared_end,
		                               __nh_scratch_y_end, __nh_scratch_x_end };
	*base = start[bank];
	*size = (size_t)(end[bank] - start[bank]);
}

uint32_t demo_time(void)
{
	return board_cycles();
}

uint32_t demo_time_since(uint32_t start)
{
	return board_cycles_since(start);
}

uint32_t demo_time_stolen(void)
{
	return stolen[board_core()];
}

void demo_wait(void)
{
	board_wait_event();
}

void demo_wake(void)
{
	__asm volatile("dmb" ::: "memory");
	board_send_event();
}

void demo_pend(unsigned source)
{
	board_irq_pend(IRQ_FIRST + source);
}

static void interrupt(unsigned source)
{
	const unsigned core = board_core();
	const uint32_t start = board_cycles();
	if (!calibrating)
		demo_handler(core, source);
	stolen[core] += board_cycles_since(start) + exception_cost;
}

void isr_irq26(void)
{
	interrupt(0);
}

void isr_irq27(void)
{
	interrupt(1);
}

static void enable_interrupts(void)
{
	board_irq_enable(IRQ_FIRST);
	board_irq_enable(IRQ_FIRST + 1u);
}

/* How much longer pending takes when the handler runs than when it does not. */
static void calibrate(void)
{
	uint32_t start = board_cycles();
	demo_pend(0);
	const uint32_t without = board_cycles_since(start);
	calibrating = true;
	enable_interrupts();
	start = board_cycles();
	demo_pend(0);
	const uint32_t with = board_cycles_since(start);
	calibrating = false;
	exception_cost = with - without - stolen[0];
}

static void core1_entry(void)
{
	enable_interrupts();
	core1_function();
}

void demo_start_core1(void (*fn)(void))
{
	core1_function = fn;
	board_launch_core1(core1_entry);
}

int main(void)
{
	board_init();
	calibrate();
	board_printf("nearheap %s, RP2040, seed %u\n", nh_version(), (unsigned)nh_board_seed);
	return demo_run(nh_board_seed) ? 0 : 1;
}

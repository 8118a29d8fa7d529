/* SPDX-License-Identifier: MIT */
/* The demo on a bare board with two CPUs, real or emulated. Its cores are cores, its handlers are handlers. */
#include <nearheap/nearheap.h>

#include "platform.h"

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
	static const enum board_bank bank_of[DEMO_BANKS] = {
		[DEMO_LOCAL0] = BOARD_LOCAL0,      [DEMO_LOCAL1] = BOARD_LOCAL1,
		[DEMO_SHARED] = BOARD_SHARED,      [DEMO_SCRATCH_Y] = BOARD_SCRATCH0,
		[DEMO_SCRATCH_X] = BOARD_SCRATCH1,
	};
	board_bank_memory(bank_of[bank], base, size);
}

uint32_t demo_time(void)
{
	return board_count();
}

uint32_t demo_time_since(uint32_t start)
{
	return board_count_since(start);
}

uint32_t demo_time_stolen(void)
{
	return stolen[board_cpu()];
}

void demo_wait(void)
{
	board_wait_event();
}

void demo_wake(void)
{
	board_barrier();
	board_send_event();
}

void demo_pend(unsigned source)
{
	board_irq_pend(source == 0 ? BOARD_IRQ_A : BOARD_IRQ_B);
}

void board_handler(enum board_irq irq)
{
	const unsigned core = board_cpu();
	const uint32_t start = board_count();
	if (!calibrating)
		demo_handler(core, irq == BOARD_IRQ_A ? 0u : 1u);
	stolen[core] += board_count_since(start) + exception_cost;
}

static void enable_interrupts(void)
{
	board_irq_enable(BOARD_IRQ_A);
	board_irq_enable(BOARD_IRQ_B);
}

/* How much longer pending takes when the handler runs than when it does not. */
static void calibrate(void)
{
	uint32_t start = board_count();
	demo_pend(0);
	const uint32_t without = board_count_since(start);
	calibrating = true;
	enable_interrupts();
	start = board_count();
	demo_pend(0);
	const uint32_t with = board_count_since(start);
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
	board_start_cpu1(core1_entry);
}

int main(void)
{
	board_init();
	calibrate();
	board_printf("nearheap %s, %s, seed %u\n", nh_version(), board_name, (unsigned)nh_board_seed);
	return demo_run(nh_board_seed) ? 0 : 1;
}

/* SPDX-License-Identifier: MIT
 *
 * Versatile Express with a Cortex-A9 MPCore: snoop control unit, interrupt controller and private timers at
 * PERIPHBASE. Both CPUs start at the image's entry.
 */
#include "internal.h"

#define PERIPHBASE 0x1e000000u
#define SCU_CTRL (PERIPHBASE + 0x000u)
#define TIMER_LOAD (PERIPHBASE + 0x600u)
#define TIMER_CONTROL (PERIPHBASE + 0x608u)
#define TIMER_STATUS (PERIPHBASE + 0x60cu)
#define TIMER_ON 5u /* enabled, once, with its interrupt */
#define TIMER_MHZ 100u

const struct machine_span machine_map[] = {
	{ .first = 0x600, .count = 64 },
	{ .first = 0x1e0, .count = 1, .device = true },
};
const unsigned machine_map_spans = sizeof machine_map / sizeof machine_map[0];

const uintptr_t machine_gicd = PERIPHBASE + 0x1000u;
const uintptr_t machine_gicc = PERIPHBASE + 0x0100u;
const unsigned machine_free_spi = 80u;
const unsigned machine_timer_irq = 29u;

const char board_name[] = "Versatile Express A9";

/* QEMU counts nothing on this CPU. */
const char *const board_count_unit = NULL;

void machine_coherence_on(void)
{
	NH_REG(SCU_CTRL) |= 1u;
}

/* It waits at the pen since reset. */
void machine_start_cpu1(void)
{
}

void machine_timer(uint32_t nanoseconds)
{
	NH_REG(TIMER_CONTROL) = 0;
	NH_REG(TIMER_STATUS) = 1;
	if (nanoseconds == 0)
		return;
	NH_REG(TIMER_LOAD) = nanoseconds / 1000u * TIMER_MHZ + 1u;
	NH_REG(TIMER_CONTROL) = TIMER_ON;
}

/* SPDX-License-Identifier: MIT
 *
 * QEMU's "virt": PSCI, GIC version 2, generic timer. CPUs are coherent as they come.
 */
#include "internal.h"

const struct machine_span machine_map[] = {
	{ .first = 0x400, .count = 64 },
	{ .first = 0x080, .count = 2, .device = true },
};
const unsigned machine_map_spans = sizeof machine_map / sizeof machine_map[0];

const uintptr_t machine_gicd = 0x08000000u;
const uintptr_t machine_gicc = 0x08010000u;
const unsigned machine_free_spi = 240u;
const unsigned machine_timer_irq = 27u; /* virtual timer */

const char board_name[] = "QEMU virt";

/* Under -icount shift=0. */
const char *const board_count_unit = "instructions";

void machine_coherence_on(void)
{
}

void machine_start_cpu1(void)
{
	if (cpu_psci_on(1u, (uintptr_t)cpu1_start) != 0)
		cpu_exception("CPU 1 refused to start", 0, 0, 0);
}

void machine_timer(uint32_t nanoseconds)
{
	cpu_timer_set((uint32_t)((uint64_t)cpu_timer_frequency() * nanoseconds / 1000000000u));
}

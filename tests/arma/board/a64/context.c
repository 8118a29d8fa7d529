/* SPDX-License-Identifier: MIT
 *
 * EL1 does not say that it serves an interrupt: the entry in start.S counts.
 */
#include "internal.h"

#include <nearheap/cortex_a.h>

extern volatile uint32_t cpu_interrupt_depth[BOARD_CPUS];

nh_cortex_a_context nh_cortex_a_context_get(void)
{
	return cpu_interrupt_depth[cpu_number()] != 0 ? NH_CORTEX_A_HANDLER : NH_CORTEX_A_TASK;
}

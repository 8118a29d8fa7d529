/* SPDX-License-Identifier: MIT
 *
 * Where rp2040.ld has put banks and stacks.
 */
#include "board.h"

extern char __nh_local0_start[], __nh_local0_end[], __nh_local1_start[], __nh_local1_end[];
extern char __nh_shared_start[], __nh_shared_end[];
extern char __nh_scratch_x_start[], __nh_scratch_x_end[], __nh_scratch_y_start[], __nh_scratch_y_end[];
extern char __nh_stack0_top[], __nh_stack1_top[];

void board_bank_memory(enum board_bank bank, void **base, size_t *size)
{
	static char *const start[BOARD_BANKS] = { __nh_local0_start, __nh_local1_start, __nh_shared_start,
		                                  __nh_scratch_y_start, __nh_scratch_x_start };
	static char *const end[BOARD_BANKS] = { __nh_local0_end, __nh_local1_end, __nh_shared_end,
		                                __nh_scratch_y_end, __nh_scratch_x_end };
	*base = start[bank];
	*size = (size_t)(end[bank] - start[bank]);
}

void board_stack(unsigned cpu, void **low, void **top)
{
	*low = cpu == 0u ? __nh_scratch_y_end : __nh_scratch_x_end;
	*top = cpu == 0u ? __nh_stack0_top : __nh_stack1_top;
}

/* SPDX-License-Identifier: MIT
 *
 * Start, end, the second CPU, and what the linker script made of the memory.
 */
#include "internal.h"

#include <stdatomic.h>

/* In .data: not cleared by CPU 0 while CPU 1 looks at it. */
volatile uint32_t board_pen = 0u;
static void (*cpu1_function)(void);
static _Atomic uint32_t cpu1_runs;

int main(void);

extern char __nh_local0_start[], __nh_local0_end[], __nh_local1_start[], __nh_local1_end[];
extern char __nh_shared_start[], __nh_shared_end[];
extern char __nh_scratch0_start[], __nh_scratch0_end[], __nh_scratch1_start[], __nh_scratch1_end[];
extern char __nh_stack0_top[], __nh_stack1_top[];

/* ---- start and end ------------------------------------------------------------------------ */

_Noreturn void cpu0_main(void)
{
	machine_coherence_on();
	cpu_tables();
	cpu_mmu_on();
	board_exit(main());
}

void board_init(void)
{
	board_read_seed();
	gic_start();
	gic_start_cpu();
	cpu_count_start();
}

_Noreturn void cpu_exception(const char *what, uintptr_t pc, uintptr_t address, uintptr_t status)
{
	board_printf("CPU %u: %s at %08x, address %08x:%08x, status %08x\n", board_cpu(), what, (unsigned)pc,
	             (unsigned)((uint64_t)address >> 32), (unsigned)address, (unsigned)status);
	board_exit(3);
}

/* ---- CPU 1 ------------------------------------------------------------------------------ */

_Noreturn void cpu1_main(void)
{
	cpu_mmu_on();
	gic_start_cpu();
	cpu_count_start();
	atomic_store(&cpu1_runs, 1u);
	board_send_event();
	cpu1_function();
	for (;;) {
		board_wait_interrupt();
	}
}

/* CPU 1 reads the pen with its caches off. */
void board_start_cpu1(void (*fn)(void))
{
	cpu1_function = fn;
	board_pen = 1u;
	cpu_clean(&board_pen);
	board_send_event();
	machine_start_cpu1();
	while (atomic_load(&cpu1_runs) == 0u) {
		board_wait_event();
	}
}

/* ---- memory ----------------------------------------------------------------------------- */

void board_bank_memory(enum board_bank bank, void **base, size_t *size)
{
	static const struct {
		char *start, *end;
	} banks[BOARD_BANKS] = {
		[BOARD_LOCAL0] = { __nh_local0_start, __nh_local0_end },
		[BOARD_LOCAL1] = { __nh_local1_start, __nh_local1_end },
		[BOARD_SHARED] = { __nh_shared_start, __nh_shared_end },
		[BOARD_SCRATCH0] = { __nh_scratch0_start, __nh_scratch0_end },
		[BOARD_SCRATCH1] = { __nh_scratch1_start, __nh_scratch1_end },
	};
	*base = banks[bank].start;
	*size = (size_t)(banks[bank].end - banks[bank].start);
}

void board_stack(unsigned cpu, void **low, void **top)
{
	*low = cpu == 0u ? __nh_scratch0_end : __nh_scratch1_end;
	*top = cpu == 0u ? __nh_stack0_top : __nh_stack1_top;
}

/* In no machine's map: touching it is an exception, which ends the image. */
void *board_strange_address(void)
{
	return (void *)(uintptr_t)0xf0000100u;
}

bool board_strange_touched(void)
{
	return false;
}

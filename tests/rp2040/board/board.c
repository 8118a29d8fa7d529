/* SPDX-License-Identifier: MIT
 *
 * Bringing the chip up and ending an image.
 */
#include "board.h"

#include "board_internal.h"

/* In .data with a value other than 0, so that the runner's poke goes into the load
 * image and survives startup. */
volatile uint32_t nh_board_seed = 1u;

const char board_name[] = "RP2040";
const char *const board_count_unit = "cycles";

/* The 12 MHz crystal for everything: no PLL, and the UART divides exactly enough. */
static void start_clocks(void)
{
	RP_REG(XOSC_STARTUP) = 47u; /* 1 ms in units of 256 crystal cycles */
	RP_REG(XOSC_CTRL) = XOSC_ENABLE_1_15MHZ;
	while ((RP_REG(XOSC_STATUS) & XOSC_STABLE) == 0u) {
	}
	RP_REG(CLK_REF_CTRL) = CLK_REF_SRC_XOSC;
	while ((RP_REG(CLK_REF_SELECTED) & (1u << CLK_REF_SRC_XOSC)) == 0u) {
	}
	RP_REG(CLK_SYS_CTRL) = CLK_SYS_SRC_REF;
	while ((RP_REG(CLK_SYS_SELECTED) & (1u << CLK_SYS_SRC_REF)) == 0u) {
	}
	RP_REG(CLK_PERI_CTRL) = CLK_PERI_ENABLE_XOSC;
}

static void release_resets(uint32_t blocks)
{
	RP_REG(RESETS_RESET + RP_CLEAR_ALIAS) = blocks;
	while ((RP_REG(RESETS_RESET_DONE) & blocks) != blocks) {
	}
}

/* A debugger's reset leaves the spinlocks as they were. */
static void release_spinlocks(void)
{
	for (unsigned n = 0; n < SIO_SPINLOCKS; n++) {
		RP_REG(SIO_SPINLOCK(n)) = 0u;
	}
}

void board_start_cycle_counter(void)
{
	RP_REG(SYST_CSR) = 0u;
	RP_REG(SYST_RVR) = SYST_MASK;
	RP_REG(SYST_CVR) = 0u;
	RP_REG(SYST_CSR) = SYST_CSR_ENABLE_CPU_CLOCK;
}

void board_init(void)
{
	start_clocks();
	release_resets(RESETS_IO_BANK0 | RESETS_PADS_BANK0 | RESETS_UART0);
	release_spinlocks();
	board_start_console();
	board_start_cycle_counter();
}

_Noreturn void board_exit(int code)
{
	board_flush_console();
	if (code == 0) {
		__asm volatile("bkpt #0x2a");
	} else {
		register int r0 __asm("r0") = code; /* where the runner looks for it */
		__asm volatile("bkpt #0x2b" ::"r"(r0));
	}
	for (;;) {
		board_wait_interrupt();
	}
}

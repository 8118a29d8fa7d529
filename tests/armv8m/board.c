/* SPDX-License-Identifier: MIT
 *
 * The second CPU, the interrupts and the memory of MPS2-AN521. All handlers have one priority in the
 * middle, so that none interrupts another and BASEPRI can mask them.
 */
#include "board.h"

#include <nearheap/armv8m.h>

#include "board_internal.h"

#define INITSVTOR1 0x50021114u
#define CPUWAIT 0x50021118u

#define MHU0 0x50003000u /* three words per CPU: status, set, clear */
#define MHU_STATUS(cpu) (MHU0 + 0x10u * (cpu))
#define MHU_SET(cpu) (MHU0 + 0x10u * (cpu) + 4u)
#define MHU_CLEAR(cpu) (MHU0 + 0x10u * (cpu) + 8u)

#define NVIC_ISER 0xe000e100u
#define NVIC_ICER 0xe000e180u
#define NVIC_ISPR 0xe000e200u
#define NVIC_ICPR 0xe000e280u
#define NVIC_IPR(irq) (0xe000e400u + (irq))
#define SHPR_SYSTICK 0xe000ed23u
#define SYST_CSR 0xe000e010u
#define SYST_RVR 0xe000e014u
#define SYST_CVR 0xe000e018u
#define SYST_CSR_ON 7u /* processor clock, interrupt, enable */
#define SYST_MOST 0x00ffffffu

static const unsigned number_of[BOARD_IRQS] = { IRQ_A, IRQ_B, IRQ_MHU0 };

const char board_name[] = "MPS2-AN521";
const char *const board_count_unit = NULL;

static void (*cpu1_function)(void);
static volatile uint32_t cpu1_runs;

static void start_interrupts(void)
{
	for (unsigned i = 0; i < BOARD_IRQS; i++) {
		*(volatile uint8_t *)(uintptr_t)NVIC_IPR(number_of[i]) = BOARD_PRIORITY;
	}
	*(volatile uint8_t *)(uintptr_t)SHPR_SYSTICK = BOARD_PRIORITY;
}

void board_init(void)
{
	nh_armv8m_cpu_init();
	start_interrupts();
	board_read_seed();
}

_Noreturn void board_cpu1_entry(void)
{
	nh_armv8m_cpu_init();
	start_interrupts();
	board_barrier();
	cpu1_runs = 1u;
	cpu1_function();
	for (;;) {
		board_wait_interrupt();
	}
}

void board_start_cpu1(void (*fn)(void))
{
	cpu1_function = fn;
	board_barrier();
	BOARD_REG(INITSVTOR1) = (uint32_t)&board_cpu1_vectors;
	BOARD_REG(CPUWAIT) = 0u;
	while (cpu1_runs == 0u) {
	}
}

/* ---- interrupts --------------------------------------------------------- */

static inline void finish_write(void)
{
	__asm volatile("dsb\n\tisb" ::: "memory");
}

void board_irq_enable(enum board_irq irq)
{
	const uint32_t bit = 1u << number_of[irq];
	if (irq != BOARD_IRQ_IPI) {
		BOARD_REG(NVIC_ICPR) = bit;
	}
	BOARD_REG(NVIC_ISER) = bit;
}

void board_irq_disable(enum board_irq irq)
{
	BOARD_REG(NVIC_ICER) = 1u << number_of[irq];
	finish_write();
}

void board_irq_pend(enum board_irq irq)
{
	BOARD_REG(NVIC_ISPR) = 1u << number_of[irq];
	finish_write();
}

void board_ipi_send(void)
{
	board_barrier();
	BOARD_REG(MHU_SET(1u - board_cpu())) = 1u;
	board_send_event();
}

bool board_ipi_pending(void)
{
	return BOARD_REG(MHU_STATUS(board_cpu())) != 0u;
}

void board_ipi_clear(void)
{
	BOARD_REG(MHU_CLEAR(board_cpu())) = UINT32_MAX;
	BOARD_REG(NVIC_ICPR) = 1u << IRQ_MHU0;
}

void board_mhu_handler(void)
{
	board_ipi_clear();
	board_handler(BOARD_IRQ_IPI);
}

void board_a_handler(void)
{
	board_handler(BOARD_IRQ_A);
}

void board_b_handler(void)
{
	board_handler(BOARD_IRQ_B);
}

/* ---- disturbance: a SysTick of random periods --------------------------- */

static struct disturbance {
	uint32_t mean;
	uint32_t random;
} disturbances[BOARD_CPUS];

/* Uniform over 1 .. 2*mean-1. */
static void arm(struct disturbance *d)
{
	d->random = d->random * 1664525u + 1013904223u;
	const uint32_t period = 1u + (d->random >> 8) % (2u * d->mean - 1u);
	BOARD_REG(SYST_RVR) = period < SYST_MOST ? period : SYST_MOST;
	BOARD_REG(SYST_CVR) = 0u;
}

void board_disturb(uint32_t mean)
{
	struct disturbance *const d = &disturbances[board_cpu()];
	BOARD_REG(SYST_CSR) = 0u;
	d->mean = mean;
	if (mean != 0u) {
		d->random ^= nh_board_seed + 0x9e3779b9u * board_cpu();
		arm(d);
		BOARD_REG(SYST_CSR) = SYST_CSR_ON;
	}
}

void board_systick_handler(void)
{
	struct disturbance *const d = &disturbances[board_cpu()];
	if (d->mean == 0u) {
		return; /* it was pending when it was switched off */
	}
	arm(d);
	board_irq_pend((d->random >> 31) != 0u ? BOARD_IRQ_A : BOARD_IRQ_B);
}

/* ---- memory ------------------------------------------------------------- */

void board_bank_memory(enum board_bank bank, void **base, size_t *size)
{
	static char *const start[BOARD_BANKS] = { __nh_local0_start, __nh_local1_start, __nh_shared_start,
		                                  __nh_scratch0_start, __nh_scratch1_start };
	static char *const end[BOARD_BANKS] = { __nh_local0_end, __nh_local1_end, __nh_shared_end,
		                                __nh_scratch0_end, __nh_scratch1_end };
	*base = start[bank];
	*size = (size_t)(end[bank] - start[bank]);
}

void board_stack(unsigned cpu, void **low, void **top)
{
	*low = cpu == 0u ? __nh_scratch0_end : __nh_scratch1_end;
	*top = cpu == 0u ? __nh_stack0_top : __nh_stack1_top;
}

/* Nothing answers here: a read is a BusFault. */
void *board_strange_address(void)
{
	return (void *)(uintptr_t)0x60000000u;
}

bool board_strange_touched(void)
{
	return false;
}

/* SPDX-License-Identifier: MIT
 *
 * Interrupts by a GIC of architecture 1 or 2. Each source is a shared interrupt per CPU that no device
 * drives: unlike software-generated ones, those can be disabled and withdrawn on every version, as
 * the contract wants. The private timer brings A or B at random times.
 */
#include "internal.h"

#define GICD_CTLR 0x000u
#define GICD_ISENABLER 0x100u
#define GICD_ICENABLER 0x180u
#define GICD_ISPENDR 0x200u
#define GICD_ICPENDR 0x280u
#define GICD_IPRIORITYR 0x400u
#define GICD_ITARGETSR 0x800u
#define GICD_ICFGR 0xc00u
#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u
#define GICC_IAR 0x0cu
#define GICC_EOIR 0x10u

#define GICC_ENABLE 1u
#define GICC_FIQ 8u /* interrupts of group 0, as all are, come as FIQ */

#define PRIORITY 0xa0u /* one for all: nothing nests */
#define SPURIOUS 1020u

#define SHORTEST 20000u /* ns between two disturbances */

/* ---- the controller ---------------------------------------------------------------------- */

static void set_bit(uint32_t bank, unsigned irq)
{
	NH_REG(machine_gicd + bank + irq / 32u * 4u) = 1u << irq % 32u;
}

static void set_byte(uint32_t bank, unsigned irq, uint8_t value)
{
	*(volatile uint8_t *)(machine_gicd + bank + irq) = value;
}

/* What was written is in effect for the instructions that follow. */
static void finish(void)
{
	(void)NH_REG(machine_gicd + GICD_CTLR);
	__asm volatile("dsb sy\n\tisb" ::: "memory");
}

static unsigned number(enum board_irq irq, unsigned cpu)
{
	return machine_free_spi + 2u * (unsigned)irq + cpu;
}

static void make_edge_triggered(unsigned irq)
{
	NH_REG(machine_gicd + GICD_ICFGR + irq / 16u * 4u) |= 2u << irq % 16u * 2u;
}

void gic_start(void)
{
	NH_REG(machine_gicd + GICD_CTLR) = 0;
	for (unsigned irq = 0; irq < BOARD_IRQS; irq++) {
		for (unsigned cpu = 0; cpu < BOARD_CPUS; cpu++) {
			const unsigned n = number((enum board_irq)irq, cpu);
			set_bit(GICD_ICENABLER, n);
			set_byte(GICD_IPRIORITYR, n, PRIORITY);
			set_byte(GICD_ITARGETSR, n, (uint8_t)(1u << cpu));
			make_edge_triggered(n);
		}
	}
	NH_REG(machine_gicd + GICD_CTLR) = 1;
}

/* The timer's enable and priority are in registers that each CPU has its own of. */
void gic_start_cpu(void)
{
	machine_timer(0);
	set_byte(GICD_IPRIORITYR, machine_timer_irq, PRIORITY);
	set_bit(GICD_ISENABLER, machine_timer_irq);
	NH_REG(machine_gicc + GICC_PMR) = 0xff;
	NH_REG(machine_gicc + GICC_CTLR) = NH_ARMA_FIQ ? GICC_ENABLE | GICC_FIQ : GICC_ENABLE;
	finish();
	board_irq_on();
}

/* ---- sources ----------------------------------------------------------------------------- */

void board_irq_enable(enum board_irq irq)
{
	const unsigned n = number(irq, board_cpu());
	set_bit(GICD_ICPENDR, n);
	set_bit(GICD_ISENABLER, n);
	finish();
}

void board_irq_disable(enum board_irq irq)
{
	set_bit(GICD_ICENABLER, number(irq, board_cpu()));
	finish();
}

void board_irq_pend(enum board_irq irq)
{
	set_bit(GICD_ISPENDR, number(irq, board_cpu()));
	finish();
}

void board_ipi_send(void)
{
	/* what the other CPU is to see is there before the interrupt */
	__asm volatile("dsb sy" ::: "memory");
	set_bit(GICD_ISPENDR, number(BOARD_IRQ_IPI, 1u - board_cpu()));
	board_send_event();
}

bool board_ipi_pending(void)
{
	const unsigned n = number(BOARD_IRQ_IPI, board_cpu());
	return (NH_REG(machine_gicd + GICD_ISPENDR + n / 32u * 4u) >> n % 32u & 1u) != 0;
}

void board_ipi_clear(void)
{
	set_bit(GICD_ICPENDR, number(BOARD_IRQ_IPI, board_cpu()));
	finish();
}

/* ---- disturbance -------------------------------------------------------------------------- */

static struct disturbance {
	uint32_t mean; /* ns; 0 = off */
	uint32_t random;
} disturbances[BOARD_CPUS];

/* xorshift: never 0 */
static uint32_t next_random(struct disturbance *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 17;
	d->random ^= d->random << 5;
	return d->random;
}

/* Between a quarter of the mean and seven quarters. */
static void arm_timer(struct disturbance *d)
{
	machine_timer(d->mean == 0 ? 0 : d->mean / 4u + next_random(d) % (d->mean * 3u / 2u));
}

/* An instruction takes an emulated CPU some nanoseconds. */
void board_disturb(uint32_t mean)
{
	struct disturbance *d = &disturbances[board_cpu()];
	const uint32_t longest = UINT32_C(100000000);
	d->random = (nh_board_seed + board_cpu()) * UINT32_C(2654435761) | 1u;
	d->mean = mean == 0              ? 0
	          : mean >= longest / 4u ? longest
	          : mean * 4u < SHORTEST ? SHORTEST
	                                 : mean * 4u;
	arm_timer(d);
}

/* A source that its user disabled stays silent. */
static void disturb(unsigned cpu)
{
	struct disturbance *d = &disturbances[cpu];
	const enum board_irq irq = next_random(d) & 1u ? BOARD_IRQ_A : BOARD_IRQ_B;
	const unsigned n = number(irq, cpu);
	machine_timer(0);
	if ((NH_REG(machine_gicd + GICD_ISENABLER + n / 32u * 4u) >> n % 32u & 1u) != 0)
		board_handler(irq);
	arm_timer(d);
}

/* From start.S, interrupts masked. */
void cpu_interrupt(void)
{
	const unsigned cpu = board_cpu();
	const uint32_t taken = NH_REG(machine_gicc + GICC_IAR);
	const unsigned irq = taken & 0x3ffu;
	if (irq >= SPURIOUS)
		return;
	if (irq == machine_timer_irq)
		disturb(cpu);
	else if (irq - machine_free_spi < 2u * BOARD_IRQS)
		board_handler((enum board_irq)((irq - machine_free_spi) / 2u));
	else
		cpu_exception("interrupt of nobody", 0, 0, irq);
	NH_REG(machine_gicc + GICC_EOIR) = taken;
}

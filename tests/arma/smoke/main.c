/* SPDX-License-Identifier: MIT
 *
 * Does the board do what tests/firmware/board.h says, and do the CPUs exclude each other? Both count under
 * a lock of C11 atomics (exact) and without (loses counts); each source of interrupts comes, is masked, is
 * withdrawn; the port sees a handler as a handler. The seeds below make it end badly instead, for the test
 * of the runner.
 */
#include "board.h"

#include <nearheap/cortex_a.h>
#include <stdatomic.h>
#include <string.h>

#define ROUNDS 100000u
#define DISTURBANCES 50u

#define COUNTED 2001 /* a seed: the machine runs under -icount, so that the counter is exact */

enum bad_end { END_CHECK = 1001, END_TOUCH, END_UNDEFINED, END_STACK, END_FATAL, END_CPU1 };

static _Atomic uint32_t lock;
static volatile uint32_t locked_count, racy_count;
static volatile uint32_t hits[BOARD_CPUS][BOARD_IRQS];
static _Atomic uint32_t arrived[BOARD_CPUS];

void board_handler(enum board_irq irq)
{
	BOARD_CHECK(nh_cortex_a_context_get() == NH_CORTEX_A_HANDLER);
	hits[board_cpu()][irq]++;
}

static void meet(void)
{
	const unsigned cpu = board_cpu();
	const uint32_t count = atomic_load(&arrived[cpu]) + 1u;
	atomic_store(&arrived[cpu], count);
	board_send_event();
	while (atomic_load(&arrived[1u - cpu]) < count)
		board_wait_event();
}

static void count(void)
{
	for (uint32_t i = 0; i < ROUNDS; i++) {
		board_irq_off();
		while (atomic_exchange_explicit(&lock, 1u, memory_order_acquire) != 0u) {
		}
		locked_count++;
		atomic_store_explicit(&lock, 0u, memory_order_release);
		board_irq_on();
		racy_count++;
	}
}

static void check_sources(void)
{
	const unsigned cpu = board_cpu();
	for (unsigned i = BOARD_IRQ_A; i <= BOARD_IRQ_B; i++) {
		const enum board_irq irq = (enum board_irq)i;
		const uint32_t before = hits[cpu][irq];
		board_irq_pend(irq); /* not enabled: forgotten below */
		board_irq_enable(irq);
		BOARD_CHECK(hits[cpu][irq] == before);
		board_irq_pend(irq);
		BOARD_CHECK(hits[cpu][irq] == before + 1u);
		board_irq_off();
		board_irq_pend(irq);
		BOARD_CHECK(hits[cpu][irq] == before + 1u);
		board_irq_on();
		BOARD_CHECK(hits[cpu][irq] == before + 2u);
		board_irq_disable(irq);
		board_irq_pend(irq);
		BOARD_CHECK(hits[cpu][irq] == before + 2u);
	}
	BOARD_CHECK(nh_cortex_a_context_get() == NH_CORTEX_A_TASK);
}

/* Taken with a handler, and without: masked, seen by polling, withdrawn. */
static void check_ipi(void)
{
	const unsigned cpu = board_cpu();
	board_irq_enable(BOARD_IRQ_IPI);
	meet();
	board_ipi_send();
	while (hits[cpu][BOARD_IRQ_IPI] == 0)
		board_wait_event();
	meet();
	board_irq_off();
	meet();
	board_ipi_send();
	while (!board_ipi_pending())
		board_wait_interrupt();
	board_ipi_clear();
	BOARD_CHECK(!board_ipi_pending());
	board_irq_on();
	meet();
	BOARD_CHECK(hits[cpu][BOARD_IRQ_IPI] == 1u);
}

static void check_disturbance(void)
{
	const unsigned cpu = board_cpu();
	const uint32_t a = hits[cpu][BOARD_IRQ_A], b = hits[cpu][BOARD_IRQ_B];
	board_irq_enable(BOARD_IRQ_A);
	board_irq_enable(BOARD_IRQ_B);
	board_disturb(5000);
	while (hits[cpu][BOARD_IRQ_A] - a < DISTURBANCES || hits[cpu][BOARD_IRQ_B] - b < DISTURBANCES) {
	}
	board_disturb(0);
	board_irq_disable(BOARD_IRQ_A);
	board_irq_disable(BOARD_IRQ_B);
}

static void check_memory(void)
{
	for (unsigned bank = 0; bank < BOARD_BANKS; bank++) {
		void *base;
		size_t size;
		board_bank_memory((enum board_bank)bank, &base, &size);
		BOARD_CHECK(size >= 1024u && ((uintptr_t)base & 15u) == 0);
		memset(base, (int)bank + 1, size);
	}
	for (unsigned bank = 0; bank < BOARD_BANKS; bank++) {
		void *base;
		size_t size;
		board_bank_memory((enum board_bank)bank, &base, &size);
		const char *byte = base;
		BOARD_CHECK(byte[0] == (char)(bank + 1u) && byte[size - 1u] == (char)(bank + 1u));
	}
}

static void check_own(void)
{
	void *low, *top;
	char here;
	board_stack(board_cpu(), &low, &top);
	BOARD_CHECK((uintptr_t)&here >= (uintptr_t)low && (uintptr_t)&here < (uintptr_t)top);
	check_sources();
	check_ipi();
	check_disturbance();
	count();
	meet();
}

static void cpu1(void)
{
	BOARD_CHECK(board_cpu() == 1u);
	if (nh_board_seed == END_CPU1)
		*(volatile uint32_t *)board_strange_address() = 1u;
	check_own();
}

/* Sixty-four instructions more take sixty-four more counts. */
static void check_count(void)
{
	uint32_t cost[2];
	if (board_count_unit == NULL)
		return;
	for (unsigned i = 0; i < 2u; i++) {
		uint32_t start = board_count();
		__asm volatile(".rept 16\n\tnop\n\t.endr");
		cost[0] = board_count_since(start);
		start = board_count();
		__asm volatile(".rept 80\n\tnop\n\t.endr");
		cost[1] = board_count_since(start);
	}
	board_printf("%s: 16 instructions %u, 80 instructions %u\n", board_count_unit, (unsigned)cost[0],
	             (unsigned)cost[1]);
	BOARD_CHECK(cost[1] - cost[0] == 64u && cost[0] >= 16u && cost[0] < 24u);
}

static void end_badly(void)
{
	switch (nh_board_seed) {
	case END_CHECK:
		BOARD_CHECK(nh_board_seed != END_CHECK);
		break;
	case END_TOUCH:
		board_printf("%x\n", (unsigned)*(volatile uint32_t *)board_strange_address());
		break;
	case END_UNDEFINED:
		cpu_undefined();
		break;
	case END_STACK:
		__asm volatile("mov sp, %0" ::"r"(board_strange_address()) : "memory");
		__asm volatile("bl board_check_failed");
		break;
	case END_FATAL:
		nh_free(board_strange_address());
		break;
	default:
		break;
	}
}

int main(void)
{
	board_init();
	board_printf("%s: seed %u [%5d|%-5d|%05d|%x|%08lx|%-4s|%c|%u%%]\n", board_name,
	             (unsigned)nh_board_seed, -42, 42, -42, 0xbeefu, 0x1234abcdul, "ab", 'z', 100u);
	check_memory();
	end_badly();
	if (nh_board_seed == COUNTED)
		check_count();
	BOARD_CHECK(board_cpu() == 0u);
	board_start_cpu1(cpu1);
	check_own();
	board_printf("counts: locked %u of %u, racy %u; interrupts %u %u %u, %u %u %u\n",
	             (unsigned)locked_count, 2u * ROUNDS, (unsigned)racy_count, (unsigned)hits[0][0],
	             (unsigned)hits[0][1], (unsigned)hits[0][2], (unsigned)hits[1][0], (unsigned)hits[1][1],
	             (unsigned)hits[1][2]);
	BOARD_CHECK(locked_count == 2u * ROUNDS && racy_count <= 2u * ROUNDS);
	return 0;
}

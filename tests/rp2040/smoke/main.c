/* SPDX-License-Identifier: MIT
 *
 * Does the board layer work, and does the machine under it behave like two cores?
 * Both cores count under a hardware spinlock (exact) and without (loses counts),
 * core 0 interrupts core 1 through the mailbox, both take interrupt A, and the cycle
 * counter times known code.
 */
#include "board.h"

#define LOCK 5u

static volatile uint32_t locked_count;
static volatile uint32_t racy_count;
static volatile uint32_t core1_done;
static volatile uint32_t called;
static volatile uint32_t irq_hits[2];

volatile uint32_t smoke_expect_race = 2u; /* 1: the schedule must lose counts */

/* Set by --set to check the runner: a variable of each kind of section. */
volatile uint32_t smoke_rounds = 2000u; /* a larger number for timing the emulator */
volatile uint32_t smoke_set_data = 1u;
__attribute__((section(".noinit"))) volatile uint32_t smoke_set_noinit;
const volatile uint32_t smoke_end = 0u; /* 1 fault, 2 deadlock, 3 endless, 4 fail */

int main(void);

static uint32_t lock(void)
{
	uint32_t primask;
	__asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(primask)::"memory");
	while (RP_REG(SIO_SPINLOCK(LOCK)) == 0u) {
	}
	__asm volatile("dmb" ::: "memory");
	return primask;
}

static void unlock(uint32_t primask)
{
	__asm volatile("dmb" ::: "memory");
	RP_REG(SIO_SPINLOCK(LOCK)) = 0u;
	__asm volatile("msr primask, %0" ::"r"(primask) : "memory");
}

void board_handler(enum board_irq irq)
{
	if (irq == BOARD_IRQ_A) {
		irq_hits[board_cpu()]++;
	} else {
		BOARD_CHECK(irq == BOARD_IRQ_IPI && board_cpu() == 1u);
		called = 1u;
	}
}

static void count(void)
{
	const uint32_t rounds = smoke_rounds;
	for (uint32_t i = 0; i < rounds; i++) {
		const uint32_t primask = lock();
		locked_count++;
		unlock(primask);
		racy_count++;
	}
}

static void core1_main(void)
{
	BOARD_CHECK(board_cpu() == 1u);
	board_irq_enable(BOARD_IRQ_A);
	board_irq_enable(BOARD_IRQ_IPI);
	count();
	while (called == 0u) {
		board_wait_event(); /* the handler's return is an event */
	}
	board_irq_pend(BOARD_IRQ_A);
	board_irq_disable(BOARD_IRQ_A);
	board_barrier();
	core1_done = 1u;
	board_send_event();
}

void empty_function(void);
__attribute__((noinline, used)) void empty_function(void)
{
	__asm volatile("" ::: "memory");
}

/* In assembler, so that the compiler adds nothing between the two readings. */
static uint32_t cycles_of_empty_call(void)
{
	uint32_t before;
	uint32_t after;
	__asm volatile("ldr %0, [%2]\n\tbl empty_function\n\tldr %1, [%2]"
	               : "=&l"(before), "=&l"(after)
	               : "l"(SYST_CVR)
	               : "lr", "memory");
	return ((before - after) & SYST_MASK) - 2u; /* the first reading's own */
}

static void check_cycles(void)
{
	const uint32_t call = cycles_of_empty_call();
	const uint32_t start = board_count();
	for (unsigned i = 0; i < 100u; i++) {
		__asm volatile("nop");
	}
	const uint32_t loop = board_count_since(start);
	board_printf("cycles: empty call %lu, 100 rounds of a loop %lu\n", call, loop);
	BOARD_CHECK(call == 5u); /* bl 3, bx lr 2 */
	BOARD_CHECK(loop >= 300u && loop <= 800u);
}

static void check_format(void)
{
	board_printf("[%5d|%-5d|%05d|%x|%08lx|%s|%-4s|%c|%u%%]", -42, 42, -42, 0xbeefu,
	             (unsigned long)0x1234abcdu, "text", "ab", 'z', 100u);
	board_puts("\n");
}

static void check_map(void)
{
	board_puts("banks:");
	for (unsigned bank = 0; bank < BOARD_BANKS; bank++) {
		void *base;
		size_t size;
		board_bank_memory((enum board_bank)bank, &base, &size);
		board_printf(" %x+%u", (unsigned)(uintptr_t)base, (unsigned)size);
		BOARD_CHECK(size >= 1024u);
	}
	board_puts("\n");
}

/* Ways to end other than well, so that the runner itself can be tested. */
static void end_badly(void)
{
	switch (smoke_end) {
	case 1u:
		RP_REG(0x30000000u) = 1u;
		break;
	case 2u:
		for (;;) {
			board_wait_event();
		}
	case 3u:
		for (;;) {
		}
	case 4u:
		board_exit(77);
	default:
		break;
	}
}

int main(void)
{
	board_init();
	board_printf("smoke: seed %lu, set %lu %lx\n", nh_board_seed, smoke_set_data, smoke_set_noinit);
	check_format();
	check_map();
	check_cycles();

	board_irq_enable(BOARD_IRQ_A);
	board_start_cpu1(core1_main);
	count();
	board_ipi_send();
	while (core1_done == 0u) {
		board_wait_event();
	}
	board_irq_pend(BOARD_IRQ_A);
	board_irq_disable(BOARD_IRQ_A);

	board_printf("counts: locked %lu of %lu, racy %lu; interrupt A: core 0 %lu, core 1 %lu\n", locked_count,
	             2u * smoke_rounds, racy_count, irq_hits[0], irq_hits[1]);
	BOARD_CHECK(locked_count == 2u * smoke_rounds);
	BOARD_CHECK(racy_count <= 2u * smoke_rounds);
	BOARD_CHECK(smoke_expect_race != 1u || racy_count < 2u * smoke_rounds);
	BOARD_CHECK(irq_hits[0] >= 1u && irq_hits[1] >= 1u);
	end_badly();
	return 0;
}

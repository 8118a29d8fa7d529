/* SPDX-License-Identifier: MIT */
/*
 * heap_nearheap.c on two cores, with handlers that allocate and free at random times: nothing is
 * lost, and the figures are right when all is quiet.
 */
#include "board.h"

#include <FreeRTOS.h>
#include <task.h>

#include <nearheap_freertos.h>

#define ROUNDS 250u
#define ENOUGH 200u /* interrupts per core */
#define SCHEDULER_LOCK 0u

int main(void);

/* ---- the kernel ------------------------------------------------------------------------- */

UBaseType_t port_mask_interrupts(void)
{
	UBaseType_t saved;
	__asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(saved)::"memory");
	return saved;
}

void port_unmask_interrupts(UBaseType_t saved)
{
	__asm volatile("msr primask, %0" ::"r"(saved) : "memory");
}

BaseType_t port_core_id(void)
{
	return (BaseType_t)board_cpu();
}

void vTaskSuspendAll(void)
{
	while (RP_REG(SIO_SPINLOCK(SCHEDULER_LOCK)) == 0) {
	}
}

BaseType_t xTaskResumeAll(void)
{
	RP_REG(SIO_SPINLOCK(SCHEDULER_LOCK)) = 0;
	return 0;
}

void config_assert_failed(void)
{
	board_check_failed(__FILE__, __LINE__, "configASSERT");
}

/* ---- the program ------------------------------------------------------------------------ */

static volatile unsigned handled[2]; /* allocations by handlers */

/* Keeps one block from time to time; ends, with none, once it has run often enough. */
void board_handler(enum board_irq irq)
{
	static void *kept[2];
	(void)irq;
	const unsigned core = board_cpu(), count = ++handled[core];
	vPortFree(kept[core]);
	kept[core] = count < ENOUGH && count % 4u != 0u ? pvPortMalloc(8u + count % 100u) : NULL;
	if (count >= ENOUGH)
		board_irq_disable(BOARD_IRQ_A);
}

/* Gives the other core a block and takes one from it. */
static void *exchange(void *mine)
{
	static void *volatile offered[2];
	const unsigned core = board_cpu();
	board_barrier();
	offered[core] = mine;
	while (offered[1u - core] == NULL) {
	}
	void *theirs = offered[1u - core];
	board_barrier();
	offered[1u - core] = NULL;
	while (offered[core] != NULL) {
	}
	return theirs;
}

static void work(void)
{
	uint32_t random = nh_board_seed + board_cpu();
	board_irq_enable(BOARD_IRQ_A);
	for (unsigned round = 0; round < ROUNDS; round++) {
		random = random * 1664525u + 1013904223u;
		const size_t size = 4u + (random >> 16) % 300u;
		unsigned char *mine = pvPortCalloc(1, size);
		BOARD_CHECK(mine != NULL && mine[size - 1u] == 0u);
		mine[0] = (unsigned char)(1u + board_cpu());
		unsigned char *theirs = exchange(mine);
		BOARD_CHECK(theirs[0] == 2u - board_cpu());
		vPortFree(theirs);
		if (round % 16u == 0u)
			board_irq_pend(BOARD_IRQ_A);
	}
	while (handled[board_cpu()] < ENOUGH)
		board_irq_pend(BOARD_IRQ_A);
}

static volatile bool core1_done;

static void core1_main(void)
{
	work();
	board_barrier();
	core1_done = true;
}

int main(void)
{
	board_init();
	vPortFree(pvPortMalloc(8)); /* as creating the first task does */
	const size_t all = xPortGetFreeHeapSize();
	board_start_cpu1(core1_main);
	work();
	while (!core1_done) {
	}

	HeapStats_t stats;
	vPortGetHeapStats(&stats);
	BOARD_CHECK(stats.xAvailableHeapSpaceInBytes == all);
	BOARD_CHECK(stats.xNumberOfSuccessfulAllocations == stats.xNumberOfSuccessfulFrees);
	BOARD_CHECK(stats.xNumberOfSuccessfulAllocations > 2u * ROUNDS + ENOUGH);
	BOARD_CHECK(stats.xMinimumEverFreeBytesRemaining < all &&
	            stats.xMinimumEverFreeBytesRemaining > all / 2u);
	nh_heap_stats heap;
	BOARD_CHECK(nh_instance_heap_stats_get(nh_freertos_instance(), 0, &heap) == NH_OK);
	BOARD_CHECK(heap.live == 0u && heap.free + heap.cached == all);
	nh_report report;
	BOARD_CHECK(nh_instance_validate(nh_freertos_instance(), -1, &report) == NH_OK);
	board_printf("freertos: ok, %u allocations\n", (unsigned)stats.xNumberOfSuccessfulAllocations);
	return 0;
}

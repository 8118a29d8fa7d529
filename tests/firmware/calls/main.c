/* SPDX-License-Identifier: MIT */
/*
 * Calls that must be refused, on both CPUs: before nh_init, after nh_deinit, a second nh_init, regions that
 * cannot be. Each gets its error, and what was there before still works. The hook has interrupts as its caller had.
 */
#include <nearheap/linker.h>
#include <nearheap/nearheap.h>

#include <string.h>

#include "board.h"

int main(void);

static volatile uint32_t turn; /* which CPU may go on, and how often it has changed */
static volatile nh_fault_code seen;
static volatile uint32_t seen_count;
static volatile unsigned seen_cpu;
static volatile bool seen_open; /* an interrupt came in while the hook ran */
static volatile uint32_t handled[BOARD_CPUS];

void board_handler(enum board_irq irq)
{
	(void)irq;
	handled[board_cpu()]++;
}

static void hook(const nh_fault *fault)
{
	const uint32_t before = handled[board_cpu()];
	board_irq_pend(BOARD_IRQ_A);
	seen_open = handled[board_cpu()] != before;
	seen = fault->code;
	seen_cpu = fault->cpu;
	seen_count++;
}

/* The CPUs go in turns: what one does is over before the other sees it. */
static void give_turn(void)
{
	board_barrier();
	turn++;
	board_barrier();
	board_send_event();
}

static void await_turn(void)
{
	while (turn % BOARD_CPUS != board_cpu())
		board_wait_event();
	board_barrier();
}

static void expect_once(void *address, nh_fault_code code)
{
	const uint32_t before = seen_count;
	nh_free(address);
	BOARD_CHECK(seen_count == before + 1u && seen == code && seen_cpu == board_cpu());
}

/* The hook has interrupts as the caller has them. */
static void expect_fault(void *address, nh_fault_code code)
{
	expect_once(address, code);
	BOARD_CHECK(seen_open);
	board_irq_off();
	expect_once(address, code);
	BOARD_CHECK(!seen_open);
	board_irq_on();
}

/* ---- no heap ---------------------------------------------------------------------------- */

static bool never(const nh_block_info *block, void *context)
{
	(void)block;
	(void)context;
	board_check_failed(__FILE__, __LINE__, "a block without a heap");
}

/* Every public function that needs a heap, without one. */
static void without_heap(void)
{
	static uint64_t nobodys[4];
	const nh_request request = { .require = NH_ATTR_DMA };
	const nh_heap_config config = { .base = nobodys, .size = sizeof nobodys };
	nh_heap_stats stats;
	nh_cpu_stats cpu_stats;
	nh_report report;
	nh_explanation explanation;
	int heap;
	BOARD_CHECK(nh_malloc(0) == NULL && nh_malloc(8) == NULL && nh_malloc(SIZE_MAX) == NULL);
	BOARD_CHECK(nh_calloc(2, 8) == NULL && nh_aligned_alloc(64, 8) == NULL);
	BOARD_CHECK(nh_alloc(&request, 8) == NULL && nh_malloc_attr(NH_ATTR_DMA, 8) == NULL);
	BOARD_CHECK(nh_realloc(NULL, 8) == NULL);
	nh_free(NULL);
	expect_fault(&nobodys[1], NH_FAULT_POINTER);
	BOARD_CHECK(nh_usable_size(&nobodys[1]) == 0 && nh_heap_of(&nobodys[1]) == -1);
	BOARD_CHECK(nh_heap_add(&config, &heap) == NH_ENOINIT);
	BOARD_CHECK(nh_region_add(0, nobodys, sizeof nobodys) == NH_ENOINIT);
	BOARD_CHECK(nh_trim(-1) == NH_ENOINIT && nh_trim(0) == NH_ENOINIT);
	BOARD_CHECK(nh_heap_stats_get(0, &stats) == NH_ENOENT);
	BOARD_CHECK(nh_cpu_stats_get(0, 0, &cpu_stats) == NH_ENOENT);
	BOARD_CHECK(nh_walk(0, never, NULL) == NH_ENOENT);
	BOARD_CHECK(nh_validate(-1, &report) == NH_ENOINIT);
	BOARD_CHECK(nh_explain(&request, 8, &explanation, 1) == 0 && nh_heap_count() == 0);
	BOARD_CHECK(nh_deinit() == NH_ENOINIT);
}

/* ---- regions ---------------------------------------------------------------------------- */

/* Takes the place of the port's: memory is what the banks are, and nothing else. */
nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	nh_linker_span banks[BOARD_BANKS];
	(void)attributes;
	for (unsigned bank = 0; bank < BOARD_BANKS; bank++) {
		void *start;
		size_t length;
		board_bank_memory((enum board_bank)bank, &start, &length);
		banks[bank] = (nh_linker_span){ start, (const char *)start + length };
	}
	return nh_linker_check(base, size, banks, BOARD_BANKS, NULL, 0);
}

static nh_heap_config heap_in(enum board_bank bank)
{
	nh_heap_config config = { .name = "heap" };
	board_bank_memory(bank, &config.base, &config.size);
	return config;
}

/* All or nothing, and the entry at fault is named. */
static void refused_init(nh_heap_config second, nh_status expected)
{
	const nh_heap_config heaps[2] = { heap_in(BOARD_LOCAL0), second };
	unsigned failed = 99;
	BOARD_CHECK(nh_init(heaps, 2, &failed) == expected && failed == 1);
	BOARD_CHECK(nh_malloc(8) == NULL && nh_heap_count() == 0);
}

static void bad_regions(void)
{
	const nh_heap_config good = heap_in(BOARD_SHARED);
	nh_heap_config bad = good;
	bad.base = NULL;
	refused_init(bad, NH_EINVAL);
	bad = good;
	bad.size = 0;
	refused_init(bad, NH_EINVAL);
	bad = good;
	bad.size = 64;
	refused_init(bad, NH_ESMALL);
	bad = good;
	bad.base = (void *)(UINTPTR_MAX - 0xfffu);
	bad.size = 0x2000;
	refused_init(bad, NH_EWRAP);
	bad = heap_in(BOARD_LOCAL0);
	bad.base = (char *)bad.base + 4096;
	bad.size -= 4096;
	refused_init(bad, NH_EOVERLAP);
	bad = good;
	bad.size += 8; /* beyond its end */
	refused_init(bad, NH_ERANGE);
	bad.base = board_strange_address();
	bad.size = 4096;
	refused_init(bad, NH_ERANGE);
	BOARD_CHECK(!board_strange_touched());
	bad.base = (void *)(uintptr_t)board_name; /* the image */
	refused_init(bad, NH_ERANGE);
	void *top;
	board_stack(1, &bad.base, &top);
	bad.size = 1024;
	refused_init(bad, NH_ERANGE);
	bad = good;
	bad.control = (void *)(uintptr_t)&turn; /* control memory in the image's data */
	bad.control_size = 4096;
	refused_init(bad, NH_ERANGE);
	bad = good;
	bad.affinity = NH_CPU(31);
	refused_init(bad, NH_EINVAL);
	bad = good;
	bad.attributes = NH_ATTR_EXTERNAL;
	refused_init(bad, NH_ENOTSUP);
}

/* ---- the two CPUs ----------------------------------------------------------------------- */

static void *volatile block;

static void with_heap(void)
{
	const nh_heap_config again = heap_in(BOARD_SHARED);
	const nh_heap_config twice = heap_in(BOARD_LOCAL0);
	int heap = -1;
	BOARD_CHECK(nh_init(&again, 1, NULL) == NH_EALREADY);
	BOARD_CHECK(nh_heap_add(&twice, &heap) == NH_EOVERLAP && heap == -1);
	BOARD_CHECK(nh_region_add(0, (char *)twice.base + 8192, 1024) == NH_EOVERLAP);
	BOARD_CHECK(nh_region_add(7, again.base, again.size) == NH_ENOENT);
	BOARD_CHECK(nh_cpu_stats_get(0, BOARD_CPUS, &(nh_cpu_stats){ 0 }) == NH_ENOENT);
	expect_fault((char *)block + 4, NH_FAULT_POINTER);
	BOARD_CHECK(memcmp(block, "contents", 8) == 0);
}

static void core1_main(void)
{
	board_irq_enable(BOARD_IRQ_A);
	await_turn();
	without_heap();
	give_turn();
	await_turn();
	with_heap();
	nh_free(block);
	give_turn();
	await_turn();
	without_heap();
	give_turn();
}

int main(void)
{
	board_init();
	board_irq_enable(BOARD_IRQ_A);
	nh_fatal_hook_set(hook);
	without_heap();
	board_start_cpu1(core1_main);
	give_turn();
	await_turn();
	bad_regions();
	const nh_heap_config heap = heap_in(BOARD_LOCAL0);
	BOARD_CHECK(nh_init(&heap, 1, NULL) == NH_OK);
	block = nh_malloc(24);
	BOARD_CHECK(block != NULL);
	memcpy(block, "contents", 8);
	with_heap();
	give_turn();
	await_turn();
	nh_report report;
	BOARD_CHECK(nh_validate(-1, &report) == NH_OK);
	expect_fault(block, NH_FAULT_DOUBLE_FREE);
	BOARD_CHECK(nh_deinit() == NH_OK);
	without_heap();
	give_turn();
	await_turn();
	board_printf("calls: ok\n");
	return 0;
}

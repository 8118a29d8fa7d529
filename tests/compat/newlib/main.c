/* SPDX-License-Identifier: MIT */
/*
 * nearheap_newlib in a plain image, with newlib's small variant: before there is a heap, on both
 * cores; the family; and newlib's functions, which call the forms with a struct _reent.
 */
#define _GNU_SOURCE /* asprintf */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nearheap/first_use.h>
#include <nearheap/linker.h>

#include "check.h"

#define HEAPS(heap)                                             \
	heap(local0, 0, NH_CPU(0), 0)                           \
	heap(local1, 0, NH_CPU(1), 0)                           \
	heap(shared, NH_ATTR_DMA, 0, 0)                         \
	heap(scratch_x, NH_ATTR_FAST, NH_CPU(1), NH_HEAP_NOT_DEFAULT) \
	heap(scratch_y, NH_ATTR_FAST, NH_CPU(0), NH_HEAP_NOT_DEFAULT)
NH_LINKER_TABLE(heaps, HEAPS);

int main(void);

/* What core 1 has done. */
enum { IDLE, REFUSED, SERVED };
static volatile unsigned core1_state = IDLE;
static volatile bool there_is_a_heap;
static void *volatile from_core1;

/* Nothing asks for a heap while the program refuses one. */
static volatile bool refuse = true;
static volatile unsigned asked;

nh_status nh_first_use(void)
{
	asked++;
	return refuse ? NH_ENOINIT : nh_init(heaps, NH_LINKER_COUNT(heaps), NULL);
}

/* A core that comes before the heaps is told so, and is served later. */
static void core1_main(void)
{
	struct _reent own;
	_REENT_INIT_PTR(&own);
	BOARD_CHECK(_malloc_r(&own, 16) == NULL);
	BOARD_CHECK(own._errno == ENOMEM);
	_free_r(&own, NULL);
	core1_state = REFUSED;
	while (!there_is_a_heap)
		board_wait_event();
	char *block = _malloc_r(&own, 16);
	BOARD_CHECK(nh_heap_of(block) == 1); /* local1 */
	char *copy = _strdup_r(&own, "from core 1");
	BOARD_CHECK(copy != NULL);
	_free_r(&own, block);
	from_core1 = copy;
	core1_state = SERVED;
	board_send_event();
}

static void wait_for_core1(unsigned state)
{
	while (core1_state != state) {
	}
}

static void before_there_is_a_heap(void)
{
	errno = 0;
	BOARD_CHECK(malloc(16) == NULL && errno == ENOMEM && asked == 1);
	board_start_cpu1(core1_main);
	wait_for_core1(REFUSED);
	BOARD_CHECK(asked == 2 && exhausted_calls == 2);
	refuse = false;
	void *block = malloc(16);
	BOARD_CHECK(nh_heap_of(block) == 0 && asked == 3);
	free(block);
	there_is_a_heap = true;
	board_send_event();
	wait_for_core1(SERVED);
	BOARD_CHECK(strcmp(from_core1, "from core 1") == 0);
	free(from_core1);
	BOARD_CHECK(asked == 3);
}

/* The calls that newlib makes for itself, for floating point and strings. */
static void newlib_functions(void)
{
	char *text = NULL;
	BOARD_CHECK(asprintf(&text, "%.3f", 2.0 / 3.0) == 5 && strcmp(text, "0.667") == 0);
	BOARD_CHECK(nh_heap_of(text) >= 0);
	char *copy = strdup(text);
	BOARD_CHECK(copy != NULL && strtod(copy, NULL) > 0.6669 && strtod(copy, NULL) < 0.6671);
	free(text);
	free(copy);
}

static void figures(void)
{
	struct mallinfo before = mallinfo();
	BOARD_CHECK(before.arena == before.uordblks + before.fordblks);
	void *block = malloc(1000);
	BOARD_CHECK(mallinfo().uordblks >= before.uordblks + 1000);
	BOARD_CHECK(malloc_usable_size(block) >= 1000);
	free(block);
	struct mallinfo after = mallinfo();
	BOARD_CHECK(after.uordblks == before.uordblks && after.fordblks == before.fordblks);
	BOARD_CHECK(after.ordblks >= NH_LINKER_COUNT(heaps));
	BOARD_CHECK(malloc_trim(0) == 0 && mallopt(1, 1) == 0);
}

/* No interrupt is enabled. */
void board_handler(enum board_irq irq)
{
	(void)irq;
}

int main(void)
{
	board_init();
	before_there_is_a_heap();
	newlib_functions();
	figures();
	check_sizes();
	check_alignment();
	check_resizing();
	check_exhaustion();
	nh_report report;
	BOARD_CHECK(nh_validate(-1, &report) == NH_OK);
	board_printf("newlib: ok\n");
	return 0;
}

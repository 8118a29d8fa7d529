/* SPDX-License-Identifier: MIT */
/* Keeping the two cores in step, with plain loads and stores: see heap_test.h. */
#include "heap_test.h"

static _Atomic uint32_t arrived[CORES]; /* barriers reached; each core its own */
static _Atomic uint32_t want[CORES];    /* this core wants the other to stand still */
static _Atomic uint32_t parked[CORES];  /* this core stands still */
static _Atomic uint32_t silent;         /* core 0 */

static uint32_t get(_Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static void set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
	board_barrier();
	board_send_event();
}

void interrupts(bool on)
{
	if (on) {
		board_irq_enable(BOARD_IRQ_A);
		board_irq_enable(BOARD_IRQ_B);
		board_disturb(DISTURBANCE);
	} else {
		board_disturb(0);
		board_irq_disable(BOARD_IRQ_A);
		board_irq_disable(BOARD_IRQ_B);
	}
}

bool handlers_silenced(void)
{
	return (get(&silent) | get(&want[0]) | get(&want[1])) != 0;
}

void silence_handlers(bool silence)
{
	set(&silent, silence);
}

void safe_point(const struct actor *me)
{
	const unsigned other = 1u - me->core;
	if (get(&want[other]) == 0)
		return;
	set(&parked[me->core], 1);
	while (get(&want[other]) != 0)
		board_wait_event();
	set(&parked[me->core], 0);
}

/* If both want, core 0 is first: core 1 stands still in here. */
void stop_other(const struct actor *me)
{
	const unsigned other = 1u - me->core;
	set(&want[me->core], 1);
	while (get(&parked[other]) == 0) {
		if (me->core == 1)
			safe_point(me);
		board_wait_event();
	}
}

/* Its flag is down before it could be asked again. */
void resume_other(const struct actor *me)
{
	const unsigned other = 1u - me->core;
	set(&want[me->core], 0);
	while (get(&parked[other]) != 0)
		board_wait_event();
}

void barrier(const struct actor *me)
{
	const unsigned other = 1u - me->core;
	const uint32_t count = get(&arrived[me->core]) + 1u;
	set(&arrived[me->core], count);
	while (get(&arrived[other]) < count) {
		safe_point(me);
		board_wait_event();
	}
}

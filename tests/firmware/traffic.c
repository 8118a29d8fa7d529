/* SPDX-License-Identifier: MIT */
/* Blocks between two CPUs: see traffic.h. */
#include "traffic.h"

static struct traffic_actor actors[BOARD_CPUS], handlers[BOARD_CPUS];
static struct demo_ring ring[BOARD_CPUS]; /* to this CPU */
static _Atomic uint32_t arrived[BOARD_CPUS], working[BOARD_CPUS], done[BOARD_CPUS];

/* ---- in step ---------------------------------------------------------------------------- */

uint32_t traffic_get(_Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

void traffic_set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
	board_barrier();
	board_send_event();
}

void traffic_meet(unsigned self)
{
	const uint32_t count = traffic_get(&arrived[self]) + 1u;
	traffic_set(&arrived[self], count);
	while (traffic_get(&arrived[1u - self]) < count)
		board_wait_event();
}

/* ---- the load --------------------------------------------------------------------------- */

static void receive(unsigned self)
{
	struct demo_block block;
	while (demo_ring_take(&ring[self], &block)) {
		if (demo_between(&actors[self].random, 0, 3) == 0)
			traffic_move(&actors[self], &block);
		traffic_drop(&block);
	}
}

void traffic_interrupts_on(void)
{
	board_irq_enable(BOARD_IRQ_A);
	board_irq_enable(BOARD_IRQ_B);
	board_disturb(6000);
}

void traffic_work(unsigned self, uint32_t operations, uint32_t longest)
{
	struct traffic_actor *me = &actors[self];
	traffic_set(&working[self], 1);
	for (uint32_t left = operations; left != 0; left--) {
		struct demo_block block = traffic_make(me, demo_between(&me->random, 0, 3) != 0 ? 64u : longest);
		if (block.address != NULL && !demo_ring_put(&ring[1u - self], &block))
			traffic_drop(&block);
		if ((left & 7u) == 0)
			receive(self);
	}
	traffic_set(&working[self], 0);
	traffic_set(&done[self], 1);
	while (traffic_get(&done[1u - self]) == 0 || demo_ring_used(&ring[self]) != 0)
		receive(self);
}

void board_handler(enum board_irq irq)
{
	const unsigned self = board_cpu();
	if (irq == BOARD_IRQ_IPI || traffic_get(&working[self]) == 0)
		return;
	const struct demo_block block = traffic_make(&handlers[self], 100);
	traffic_drop(&block);
}

/* ---- begin and end ---------------------------------------------------------------------- */

void traffic_begin(const char *title)
{
	board_init();
	for (unsigned cpu = 0; cpu < BOARD_CPUS; cpu++) {
		actors[cpu].random = demo_random_start(nh_board_seed, cpu);
		handlers[cpu].random = demo_random_start(nh_board_seed, cpu + 2u);
	}
	board_printf("%s, seed %u\n", title, (unsigned)nh_board_seed);
}

void traffic_end(void)
{
	BOARD_CHECK(actors[0].allocations > 100 && actors[1].allocations > 100);
	BOARD_CHECK(actors[0].moves + actors[1].moves > 0);
	board_printf("%u + %u allocations, %u + %u in handlers, %u refused, %u moved: ok\n",
	             (unsigned)actors[0].allocations, (unsigned)actors[1].allocations,
	             (unsigned)handlers[0].allocations, (unsigned)handlers[1].allocations,
	             (unsigned)(actors[0].refusals + actors[1].refusals),
	             (unsigned)(actors[0].moves + actors[1].moves));
}

/* SPDX-License-Identifier: MIT */
/*
 * The everyday work of the two cores and of their handlers. Every block carries a pattern that is
 * checked by whoever frees it.
 */
#include "workload.h"

#include <string.h>

#include "pattern.h"

#define WINDOW 48u   /* sensor records of one core 0 keeps */
#define COMMANDS 12u /* waiting to be carried out */
#define SESSIONS 64u /* objects that core 1 keeps from packets */
#define GREETINGS 4u

_Atomic uint32_t work_handlers_on;
uint32_t work_interrupts[DEMO_CORES];
uint32_t work_dropped;

static struct demo_ring to_core[DEMO_CORES]; /* from the other core */
static struct demo_ring events[DEMO_CORES];  /* from this core's handlers, which allocated */
static struct demo_ring returns[DEMO_CORES]; /* to this core's handlers, which free */

static struct demo_block window[WINDOW];
static struct demo_block commands[COMMANDS];
static struct demo_block sessions[SESSIONS];
static uint32_t periods;

/* Programs know few sizes: those of their structures. */
static const uint8_t sensor_sizes[2] = { 20, 28 };
static const uint8_t state_sizes[4] = { 12, 28, 28, 44 };
static const uint8_t command_sizes[2] = { 28, 44 };
static const uint8_t session_sizes[4] = { 16, 28, 28, 44 };
static const uint8_t event_sizes[2] = { 20, 28 };

#define ONE_OF(me, sizes) ((sizes)[demo_random(&(me)->random) % (sizeof(sizes) / sizeof(sizes)[0])])

/* ---- queues ----------------------------------------------------------------------------- */

static void drop_if_any(struct meter *me, struct demo_block *block)
{
	if (block->address != NULL)
		meter_drop(me, block);
}

static void drop_all_of(struct meter *me, struct demo_ring *ring)
{
	struct demo_block block;
	while (demo_ring_take(ring, &block))
		meter_drop(me, &block);
}

/* Core 1 never waits for core 0, so this ends. */
static void hand_over(struct demo_block *block)
{
	if (block->address == NULL)
		return;
	while (!demo_ring_put(&to_core[1], block))
		demo_wait();
	demo_wake();
}

/* ---- core 0: control loop --------------------------------------------------------------- */

/* A record per period into a window; the oldest leaves, one in four by way of a handler. */
static void sense(struct meter *me)
{
	struct demo_block *oldest = &window[periods % WINDOW];
	if (oldest->address != NULL && (periods % 4u != 0 || !demo_ring_put(&returns[0], oldest)))
		meter_drop(me, oldest);
	*oldest = meter_make(me, METER_PLAIN, ONE_OF(me, sensor_sizes));
}

/* Objects that live for a part of a period. */
static void update_state(struct meter *me)
{
	struct demo_block state[4];
	const uint32_t count = demo_between(&me->random, 1, 4);
	for (uint32_t i = 0; i < count; i++)
		state[i] = meter_make(me, METER_PLAIN, ONE_OF(me, state_sizes));
	for (uint32_t i = 0; i < count; i++)
		drop_if_any(me, &state[i]);
}

/* Commands wait their turn; every other one is for core 1. */
static void command(struct meter *me)
{
	struct demo_block *slot = &commands[demo_random(&me->random) % COMMANDS];
	if (slot->address == NULL) {
		*slot = meter_make(me, METER_PLAIN, ONE_OF(me, command_sizes));
	} else if (slot->tag % 2u == 0) {
		hand_over(slot);
		slot->address = NULL;
	} else {
		meter_drop(me, slot);
	}
}

/* A descriptor and its buffer, both where a DMA engine reaches them. */
static void transfer(struct meter *me)
{
	struct demo_block descriptor = meter_make(me, METER_DMA, periods % 8u == 0 ? 32u : 48u);
	struct demo_block buffer = meter_make(me, METER_DMA, demo_between(&me->random, 128, 512));
	hand_over(&descriptor);
	hand_over(&buffer);
}

/* Text that grows as it is written. The contents must move with it. */
static void telegram(struct meter *me)
{
	struct demo_block text = meter_make(me, METER_PLAIN, 24);
	for (uint32_t size = 60; text.address != NULL && size < 400u; size += size / 2u) {
		void *moved = meter_realloc(me, text.address, size);
		if (moved == NULL)
			break;
		me->tally.damaged += !demo_pattern_holds(moved, text.size, text.tag);
		text.address = moved;
		text.size = size;
		demo_pattern_fill(moved, size, text.tag);
	}
	drop_if_any(me, &text);
}

/* Working memory of an inner loop. */
static void filter(struct meter *me)
{
	struct demo_block taps = meter_make(me, METER_FAST, demo_between(&me->random, 8, 32) * 8u);
	drop_if_any(me, &taps);
}

void work_control(struct meter *me)
{
	periods++;
	drop_all_of(me, &events[0]);
	drop_all_of(me, &to_core[0]);
	sense(me);
	update_state(me);
	command(me);
	if (periods % 4u == 0)
		transfer(me);
	if (periods % 8u == 3u)
		telegram(me);
	filter(me);
	if (periods % 16u == 5u)
		demo_pend(periods / 16u % DEMO_SOURCES);
}

void work_greet(struct meter *me)
{
	for (unsigned i = 0; i < GREETINGS; i++) {
		struct demo_block greeting =
			meter_make(me, METER_PLAIN, command_sizes[i % sizeof command_sizes]);
		hand_over(&greeting);
	}
	for (unsigned i = 0; i < GREETINGS; i++) {
		struct demo_block echo;
		while (!demo_ring_take(&to_core[0], &echo))
			demo_wait();
		meter_drop(me, &echo);
	}
}

/* ---- core 1: packet worker -------------------------------------------------------------- */

/* A few objects per message, which replace older ones at random. */
static void parse(struct meter *me)
{
	const uint32_t fields = demo_between(&me->random, 2, 5);
	for (uint32_t i = 0; i < fields; i++) {
		struct demo_block *session = &sessions[demo_random(&me->random) % SESSIONS];
		if (session->address != NULL && (i != 0 || !demo_ring_put(&returns[1], session)))
			meter_drop(me, session);
		*session = meter_make(me, METER_PLAIN, ONE_OF(me, session_sizes));
	}
}

/* Small ones are acknowledgements. Core 0 frees them: these are remote frees. */
static void answer(struct meter *me, uint32_t size)
{
	struct demo_block block = meter_make(me, METER_PLAIN, size > 64u ? size / 2u : 28u);
	if (block.address != NULL && !demo_ring_put(&to_core[0], &block)) {
		work_dropped++;
		meter_drop(me, &block);
	}
	demo_wake();
}

static void decode(struct meter *me)
{
	struct demo_block table = meter_make(me, METER_FAST, demo_between(&me->random, 8, 40) * 8u);
	drop_if_any(me, &table);
}

bool work_greeted(struct meter *me)
{
	struct demo_block message;
	if (!demo_ring_take(&to_core[1], &message))
		return false;
	answer(me, message.size);
	meter_drop(me, &message);
	return true;
}

bool work_packets(struct meter *me)
{
	struct demo_block message;
	drop_all_of(me, &events[1]);
	if (!demo_ring_take(&to_core[1], &message))
		return false;
	parse(me);
	if (message.size > 64u)
		decode(me);
	answer(me, message.size);
	if (message.tag % 16u == 0)
		demo_pend(message.tag / 16u % DEMO_SOURCES);
	meter_drop(me, &message);
	demo_wake();
	return true;
}

/* ---- handlers --------------------------------------------------------------------------- */

/* Something happened: tell the program about it. */
static void handle_event(struct meter *me)
{
	struct demo_block event = meter_make(me, METER_PLAIN, ONE_OF(me, event_sizes));
	if (event.address != NULL)
		demo_ring_put(&events[me->core], &event);
}

/* Needs memory for a moment, and frees what the program is done with. What cannot be freed here and
 * now goes back to the program. */
static void handle_exchange(struct meter *me)
{
	struct demo_block block = meter_make(me, METER_PLAIN, 44);
	if (block.address != NULL && !meter_drop(me, &block))
		demo_ring_put(&events[me->core], &block);
	if (demo_ring_take(&returns[me->core], &block) && !meter_drop(me, &block))
		demo_ring_put(&events[me->core], &block);
}

void demo_handler(unsigned core, unsigned source)
{
	/* acquire: of the script that set up what is used here */
	if (atomic_load_explicit(&work_handlers_on, memory_order_acquire) == 0)
		return;
	work_interrupts[core]++;
	if (demo_ring_used(&events[core]) > DEMO_RING - 2u)
		return;
	if (source == 0)
		handle_event(&meters[core][1]);
	else
		handle_exchange(&meters[core][1]);
}

/* ---- end -------------------------------------------------------------------------------- */

void work_clear(struct meter *me)
{
	drop_all_of(me, &to_core[me->core]);
	drop_all_of(me, &events[me->core]);
	drop_all_of(me, &returns[me->core]);
	if (me->core == 1) {
		for (uint32_t i = 0; i < SESSIONS; i++)
			drop_if_any(me, &sessions[i]);
		return;
	}
	for (uint32_t i = 0; i < WINDOW; i++)
		drop_if_any(me, &window[i]);
	for (uint32_t i = 0; i < COMMANDS; i++)
		drop_if_any(me, &commands[i]);
}

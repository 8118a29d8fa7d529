/* SPDX-License-Identifier: MIT */
/* Situations that random operations do not meet often enough. Handlers are silent in all of them. */
#include "heap_test.h"

#include <stdatomic.h>

/* ---- a sleeping core's caches ----------------------------------------------------------- */

#define TAKEN 700u

static void *taken[TAKEN];
static uint32_t taken_count;
static volatile uint32_t awakenings; /* of core 1 */
static _Atomic uint32_t listening;    /* core 1: from now on an interrupt of the other core stays pending */

static uint32_t cached_bytes(void)
{
	uint32_t bytes = 0;
	for (int heap = 0; heap < (int)HEAPS; heap++) {
		nh_heap_stats stats;
		BOARD_CHECK(nh_heap_stats_get(heap, &stats) == NH_OK);
		bytes += (uint32_t)stats.cached;
	}
	return bytes;
}

/* Twice: caches grow only as they turn out too small. */
static void fill_caches(void)
{
	void *block[20];
	for (uint32_t round = 0; round < 2u; round++) {
		for (uint32_t size = 16; size <= 64u; size += 16u) {
			for (unsigned i = 0; i < 20u; i++)
				block[i] = i % 2u == 0 ? nh_malloc(size) : nh_malloc_attr(NH_ATTR_DMA, size);
			for (unsigned i = 0; i < 20u; i++)
				nh_free(block[i]);
		}
	}
}

/* Asleep until the other core interrupts, which stays masked. */
static void sleep(bool deep)
{
	board_irq_off();
	board_irq_enable(BOARD_IRQ_IPI); /* forgets what was pending */
	atomic_store_explicit(&listening, 1, memory_order_release);
	while (!board_ipi_pending()) {
		if (deep)
			board_wait_interrupt();
		else
			board_wait_event();
		awakenings++;
	}
	board_irq_disable(BOARD_IRQ_IPI);
	board_ipi_clear();
	atomic_store_explicit(&listening, 0, memory_order_relaxed);
	board_irq_on();
}

static bool take(size_t size, unsigned flags)
{
	const nh_request request = { .flags = flags };
	void *block = taken_count < TAKEN ? nh_alloc(&request, size) : NULL;
	if (block != NULL)
		taken[taken_count++] = block;
	return block != NULL;
}

static void need_what_is_cached(bool deep)
{
	for (size_t size = 4096; size >= 8u; size /= 2u)
		while (take(size, NH_NO_RECLAIM)) {
		}
	BOARD_CHECK(taken_count < TAKEN);
	const uint32_t cached = cached_bytes();
	const uint32_t before = taken_count;
	const uint32_t woken = awakenings;
	while (take(24, 0)) {
	}
	BOARD_CHECK(cached >= 256u);
	BOARD_CHECK(taken_count > before);
	BOARD_CHECK(cached_bytes() == 0); /* NULL: nothing is left anywhere */
	/* and the owner did not have to help */
	BOARD_CHECK(awakenings == woken || (!deep && !BOARD_WAIT_EVENT_SLEEPS));
	while (taken_count != 0)
		nh_free(taken[--taken_count]);
}

void idle_reclaim(struct actor *me, bool deep)
{
	if (me->core == 1) {
		interrupts(false);
		fill_caches();
	}
	barrier(me);
	if (me->core == 1) {
		sleep(deep);
		interrupts(true);
	} else {
		while (atomic_load_explicit(&listening, memory_order_acquire) == 0) {
		}
		for (volatile uint32_t i = 0; i < 500u; i++) { /* until it is asleep as well */
		}
		need_what_is_cached(deep);
		board_ipi_send();
	}
	barrier(me);
}

/* ---- reclaim against hits --------------------------------------------------------------- */

#define BUSY_SET 6u
#define TOO_LARGE (256u * 1024u)

/* One core lives on its magazines, the other asks for what cannot be had and so empties them, again and
 * again: each time while the owner is at some other instruction of its malloc or free. */
void reclaim_storm(struct actor *me, unsigned reclaimer, uint32_t operations)
{
	static volatile bool over;
	struct demo_block busy[BUSY_SET] = { { 0 } };
	over = false;
	barrier(me);
	if (me->core == reclaimer) {
		while (!over)
			BOARD_CHECK(nh_malloc(TOO_LARGE) == NULL);
	} else {
		for (uint32_t i = 0; i < operations; i++) {
			struct demo_block *slot = &busy[demo_random(&me->random) % BUSY_SET];
			if (slot->address != NULL) {
				drop(slot);
				continue;
			}
			slot->size = 20;
			slot->tag = i;
			slot->address = nh_malloc(slot->size);
			BOARD_CHECK(slot->address != NULL);
			demo_pattern_fill(slot->address, slot->size, slot->tag);
			me->allocations++;
		}
		over = true;
		for (unsigned i = 0; i < BUSY_SET; i++)
			if (busy[i].address != NULL)
				drop(&busy[i]);
	}
	barrier(me);
}

/* ---- credits ---------------------------------------------------------------------------- */

#define BLOCKS 1024u

static void *owned[CORES][BLOCKS];
static uint32_t owned_count[CORES];
static uint32_t credits[CORES];
static uint32_t credit_size;
static struct demo_ring passing[CORES];

static void *allocate_or_fail(struct actor *me)
{
	void *block = nh_malloc(credit_size);
	if (block == NULL) {
		stop_other(me);
		board_printf("core %u: refused %u bytes with %u credits left\n", me->core,
		             (unsigned)credit_size, (unsigned)credits[me->core]);
		for (int heap = 0; heap <= (int)SHARED; heap++) {
			nh_heap_stats stats;
			nh_heap_stats_get(heap, &stats);
			board_printf("heap %d: largest free %u, cached %u\n", heap,
			             (unsigned)stats.largest_free, (unsigned)stats.cached);
		}
		board_exit(1);
	}
	return block;
}

/* A full heap tells how many blocks there can be. */
static void learn_credits(struct actor *me)
{
	credit_size = demo_between(&me->random, 56, 120);
	void *block;
	owned_count[0] = 0;
	while ((block = nh_malloc(credit_size)) != NULL) {
		BOARD_CHECK(owned_count[0] < BLOCKS);
		owned[0][owned_count[0]++] = block;
	}
	credits[0] = owned_count[0] / 2u;
	credits[1] = owned_count[0] - credits[0];
	while (owned_count[0] != 0)
		nh_free(owned[0][--owned_count[0]]);
}

/* A block that changes hands takes its credit along: whoever frees it may allocate again. */
static void credit_step(struct actor *me)
{
	const unsigned core = me->core;
	const uint32_t pick = demo_random(&me->random) % 8u;
	struct demo_block gift;
	if (pick < 6u && credits[core] != 0) {
		credits[core]--;
		owned[core][owned_count[core]++] = allocate_or_fail(me);
		me->allocations++;
	} else if (pick != 7u && owned_count[core] != 0) {
		const uint32_t chosen = demo_random(&me->random) % owned_count[core];
		gift = (struct demo_block){ owned[core][chosen], credit_size, 0 };
		if (pick % 2u == 0 && demo_ring_put(&passing[1u - core], &gift)) {
			owned[core][chosen] = owned[core][--owned_count[core]];
			return;
		}
		nh_free(gift.address);
		owned[core][chosen] = owned[core][--owned_count[core]];
		credits[core]++;
	} else if (demo_ring_take(&passing[core], &gift)) {
		nh_free(gift.address);
		credits[core]++;
	}
}

void credit(struct actor *me, uint32_t operations)
{
	if (me->core == 0)
		learn_credits(me);
	barrier(me);
	while (credits[me->core] > 4u) { /* most of the heap: what follows happens at its limit */
		credits[me->core]--;
		owned[me->core][owned_count[me->core]++] = allocate_or_fail(me);
	}
	for (uint32_t i = 0; i < operations; i++) {
		safe_point(me);
		credit_step(me);
	}
	barrier(me);
	struct demo_block gift;
	while (demo_ring_take(&passing[me->core], &gift))
		nh_free(gift.address);
	while (owned_count[me->core] != 0)
		nh_free(owned[me->core][--owned_count[me->core]]);
	barrier(me);
}

/* ---- faults ----------------------------------------------------------------------------- */

static volatile nh_fault_code seen;
static volatile uint32_t seen_count;
static const void *volatile seen_address;
static volatile unsigned seen_cpu;

static void returning_hook(const nh_fault *fault)
{
	seen = fault->code;
	seen_address = fault->address;
	seen_cpu = fault->cpu;
	seen_count++;
}

static void expect(const struct actor *me, void *address, nh_fault_code code)
{
	const uint32_t before = seen_count;
	nh_free(address);
	BOARD_CHECK(seen_count == before + 1u && seen == code);
	BOARD_CHECK(seen_cpu == me->core && seen_address == address);
}

/* Some are not even to be read. */
static void refused_addresses(const struct actor *me)
{
	void *strange = board_strange_address();
	void *constant = (void *)(uintptr_t)board_name;
	char *block = nh_malloc(64);
	BOARD_CHECK(block != NULL);
	expect(me, strange, NH_FAULT_POINTER);
	BOARD_CHECK(nh_usable_size(strange) == 0);
	BOARD_CHECK(!board_strange_touched());
	expect(me, constant, NH_FAULT_POINTER);
	expect(me, block + 2, NH_FAULT_POINTER);
	nh_free(block);
}

static void *volatile victim;

/* `here` has and frees the block first, the other core frees it again; then `here` does. */
static void freed_twice(const struct actor *me, unsigned here, size_t size)
{
	if (me->core == here) {
		victim = nh_malloc(size);
		BOARD_CHECK(victim != NULL);
	}
	barrier(me);
	if (me->core != here)
		nh_free(victim);
	barrier(me);
	if (me->core == here)
		expect(me, victim, NH_FAULT_DOUBLE_FREE);
	barrier(me);
	if (me->core != here)
		expect(me, victim, NH_FAULT_DOUBLE_FREE);
	barrier(me);
}

void faults(struct actor *me)
{
	/* a class that caches, one that does not, one that fits no class by a byte or two */
	static const uint16_t sizes[] = { 24, 40, 132, 400 };
	if (me->core == 0)
		nh_fatal_hook_set(returning_hook);
	barrier(me);
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		freed_twice(me, 0, sizes[i]);
		freed_twice(me, 1, sizes[i]);
	}
	for (unsigned core = 0; core < CORES; core++) { /* one at a time: what was seen is shared */
		if (me->core == core)
			refused_addresses(me);
		barrier(me);
	}
	if (me->core == 0)
		nh_fatal_hook_set(NULL);
}

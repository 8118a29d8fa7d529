/* SPDX-License-Identifier: MIT */
/*
 * A queue of blocks with one producer and one consumer: between the cores, or between a handler and
 * the program it interrupts. Plain loads and stores only, so that it also works on a Cortex-M0+.
 *
 *   taken <= put <= taken + DEMO_RING      both count for ever, modulo 2^32
 */
#ifndef DEMO_RING_H
#define DEMO_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A block on its way: whoever holds this owns the memory. */
struct demo_block {
	void *address; /* NULL: nothing */
	uint32_t size; /* as asked for */
	uint32_t tag;  /* of its contents, see pattern.h */
};

#define DEMO_RING 32u

struct demo_ring {
	struct demo_block slot[DEMO_RING];
	_Atomic uint32_t put;   /* producer */
	_Atomic uint32_t taken; /* consumer */
};

static inline uint32_t demo_ring_used(struct demo_ring *ring)
{
	/* acquire: of demo_ring_put and demo_ring_take, whichever side asks */
	return atomic_load_explicit(&ring->put, memory_order_acquire) -
	       atomic_load_explicit(&ring->taken, memory_order_acquire);
}

static inline bool demo_ring_put(struct demo_ring *ring, const struct demo_block *block)
{
	uint32_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
	if (demo_ring_used(ring) == DEMO_RING)
		return false;
	ring->slot[put % DEMO_RING] = *block;
	/* release: to the acquire in demo_ring_used, the slot and the block's contents */
	atomic_store_explicit(&ring->put, put + 1u, memory_order_release);
	return true;
}

static inline bool demo_ring_take(struct demo_ring *ring, struct demo_block *block)
{
	uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
	if (demo_ring_used(ring) == 0)
		return false;
	*block = ring->slot[taken % DEMO_RING];
	/* release: to the acquire in demo_ring_used, the slot has been read */
	atomic_store_explicit(&ring->taken, taken + 1u, memory_order_release);
	return true;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The C library's malloc in the scenes, under nearheap's heap lock with interrupts off, as a program for two
 * CPUs would have to call it.
 */
#include <stdlib.h>

#include "core/lock.h"
#include "scenes.h"

#define ARENA_SIZE (128u * 1024u) /* as much as nearheap's first heap */

void *_sbrk(ptrdiff_t increment);
void *sbrk(ptrdiff_t increment);

static struct nh__lock lock;
static char *arena, *arena_end;

void *_sbrk(ptrdiff_t increment)
{
	char *old = arena;
	if (increment > arena_end - arena)
		return (void *)-1; /* what the interface wants */
	arena += increment;
	return old;
}

void *sbrk(ptrdiff_t increment)
{
	return _sbrk(increment);
}

void nh__report(nh_fault_code code, const void *address, unsigned cpu)
{
	(void)code;
	(void)address;
	(void)cpu;
	board_check_failed(__FILE__, __LINE__, "no fault");
}

void bench_allocator_init(void)
{
	void *base;
	size_t size;
	board_bank_memory(BOARD_SHARED, &base, &size);
	BOARD_CHECK(size >= ARENA_SIZE);
	arena = base;
	arena_end = arena + ARENA_SIZE;
	nh__lock_reset(&lock);
}

void *bench_malloc(size_t size)
{
	const nh_port_irq irq = nh_port_irq_save();
	const unsigned cpu = nh_port_cpu();
	nh__lock_acquire(&lock, cpu);
	void *block = malloc(size);
	nh__lock_release(&lock, cpu);
	nh_port_irq_restore(irq);
	return block;
}

void bench_free(void *block)
{
	const nh_port_irq irq = nh_port_irq_save();
	const unsigned cpu = nh_port_cpu();
	nh__lock_acquire(&lock, cpu);
	free(block);
	nh__lock_release(&lock, cpu);
	nh_port_irq_restore(irq);
}

enum bench_kind bench_kind_of_malloc(size_t size)
{
	return size > BENCH_SMALL ? BENCH_MALLOC_LARGE : BENCH_MALLOC_MISS;
}

enum bench_kind bench_kind_of_free(size_t size)
{
	return size > BENCH_SMALL ? BENCH_FREE_LARGE : BENCH_FREE_OVERFLOW;
}

void bench_scene_own(void)
{
}

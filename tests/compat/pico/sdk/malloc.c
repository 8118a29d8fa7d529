/* SPDX-License-Identifier: MIT */
/* Stand-in: the wrappers that every program of the SDK has around malloc. */
#include <hardware/sync.h>
#include <pico/malloc.h>

extern char __StackLimit[];

void *REAL_FUNC(malloc)(size_t size);
void *REAL_FUNC(calloc)(size_t count, size_t size);
void *REAL_FUNC(realloc)(void *block, size_t size);
void REAL_FUNC(free)(void *block);

void *WRAPPER_FUNC(malloc)(size_t size);
void *WRAPPER_FUNC(calloc)(size_t count, size_t size);
void *WRAPPER_FUNC(realloc)(void *block, size_t size);
void WRAPPER_FUNC(free)(void *block);

static uint32_t enter(void)
{
	return PICO_USE_MALLOC_MUTEX ? spin_lock_blocking(spin_lock_instance(10)) : 0;
}

static void leave(uint32_t saved)
{
	if (PICO_USE_MALLOC_MUTEX)
		spin_unlock(spin_lock_instance(10), saved);
}

static void *checked(void *block, size_t size)
{
	if (PICO_MALLOC_PANIC && (block == NULL || (char *)block + size > __StackLimit))
		panic("Out of memory");
	return block;
}

void *WRAPPER_FUNC(malloc)(size_t size)
{
	uint32_t saved = enter();
	void *block = REAL_FUNC(malloc)(size);
	leave(saved);
	return checked(block, size);
}

void *WRAPPER_FUNC(calloc)(size_t count, size_t size)
{
	uint32_t saved = enter();
	void *block = REAL_FUNC(calloc)(count, size);
	leave(saved);
	return checked(block, count * size);
}

void *WRAPPER_FUNC(realloc)(void *block, size_t size)
{
	uint32_t saved = enter();
	void *moved = REAL_FUNC(realloc)(block, size);
	leave(saved);
	return checked(moved, size);
}

void WRAPPER_FUNC(free)(void *block)
{
	uint32_t saved = enter();
	REAL_FUNC(free)(block);
	leave(saved);
}

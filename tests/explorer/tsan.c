/* SPDX-License-Identifier: MIT */
/*
 * What code compiled with -fsanitize=thread calls, by gcc and by clang. The names are the sanitizer's. clang makes of every
 * compare-and-swap the form that returns a value, which cannot fail spuriously: only gcc's can here.
 */
#include "explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLER __builtin_return_address(0)

void __tsan_init(void);
void __tsan_func_entry(void *);
void __tsan_func_exit(void);
void __tsan_atomic_thread_fence(int);
void __tsan_atomic_signal_fence(int);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	fprintf(stderr, "explorer: fences are not modelled, and core has none\n");
	abort();
}

/* Between an owner and what runs on top of it: code is explored in the order of the program, as it holds it. */
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

/* ---- plain accesses ----------------------------------------------------------------------- */

#define PLAIN(name, size, write)                                                                             \
	void __tsan_##name(void *address);                                                                   \
	void __tsan_##name(void *address)                                                                    \
	{                                                                                                    \
		ex_plain(address, size, write, CALLER);                                                      \
	}
#define PLAIN_SIZE(size)                                                                                     \
	PLAIN(read##size, size, false)                                                                       \
	PLAIN(write##size, size, true)                                                                       \
	PLAIN(unaligned_read##size, size, false)                                                             \
	PLAIN(unaligned_write##size, size, true)                                                             \
	PLAIN(read_write##size, size, true)                                                                  \
	PLAIN(unaligned_read_write##size, size, true)
PLAIN_SIZE(1)
PLAIN_SIZE(2)
PLAIN_SIZE(4)
PLAIN_SIZE(8)
PLAIN_SIZE(16)

/* Hardware, where the machine has some at the address: the access itself follows the call. */
#define VOLATILE(size)                                                                                       \
	void __tsan_volatile_read##size(void *address);                                                      \
	void __tsan_volatile_read##size(void *address)                                                       \
	{                                                                                                    \
		ex_volatile(address, size, false, CALLER);                                                   \
	}                                                                                                    \
	void __tsan_volatile_write##size(void *address);                                                     \
	void __tsan_volatile_write##size(void *address)                                                      \
	{                                                                                                    \
		ex_volatile(address, size, true, CALLER);                                                    \
	}
VOLATILE(1)
VOLATILE(2)
VOLATILE(4)
VOLATILE(8)

void __tsan_read_range(void *address, unsigned long size);
void __tsan_write_range(void *address, unsigned long size);

void __tsan_read_range(void *address, unsigned long size)
{
	ex_plain(address, size, false, CALLER);
}

void __tsan_write_range(void *address, unsigned long size)
{
	ex_plain(address, size, true, CALLER);
}

/* The linker sends all calls here (--wrap); newer clangs name the sanitizer's functions at once. */
#define MEMORY(type, name, parameters, arguments, accesses)                                                  \
	type __real_##name parameters;                                                                       \
	type __wrap_##name parameters;                                                                       \
	type __tsan_##name parameters;                                                                       \
	type __wrap_##name parameters                                                                        \
	{                                                                                                    \
		accesses;                                                                                    \
		return __real_##name arguments;                                                              \
	}                                                                                                    \
	type __tsan_##name parameters                                                                        \
	{                                                                                                    \
		accesses;                                                                                    \
		return __real_##name arguments;                                                              \
	}
#define COPIED (ex_plain(from, size, false, CALLER), ex_plain(to, size, true, CALLER))
MEMORY(void *, memset, (void *to, int byte, size_t size), (to, byte, size), ex_plain(to, size, true, CALLER))
MEMORY(void *, memcpy, (void *to, const void *from, size_t size), (to, from, size), COPIED)
MEMORY(void *, memmove, (void *to, const void *from, size_t size), (to, from, size), COPIED)

/* ---- atomics ------------------------------------------------------------------------------ */

#define UPDATE(bits, name, operation)                                                                        \
	uint##bits##_t __tsan_atomic##bits##_##name(void *, uint##bits##_t, int);                            \
	uint##bits##_t __tsan_atomic##bits##_##name(void *address, uint##bits##_t value, int order)          \
	{                                                                                                    \
		return (uint##bits##_t)ex_update(address, bits / 8, operation, value, order, CALLER);        \
	}
#define COMPARE(bits, name, weak)                                                                            \
	int __tsan_atomic##bits##_compare_exchange_##name(void *, void *, uint##bits##_t, int, int);         \
	int __tsan_atomic##bits##_compare_exchange_##name(void *address, void *expected,                     \
	                                                  uint##bits##_t desired, int order, int failure)    \
	{                                                                                                    \
		uint64_t seen = ex_peek(expected, bits / 8);                                                 \
		bool done = ex_compare(address, bits / 8, &seen, desired, order, failure, weak, CALLER);     \
		ex_poke(expected, bits / 8, seen);                                                           \
		return done;                                                                                 \
	}
#define ATOMIC(bits)                                                                                         \
	uint##bits##_t __tsan_atomic##bits##_load(const void *, int);                                        \
	uint##bits##_t __tsan_atomic##bits##_load(const void *address, int order)                            \
	{                                                                                                    \
		return (uint##bits##_t)ex_load(address, bits / 8, order, CALLER);                            \
	}                                                                                                    \
	void __tsan_atomic##bits##_store(void *, uint##bits##_t, int);                                       \
	void __tsan_atomic##bits##_store(void *address, uint##bits##_t value, int order)                     \
	{                                                                                                    \
		ex_store(address, bits / 8, value, order, CALLER);                                           \
	}                                                                                                    \
	UPDATE(bits, exchange, EX_EXCHANGE)                                                                  \
	UPDATE(bits, fetch_add, EX_ADD)                                                                      \
	UPDATE(bits, fetch_sub, EX_SUB)                                                                      \
	UPDATE(bits, fetch_and, EX_AND)                                                                      \
	UPDATE(bits, fetch_or, EX_OR)                                                                        \
	UPDATE(bits, fetch_xor, EX_XOR)                                                                      \
	COMPARE(bits, weak, true)                                                                            \
	COMPARE(bits, strong, false)                                                                         \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(void *, uint##bits##_t, uint##bits##_t,    \
	                                                          int, int);                                 \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                           \
		void *address, uint##bits##_t expected, uint##bits##_t desired, int order, int failure)      \
	{                                                                                                    \
		uint64_t seen = expected;                                                                    \
		ex_compare(address, bits / 8, &seen, desired, order, failure, false, CALLER);                \
		return (uint##bits##_t)seen;                                                                 \
	}
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

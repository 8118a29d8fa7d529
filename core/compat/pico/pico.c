/* SPDX-License-Identifier: MIT */
/*
 * nearheap in a program for the Raspberry Pi Pico SDK: its memory, its spin locks, its panic().
 * Compiled as part of the program, as the SDK's own libraries are.
 *
 * The heaps are made among the SDK's initialisers, before constructors and core 1, or, if something
 * allocates earlier, at that moment.
 */
#include <pico.h>

#include <hardware/regs/addressmap.h>
#include <hardware/sync.h>

#include <nearheap/first_use.h>
#include <nearheap/linker.h>

#include <nearheap_pico.h>

/* Does a program that runs out of memory panic, as it does with the SDK's own malloc? */
#ifndef NH_MALLOC_PANIC
#define NH_MALLOC_PANIC 1
#endif

/* From the SDK's linker scripts. */
extern char end[], __StackLimit[];
extern char __scratch_x_start__[], __scratch_x_end__[], __StackOneBottom[], __StackOneTop[];
extern char __scratch_y_start__[], __scratch_y_end__[], __StackBottom[], __StackTop[];

/* ---- where a region may be -------------------------------------------------------------------- */

/* Takes the place of the port's own. */
nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	const nh_linker_span sram = { (const void *)SRAM_BASE, (const void *)SRAM_END };
	const nh_linker_span taken[] = {
		{ sram.start, end },
		{ __scratch_x_start__, __scratch_x_end__ },
		{ __StackOneBottom, __StackOneTop },
		{ __scratch_y_start__, __scratch_y_end__ },
		{ __StackBottom, __StackTop },
	};
	nh_status status = nh_linker_check(base, size, &sram, 1, taken, sizeof taken / sizeof taken[0]);
	if (status != NH_ERANGE || (attributes & NH_ATTR_EXTERNAL) == 0)
		return status;
	/* All of it must be outside. */
	return nh_linker_check(base, size, NULL, 0, &sram, 1);
}

/* ---- the heaps to start with ------------------------------------------------------------------ */

static nh_heap_config between(const char *name, char *start, const char *limit, uint32_t attributes,
                              uint32_t affinity)
{
	return (nh_heap_config){
		.name = name,
		.base = start,
		.size = limit > start ? (size_t)(limit - start) : 0,
		.attributes = attributes,
		.affinity = affinity,
		.flags = affinity != 0 ? NH_HEAP_NOT_DEFAULT : 0,
	};
}

__attribute__((weak)) unsigned nh_pico_heaps(nh_heap_config *heaps, unsigned room)
{
	const nh_heap_config all[] = {
		between("striped", end, __StackLimit, NH_ATTR_DMA, 0),
		between("scratch_y", __scratch_y_end__, __StackBottom, NH_ATTR_DMA | NH_ATTR_FAST, NH_CPU(0)),
		between("scratch_x", __scratch_x_end__, __StackOneBottom, NH_ATTR_DMA | NH_ATTR_FAST,
		        NH_CPU(1)),
	};
	unsigned count = 0;
	for (; count < sizeof all / sizeof all[0] && count < room; count++)
		heaps[count] = all[count];
	return count;
}

/* NH_OK, or what is wrong with *which. */
static nh_status make_heaps(nh_heap_config *heaps, unsigned *which)
{
	unsigned count = nh_pico_heaps(heaps, NH_MAX_HEAPS);
	nh_status status = nh_init(NULL, 0, NULL);
	for (*which = 0; status == NH_OK && *which < count; ++*which) {
		/* A scratch bank may be full of its program. */
		if (heaps[*which].size == 0)
			continue;
		status = nh_heap_add(&heaps[*which], NULL);
		if (status == NH_ESMALL)
			status = NH_OK;
		if (status != NH_OK)
			break;
	}
	return status;
}

/* ---- spin locks and faults -------------------------------------------------------------------- */

/* The port needs spin locks if the CMake target nearheap says which. */
#ifdef NH_RP2040_GATE_LOCK
static const unsigned spin_locks[] = { NH_RP2040_GATE_LOCK, NH_RP2040_GATE_LOCK + 1, NH_RP2040_RMW_LOCK };
#define SPIN_LOCKS (sizeof spin_locks / sizeof spin_locks[0])
#endif

/* -1, or the number of one that somebody else has. */
static int claim_spin_locks(void)
{
#ifdef NH_RP2040_GATE_LOCK
	for (unsigned i = 0; i < SPIN_LOCKS; i++)
		if (spin_lock_is_claimed(spin_locks[i]))
			return (int)spin_locks[i];
	for (unsigned i = 0; i < SPIN_LOCKS; i++)
		spin_lock_claim(spin_locks[i]);
#endif
	return -1;
}

static void fatal(const nh_fault *fault)
{
	panic("nearheap: %s, address %p, core %u", nh_fault_string(fault->code), fault->address, fault->cpu);
}

/* ---- start ------------------------------------------------------------------------------------ */

/* One of the locks that nobody claims and everybody holds for a moment only. Nothing below calls
 * the SDK's allocators or another such lock. Panic comes after it: it may print, and wait. */
nh_status nh_first_use(void)
{
	static nh_heap_config heaps[NH_MAX_HEAPS];
	unsigned which = 0;
	int claimed = -1;
	nh_status status = NH_OK;
	spin_lock_t *lock = spin_lock_instance(PICO_SPINLOCK_ID_STRIPED_FIRST);
	uint32_t saved = spin_lock_blocking(lock);
	if (nh_heap_count() == 0) {
		claimed = claim_spin_locks();
		if (claimed < 0) {
			nh_fatal_hook_set(fatal);
			status = make_heaps(heaps, &which);
		}
	}
	spin_unlock(lock, saved);
	if (claimed >= 0)
		panic("nearheap: spin lock %d is claimed already", claimed);
	if (status != NH_OK)
		panic("nearheap: heap %u: %s", which, nh_status_string(status));
	return status;
}

static void start(void)
{
	(void)nh_first_use_ready();
}

/* Among the SDK's own initialisers: after those of memory functions and spin locks (up to 01000), before all
 * that could start core 1: what core 1 asks for while nh_init() is under way it may not get. */
__attribute__((section(".preinit_array.01050"), used)) static void (*const start_entry)(void) = start;

void nh_exhausted(size_t size)
{
#if NH_MALLOC_PANIC
	panic("Out of memory: %u bytes", (unsigned)size);
#else
	(void)size;
#endif
}

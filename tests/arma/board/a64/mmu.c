/* SPDX-License-Identifier: MIT
 *
 * Granule 4 KiB, 39 bits: a table of 1 GiB, and one of 2 MiB for each GiB that the map touches, virtual =
 * physical. What is not in the machine's map faults.
 */
#include "internal.h"

#define ENTRIES 512u
#define BLOCK 1u
#define TABLE 3u
#define ATTRIBUTES(n) ((uint64_t)(n) << 2) /* an index into MAIR */
#define INNER_SHAREABLE (UINT64_C(3) << 8)
#define ACCESSED (UINT64_C(1) << 10)
#define NEVER_EXECUTE (UINT64_C(3) << 53)

#define MAIR (UINT64_C(0xff) << 8) /* 0: device, 1: normal, write-back, allocating */
#define DEVICE (BLOCK | ATTRIBUTES(0) | ACCESSED | NEVER_EXECUTE)
#define NORMAL (BLOCK | ATTRIBUTES(1) | ACCESSED | INNER_SHAREABLE)

/* 39 bits below, none above; tables are read cached and shareable; 32-bit physical addresses */
#define TCR (UINT64_C(25) | UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(3) << 12 | UINT64_C(1) << 23)

#define SCTLR_MMU (UINT64_C(1) << 0)
#define SCTLR_CACHE (UINT64_C(1) << 2)
#define SCTLR_INSTRUCTION_CACHE (UINT64_C(1) << 12)
#define CPACR_FP (UINT64_C(3) << 20)

#define GIB 2u /* of which a map may have something */

static uint64_t top[ENTRIES] __attribute__((aligned(4096)));
static uint64_t below[GIB][ENTRIES] __attribute__((aligned(4096)));

void cpu_tables(void)
{
	for (unsigned i = 0; i < machine_map_spans; i++) {
		const struct machine_span *span = &machine_map[i];
		for (uint32_t mb = span->first; mb < span->first + span->count; mb += 2u) {
			const unsigned gib = mb / 1024u;
			top[gib] = (uintptr_t)below[gib] | TABLE;
			below[gib][mb % 1024u / 2u] = (uint64_t)mb << 20 | (span->device ? DEVICE : NORMAL);
		}
	}
	__asm volatile("dsb sy" ::: "memory");
}

/* QEMU's CPUs are coherent as they come; a Cortex-A53 chip wants CPUECTLR.SMPEN set by its firmware. */
void cpu_mmu_on(void)
{
	uint64_t sctlr;
	__asm volatile("msr cpacr_el1, %0\n\t" /* the C library copies with vector registers */
	               "msr mair_el1, %1\n\t"
	               "msr tcr_el1, %2\n\t"
	               "msr ttbr0_el1, %3\n\t"
	               "tlbi vmalle1\n\t"
	               "ic iallu\n\t"
	               "dsb sy\n\tisb" ::"r"(CPACR_FP),
	               "r"(MAIR), "r"(TCR), "r"(top)
	               : "memory");
	__asm volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
	sctlr |= SCTLR_MMU | SCTLR_CACHE | SCTLR_INSTRUCTION_CACHE;
	__asm volatile("msr sctlr_el1, %0\n\tisb" ::"r"(sctlr) : "memory");
}

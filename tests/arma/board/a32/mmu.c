/* SPDX-License-Identifier: MIT
 *
 * One table of sections of 1 MiB, virtual = physical. What is not in the machine's map faults.
 */
#include "internal.h"

#define SECTION 2u
#define SECTION_BUFFERED (1u << 2)
#define SECTION_CACHED (1u << 3)
#define SECTION_NEVER_EXECUTE (1u << 4)
#define SECTION_ACCESS (3u << 10)
#define SECTION_ALLOCATE (1u << 12) /* write-back, allocating on writes too */
#define SECTION_SHAREABLE (1u << 16)

#define NORMAL                                                                                               \
	(SECTION | SECTION_ACCESS | SECTION_CACHED | SECTION_BUFFERED | SECTION_ALLOCATE | SECTION_SHAREABLE)
#define DEVICE (SECTION | SECTION_ACCESS | SECTION_BUFFERED | SECTION_NEVER_EXECUTE)

#define WALK_CACHED_SHAREABLE 0x4au /* how the table itself is read */

#define ACTLR_FW (1u << 0) /* Cortex-A9: maintenance is broadcast; reserved on the others */
#define ACTLR_SMP (1u << 6)
#define SCTLR_MMU (1u << 0)
#define SCTLR_CACHE (1u << 2)
#define SCTLR_BRANCH_PREDICTION (1u << 11)
#define SCTLR_INSTRUCTION_CACHE (1u << 12)

static uint32_t sections[4096] __attribute__((aligned(16384)));

void cpu_tables(void)
{
	for (unsigned i = 0; i < machine_map_spans; i++) {
		const struct machine_span *span = &machine_map[i];
		for (uint32_t mb = span->first; mb < span->first + span->count; mb++)
			sections[mb] = mb << 20 | (span->device ? DEVICE : NORMAL);
	}
	__asm volatile("dsb" ::: "memory");
}

static void join_coherence(void)
{
	uint32_t part, actlr;
	__asm volatile("mrc p15, 0, %0, c0, c0, 0" : "=r"(part)); /* MIDR */
	__asm volatile("mrc p15, 0, %0, c1, c0, 1" : "=r"(actlr));
	actlr |= ACTLR_SMP;
	if ((part >> 4 & 0xfffu) == 0xc09u)
		actlr |= ACTLR_FW;
	__asm volatile("mcr p15, 0, %0, c1, c0, 1\n\tisb" ::"r"(actlr) : "memory");
}

/* QEMU's caches hold nothing; on a Cortex-A9 chip the data cache is to be invalidated before it is on. */
void cpu_mmu_on(void)
{
	const uint32_t zero = 0, client_of_domain_0 = 1;
	uint32_t sctlr;
	join_coherence();
	__asm volatile("mcr p15, 0, %0, c2, c0, 0\n\t" /* TTBR0 */
	               "mcr p15, 0, %1, c2, c0, 2\n\t" /* TTBCR */
	               "mcr p15, 0, %2, c3, c0, 0\n\t" /* DACR */
	               "mcr p15, 0, %1, c8, c7, 0\n\t" /* no translation is remembered, */
	               "mcr p15, 0, %1, c7, c5, 0\n\t" /* no instruction */
	               "mcr p15, 0, %1, c7, c5, 6\n\t" /* and no branch */
	               "dsb\n\tisb" ::"r"((uint32_t)(uintptr_t)sections | WALK_CACHED_SHAREABLE),
	               "r"(zero), "r"(client_of_domain_0)
	               : "memory");
	__asm volatile("mrc p15, 0, %0, c1, c0, 0" : "=r"(sctlr));
	sctlr |= SCTLR_MMU | SCTLR_CACHE | SCTLR_BRANCH_PREDICTION | SCTLR_INSTRUCTION_CACHE;
	__asm volatile("mcr p15, 0, %0, c1, c0, 0\n\tisb" ::"r"(sctlr) : "memory");
}

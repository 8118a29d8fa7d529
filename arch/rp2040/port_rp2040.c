/* SPDX-License-Identifier: MIT */
/* Port to the RP2040: the parts that are not worth inlining. */
#include "arch/port.h"

#if NH_CPUS == 1
unsigned nh_port_attach(void)
{
	const nh_fault fault = {NH_FAULT_CONTEXT, NULL, NH_RP2040_CPUID};
	while (fault.cpu != 0)
		nh_port_fatal(&fault);
	return 0;
}
#endif

bool nh_port_cas(_Atomic uint32_t *word, uint32_t *expected, uint32_t desired)
{
	return nh_port__cas(word, expected, desired);
}

uint32_t nh_port_exchange(_Atomic uint32_t *word, uint32_t value)
{
	return nh_port__exchange(word, value);
}

/* The same for an owner byte: others store to it plainly only while it says that they have the block, when this
 * fails and writes nothing. */
bool nh_port_claim(_Atomic uint8_t *byte, uint8_t expected, uint8_t desired)
{
	nh_port__rmw_claim();
	bool same = atomic_load_explicit(byte, memory_order_relaxed) == expected;
	if (same)
		atomic_store_explicit(byte, desired, memory_order_relaxed);
	nh_port__barrier();
	NH_RP2040_SPINLOCK(NH_RP2040_RMW_LOCK) = 0;
	return same;
}

const uint8_t nh_port__bit[32] = {0,  1,  28, 2,  29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4,  8,
                                  31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6,  11, 5,  10, 9};

unsigned nh_port_log2(uint32_t value)
{
	static const uint8_t nibble[16] = {0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3};
	unsigned log = 0;
	if (value >> 16) {
		value >>= 16;
		log = 16;
	}
	if (value >> 8) {
		value >>= 8;
		log += 8;
	}
	if (value >> 4) {
		value >>= 4;
		log += 4;
	}
	return log + nibble[value];
}

/* The ring oscillator's random bit, 32 times, at least. It is good enough to make links of two
 * boots differ, not for cryptography. Override it where there is a better source. */
__attribute__((weak)) uint32_t nh_port_entropy(void)
{
	volatile const uint32_t *random_bit = (volatile const uint32_t *)UINT32_C(0x4006001c);
	uint32_t word = UINT32_C(0x9e3779b9);
	for (unsigned i = 0; i < 64; i++)
		word = (word << 1 | word >> 31) ^ (*random_bit & 1u);
	return word;
}

/* SRAM with its unstriped alias, USB RAM, the flash cache used as RAM: the heap is not let near anything else. External
 * memory is outside of all that. */
__attribute__((weak)) nh_status nh_port_region_check(const void *base, size_t size, uint32_t attributes)
{
	static const nh_linker_span ram[] = {
		{(const void *)0x20000000u, (const void *)0x20042000u},
		{(const void *)0x21000000u, (const void *)0x21040000u},
		{(const void *)0x50100000u, (const void *)0x50101000u},
		{(const void *)0x15000000u, (const void *)0x15004000u},
	};
	if (attributes & NH_ATTR_EXTERNAL)
		return nh_linker_check(base, size, NULL, 0, ram, 4);
	return nh_linker_check(base, size, ram, 4, NULL, 0);
}

/* Stops this core where a debugger shows the fault; the other core goes on. */
__attribute__((weak)) void nh_port_fatal(const nh_fault *fault)
{
	register const nh_fault *shown __asm("r0") = fault;
	for (;;)
		__asm volatile("bkpt #0xfa" ::"r"(shown) : "memory");
}

/* SPDX-License-Identifier: MIT */
/* Stand-in: interrupts, and the 32 spin locks of the SIO. */
#ifndef _HARDWARE_SYNC_H
#define _HARDWARE_SYNC_H

#include <pico.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef volatile uint32_t spin_lock_t;

/* 0-13 the SDK's, 14, 15 an operating system's, 16-23 shared by all who hold one for a moment,
 * 24-31 to be claimed. */
#define PICO_SPINLOCK_ID_HARDWARE_CLAIM 11
#define PICO_SPINLOCK_ID_STRIPED_FIRST 16
#define PICO_SPINLOCK_ID_CLAIM_FREE_FIRST 24

static inline uint32_t save_and_disable_interrupts(void)
{
	uint32_t status;
	__asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(status)::"memory");
	return status;
}

static inline void restore_interrupts(uint32_t status)
{
	__asm__ volatile("msr primask, %0" ::"r"(status) : "memory");
}

static inline spin_lock_t *spin_lock_instance(uint lock_num)
{
	return (spin_lock_t *)(0xd0000100u + 4u * lock_num);
}

static inline uint32_t spin_lock_blocking(spin_lock_t *lock)
{
	uint32_t saved = save_and_disable_interrupts();
	while (*lock == 0) {
	}
	__asm__ volatile("dmb" ::: "memory");
	return saved;
}

static inline void spin_unlock(spin_lock_t *lock, uint32_t saved_irq)
{
	__asm__ volatile("dmb" ::: "memory");
	*lock = 0;
	restore_interrupts(saved_irq);
}

/* Panics if it is claimed. */
void spin_lock_claim(uint lock_num);
bool spin_lock_is_claimed(uint lock_num);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/* Stand-in: who has claimed which spin lock. */
#include <hardware/sync.h>

static uint32_t claimed;

bool spin_lock_is_claimed(uint lock_num)
{
	return (claimed >> lock_num & 1u) != 0;
}

void spin_lock_claim(uint lock_num)
{
	spin_lock_t *lock = spin_lock_instance(PICO_SPINLOCK_ID_HARDWARE_CLAIM);
	uint32_t saved = spin_lock_blocking(lock);
	bool taken = spin_lock_is_claimed(lock_num);
	claimed |= UINT32_C(1) << lock_num;
	spin_unlock(lock, saved);
	if (taken)
		panic("Spinlock %u already claimed", lock_num);
}

/* SPDX-License-Identifier: MIT */
/* The list of all heaps: only ever appended to. */
#include <zephyr/sys/sys_heap.h>

#include "core/compat/zephyr/guard.h"

#include <errno.h>

#if CONFIG_SYS_HEAP_ARRAY_SIZE > 0

static nh_zephyr_guard array_guard;
static struct sys_heap *array[CONFIG_SYS_HEAP_ARRAY_SIZE];
static _Atomic uint32_t array_count; /* written under the guard */

int sys_heap_array_save(struct sys_heap *heap)
{
	if (heap == NULL)
		return -EINVAL;
	nh_port_irq irq = nh_zephyr_enter(&array_guard);
	uint32_t count = atomic_load_explicit(&array_count, memory_order_relaxed), at = 0;
	while (at < count && array[at] != heap)
		at++;
	bool room = at < CONFIG_SYS_HEAP_ARRAY_SIZE;
	if (at == count && room) {
		array[at] = heap;
		/* release: to sys_heap_array_get */
		atomic_store_explicit(&array_count, count + 1u, memory_order_release);
	}
	nh_zephyr_leave(&array_guard, irq);
	return room ? 0 : -EINVAL;
}

int sys_heap_array_get(struct sys_heap ***heaps)
{
	if (heaps == NULL)
		return -EINVAL;
	*heaps = array;
	/* acquire: of sys_heap_array_save */
	return (int)atomic_load_explicit(&array_count, memory_order_acquire);
}

#else

int sys_heap_array_save(struct sys_heap *heap)
{
	(void)heap;
	return -EINVAL;
}

int sys_heap_array_get(struct sys_heap ***heaps)
{
	if (heaps == NULL)
		return -EINVAL;
	*heaps = NULL;
	return 0;
}

#endif

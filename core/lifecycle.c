/* SPDX-License-Identifier: MIT */
/*
 * Threads that end drain their slot's caches; a fork holds every heap still while the process is copied.
 * Compiled to nothing where every CPU is there for ever.
 */
#include "core/lifecycle.h"

#if NH_PORT_OUTSIDERS

static struct nh__lock registry_lock;
static nh_instance *registry;

static unsigned registry_enter(void)
{
	unsigned cpu = nh_port_cpu();
	nh_port_lock_begin();
	nh__lock_acquire(&registry_lock, cpu);
	return cpu;
}

static void registry_leave(unsigned cpu)
{
	nh__lock_release(&registry_lock, cpu);
	nh_port_lock_end();
}

void nh__instance_register(nh_instance *instance)
{
	unsigned cpu = registry_enter();
	instance->next = registry;
	registry = instance;
	registry_leave(cpu);
}

void nh__instance_unregister(nh_instance *instance)
{
	unsigned cpu = registry_enter();
	nh_instance **link = &registry;
	while (*link != instance) /* it is there: deinit is refused for one that is not ready */
		link = &(*link)->next;
	*link = instance->next;
	registry_leave(cpu);
}

/* Heap number n % NH_MAX_HEAPS of the instance n / NH_MAX_HEAPS, NULL if it is not published; false: no such instance. The
 * registry changes only by init and deinit, which the caller of these may not run against anything else. */
static bool heap_number(unsigned number, struct nh__heap **heap)
{
	unsigned cpu = registry_enter();
	nh_instance *instance = registry;
	for (unsigned i = number / NH_MAX_HEAPS; instance != NULL && i > 0; i--)
		instance = instance->next;
	*heap = instance == NULL ? NULL : nh__heap_by_id(instance, (int)(number % NH_MAX_HEAPS));
	registry_leave(cpu);
	return instance != NULL;
}

void nh__cpu_drain(unsigned cpu)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *heap;
	for (unsigned i = 0; heap_number(i, &heap); i++)
		if (heap != NULL)
			nh__heap_drain_cpu(heap, cpu, &note);
	nh__note_report(&note);
}

/* ---- fork --------------------------------------------------------------------------------- */

/* The next published heap from `id` on, or NULL. The admin lock is held, or nobody else exists. */
static struct nh__heap *next_heap(nh_instance *instance, int *id)
{
	struct nh__heap *heap = NULL;
	while (heap == NULL && *id < NH_MAX_HEAPS)
		heap = nh__heap_by_id(instance, (*id)++);
	return heap;
}

void nh__fork_prepare(void)
{
	unsigned cpu = registry_enter();
	for (nh_instance *instance = registry; instance != NULL; instance = instance->next) {
		struct nh__heap *heap;
		nh__lock_acquire(&instance->admin, cpu);
		for (int id = 0; (heap = next_heap(instance, &id)) != NULL;)
			nh__fork_hold(heap, cpu);
	}
}

void nh__fork_parent(void)
{
	unsigned cpu = nh_port_cpu();
	for (nh_instance *instance = registry; instance != NULL; instance = instance->next) {
		struct nh__heap *heap;
		for (int id = 0; (heap = next_heap(instance, &id)) != NULL;)
			nh__fork_release(heap, cpu);
		nh__lock_release(&instance->admin, cpu);
	}
	registry_leave(cpu);
}

void nh__fork_child(void)
{
	for (nh_instance *instance = registry; instance != NULL; instance = instance->next) {
		struct nh__heap *heap;
		for (int id = 0; (heap = next_heap(instance, &id)) != NULL;)
			nh__fork_alone(heap);
		nh__lock_reset(&instance->admin);
	}
	nh__lock_reset(&registry_lock);
	nh_port_lock_end();
}

#else

void nh__instance_register(nh_instance *instance)
{
	(void)instance;
}

void nh__instance_unregister(nh_instance *instance)
{
	(void)instance;
}

#endif

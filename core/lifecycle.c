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
	while (*link != NULL && *link != instance)
		link = &(*link)->next;
	if (*link != NULL)
		*link = instance->next;
	registry_leave(cpu);
}

/* The n-th heap of all instances. The registry changes only by init and deinit, which the caller of these may not
 * run against anything else. */
static struct nh__heap *heap_number(unsigned number)
{
	unsigned cpu = registry_enter();
	struct nh__heap *heap = NULL;
	for (nh_instance *instance = registry; instance != NULL; instance = instance->next) {
		unsigned count = nh_instance_heap_count(instance);
		if (number < count) {
			heap = instance->heap[number];
			break;
		}
		number -= count;
	}
	registry_leave(cpu);
	return heap;
}

void nh__cpu_drain(unsigned cpu)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *heap;
	for (unsigned i = 0; (heap = heap_number(i)) != NULL; i++)
		nh__heap_drain_cpu(heap, cpu, &note);
	nh__note_report(&note);
}

/* ---- fork --------------------------------------------------------------------------------- */

void nh__fork_prepare(void)
{
	unsigned cpu = registry_enter();
	for (nh_instance *instance = registry; instance != NULL; instance = instance->next) {
		nh__lock_acquire(&instance->admin, cpu);
		for (unsigned id = 0; id < nh_instance_heap_count(instance); id++)
			nh__fork_hold(instance->heap[id], cpu);
	}
}

void nh__fork_parent(void)
{
	unsigned cpu = nh_port_cpu();
	for (nh_instance *instance = registry; instance != NULL; instance = instance->next) {
		for (unsigned id = 0; id < nh_instance_heap_count(instance); id++)
			nh__fork_release(instance->heap[id], cpu);
		nh__lock_release(&instance->admin, cpu);
	}
	registry_leave(cpu);
}

void nh__fork_child(void)
{
	for (nh_instance *instance = registry; instance != NULL; instance = instance->next) {
		for (unsigned id = 0; id < nh_instance_heap_count(instance); id++)
			nh__fork_alone(instance->heap[id]);
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

/* SPDX-License-Identifier: MIT */
/*
 * CPUs that stop and start again: in order, or by a reset at any instruction.
 *
 *   stopped at                            what the survivor finds and does
 *   outside                               nothing
 *   waiting for a lock, or handed it      want, word: takes the flag back, and the lock over
 *   in the gate, not in the lock          busy odd: leaves for it. Every word of a cache is cleared before its chain
 *                                         shows up elsewhere, so a chain is somewhere once, or nowhere
 *   driving a freeze, between holds       thaws; who else waits joins the next one
 *   adding, not published yet             takes what it reserved back
 *   removing, between holds               takes it back; once it is decided, completes it
 *   in the lock                           TLSF may be half changed: the heap is put out of service
 *
 * Then its caches are drained. What it had in hand between two words is lost to the caches but still says CACHED: a
 * salvage finds it by a sweep, when nobody else can have anything in hand.
 */
#include "core/lifecycle.h"
#include "core/reserve.h"
#include "core/sweep.h"

static bool ready(nh_instance *instance)
{
	/* acquire: of instance_build */
	return instance != NULL && nh__load_acquire(&instance->ready);
}

/* ---- in order ----------------------------------------------------------------------------- */

#if NH__RECOVERABLE

/* Did it stop inside a call? */
static bool left_inside(nh_instance *instance, unsigned cpu)
{
	bool inside = nh__lock_names(&instance->admin, cpu);
	for (int id = 0; id < NH_MAX_HEAPS; id++) {
		struct nh__heap *heap = nh__heap_by_id(instance, id);
		inside |= heap != NULL && (nh__lock_names(&heap->lock, cpu) || nh__gate_left_open(heap, cpu));
	}
	return inside;
}

#else

static bool left_inside(nh_instance *instance, unsigned cpu)
{
	(void)instance;
	(void)cpu;
	return false; /* cannot be told */
}

#endif

nh_status nh_instance_cpu_online(nh_instance *instance, unsigned cpu)
{
	if (!ready(instance))
		return NH_ENOINIT;
	if (cpu >= NH_CPUS)
		return NH_ENOENT;
	return left_inside(instance, cpu) ? NH_EBUSY : NH_OK;
}

static void drain(nh_instance *instance, unsigned cpu, struct nh__note *note)
{
	for (int id = 0; id < NH_MAX_HEAPS; id++) {
		struct nh__heap *heap = nh__heap_by_id(instance, id);
		if (heap != NULL)
			nh__heap_drain_cpu(heap, cpu, note);
	}
}

nh_status nh_instance_cpu_offline(nh_instance *instance, unsigned cpu)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	nh_status status = nh_instance_cpu_online(instance, cpu);
	if (status != NH_OK)
		return status;
	drain(instance, cpu, &note);
	nh__note_report(&note);
	return NH_OK;
}

/* ---- by a reset --------------------------------------------------------------------------- */

#if NH__RECOVERABLE

/* Admin lock held. What the dead CPU was adding is nobody's again, unless it is a heap that others find. If a region had come
 * as far as the lists of a heap, the CPU stopped in that heap's lock, and nobody has anything of it either. */
static void recover_additions(nh_instance *instance, unsigned dead)
{
	for (unsigned i = 0; i < NH_MAX_REGIONS; i++) {
		unsigned adding = nh__load_relaxed(&instance->adding[i]), id = adding % NH__ADDING_HEAP;
		bool whole = (adding & NH__ADDING_HEAP) != 0;
		if (adding / NH__ADDING_CPU != dead + 1u)
			continue;
		if (whole && nh__heap_by_id(instance, (int)id) == NULL) {
			nh__heap_hide(instance, id);
			nh__claim_set(instance, id, 0, 0);
			whole = false;
		}
		if (!whole)
			nh__entry_clear(&instance->regions[i]);
		nh_port_in_order();
		nh__store_relaxed(&instance->adding[i], 0);
	}
}

/* The admin lock guards sets and tables, which a second writing completes: an entry that was being cleared in this very
 * hold, before it can be another's. */
static nh_status recover_admin(nh_instance *instance, unsigned dead)
{
	nh_status status = NH_EBUSY;
	enum nh__recovery found = NH__INSIDE;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh_port_lock_begin()) {
		found = nh__lock_recover(&instance->admin, cpu, dead);
		if (found == NH__TORN)
			nh__removal_settle(instance);
		if (found != NH__INSIDE) {
			recover_additions(instance, dead);
			nh__lock_release(&instance->admin, cpu);
			status = NH_OK;
		}
		nh_port_lock_end();
	}
	nh_port_irq_restore(irq);
	for (int id = 0; found == NH__TORN && id < NH_MAX_HEAPS; id++) {
		struct nh__heap *heap = nh__heap_by_id(instance, id);
		if (heap != NULL)
			nh__heap_restore(instance, heap, false);
	}
	return status;
}

/* Nothing is found in the heap from now on, but its memory stays in use. A removal by a living CPU ends by itself: it finds no
 * region of it any more, or completes what it has decided, which is nobody's. */
static NH__NOINLINE void withdraw(nh_instance *instance, struct nh__heap *heap, unsigned dead)
{
	unsigned cpu;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	struct nh__removal *removal = &instance->removal;
	bool completed = removal->heap == heap && removal->cpu != dead && removal->decided;
	nh__heap_hide(instance, heap->id);
	for (unsigned i = 0; i < nh__load_relaxed(&instance->regions_reserved); i++)
		if (nh__load_relaxed(&instance->regions[i].heap) == heap &&
		    !(completed && nh__concerned(removal, &instance->regions[i])))
			nh__store_relaxed(&instance->regions[i].heap, NULL);
	if (removal->heap == heap && removal->cpu == dead)
		removal->heap = NULL;
	nh__admin_leave(instance, cpu, irq);
}

static nh_status recover_heap(struct nh__heap *heap, unsigned dead)
{
	nh_status status = NH_EBUSY;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh_port_lock_begin()) {
		enum nh__recovery found = nh__lock_recover(&heap->lock, cpu, dead);
		if (found != NH__INSIDE) {
			status = found == NH__TORN ? NH_ECORRUPT : NH_OK;
			if (found == NH__TORN) {
				nh__tlsf_condemn(&heap->tlsf);
				nh__walks_end(heap);
			}
			nh__freeze_recover(heap, dead);
			nh__lock_release(&heap->lock, cpu);
		}
		nh_port_lock_end();
	}
	nh_port_irq_restore(irq);
	return status;
}

static NH__NOINLINE struct nh__removal removal_of(nh_instance *instance)
{
	unsigned cpu;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	struct nh__removal removal = instance->removal;
	nh__admin_leave(instance, cpu, irq);
	return removal;
}

/* All heaps, also one that is hidden because it is being removed, by whomever: begin() in core/remove.c hides it in the lock hold
 * that names it. */
static NH__NOINLINE struct nh__heap *any_heap(nh_instance *instance, int id)
{
	unsigned cpu;
	nh_port_irq irq = nh__admin_enter(instance, &cpu);
	struct nh__heap *heap = nh__heap_by_id(instance, id), *leaving = instance->removal.heap;
	if (heap == NULL && leaving != NULL && leaving->id == id)
		heap = leaving;
	nh__admin_leave(instance, cpu, irq);
	return heap;
}

nh_status nh_instance_cpu_recover(nh_instance *instance, unsigned cpu)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *lost = NULL;
	if (!ready(instance))
		return NH_ENOINIT;
	if (cpu >= NH_CPUS)
		return NH_ENOENT;
	if (cpu == nh_port_cpu())
		return NH_EINVAL;
	nh_port_recover(cpu);
	nh__report_recover(cpu);
	nh_status result = recover_admin(instance, cpu);
	if (result != NH_OK)
		return result;
	struct nh__removal removal = removal_of(instance);
	for (int id = 0; id < NH_MAX_HEAPS; id++) {
		struct nh__heap *heap = any_heap(instance, id);
		nh_status status = heap == NULL ? NH_OK : recover_heap(heap, cpu);
		if (status == NH_ECORRUPT) {
			withdraw(instance, heap, cpu);
			lost = heap;
			if (removal.heap == heap)
				removal.heap = NULL;
		}
		if (status == NH_EBUSY)
			result = NH_EBUSY;
	}
	if (result == NH_OK) {
		if (removal.heap != NULL && removal.cpu == cpu) /* it will not go on by itself */
			nh__removal_resume(instance, &removal, &note);
		drain(instance, cpu, &note);
	}
	nh__note_report(&note);
	if (lost == NULL)
		return result;
	nh__report(NH_FAULT_BROKEN, lost, cpu);
	return NH_ECORRUPT;
}

#else

nh_status nh_instance_cpu_recover(nh_instance *instance, unsigned cpu)
{
	(void)cpu;
	return ready(instance) ? NH_ENOTSUP : NH_ENOINIT;
}

#endif

nh_status nh_instance_heap_salvage(nh_instance *instance, int number, size_t *blocks)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	if (blocks != NULL)
		*blocks = 0;
	if (!ready(instance))
		return NH_ENOINIT;
	struct nh__removal all = {.heap = nh__heap_by_id(instance, number)};
	if (all.heap == NULL)
		return NH_ENOENT;
	struct nh__join join = {.heap = all.heap};
	nh__reclaim(&join, NULL, &note);
	struct nh__tally tally = nh__sweep(instance, &all, NH__SALVAGE, &note);
	nh__join_leave(&join, &note);
	nh__note_report(&note);
	if (blocks != NULL)
		*blocks = tally.cached;
	return NH_OK;
}

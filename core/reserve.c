/* SPDX-License-Identifier: MIT */
/* Reservations: see core/reserve.h; and the admin lock, under which they are made: see core/instance.h. */
#include "core/reserve.h"
#include "core/retain.h"
#include "core/starts.h"

nh_port_irq nh__admin_enter(nh_instance *instance, unsigned *cpu)
{
	nh_port_irq irq = nh_port_irq_save();
	*cpu = nh_port_cpu();
	nh_port_lock_begin();
	nh__lock_acquire(&instance->admin, *cpu);
	return irq;
}

void nh__admin_leave(nh_instance *instance, unsigned cpu, nh_port_irq irq)
{
	nh__lock_release(&instance->admin, cpu);
	nh_port_lock_end();
	nh_port_irq_restore(irq);
}

static bool overlaps(uintptr_t a, uintptr_t a_end, uintptr_t b, uintptr_t b_end)
{
	return a < b_end && b < a_end;
}

/* What lies in front of a retained heap's region is no region's and perhaps no control block's. */
static bool is_record(nh_instance *instance, uintptr_t base, uintptr_t end)
{
	for (unsigned set = nh__heaps_with(instance, NH_ATTR_RETAINED); set != 0; set &= set - 1u) {
		const struct nh__heap *heap = nh_port_load_dependent(&instance->heap[nh_port_ctz(set)]);
		if (heap->flags & NH_HEAP_RETAINED && overlaps(base, end, (uintptr_t)nh__record_of(heap), heap->tlsf.origin))
			return true;
	}
	return false;
}

bool nh__in_use(nh_instance *instance, uintptr_t base, uintptr_t end)
{
	for (unsigned i = 0; i < NH_MAX_REGIONS; i++) { /* entries that are nobody's end at 0 */
		const struct nh__region *region = &instance->regions[i].region;
		if (overlaps(base, end, nh__region_base(region), region->end))
			return true;
	}
	for (unsigned i = 0; i < NH_MAX_HEAPS; i++)
		if (overlaps(base, end, nh__load_relaxed(&instance->control[i].base), nh__load_relaxed(&instance->control[i].end)))
			return true;
	return is_record(instance, base, end);
}

unsigned nh__region_reserve(nh_instance *instance, unsigned adding, uintptr_t first, uintptr_t end)
{
	unsigned index = 0;
	struct nh__region_entry *entry = instance->regions;
	for (; entry->region.end != 0; entry++)
		if (++index == NH_MAX_REGIONS)
			return index;
	nh__store_relaxed(&instance->adding[index], (nh__adding)adding);
	nh_port_in_order();
	entry->region = (struct nh__region){.first = first, .end = end};
	nh__starts_place(&entry->region);
	/* release: to entry_heap() in core/instance.c, which must not see a bound without the entry's NULL before it */
	nh__store_release(&entry->first, first);
	nh__store_release(&entry->end, end);
	if (index == nh__load_relaxed(&instance->regions_reserved)) {
		/* release: to region_at() in core/instance.c, which reads entries below this count */
		nh__store_release(&instance->regions_reserved, (uint8_t)(index + 1u));
	}
	return index;
}

void nh__entry_clear(struct nh__region_entry *entry)
{
	/* release: to entry_heap() in core/instance.c */
	nh__store_release(&entry->heap, NULL);
	nh__store_release(&entry->end, 0);
	nh__store_release(&entry->first, 0);
	entry->region = (struct nh__region){.first = 0};
}

void nh__claim_set(nh_instance *instance, unsigned id, uintptr_t base, uintptr_t end)
{
	/* release: to nh__check_control, which must see, with a claim that is not its heap's, that this one was hidden */
	nh__store_release(&instance->control[id].base, base);
	nh__store_release(&instance->control[id].end, end);
}

unsigned nh__number_free(nh_instance *instance)
{
	unsigned id = 0;
	while (id < NH_MAX_HEAPS && nh__load_relaxed(&instance->control[id].end) != 0)
		id++;
	return id;
}

bool nh__heap_grows(nh_instance *instance, unsigned id)
{
	bool grows = false;
	for (unsigned i = 0; i < NH_MAX_REGIONS; i++) {
		/* acquire: of region_link in core/admit.c */
		unsigned adding = nh__load_acquire(&instance->adding[i]);
		grows |= adding != 0 && adding % NH__ADDING_CPU == id; /* without NH__ADDING_HEAP */
	}
	return grows;
}

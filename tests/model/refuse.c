/* SPDX-License-Identifier: MIT */
/*
 * NULL must be the truth: with all caches emptied no free block fitted in any heap that the
 * request allows. The caches are emptied here first, since a request may know without a reclaim
 * that it cannot be served; with NH_NO_RECLAIM they are left alone.
 */
#include <nearheap/host.h>

#include "model.h"
#include "tests/support/oracle.h"

static void no_fit(model *m, int heap, size_t alignment, size_t size)
{
	size_t fit = nht_largest_fit(m->instance, heap, alignment);
	NHT_CHECK(fit < size, "op %zu: NULL for %zu aligned to %zu, but heap %d fits %zu", m->index, size, alignment, heap,
	          fit);
}

void model_refused(model *m, const nh_request *request, size_t size)
{
	int order[NH_MAX_HEAPS];
	unsigned count = rules_order(m->rules, m->heaps, nh_host_cpu(), request, order);
	if ((request->flags & NH_NO_RECLAIM) == 0)
		NHT_CHECK(nh_instance_trim(m->instance, -1) == NH_OK, "op %zu: trim", m->index);
	for (unsigned i = 0; i < count; i++)
		no_fit(m, order[i], request->alignment, size);
}

typedef struct place {
	uintptr_t address;
	size_t before, own, after; /* usable bytes; 0 where the neighbour is not free */
	uintptr_t end_before;
	bool found;
} place;

/* Finds a block and its neighbours; what is not adjacent is no neighbour. */
static bool find_place(const nh_block_info *block, void *context)
{
	place *p = context;
	uintptr_t address = (uintptr_t)block->address;
	if (p->found) {
		if (block->state == NH_BLOCK_FREE && address - NHT_OVERHEAD == p->address + p->own)
			p->after = block->size + NHT_OVERHEAD;
		return false;
	}
	if (address == p->address) {
		p->own = block->size;
		p->found = true;
		if (p->end_before != address - NHT_OVERHEAD)
			p->before = 0;
		return true;
	}
	p->before = block->state == NH_BLOCK_FREE ? block->size + NHT_OVERHEAD : 0;
	p->end_before = address + block->size;
	return true;
}

/* What the block could become without moving to another free block, before a call: over its
 * successor, or (standard alignment only) also over its predecessor. */
size_t model_room_in_place(model *m, const shadow_block *block, size_t alignment)
{
	place p = {(uintptr_t)block->address, 0, 0, 0, 0, false};
	nh_status status = nh_instance_walk(m->instance, block->heap, find_place, &p);
	NHT_CHECK(status == NH_OK && p.found, "op %zu: the walk misses a live block", m->index);
	if (alignment > NHT_ALIGNMENT)
		return p.address % alignment != 0 ? 0 : p.own + p.after;
	return p.own + p.after + p.before;
}

/* request NULL: the plain form, whose heaps follow from the block's own. */
void model_realloc_refused(model *m, const shadow_block *block, const nh_request *request, size_t size)
{
	if (request == NULL || (request->flags & NH_NO_RECLAIM) == 0)
		nh_instance_trim(m->instance, -1);
	if (request == NULL) {
		uint32_t set = rules_realloc_heaps(m->rules, m->heaps, block->heap);
		for (unsigned heap = 0; heap < m->heaps; heap++)
			if ((set & (UINT32_C(1) << heap)) != 0)
				no_fit(m, (int)heap, 0, size);
		return;
	}
	int order[NH_MAX_HEAPS];
	unsigned count = rules_order(m->rules, m->heaps, nh_host_cpu(), request, order);
	for (unsigned i = 0; i < count; i++)
		no_fit(m, order[i], request->alignment, size);
}

/* SPDX-License-Identifier: MIT */
/* Hardened calls of an instance: see core/harden.h. */
#include "core/harden.h"

#if NH__GUARDED

/* ---- quarantine --------------------------------------------------------------------------- */

/* Where the lock cannot be had, it is quarantined all the same, and not counted. */
static void set_aside(struct nh__heap *heap, struct nh__block *block, struct nh__note *note)
{
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	nh__store_relaxed(&block->owner, NH__OWNER_LOST);
	if (nh__heap_lock(heap, cpu)) {
		heap->tlsf.lost += nh__block_span(block);
		nh__heap_unlock(heap, cpu, note);
	}
	nh_port_irq_restore(irq);
}

/* ---- malloc ------------------------------------------------------------------------------- */

bool nh__hand_out(nh_instance *instance, void *payload, size_t size)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__heap *heap = nh__heap_at(instance, (uintptr_t)payload);
	struct nh__block *block = nh__block_at(payload);
	nh__fill(payload, 2u * sizeof(uint32_t)); /* a link and its echo, checked when it was taken */
	const void *written = nh__first_written(payload, NH_ROOM(nh__block_span(block)));
	if (NH__LIKELY(written == NULL)) {
		nh__seal(heap->tlsf.secret, block, size);
		return true;
	}
	nh__note_keep(&note, NH_FAULT_WRITTEN, written);
	set_aside(heap, block, &note);
	nh__note_report(&note);
	return false;
}

/* ---- what a pointer is -------------------------------------------------------------------- */

size_t nh__asked(const struct nh__heap *heap, struct nh__block *block)
{
	size_t size = 0;
	return nh__seal_broken(heap->tlsf.secret, block, &size) == NULL ? size : 0;
}

nh_fault_code nh__start_fault(nh_instance *instance, struct nh__block *block)
{
	struct nh__heap *heap;
	const struct nh__region *region = nh__region_at(instance, (uintptr_t)nh__payload(block), &heap);
	if (region == NULL)
		return NH_FAULT_POINTER;
	if (nh__start_is(region, block))
		return NH_FAULT_NONE;
	/* into free memory: it was a block, and has been merged since */
	struct nh__block *around = nh__start_around(region, (uintptr_t)nh__payload(block));
	uint8_t owner = around == NULL ? NH__OWNER_LOST : nh__load_relaxed(&around->owner);
	return owner == NH__OWNER_TLSF ? NH_FAULT_DOUBLE_FREE : NH_FAULT_POINTER;
}

bool nh__header_true(nh_instance *instance, struct nh__heap *heap, struct nh__block *block, uint8_t owner)
{
	struct nh__heap *same;
	const struct nh__region *region = nh__region_at(instance, (uintptr_t)nh__payload(block), &same);
	return region != NULL && nh__start_next_is(region, block, nh__block_span(block), UINT32_MAX) &&
	       owner == nh__live_owner(heap, block);
}

struct nh__block_ref nh__claim(nh_instance *instance, void *payload, size_t *size, const void **at)
{
	struct nh__block *block = nh__block_at(payload);
	struct nh__block_ref ref = nh__resolve(instance, payload);
	*at = payload;
	if (ref.heap == NULL)
		return ref;
	uint8_t owner = ref.owner;
	nh_port_irq irq = nh_port_irq_save();
	bool ours = nh_port_claim(&block->owner, owner, NH__OWNER_BUSY);
	nh_port_irq_restore(irq);
	if (!ours)
		return (struct nh__block_ref){NULL, 0, NH_FAULT_DOUBLE_FREE};
	const void *broken = nh__seal_broken(ref.heap->tlsf.secret, block, size);
	if (broken != NULL) {
		*at = broken;
		nh__unclaim(block, owner);
		return (struct nh__block_ref){NULL, 0, NH_FAULT_OVERRUN};
	}
	return ref;
}

void nh__unclaim(struct nh__block *block, uint8_t owner)
{
	nh__store_relaxed(&block->owner, owner);
}

/* ---- free --------------------------------------------------------------------------------- */

/* A context that may not wait for a lock is refused even where a magazine would do: once it is filled, a block cannot
 * be given back to its user. */
static bool may_free(void)
{
	bool may = nh_port_lock_begin();
	if (may)
		nh_port_lock_end();
	return may;
}

void nh__free_slow(nh_instance *instance, void *payload)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	struct nh__block *block = nh__block_at(payload);
	const void *at;
	size_t size = 0;
	if (payload == NULL)
		return;
	nh_port_attach();
	nh__before_call(instance);
	struct nh__block_ref ref = {NULL, 0, NH_FAULT_CONTEXT};
	at = payload;
	if (may_free())
		ref = nh__claim(instance, payload, &size, &at);
	if (ref.heap != NULL) {
		nh__store_relaxed(&block->owner, NH__OWNER_GONE);
		nh_port_in_order();
		nh__fill(payload, NH_ROOM(nh__block_span(block)));
		nh_port_retire(payload, NH_USABLE(nh__block_span(block)));
		nh_port_irq irq = nh_port_irq_save();
		nh__heap_give(ref.heap, nh_port_cpu(), payload, ref.owner, &note);
		nh_port_irq_restore(irq);
	} else {
		nh__note_keep(&note, ref.fault, at);
		if (ref.fault == NH_FAULT_OVERRUN)
			set_aside(nh__heap_at(instance, (uintptr_t)payload), block, &note);
	}
	nh__note_report(&note);
}

#endif

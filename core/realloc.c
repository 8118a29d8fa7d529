/* SPDX-License-Identifier: MIT */
/*
 * Resizing. In place: shrink, grow over a free successor, grow over a free predecessor. The bytes
 * move outside every lock: over a predecessor the joined block is live and ours alone while they do,
 * and what is too much goes back in a second lock hold.
 */
#include "core/instance.h"

#include <string.h>

struct resize {
	struct nh__heap *heap;
	struct nh__need need;
	size_t old_size; /* usable */
	struct nh__note note;
};

static bool aligned_to(const void *payload, uint32_t align)
{
	return ((uintptr_t)payload & ((uintptr_t)align * NH_GRANULE - 1u)) == 0;
}

/* Returns what the block has beyond what is needed, rounded if it has that much; under the lock. */
static void trim(struct resize *resize, struct nh__block *block)
{
	uint32_t rounded = nh__rounded_span(resize->heap, &resize->need);
	uint32_t span = nh__block_span(block) >= rounded ? rounded : resize->need.span;
	nh__tlsf_shrink(&resize->heap->tlsf, block, span);
	nh__make_live(resize->heap, block);
}

/* First lock hold. NULL: not in place. *moved: the payload must move down to the result. */
static struct nh__block *resize_locked(struct resize *resize, struct nh__block *block, bool *moved)
{
	struct nh__heap *heap = resize->heap;
	uint32_t span = resize->need.span;
	*moved = false;
	if (nh__block_span(block) >= span) {
		trim(resize, block);
		return block;
	}
	if (nh__tlsf_grow(&heap->tlsf, block, nh__rounded_span(heap, &resize->need)) ||
	    nh__tlsf_grow(&heap->tlsf, block, span)) {
		nh__make_live(heap, block);
		return block;
	}
	if (resize->need.align != 1)
		return NULL; /* the predecessor's alignment is anything */
	struct nh__block *lower = nh__tlsf_grow_back(&heap->tlsf, block, span);
	if (lower != NULL) {
		nh__store_relaxed(&lower->owner, NH__OWNER_LARGE);
		*moved = true;
	}
	return lower;
}

static void *resize_in_place(struct resize *resize, void *payload)
{
	struct nh__heap *heap = resize->heap;
	struct nh__block *result = NULL;
	bool moved = false;
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) {
		result = resize_locked(resize, nh__block_at(payload), &moved);
		nh__heap_unlock(heap, cpu, &resize->note);
	}
	nh_port_irq_restore(irq);
	if (!moved)
		return result == NULL ? NULL : payload;

	memmove(nh__payload(result), payload, resize->old_size);
	irq = nh_port_irq_save();
	cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) {
		trim(resize, result);
		nh__heap_unlock(heap, cpu, &resize->note);
	}
	nh_port_irq_restore(irq);
	return nh__payload(result);
}

/* Nothing to do: it fits, and what could be cut off is no block, or stays in the same class. */
static bool fits_already(const struct resize *resize, uint32_t span)
{
	return span >= resize->need.span &&
	       (span - resize->need.span < NH_SPAN_MIN || span == resize->need.class_span);
}

/* May the owning heap serve a request that has to move the block? */
static bool may_stay_in(nh_instance *instance, const nh_request *request, const struct nh__heap *heap)
{
	struct nh__choice choice;
	nh__choice_begin(&choice, instance, request);
	return ((unsigned)choice.left >> heap->id & 1u) != 0;
}

/* To a new block: in the same heap if the request allows it, which keeps what the block was chosen for. */
static void *move(nh_instance *instance, const nh_request *request, struct resize *resize, void *payload, size_t size)
{
	void *fresh = NULL;
	if (may_stay_in(instance, request, resize->heap))
		fresh = nh__heap_take(resize->heap, &resize->need, &resize->note);
	if (fresh == NULL)
		fresh = nh__allocate(instance, request, &resize->need, NULL);
	if (fresh == NULL)
		return NULL;
	memcpy(fresh, payload, size < resize->old_size ? size : resize->old_size);
	nh_instance_free(instance, payload);
	return fresh;
}

/* Where a plain realloc may go: to memory as good as the old, and from a default-eligible heap to any other. */
static nh_request like(nh_instance *instance, const struct nh__heap *heap)
{
	nh_request request = {0};
	if ((heap->flags & NH_HEAP_NOT_DEFAULT) == 0) {
		request.prefer = heap->attributes;
		request.heaps = nh__load_relaxed(&instance->eligible);
	} else if (heap->attributes != 0) {
		request.require = heap->attributes;
	} else {
		request.heaps = 1u << heap->id;
	}
	return request;
}

static void *resize_block(nh_instance *instance, const nh_request *request, void *payload, size_t size)
{
	struct nh__block_ref ref = nh__resolve(instance, payload);
	if (ref.heap == NULL) {
		nh__report(ref.fault, payload, nh_port_cpu());
		return NULL;
	}
	uint32_t align = nh__align(request == NULL ? 0 : request->alignment);
	struct resize resize = {ref.heap, nh__need_of(nh__class_table_of(instance), size, align), 0, {NH_FAULT_NONE, NULL}};
	if (resize.need.span == 0 || align == 0)
		return NULL;
	uint32_t span = nh__block_span(nh__block_at(payload));
	resize.old_size = NH_USABLE(span);
	void *result = NULL;
	if (aligned_to(payload, align))
		result = fits_already(&resize, span) ? payload : resize_in_place(&resize, payload);
	if (result == NULL) {
		nh_request plain = like(instance, ref.heap);
		result = move(instance, request == NULL ? &plain : request, &resize, payload, size);
	}
	if (result == NULL && aligned_to(payload, align))
		result = resize_in_place(&resize, payload); /* a reclaim may have freed its neighbours */
	nh__note_report(&resize.note);
	return result;
}

void *nh_instance_realloc_request(nh_instance *instance, const nh_request *request, void *block, size_t size)
{
	static const nh_request plain;
	if (block == NULL)
		return nh_instance_alloc(instance, request == NULL ? &plain : request, size);
	if (size == 0) {
		nh_instance_free(instance, block);
		return NULL;
	}
	return resize_block(instance, request == NULL ? &plain : request, block, size);
}

void *nh_instance_realloc(nh_instance *instance, void *block, size_t size)
{
	if (block == NULL)
		return nh_instance_malloc(instance, size);
	if (size == 0) {
		nh_instance_free(instance, block);
		return NULL;
	}
	return resize_block(instance, NULL, block, size);
}

void *nh_instance_realloc_attr(nh_instance *instance, uint32_t attributes, void *block, size_t size)
{
	nh_request request = {.require = attributes};
	return attributes == 0 ? nh_instance_realloc(instance, block, size)
	                       : nh_instance_realloc_request(instance, &request, block, size);
}

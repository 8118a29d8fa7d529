/* SPDX-License-Identifier: MIT */
/* The public allocation functions of an instance, over the hits and the slow path. */
#include "core/harden.h"
#include "core/hit.h"

#include <string.h>

static const nh_request plain;

/* ---- slow paths of the hits --------------------------------------------------------------- */

static void *allocate(nh_instance *instance, const nh_request *request, size_t size)
{
	struct nh__need need = nh__need_of(nh__class_table_of(instance), size, nh__align(request->alignment));
	nh__before_call(instance);
	void *payload = nh__allocate(instance, request, &need, NULL);
	while (payload != NULL && !nh__hand_out(instance, payload, size))
		payload = nh__allocate(instance, request, &need, NULL);
	if (payload != NULL && request->flags & NH_ZERO)
		memset(payload, 0, size);
	return payload;
}

/* The CPU's first heap serves nearly always, and that takes no selection. */
static void *serve(nh_instance *instance, const struct nh__need *need)
{
	struct nh__heap *first = NULL;
#if NH_CACHES
	struct nh__note note = {NH_FAULT_NONE, NULL};
	nh_port_attach();
	first = nh__first_cache(instance, nh_port_cpu())->heap;
	if (first != NULL && need->span != 0) {
		void *payload = nh__heap_take(first, need, &note);
		nh__note_report(&note);
		if (payload != NULL)
			return payload;
	}
#endif
	return nh__allocate(instance, &plain, need, first);
}

NH__NOINLINE void *nh__malloc_slow(nh_instance *instance, size_t size)
{
	struct nh__need need = nh__need_of(nh__class_table_of(instance), size, 1u);
	return serve(instance, &need);
}

NH__NOINLINE void *nh__malloc_miss(nh_instance *instance, unsigned klass)
{
	struct nh__need need = {NH_SPAN_MIN + klass, 1u, NH_SPAN_MIN + klass, (uint8_t)klass};
	return serve(instance, &need);
}

#if !NH__GUARDED /* else core/harden.c has it */

NH__NOINLINE void nh__free_slow(nh_instance *instance, void *payload)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	if (payload == NULL)
		return;
	nh_port_attach();
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	struct nh__block_ref ref = nh__resolve(instance, payload);
	if (ref.heap != NULL) {
		nh_port_retire(payload, NH_USABLE(nh__block_span(nh__block_at(payload))));
		nh__heap_give(ref.heap, cpu, payload, ref.owner, &note);
	} else {
		nh__note_keep(&note, ref.fault, payload);
	}
	nh_port_irq_restore(irq);
	nh__note_report(&note);
}

#endif

/* ---- functions ---------------------------------------------------------------------------- */

NH__INLINE void *take(nh_instance *instance, size_t size)
{
	struct nh__block *block;
	unsigned klass;
	switch (nh__malloc_hit(instance, size, &block, &klass)) {
	case NH__HIT:
		return nh__payload(block);
	case NH__MISS:
		return nh__malloc_miss(instance, klass);
	default:
		return nh__malloc_slow(instance, size);
	}
}

void *nh_instance_malloc(nh_instance *instance, size_t size)
{
	nh__before_call(instance);
	void *payload = take(instance, size);
	while (payload != NULL && !nh__hand_out(instance, payload, size))
		payload = take(instance, size);
	return payload;
}

void nh_instance_free(nh_instance *instance, void *block)
{
	struct nh__block *header = nh__block_at(block);
	NH_PORT_OPAQUE(header);
	if (NH__UNLIKELY(!nh__free_hit(instance, header)))
		nh__free_slow(instance, nh__payload(header));
}

void *nh_instance_calloc(nh_instance *instance, size_t count, size_t size)
{
	size_t bytes = nh__product(count, size);
	void *block = nh_instance_malloc(instance, bytes);
	if (block != NULL)
		memset(block, 0, bytes);
	return block;
}

void *nh_instance_alloc(nh_instance *instance, const nh_request *request, size_t size)
{
	return allocate(instance, request == NULL ? &plain : request, size);
}

void *nh_instance_aligned_alloc(nh_instance *instance, size_t alignment, size_t size)
{
	nh_request request = {.alignment = alignment};
	return allocate(instance, &request, size);
}

void *nh_instance_malloc_attr(nh_instance *instance, uint32_t attributes, size_t size)
{
	nh_request request = {.require = attributes};
	return allocate(instance, &request, size);
}

void *nh_instance_calloc_attr(nh_instance *instance, uint32_t attributes, size_t count, size_t size)
{
	nh_request request = {.require = attributes, .flags = NH_ZERO};
	return allocate(instance, &request, nh__product(count, size));
}

void *nh_instance_aligned_alloc_attr(nh_instance *instance, uint32_t attributes, size_t alignment, size_t size)
{
	nh_request request = {.require = attributes, .alignment = alignment};
	return allocate(instance, &request, size);
}

size_t nh_instance_usable_size(nh_instance *instance, const void *block)
{
	struct nh__block_ref ref = nh__resolve(instance, block);
#if NH__GUARDED
	return ref.heap == NULL ? 0 : nh__asked(ref.heap, nh__block_at(block));
#else
	return ref.heap == NULL ? 0 : NH_USABLE(nh__block_span(nh__block_at(block)));
#endif
}

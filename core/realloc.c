/* SPDX-License-Identifier: MIT */
/*
 * Resizing. In place: shrink, grow over a free successor, grow over a free predecessor. The bytes
 * move outside every lock: over a predecessor the joined block is live and ours alone while they do,
 * and what is too much goes back in a second lock hold.
 */
#include "core/harden.h"
#include "core/instance.h"

#include <string.h>

struct resize {
	struct nh__heap *heap;
	struct nh__need need;
	size_t old_size; /* usable; from NH_HARDENING_FULL on, as asked for */
	struct nh__note note;
#if NH__GUARDED
	unsigned char *old_end; /* of its room */
	size_t size;            /* asked for now */
	uint8_t owner;          /* the block's byte, which says now that it is claimed */
#endif
};

#if NH__GUARDED

/* What a block takes over from free memory must be fill. */
static void inspect(struct resize *resize, const void *from, const void *to)
{
	const void *written = NULL;
	if ((uintptr_t)from < (uintptr_t)to)
		written = nh__first_written(from, (uintptr_t)to - (uintptr_t)from);
	if (written != NULL)
		nh__note_keep(&resize->note, NH_FAULT_WRITTEN, written);
}

static void move_down(struct resize *resize, struct nh__block *to, void *payload)
{
	unsigned char *end = (unsigned char *)nh__payload(to) + resize->old_size;
	inspect(resize, nh__payload(to), nh__block_at(payload));
	memmove(nh__payload(to), payload, resize->old_size);
	nh__fill(end, (size_t)(resize->old_end - end));
}

#else
#define move_down(resize, to, payload) memmove(nh__payload(to), (payload), (resize)->old_size)
#endif

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
	/* the predecessor's alignment is anything; in a retained heap the old pointer must not lead into a block half moved */
	if (resize->need.align != 1 || heap->flags & NH_HEAP_RETAINED)
		return NULL;
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
	} else if (NH__GUARDED && nh__block_span(nh__block_at(payload)) >= resize->need.span) {
		result = nh__block_at(payload); /* what was to be cut off is fill already: it stays as slack */
	}
	nh_port_irq_restore(irq);
	if (!moved)
		return result == NULL ? NULL : payload;

	move_down(resize, result, payload);
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

#if NH__GUARDED

/* Where it is, or over its neighbours; NULL if that cannot be. */
static void *stay(struct resize *resize, void *payload)
{
	uint32_t span = nh__block_span(nh__block_at(payload));
	resize->old_end = (unsigned char *)payload + NH_ROOM(span);
	if (resize->size < resize->old_size)
		nh__fill((unsigned char *)payload + resize->size, NH_ROOM(span) - resize->size);
	void *result = fits_already(resize, span) ? payload : resize_in_place(resize, payload);
	if (result == NULL)
		return NULL;
	struct nh__block *block = nh__block_at(result);
	inspect(resize, resize->old_end, (unsigned char *)result + NH_ROOM(nh__block_span(block)));
	nh__seal(resize->heap->tlsf.secret, block, resize->size);
	nh__make_live(resize->heap, block);
	return result;
}

/* Claims, or fails. */
static bool begin(nh_instance *instance, struct resize *resize, void *payload, size_t size)
{
	const void *at;
	nh__before_call(instance);
	struct nh__block_ref ref = nh__claim(instance, payload, &resize->old_size, &at);
	resize->heap = ref.heap;
	resize->note = (struct nh__note){NH_FAULT_NONE, NULL};
	resize->size = size;
	resize->owner = ref.owner;
	if (ref.heap == NULL)
		nh__report(ref.fault, at, nh_port_cpu());
	return ref.heap != NULL;
}

#define unclaim(resize, payload) nh__unclaim(nh__block_at(payload), (resize)->owner)

#else

static void *stay(struct resize *resize, void *payload)
{
	return fits_already(resize, nh__block_span(nh__block_at(payload))) ? payload : resize_in_place(resize, payload);
}

static bool begin(nh_instance *instance, struct resize *resize, void *payload, size_t size)
{
	struct nh__block_ref ref = nh__resolve(instance, payload);
	(void)size;
	resize->heap = ref.heap;
	resize->note = (struct nh__note){NH_FAULT_NONE, NULL};
	if (ref.heap == NULL)
		nh__report(ref.fault, payload, nh_port_cpu());
	else
		resize->old_size = NH_USABLE(nh__block_span(nh__block_at(payload)));
	return ref.heap != NULL;
}

#define unclaim(resize, payload) ((void)0)

#endif

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
	void *fresh;
	do {
		fresh = NULL;
		if (may_stay_in(instance, request, resize->heap))
			fresh = nh__heap_take(resize->heap, &resize->need, &resize->note);
		if (fresh == NULL)
			fresh = nh__allocate(instance, request, &resize->need, NULL);
		if (fresh == NULL)
			return NULL;
	} while (!nh__hand_out(instance, fresh, size));
	memcpy(fresh, payload, size < resize->old_size ? size : resize->old_size);
	unclaim(resize, payload);
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
	struct resize resize;
	if (!begin(instance, &resize, payload, size))
		return NULL;
	uint32_t align = nh__align(request == NULL ? 0 : request->alignment);
	resize.need = nh__need_of(nh__class_table_of(instance), size, align);
	void *result = NULL;
	if (resize.need.span != 0 && align != 0) {
		if (aligned_to(payload, align))
			result = stay(&resize, payload);
		if (result == NULL) {
			nh_request plain = like(instance, resize.heap);
			result = move(instance, request == NULL ? &plain : request, &resize, payload, size);
		}
		if (result == NULL && aligned_to(payload, align))
			result = stay(&resize, payload); /* a reclaim may have freed its neighbours */
	}
	if (result == NULL)
		unclaim(&resize, payload);
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

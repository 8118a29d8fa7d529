/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <nearheap/host.h>

#include "model.h"
#include "tests/support/oracle.h"

/* ---- what to ask for ---------------------------------------------------------------------- */

static size_t random_size(model *m)
{
	nht_random *random = &m->random;
	size_t total = m->total;
	unsigned kind = (unsigned)nht_below(random, 100);
	if (kind < m->setup->small)
		return nht_between(random, 1, 96);
	kind = (unsigned)nht_below(random, 100);
	if (kind < 50)
		return nht_between(random, 1, 512);
	if (kind < 85)
		return nht_between(random, 1, total / 32u + 1u);
	if (kind < 97)
		return nht_between(random, 1, total / 6u + 1u);
	return nht_between(random, 1, total + total / 8u);
}

static size_t random_alignment(model *m)
{
	return (size_t)1 << nht_below(&m->random, 13); /* to 4096 */
}

/* Attributes that occur in the setup, some of them, or rarely one that no heap has. */
static uint32_t random_attributes(model *m)
{
	if (nht_chance(&m->random, 2))
		return NH_ATTR_USER(15);
	uint32_t mask = m->rules[nht_below(&m->random, m->heaps)].attributes;
	return nht_chance(&m->random, 40) ? mask : mask & nht_next(&m->random);
}

/* A request in all its parts; `masks` gives the preference list room. */
static nh_request random_request(model *m, uint32_t masks[3])
{
	nht_random *random = &m->random;
	nh_request request = {0};
	if (nht_chance(random, 50))
		request.require = random_attributes(m);
	if (nht_chance(random, 30))
		request.prefer = random_attributes(m);
	if (nht_chance(random, 30)) {
		request.preference_count = (unsigned)nht_between(random, 1, 3);
		request.preferences = masks;
		for (unsigned i = 0; i < request.preference_count; i++)
			masks[i] = random_attributes(m);
	}
	if (nht_chance(random, 15))
		request.heaps = nht_next(random) & ((UINT32_C(1) << m->heaps) - 1u);
	if (nht_chance(random, 25))
		request.flags |= NH_NO_FOREIGN;
	if (nht_chance(random, 25))
		request.flags |= NH_NO_RECLAIM;
	if (nht_chance(random, 25))
		request.flags |= NH_ZERO;
	if (nht_chance(random, 20))
		request.alignment = random_alignment(m);
	return request;
}

/* ---- the choice of the heap --------------------------------------------------------------- */

typedef struct view {
	int order[NH_MAX_HEAPS];
	unsigned count;
	size_t fit[NH_MAX_HEAPS]; /* by place in the order: what TLSF could have given */
	unsigned promised;        /* place that nh_explain named, count if none */
} view;

/* nh_explain must list the candidates in the order of the rules, then the others with reasons that
 * are true of them. */
static void check_explanation(model *m, const nh_request *request, size_t size, view *v)
{
	nh_explanation entries[NH_MAX_HEAPS];
	unsigned cpu = nh_host_cpu();
	unsigned total = nh_instance_explain(m->instance, request, size, entries, NH_MAX_HEAPS);
	NHT_CHECK(total == nh_instance_heap_count(m->instance), "op %zu: explain counts %u heaps", m->index, total);
	v->promised = v->count;
	for (unsigned i = 0; i < v->count; i++) {
		NHT_CHECK(entries[i].heap == v->order[i], "op %zu: CPU %u, place %u: explain has heap %d, rules %d",
		          m->index, cpu, i, entries[i].heap, v->order[i]);
		nh_reason reason = entries[i].reason;
		nh_reason expected = v->promised < v->count ? NH_NOT_REACHED : reason == NH_TAKEN ? NH_TAKEN : NH_FULL;
		NHT_CHECK(reason == expected, "op %zu: place %u: reason %d (%s)", m->index, i, (int)reason,
		          nh_reason_string(reason));
		NHT_CHECK(reason != NH_FULL || v->fit[i] < size, "op %zu: heap %d called full, fits %zu, asked %zu",
		          m->index, entries[i].heap, v->fit[i], size);
		if (reason == NH_TAKEN)
			v->promised = i;
	}
	for (unsigned i = v->count; i < total; i++) {
		unsigned number = (unsigned)entries[i].heap;
		NHT_CHECK(number < m->heaps && m->rules[number].there &&
		          rules_reason_true(&m->rules[number], number, cpu, request, entries[i].reason),
		          "op %zu: heap %u passed over: %s", m->index, number, nh_reason_string(entries[i].reason));
	}
	m->explained++;
}

static void look_before(model *m, const nh_request *request, size_t size, view *v)
{
	v->count = rules_order(m->rules, m->heaps, nh_host_cpu(), request, v->order);
	if (!m->setup->watch)
		return;
	for (unsigned i = 0; i < v->count; i++)
		v->fit[i] = nht_largest_fit(m->instance, v->order[i], request->alignment);
	check_explanation(m, request, size, v);
	for (unsigned i = 0; i < v->count; i++) {
		size_t fit = nht_largest_fit(m->instance, v->order[i], request->alignment);
		NHT_CHECK(fit == v->fit[i], "op %zu: explain changed what heap %d fits from %zu to %zu", m->index,
		          v->order[i], v->fit[i], fit);
	}
}

/* The block came from a heap that the request accepts, and TLSF could not have served it from one
 * that comes earlier. (What sat in a cache there may have been passed over in the first pass.) */
static void check_choice(model *m, const view *v, int heap, size_t size)
{
	unsigned place = 0;
	while (place < v->count && v->order[place] != heap)
		place++;
	NHT_CHECK(place < v->count, "op %zu: heap %d is none the request accepts", m->index, heap);
	if (!m->setup->watch)
		return;
	for (unsigned i = 0; i < place; i++)
		NHT_CHECK(v->fit[i] < size, "op %zu: heap %d taken, but %d comes first and fits %zu for %zu",
		          m->index, heap, v->order[i], v->fit[i], size);
	NHT_CHECK(place <= v->promised, "op %zu: explain promised place %u, taken %u", m->index, v->promised, place);
}

/* ---- a block comes ------------------------------------------------------------------------ */

/* Doublings have 8 classes each; and what cannot be cut off is less than a block. */
static size_t most_for(size_t size)
{
	return size + size / 8u + NHT_LEAST_SPAN + NHT_ALIGNMENT + NHT_OVERHEAD;
}

static void check_block(model *m, const shadow_block *block)
{
	uintptr_t address = (uintptr_t)block->address;
	int part = nht_arena_find(&m->arena, block->address, block->usable);
	NHT_CHECK(part >= 0 && m->part_added[part], "op %zu: block %p of %zu is in no region", m->index,
	          (void *)block->address, block->usable);
	NHT_CHECK(m->part_heap[part] == block->heap, "op %zu: heap_of says %d, the region is of %d", m->index,
	          block->heap, m->part_heap[part]);
	NHT_CHECK(block->usable >= block->size, "op %zu: usable %zu < asked %zu", m->index, block->usable, block->size);
	NHT_CHECK(NHT_EXACT || block->usable <= most_for(block->size), "op %zu: usable %zu, asked %zu", m->index, block->usable,
	          block->size);
	NHT_CHECK(address % NHT_ALIGNMENT == 0, "op %zu: %p is misaligned", m->index, (void *)block->address);
	NHT_CHECK(block->alignment == 0 || address % block->alignment == 0, "op %zu: %p is not aligned to %zu",
	          m->index, (void *)block->address, block->alignment);
}

static shadow_block describe(model *m, void *address, size_t size, size_t alignment)
{
	shadow_block block = {0};
	block.address = address;
	block.size = size;
	block.alignment = alignment;
	block.usable = nh_instance_usable_size(m->instance, address);
	block.heap = nh_instance_heap_of(m->instance, address);
	block.key = m->next_key++ * UINT32_C(0x9e3779b1);
	return block;
}

static void take_in(model *m, const shadow_block *block)
{
	check_block(m, block);
	NHT_CHECK(shadow_claim(&m->shadow, block->address, block->usable), "op %zu: block %p of %zu overlaps a live one",
	          m->index, (void *)block->address, block->usable);
	pattern_write(block->address, block->usable, block->key);
	shadow_add(&m->shadow, block);
}

static bool all_zero(const unsigned char *address, size_t size)
{
	return size == 0 || (address[0] == 0 && memcmp(address, address + 1, size - 1u) == 0);
}

/* ---- allocation in all its forms ---------------------------------------------------------- */

enum form { MALLOC, CALLOC, ALIGNED, REALLOC_NULL, ATTR, CALLOC_ATTR, ALIGNED_ATTR, REQUEST, FORMS };

/* `request` is what the form means; calls the form itself. */
static void *call_form(model *m, enum form form, const nh_request *request, size_t size, size_t count)
{
	nh_instance *instance = m->instance;
	switch (form) {
	case MALLOC:
		return nh_instance_malloc(instance, size);
	case CALLOC:
		return nh_instance_calloc(instance, count, size / count);
	case ALIGNED:
		return nh_instance_aligned_alloc(instance, request->alignment, size);
	case REALLOC_NULL:
		return nh_instance_realloc(instance, NULL, size);
	case ATTR:
		return nh_instance_malloc_attr(instance, request->require, size);
	case CALLOC_ATTR:
		return nh_instance_calloc_attr(instance, request->require, count, size / count);
	case ALIGNED_ATTR:
		return nh_instance_aligned_alloc_attr(instance, request->require, request->alignment, size);
	default:
		return nh_instance_alloc(instance, request, size);
	}
}

static enum form random_form(model *m)
{
	/* plain malloc is the one that everything else is built around */
	return nht_chance(&m->random, 35) ? MALLOC : (enum form)nht_below(&m->random, FORMS);
}

static nh_request request_of_form(model *m, enum form form, uint32_t masks[3])
{
	nh_request request = {0};
	if (form == REQUEST)
		return random_request(m, masks);
	if (form == ATTR || form == CALLOC_ATTR || form == ALIGNED_ATTR)
		request.require = random_attributes(m);
	if (form == CALLOC || form == CALLOC_ATTR)
		request.flags = NH_ZERO;
	if (form == ALIGNED || form == ALIGNED_ATTR)
		request.alignment = random_alignment(m);
	return request;
}

static void allocate(model *m, enum form form, const nh_request *request, size_t size, size_t count)
{
	view before;
	look_before(m, request, size, &before);
	unsigned char *address = call_form(m, form, request, size, count);
	if (address == NULL) {
		m->refused++;
		NHT_CHECK(!m->setup->watch || before.promised == before.count,
		          "op %zu: NULL for %zu, but explain promised heap %d", m->index, size,
		          before.order[before.promised]);
		model_refused(m, request, size);
		return;
	}
	m->allocated++;
	shadow_block block = describe(m, address, size, request->alignment);
	check_block(m, &block);
	check_choice(m, &before, block.heap, size);
	NHT_CHECK((request->flags & NH_ZERO) == 0 || all_zero(address, size), "op %zu: not zeroed", m->index);
	take_in(m, &block);
}

void model_request(model *m, const nh_request *request, size_t size)
{
	allocate(m, REQUEST, request, size, 1);
}

void model_allocate(model *m)
{
	uint32_t masks[3];
	enum form form = random_form(m);
	nh_request request = request_of_form(m, form, masks);
	size_t size = random_size(m);
	size_t count = 1;
	if (form == CALLOC || form == CALLOC_ATTR) {
		count = nht_between(&m->random, 1, size < 40 ? size : 40);
		size -= size % count;
	}
	allocate(m, form, &request, size, count);
}

/* ---- realloc ------------------------------------------------------------------------------ */

static nh_request request_of_realloc(model *m, unsigned form, uint32_t masks[3])
{
	nh_request request = {0};
	if (form >= 75)
		return random_request(m, masks);
	if (form >= 60)
		request.require = random_attributes(m);
	return request;
}

static void *call_realloc(model *m, unsigned form, const nh_request *request, void *address, size_t size)
{
	if (form < 60)
		return nh_instance_realloc(m->instance, address, size);
	if (form < 75)
		return nh_instance_realloc_attr(m->instance, request->require, address, size);
	return nh_instance_realloc_request(m->instance, request, address, size);
}

/* Where a block that moved may be: by the request, or by its old heap's attributes. A short form
 * with attributes 0 equals the plain one. */
static bool may_move_to(model *m, unsigned form, const nh_request *request, int from, int to)
{
	bool plain = form < 60 || (form < 75 && request->require == 0);
	if (plain)
		return (rules_realloc_heaps(m->rules, m->heaps, from) & (UINT32_C(1) << to)) != 0;
	int order[NH_MAX_HEAPS];
	unsigned count = rules_order(m->rules, m->heaps, nh_host_cpu(), request, order);
	for (unsigned i = 0; i < count; i++)
		if (order[i] == to)
			return true;
	return from == to; /* stayed, or slid over a free neighbour */
}

static void adopt_moved(model *m, unsigned index, unsigned char *address, size_t size, size_t alignment)
{
	shadow_block old = m->shadow.blocks[index];
	NHT_CHECK(pattern_holds(address, old.usable, size, old.key), "op %zu: realloc lost contents", m->index);
	shadow_return(&m->shadow, old.address, old.usable);
	shadow_remove(&m->shadow, index);
	size_t kept = address == old.address ? old.alignment : 0;
	shadow_block block = describe(m, address, size, alignment > kept ? alignment : kept);
	if (address != old.address)
		m->moved++;
	else if (block.usable > old.usable)
		m->grown_in_place++;
	take_in(m, &block);
}

void model_reallocate(model *m)
{
	if (m->shadow.count == 0)
		return;
	uint32_t masks[3];
	unsigned index = (unsigned)nht_below(&m->random, m->shadow.count);
	shadow_block *block = &m->shadow.blocks[index];
	size_t size = nht_chance(&m->random, 50) ? random_size(m) : nht_below(&m->random, 2u * block->size + 2u);
	unsigned form = (unsigned)nht_below(&m->random, 100);
	nh_request request = request_of_realloc(m, form, masks);
	size_t room = m->setup->watch ? model_room_in_place(m, block, request.alignment) : 0;
	NHT_CHECK(pattern_holds(block->address, block->usable, block->usable, block->key), "op %zu: contents of %p lost",
	          m->index, (void *)block->address);
	unsigned char *address = call_realloc(m, form, &request, block->address, size);
	if (address != NULL) {
		NHT_CHECK(size != 0, "op %zu: realloc to 0 gave a block", m->index);
		int to = nh_instance_heap_of(m->instance, address);
		NHT_CHECK(may_move_to(m, form, &request, block->heap, to), "op %zu: realloc moved from heap %d to %d",
		          m->index, block->heap, to);
		adopt_moved(m, index, address, size, request.alignment);
	} else if (size == 0) {
		shadow_return(&m->shadow, block->address, block->usable);
		shadow_remove(&m->shadow, index);
	} else {
		m->refused++;
		NHT_CHECK(room < size, "op %zu: NULL for %zu, but there is room for %zu in place", m->index, size, room);
		NHT_CHECK(pattern_holds(block->address, block->usable, block->usable, block->key),
		          "op %zu: a refused realloc changed the block", m->index);
		bool plain = form < 60 || (form < 75 && request.require == 0);
		model_realloc_refused(m, block, plain ? NULL : &request, size);
	}
}

/* ---- the rest ----------------------------------------------------------------------------- */

void model_free_index(model *m, unsigned index)
{
	shadow_block block = m->shadow.blocks[index];
	NHT_CHECK(nh_instance_usable_size(m->instance, block.address) == block.usable, "op %zu: usable size changed", m->index);
	NHT_CHECK(pattern_holds(block.address, block.usable, block.usable, block.key), "op %zu: contents of %p lost",
	          m->index, (void *)block.address);
	NHT_CHECK(shadow_return(&m->shadow, block.address, block.usable), "op %zu: the shadow disagrees", m->index);
	shadow_remove(&m->shadow, index);
	nh_instance_free(m->instance, block.address);
	NHT_CHECK(nh_instance_usable_size(m->instance, block.address) == 0, "op %zu: a freed block has a size", m->index);
}

void model_free_any(model *m)
{
	if (m->shadow.count != 0)
		model_free_index(m, (unsigned)nht_below(&m->random, m->shadow.count));
}

/* What can never be served: NULL, and nothing else happens. */
void model_try_absurd(model *m)
{
	nh_instance *instance = m->instance;
	size_t huge = SIZE_MAX - nht_below(&m->random, 4096);
	NHT_CHECK(nh_instance_malloc(instance, huge) == NULL, "op %zu: malloc(%zu)", m->index, huge);
	NHT_CHECK(nh_instance_malloc(instance, 0) == NULL, "op %zu: malloc(0)", m->index);
	NHT_CHECK(nh_instance_calloc(instance, huge / 2u, 3) == NULL, "op %zu: calloc wraps", m->index);
	NHT_CHECK(nh_instance_aligned_alloc(instance, 24, 8) == NULL, "op %zu: alignment 24", m->index);
	NHT_CHECK(nh_instance_aligned_alloc(instance, 4096, huge) == NULL, "op %zu: aligned wraps", m->index);
	nh_instance_free(instance, NULL);
	if (m->shadow.count != 0) {
		const shadow_block *block = &m->shadow.blocks[nht_below(&m->random, m->shadow.count)];
		NHT_CHECK(nh_instance_realloc(instance, block->address, huge) == NULL, "op %zu: realloc(%zu)", m->index, huge);
	}
}

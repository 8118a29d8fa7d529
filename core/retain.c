/* SPDX-License-Identifier: MIT */
/*
 * Heaps in memory that survives a reset.
 *
 *   record true? --> walk all headers, change nothing --> make blocks of what is not live --> give them to the lists
 *        |                 |                                        |
 *        +-- no -----------+-- no --> cold start                    +-- a reset: begin again
 *
 * Nothing is journalled. TLSF changes the blocks that a walk meets by one store at a time: a header says the old span or the
 * new one (core/block.h), and what the new one leads to is written before (nh_port_in_order). So the blocks cover the region
 * after every instruction, a live one is live until its user gives it up, and lists, flags, footers and caches are
 * made anew. What one call may leave odd behind it, and no more, is what the walk allows: `ODD_REACH`.
 *
 * The same holds of re-attaching itself. Bound: two walks; no lock, since nobody sees the heap yet.
 */
#include "core/retain.h"
#include "core/guard.h"

#include <string.h>

/* Raised when a header means something else. */
#define LAYOUT_VERSION 2u

/* One call changes headers of blocks that are beside each other: at most so many from the first to the last. */
#define ODD_REACH 3u

static uint32_t mix(uint32_t hash, uint32_t word)
{
	hash = (hash ^ word) * UINT32_C(2654435761);
	return hash ^ hash >> 15;
}

static uint32_t mix_address(uint32_t hash, uintptr_t address)
{
	return mix(mix(hash, (uint32_t)address), (uint32_t)((uint64_t)address >> 32));
}

/* ---- cells -------------------------------------------------------------------------------- */

static const uint32_t names[2] = {UINT32_C(0x3c6ef372), UINT32_C(0xc3910c8d)};

static uint32_t cell_check(const struct nh__cell *cell, unsigned copy, uint32_t value)
{
	return mix_address(mix(names[copy], value), (uintptr_t)cell);
}

static bool cell_read(const struct nh__cell *cell, uint32_t *value)
{
	uint32_t which = nh__load_relaxed(&cell->which);
	unsigned copy = which == names[1];
	*value = nh__load_relaxed(&cell->copy[copy].value);
	return which == names[copy] && nh__load_relaxed(&cell->copy[copy].check) == cell_check(cell, copy, *value);
}

static void cell_write(struct nh__cell *cell, uint32_t value)
{
	unsigned copy = nh__load_relaxed(&cell->which) == names[0];
	nh__store_relaxed(&cell->copy[copy].value, value);
	nh__store_relaxed(&cell->copy[copy].check, cell_check(cell, copy, value));
	nh_port_in_order();
	nh__store_relaxed(&cell->which, names[copy]);
	nh_port_in_order();
}

/* ---- the record --------------------------------------------------------------------------- */

static uint32_t layout_of(const struct nh__record *record, const struct nh__region *region)
{
	uint32_t hash = mix(LAYOUT_VERSION, NH_GRANULE << 16 | NH_HEADER << 8 | NH_TRAILER);
	hash = mix(hash, NH__STARTS ? 1u : 0u);
	hash = mix_address(hash, (uintptr_t)record);
	return mix_address(mix_address(hash, region->first), region->end);
}

static uint32_t record_check(uint32_t layout, uint32_t secret)
{
	return mix(mix(NH__RECORD_MAGIC, layout), secret);
}

/* Never 0. Builds with other classes, or a heap that has none now, re-attach: their codes are only not compared. */
static uint32_t codes_of(const struct nh__heap *heap)
{
#if NH_CACHES
	if (heap->shared != NULL)
		return UINT32_C(1) << 24 | NH_CLASS_DOUBLINGS << 16 | NH_CLASS_EXACT << 8 | NH_SPAN_MIN;
#else
	(void)heap;
#endif
	return UINT32_C(2) << 24;
}

static nh_retained_found record_found(const struct nh__record *record, const struct nh__region *region)
{
	uint32_t layout = nh__load_relaxed(&record->layout);
	if (nh__load_relaxed(&record->magic) != NH__RECORD_MAGIC)
		return NH_RETAINED_NONE;
	if (nh__load_relaxed(&record->check) != record_check(layout, nh__load_relaxed(&record->secret)))
		return NH_RETAINED_RECORD;
	return layout == layout_of(record, region) ? NH_RETAINED_KEPT : NH_RETAINED_LAYOUT;
}

/* ---- looking ------------------------------------------------------------------------------ */

struct retained {
	nh_retained report;
	struct nh__heap *heap;
	const struct nh__region *region;
	uint32_t secret, codes, root;
	bool root_found;
};

static struct nh__block *first_of(const struct retained *retained)
{
	return nh__block_at((void *)retained->region->first);
}

static bool is_free(struct nh__block *block)
{
	return (nh__flags(block) & NH__FREE) != 0;
}

/* Whatever class, also of a build that has more of them. Who had claimed it had not given it up yet: a realloc keeps contents. */
static bool is_live(uint8_t owner)
{
	return owner >= NH__OWNER_LARGE || (NH__GUARDED && owner == NH__OWNER_BUSY);
}

/* What no interrupted call leaves. */
static bool is_sound(const struct retained *retained, struct nh__block *block)
{
	uint8_t owner = nh__load_relaxed(&block->owner);
	uintptr_t room = nh__span_to_end(retained->region, block);
	uint32_t span = nh__block_span(block);
#if NH_WIDE
	if (block->key != nh__block_key(retained->secret, block) || nh__flags(block) > (NH__FREE | NH__PREV_FREE))
		return false;
#endif
	if (room == 0)
		return span == 0 && owner == NH__OWNER_FENCE && !is_free(block);
	if (span < NH_SPAN_MIN || span > room || (is_free(block) && owner != NH__OWNER_TLSF))
		return false;
	return is_live(owner) || nh__owner_is_in_hand(owner);
}

static bool starts_true(const struct retained *retained, struct nh__block *block)
{
#if NH__STARTS
	return nh__start_is(retained->region, block) &&
	       nh__start_next_is(retained->region, block, nh__block_span(block), UINT32_MAX);
#else
	(void)retained;
	(void)block;
	return true;
#endif
}

/* What one may leave. */
static bool is_odd(const struct retained *retained, struct nh__block *block, bool previous_free)
{
	uint8_t owner = nh__load_relaxed(&block->owner);
	if (((nh__flags(block) & NH__PREV_FREE) != 0) != previous_free)
		return true;
	if (owner == NH__OWNER_FENCE)
		return false;
	uint32_t span = nh__block_span(block);
	if (is_free(block) && ((uint32_t *)(void *)nh__block_after(block, span))[-1] != span)
		return true;
	if (owner >= NH__OWNER_LARGE && owner != nh__live_owner(retained->heap, block) &&
	    retained->codes == codes_of(retained->heap))
		return true;
	return !starts_true(retained, block);
}

/* NULL, or the header that is damaged. Nothing outside of the region is read, and nothing is written. */
static const void *look(struct retained *retained)
{
	struct nh__block *block = first_of(retained);
	uint32_t index = 0, odd = 0;
	bool previous_free = false, any = false;
	for (;; index++) {
		if (!is_sound(retained, block))
			return block;
		if (retained->codes != 0 && is_odd(retained, block, previous_free)) {
			if (any && index - odd > ODD_REACH)
				return block;
			odd = any ? odd : index;
			any = true;
		}
		if (nh__block_span(block) == 0)
			return NULL;
		previous_free = is_free(block);
		block = nh__block_after(block, nh__block_span(block));
	}
}

static bool cells_true(struct retained *retained, const struct nh__record *record)
{
	return cell_read(&record->codes, &retained->codes) && cell_read(&record->root, &retained->root) &&
	       cell_read(&record->generation, &retained->report.generation);
}

static void find_out(struct retained *retained, const struct nh__record *record)
{
	nh_retained *report = &retained->report;
	report->found = record_found(record, retained->region);
	report->address = record;
	if (report->found == NH_RETAINED_KEPT && !cells_true(retained, record))
		report->found = NH_RETAINED_RECORD;
	if (report->found != NH_RETAINED_KEPT)
		return;
	retained->secret = nh__load_relaxed(&record->secret);
	report->address = look(retained);
	if (report->address != NULL)
		report->found = NH_RETAINED_DAMAGED;
}

/* ---- attaching ---------------------------------------------------------------------------- */

static void set_start(const struct retained *retained, struct nh__block *block)
{
#if NH__STARTS
	nh__start_alone(retained->region, block, nh__block_span(block));
#else
	(void)retained;
	(void)block;
#endif
}

static void set_trailer(struct retained *retained, struct nh__block *block)
{
#if NH__GUARDED
	size_t asked;
	if (nh__seal_broken(retained->secret, block, &asked) == NULL)
		return;
	nh__seal(retained->secret, block, NH_USABLE(nh__block_span(block)));
	retained->report.resealed++;
#else
	(void)retained;
	(void)block;
#endif
}

static void keep(struct retained *retained, struct nh__block *block)
{
	uint32_t span = nh__block_span(block);
	nh__block_put(block, nh__live_owner(retained->heap, block), span, 0);
	set_start(retained, block);
	set_trailer(retained, block);
	retained->root_found |= nh__offset(&retained->heap->tlsf, block) == retained->root;
	retained->report.blocks++;
	retained->report.live += (size_t)span * NH_GRANULE;
}

/* One block of TLSF's, held, of this one and all that follow and are not live. */
static void merge(struct retained *retained, struct nh__block *block)
{
	struct nh__block *next = block;
	uint32_t span = 0;
	uint8_t owner;
	do {
		if (!is_free(next))
			retained->report.returned += (size_t)nh__block_span(next) * NH_GRANULE;
		nh__store_relaxed(&next->owner, NH__OWNER_TLSF); /* also inside: for who frees it again */
		span += nh__block_span(next);
		next = nh__block_after(block, span);
		owner = nh__load_relaxed(&next->owner);
	} while (owner != NH__OWNER_FENCE && !is_live(owner));
	nh_port_in_order();
	nh__block_put(block, NH__OWNER_TLSF, span, 0);
	nh_port_in_order();
	set_start(retained, block);
#if NH__GUARDED
	nh__fill(nh__payload(block), NH_ROOM(span));
#endif
}

/* Every block as its header will stay, no two beside each other that are not live, and nothing in a list. */
static void tidy(struct retained *retained)
{
	struct nh__block *block = first_of(retained);
	while (nh__block_span(block) != 0) {
		if (is_live(nh__load_relaxed(&block->owner)))
			keep(retained, block);
		else
			merge(retained, block);
		block = nh__block_after(block, nh__block_span(block));
	}
	nh__flag_clear(block, NH__PREV_FREE);
}

static void fill_lists(struct retained *retained)
{
	struct nh__tlsf *tlsf = &retained->heap->tlsf;
	struct nh__block *block = first_of(retained);
	for (uint32_t span = nh__block_span(block); span != 0; span = nh__block_span(block)) {
		struct nh__block *next = nh__block_after(block, span);
		if (nh__load_relaxed(&block->owner) == NH__OWNER_TLSF)
			nh__tlsf_give(tlsf, block);
		block = next;
	}
	tlsf->least_free = tlsf->free;
}

static void attach(struct retained *retained, struct nh__record *record, struct nh__region *region)
{
	struct nh__heap *heap = retained->heap;
	heap->tlsf.secret = retained->secret;
#if NH_CACHES
	for (unsigned cpu = 0; cpu < NH_CPUS; cpu++)
		if (heap->cache[cpu] != NULL)
			heap->cache[cpu]->head.secret = retained->secret;
#endif
	nh__tlsf_place(&heap->tlsf, region);
	cell_write(&record->codes, 0);
	tidy(retained);
	fill_lists(retained);
	if (retained->root != 0 && !retained->root_found) {
		retained->report.root_dropped = true;
		cell_write(&record->root, 0);
	}
	cell_write(&record->generation, ++retained->report.generation);
	cell_write(&record->codes, codes_of(heap));
}

static void start_cold(struct retained *retained, struct nh__record *record, struct nh__addition *addition)
{
	struct nh__heap *heap = addition->heap;
	const struct nh__region *region = &addition->entry->region;
	uint32_t layout = layout_of(record, region);
	retained->report.generation = 0;
	nh__record_void(record);
	if (!NH__GUARDED) /* or it is filled: a build with its record elsewhere must not find that again */
		(void)memset((void *)nh__region_base(region), 0, region->end - nh__region_base(region));
	nh__heap_fresh(addition);
	nh__store_relaxed(&record->layout, layout);
	nh__store_relaxed(&record->secret, heap->tlsf.secret);
	nh__store_relaxed(&record->check, record_check(layout, heap->tlsf.secret));
	cell_write(&record->codes, codes_of(heap));
	cell_write(&record->generation, 0);
	cell_write(&record->root, 0);
	nh__store_relaxed(&record->magic, NH__RECORD_MAGIC);
}

nh_status nh_instance_heap_add_retained(nh_instance *instance, const nh_heap_config *config, int *number,
                                        nh_retained *report)
{
	struct nh__addition addition;
	if (config == NULL)
		return NH_EINVAL;
	nh_heap_config marked = *config;
	marked.attributes |= NH_ATTR_RETAINED;
	nh_status status = nh__heap_prepare(instance, &marked, sizeof(struct nh__record), &addition);
	if (status != NH_OK)
		return status;
	struct nh__region *region = &addition.entry->region;
	struct nh__record *record = (struct nh__record *)(nh__region_base(region) - sizeof *record);
	struct retained retained = {.heap = addition.heap, .region = region};
	addition.heap->flags |= NH_HEAP_RETAINED;
	find_out(&retained, record);
	if (retained.report.found == NH_RETAINED_KEPT)
		attach(&retained, record, region);
	else
		start_cold(&retained, record, &addition);
	nh__heap_finish(instance, &addition, number);
	if (report != NULL)
		*report = retained.report;
	return NH_OK;
}

/* ---- the root ----------------------------------------------------------------------------- */

/* What is done with the record, under the heap's lock. */
static nh_status at_root(nh_instance *instance, struct nh__heap *heap, const void *block, void **root)
{
	struct nh__note note = {NH_FAULT_NONE, NULL};
	uint32_t offset = 0;
	nh_status status = NH_ENOTSUP;
	if (!nh__load_acquire(&instance->ready))
		return NH_ENOINIT;
	if (heap == NULL)
		return NH_ENOENT;
	if ((heap->flags & NH_HEAP_RETAINED) == 0)
		return NH_ENOTSUP;
	if (root == NULL && block != NULL) {
		if (nh__resolve(instance, block).heap != heap)
			return NH_EINVAL;
		offset = nh__offset(&heap->tlsf, nh__block_at(block));
	}
	nh_port_irq irq = nh_port_irq_save();
	unsigned cpu = nh_port_cpu();
	if (nh__heap_lock(heap, cpu)) {
		struct nh__cell *cell = &nh__record_of(heap)->root;
		status = NH_OK;
		if (root == NULL)
			cell_write(cell, offset);
		else if (!cell_read(cell, &offset))
			status = NH_ECORRUPT;
		else
			*root = offset == 0 ? NULL : nh__payload(nh__at_offset(&heap->tlsf, offset));
		nh__heap_unlock(heap, cpu, &note);
	}
	nh_port_irq_restore(irq);
	nh__note_report(&note);
	return status;
}

nh_status nh_instance_retained_root_set(nh_instance *instance, int number, const void *block)
{
	return at_root(instance, nh__heap_by_id(instance, number), block, NULL);
}

void *nh_instance_retained_root(nh_instance *instance, int number)
{
	void *root = NULL;
	at_root(instance, nh__heap_by_id(instance, number), NULL, &root);
	return root;
}

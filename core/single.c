/* SPDX-License-Identifier: MIT */
/*
 * One region without lock and instance: see nearheap/single.h.
 *
 *   | nh_single | lists | blocks ... | fence |
 *
 * What TLSF needs besides is made on the stack at each call from these few words (wake) and what
 * changed is put back (rest): about twenty moves, and a heap of 128 bytes has room for blocks.
 */
#include <nearheap/single.h>

#include "core/fault.h"
#include "core/guard.h"
#include "core/starts.h"
#include "core/tlsf.h"
#include "arch/port.h"

#include <string.h>

struct nh_single {
	uint32_t total; /* granules of blocks */
	uint32_t free, least_free, lost;
	uint32_t secret;
#if NH__STARTS
	uint32_t first; /* the bitmap of starts is on the way */
#else
	uint16_t first; /* from here to the first payload */
#endif
	uint8_t lists;
	bool wide;
};

#define CONTROL_ALIGN ((uintptr_t)4)

/* A heap at work. */
struct awake {
	struct nh__tlsf tlsf;
	struct nh__region region;
};

static unsigned char *lists_of(const nh_single *single)
{
	return (unsigned char *)(uintptr_t)(single + 1);
}

static struct nh__region region_of(const nh_single *single)
{
	uintptr_t first = (uintptr_t)single + single->first;
	struct nh__region region = {.first = first, .end = first + (uintptr_t)single->total * NH_GRANULE};
	nh__starts_place(&region);
	return region;
}

static void wake(struct awake *awake, const nh_single *single)
{
	struct nh__tlsf *tlsf = &awake->tlsf;
	unsigned char *lists = lists_of(single);
	awake->region = region_of(single);
	/* Every member by name: else compilers call memset first, which costs more than all of this. */
	*tlsf = (struct nh__tlsf){
		.origin = awake->region.first - NH_GRANULE,
		.regions = &awake->region,
		.heads = lists,
		.map = (uint32_t *)(void *)(lists + nh__heads_size(single->lists, single->wide)),
		.primary = single->total,
		.free = single->free,
		.total = single->total,
		.lost = single->lost,
		.least_free = single->least_free,
		.changes = 0,
		.secret = single->secret,
		.walk = NULL,
		.lists = single->lists,
		.wide = single->wide,
		.fault = NH_FAULT_NONE,
		.fault_at = NULL,
	};
}

static void rest(const struct awake *awake, nh_single *single)
{
	const struct nh__tlsf *tlsf = &awake->tlsf;
	single->free = tlsf->free;
	single->least_free = tlsf->least_free;
	single->lost = tlsf->lost;
	if (tlsf->fault != NH_FAULT_NONE)
		nh__report(tlsf->fault, tlsf->fault_at, nh_port_cpu());
}

/* ---- beginning ---------------------------------------------------------------------------- */

nh_status nh_single_init(void *memory, size_t size, nh_single **result)
{
	uintptr_t base = (uintptr_t)memory, first, end;
	if (memory == NULL || result == NULL)
		return NH_EINVAL;
	if (base + size < base)
		return NH_EWRAP;
	uintptr_t control = (base + CONTROL_ALIGN - 1u) & ~(CONTROL_ALIGN - 1u), limit = base + size;
	if (size < sizeof(nh_single) + CONTROL_ALIGN)
		return NH_ESMALL;

	/* Lists for the whole memory leave fewer granules than that, which may need fewer lists. */
	uint32_t fitted = nh__granules(size), granules = 0;
	size_t lists = 0;
	bool wide = fitted > UINT16_MAX - 1u;
	for (unsigned pass = 0; pass < 2; pass++) {
		if (fitted > NH_SPAN_MAX)
			return NH_ERANGE;
		lists = nh__tlsf_lists_size(fitted, wide);
		uintptr_t blocks = control + sizeof(nh_single) + lists;
		if (blocks < control || blocks >= limit)
			return NH_ESMALL;
		granules = nh__region_layout(blocks, limit - blocks, &first, &end);
		if (granules == 0)
			return NH_ESMALL;
		if (pass == 0)
			fitted = granules;
	}
	nh_single *single = (nh_single *)control;
	struct awake awake = {.region = {.first = first, .end = end}};
	memset(single, 0, sizeof *single + lists);
	nh__tlsf_init(&awake.tlsf, lists_of(single), fitted, wide, nh_port_entropy());
	awake.tlsf.origin = first - NH_GRANULE;
	nh__starts_place(&awake.region);
	nh__region_prepare(&awake.region);
	nh__tlsf_add(&awake.tlsf, &awake.region);
	*single = (nh_single){.total = granules, .secret = awake.tlsf.secret, .lists = awake.tlsf.lists, .wide = wide};
#if NH__STARTS
	single->first = (uint32_t)(first - control);
#else
	single->first = (uint16_t)(first - control);
#endif
	rest(&awake, single);
	*result = single;
	return NH_OK;
}

/* ---- blocks ------------------------------------------------------------------------------- */

/* The block an address returned by alloc belongs to: rewinding may put it inside the first granule. */
static struct nh__block *block_of(const void *address)
{
	return nh__block_at((const void *)((uintptr_t)address & ~(uintptr_t)(NH_GRANULE - 1u)));
}

/* From NH_HARDENING_FULL on: what core/harden.c does for instances. */
#if NH__GUARDED

static bool hand_out(struct awake *awake, struct nh__block *block, size_t size)
{
	const void *written = nh__first_written(nh__payload(block), NH_ROOM(nh__block_span(block)));
	if (written == NULL) {
		nh__seal(awake->tlsf.secret, block, size);
		return true;
	}
	nh__store_relaxed(&block->owner, NH__OWNER_LOST);
	awake->tlsf.lost += nh__block_span(block);
	nh__report(NH_FAULT_WRITTEN, written, nh_port_cpu());
	return false;
}

static bool sealed(nh_single *single, struct nh__block *block, size_t *size)
{
	const void *broken = nh__seal_broken(single->secret, block, size);
	if (broken != NULL)
		nh__report(NH_FAULT_OVERRUN, broken, nh_port_cpu());
	return broken == NULL;
}

/* False: it was quarantined. */
static bool retire(nh_single *single, struct nh__block *block)
{
	size_t size;
	if (!sealed(single, block, &size)) {
		nh__store_relaxed(&block->owner, NH__OWNER_LOST);
		single->lost += nh__block_span(block);
		return false;
	}
	nh__fill(nh__payload(block), NH_ROOM(nh__block_span(block)));
	return true;
}

#else
#define hand_out(awake, block, size) true
#define retire(single, block) true
#endif

/* NH_FAULT_NONE: a live block. */
static nh_fault_code look_at(const nh_single *single, const void *address)
{
	struct nh__region region = region_of(single);
	struct nh__block *block = block_of(address);
	uintptr_t payload = (uintptr_t)nh__payload(block);
	if (payload < region.first || payload >= region.end)
		return NH_FAULT_POINTER;
#if NH__STARTS
	if (!nh__start_is(&region, block)) {
		struct nh__block *around = nh__start_around(&region, payload);
		return around != NULL && nh__load_relaxed(&around->owner) == NH__OWNER_TLSF ? NH_FAULT_DOUBLE_FREE
		                                                                            : NH_FAULT_POINTER;
	}
#endif
	uint8_t owner = nh__load_relaxed(&block->owner);
	if (owner == NH__OWNER_TLSF)
		return NH_FAULT_DOUBLE_FREE;
	if (owner != NH__OWNER_LARGE)
		return NH_FAULT_POINTER;
#if NH_WIDE && NH_HARDENING >= NH_HARDENING_MODERATE
	if (block->key != nh__block_key(single->secret, block))
		return NH_FAULT_POINTER;
#endif
	uint32_t span = nh__block_span(block);
#if NH__STARTS
	if (!nh__start_next_is(&region, block, span, UINT32_MAX))
		return NH_FAULT_NEIGHBOUR;
#endif
	return span < NH_SPAN_MIN || span > nh__span_to_end(&region, block) ? NH_FAULT_NEIGHBOUR : NH_FAULT_NONE;
}

/* Reports what is none. */
static bool is_live(const nh_single *single, const void *address)
{
	nh_fault_code fault = look_at(single, address);
	if (fault != NH_FAULT_NONE)
		nh__report(fault, address, nh_port_cpu());
	return fault == NH_FAULT_NONE;
}

static struct nh__block *take(struct awake *awake, uint32_t span, uint32_t align)
{
	struct nh__scan scan = {0};
	bool done = false;
	struct nh__block *block = nh__tlsf_take(&awake->tlsf, span, align);
	while (block == NULL && !done)
		block = nh__tlsf_scan(&awake->tlsf, span, align, &scan, &done);
	return block;
}

/* Gives back the granules in front of `front`. */
static struct nh__block *cut_front(struct awake *awake, struct nh__block *block, uint32_t front)
{
	if (front == 0)
		return block;
	struct nh__block *kept = nh__tlsf_cut(&awake->tlsf, block, front);
	nh__store_relaxed(&kept->owner, NH__OWNER_LARGE);
	nh__tlsf_give(&awake->tlsf, block);
	return kept;
}

void *nh_single_alloc(nh_single *single, size_t alignment, size_t rewind, size_t size)
{
	/* The address is the aligned one less `rewind`: granules of it lie before the aligned one, and
	 * what is no whole granule makes it begin inside the block's first. */
	size_t back = (rewind + NH_GRANULE - 1u) & ~(size_t)(NH_GRANULE - 1u), skip = back - rewind;
	uint32_t align = nh__align(alignment), front = 0;
	if (size == 0 || align == 0 || size + skip < size || (rewind != 0 && rewind >= alignment))
		return NULL;
	uint32_t span = nh__span(size + skip);
	if (span == 0)
		return NULL;
	if (back != 0 && align > 1) {
		/* from the aligned granule before: up to there, less `back`, is cut off again */
		front = align - (uint32_t)(back >> NH_GRANULE_SHIFT);
		while (front != 0 && front < NH_SPAN_MIN)
			front += align;
		if (front > NH_SPAN_MAX - span)
			return NULL;
	}
	struct awake awake;
	wake(&awake, single);
	struct nh__block *block;
	do {
		block = take(&awake, span + front, align);
		if (block == NULL)
			break;
		block = cut_front(&awake, block, front);
		nh__store_relaxed(&block->owner, NH__OWNER_LARGE);
	} while (!hand_out(&awake, block, size + skip));
	rest(&awake, single);
	return block == NULL ? NULL : (unsigned char *)nh__payload(block) + skip;
}

bool nh_single_resize(nh_single *single, void *address, size_t size)
{
	struct awake awake;
	struct nh__block *block = block_of(address);
	size_t skip = (size_t)((uintptr_t)address - (uintptr_t)nh__payload(block));
	uint32_t span = size == 0 || size + skip < size ? 0 : nh__span(size + skip);
	if (!is_live(single, address) || span == 0)
		return false;
#if NH__GUARDED
	size_t asked;
	if (!sealed(single, block, &asked))
		return false;
	if (size + skip < asked)
		nh__fill((unsigned char *)address + size, NH_ROOM(nh__block_span(block)) - skip - size);
#endif
	wake(&awake, single);
	bool fits = nh__block_span(block) >= span;
	if (fits)
		nh__tlsf_shrink(&awake.tlsf, block, span);
	else
		fits = nh__tlsf_grow(&awake.tlsf, block, span);
#if NH__GUARDED
	if (fits)
		nh__seal(single->secret, block, size + skip);
#endif
	rest(&awake, single);
	return fits;
}

void nh_single_free(nh_single *single, void *address)
{
	struct awake awake;
	if (address == NULL || !is_live(single, address))
		return;
	struct nh__block *block = block_of(address);
	if (!retire(single, block))
		return;
	nh_port_retire(nh__payload(block), NH_USABLE(nh__block_span(block)));
	wake(&awake, single);
	nh__tlsf_give(&awake.tlsf, block);
	rest(&awake, single);
}

size_t nh_single_usable_size(nh_single *single, const void *address)
{
	if (look_at(single, address) != NH_FAULT_NONE)
		return 0;
	struct nh__block *block = block_of(address);
	size_t usable = NH_USABLE(nh__block_span(block));
#if NH__GUARDED
	if (nh__seal_broken(single->secret, block, &usable) != NULL)
		return 0;
#endif
	return usable - (size_t)((uintptr_t)address - (uintptr_t)nh__payload(block));
}

bool nh_single_contains(const nh_single *single, const void *address)
{
	struct nh__region region = region_of(single);
	return (uintptr_t)address >= region.first && (uintptr_t)address < region.end;
}

/* ---- looking ------------------------------------------------------------------------------ */

void nh_single_stats_get(const nh_single *single, nh_heap_stats *stats)
{
	memset(stats, 0, sizeof *stats);
	stats->size = (size_t)single->total * NH_GRANULE;
	stats->free = (size_t)single->free * NH_GRANULE;
	stats->taken = stats->size - stats->free;
	stats->live = stats->taken;
	stats->peak = (size_t)(single->total - single->least_free) * NH_GRANULE;
	stats->quarantined = (size_t)single->lost * NH_GRANULE;
	stats->regions = 1;
}

void nh_single_peak_reset(nh_single *single)
{
	single->least_free = single->free;
}

nh_status nh_single_walk(nh_single *single, bool (*visit)(const nh_block_info *block, void *context), void *context)
{
	struct nh__region region = region_of(single);
	uintptr_t at = region.first, end = region.end;
	if (visit == NULL)
		return NH_EINVAL;
	while (at < end) {
		struct nh__block *block = nh__block_at((void *)at);
		uint32_t span = nh__block_span(block);
		if (span < NH_SPAN_MIN || span > (end - at) >> NH_GRANULE_SHIFT)
			return NH_ECORRUPT;
		bool free = (nh__flags(block) & NH__FREE) != 0;
		nh_block_info info = {0, (void *)at, NH_USABLE(span), free ? NH_BLOCK_FREE : NH_BLOCK_LIVE};
		if (!visit(&info, context))
			break;
		at += (uintptr_t)span * NH_GRANULE;
	}
	return NH_OK;
}

nh_status nh_single_validate(nh_single *single, nh_report *report)
{
	struct awake awake;
	const char *what = NULL;
	const void *bad = NULL;
	bool previous_free = false;
	wake(&awake, single);
	for (uintptr_t at = awake.region.first; what == NULL;) { /* up to the fence, or to where no way leads on */
		struct nh__block *block = nh__block_at((void *)at);
		what = nh__tlsf_check_block(&awake.tlsf, &awake.region, block, previous_free, &bad);
		previous_free = (nh__flags(block) & NH__FREE) != 0;
		if (at == awake.region.end)
			break;
		at += (uintptr_t)nh__block_span(block) * NH_GRANULE;
	}
	for (unsigned level = 0; what == NULL && level < awake.tlsf.lists / 8u; level++)
		what = nh__tlsf_check_level(&awake.tlsf, level, &bad);
	if (report != NULL)
		*report = what == NULL ? (nh_report){-1, NULL, NULL} : (nh_report){0, bad, what};
	return what == NULL ? NH_OK : NH_ECORRUPT;
}

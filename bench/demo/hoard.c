/* SPDX-License-Identifier: MIT */
/* Memory under pressure: records that are kept, and the limit itself. */
#include "workload.h"

#include "pattern.h"

#define KEPT 512u

static struct demo_block kept[DEMO_CORES][KEPT];
static uint32_t kept_count[DEMO_CORES];

static bool keep(struct meter *me, const struct demo_block *block)
{
	if (block->address == NULL)
		return false;
	kept[me->core][kept_count[me->core]++] = *block;
	return true;
}

static bool has_room(const struct meter *me)
{
	return kept_count[me->core] < KEPT;
}

void hoard_fill_local(struct meter *me, uint32_t fallbacks)
{
	uint32_t elsewhere = 0;
	while (elsewhere < fallbacks && has_room(me)) {
		const uint32_t local_before = me->tally.plain_local;
		struct demo_block record = meter_make(me, METER_PLAIN, demo_between(&me->random, 5, 50) * 8u);
		if (!keep(me, &record))
			return;
		elsewhere += me->tally.plain_local == local_before;
	}
}

void hoard_everything(struct meter *me)
{
	for (uint32_t size = 4096; size >= 16u; size /= 2u) {
		while (has_room(me)) {
			struct demo_block block = { meter_alloc(me, METER_PLAIN, size, NH_NO_RECLAIM), size,
				                    demo_random(&me->random) };
			if (block.address == NULL)
				break;
			demo_pattern_fill(block.address, size, block.tag);
			keep(me, &block);
		}
	}
}

uint32_t hoard_beyond(struct meter *me)
{
	static const uint8_t sizes[] = { 144, 88, 56, 40, 24 };
	uint32_t served = 0;
	for (unsigned i = 0; i < sizeof sizes; i++) {
		while (has_room(me)) {
			struct demo_block block = meter_make(me, METER_PLAIN, sizes[i]);
			if (!keep(me, &block))
				break;
			served++;
		}
	}
	return served;
}

/* Twice, because caches grow only as they turn out too small. */
void hoard_stock_caches(struct meter *me)
{
	struct demo_block block[24];
	for (uint32_t round = 0; round < 2u; round++) {
		for (uint32_t size = 24; size <= 56u; size += 16u) {
			for (unsigned i = 0; i < sizeof block / sizeof block[0]; i++)
				block[i] = meter_make(me, i % 3u == 0 ? METER_DMA : METER_PLAIN, size);
			for (unsigned i = 0; i < sizeof block / sizeof block[0]; i++)
				if (block[i].address != NULL)
					meter_drop(me, &block[i]);
		}
	}
}

void hoard_release(struct meter *me, uint32_t part)
{
	uint32_t count = kept_count[me->core] * part / 4u;
	while (count-- != 0) {
		const uint32_t last = --kept_count[me->core];
		const uint32_t chosen = demo_random(&me->random) % (last + 1u);
		meter_drop(me, &kept[me->core][chosen]);
		kept[me->core][chosen] = kept[me->core][last];
	}
}

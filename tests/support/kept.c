/* SPDX-License-Identifier: MIT */
#include "kept.h"

#include "oracle.h"

static unsigned char byte_of(unsigned slot, size_t at)
{
	return (unsigned char)(slot * 37u + at * 11u + at / 251u + 1u);
}

void kept_fill(const kept *known, unsigned slot)
{
	for (size_t i = 0; i < known->size; i++)
		known->at[i] = byte_of(slot, i);
}

bool kept_holds(const kept *known, unsigned slot, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (known->at[i] != byte_of(slot, i))
			return false;
	return true;
}

struct live {
	void *at[256];
	unsigned count;
};

static bool note(const nh_block_info *block, void *context)
{
	struct live *live = context;
	if (block->state == NH_BLOCK_LIVE && live->count < sizeof live->at / sizeof live->at[0])
		live->at[live->count++] = block->address;
	return true;
}

static bool among(const struct live *live, const void *at)
{
	for (unsigned i = 0; i < live->count; i++)
		if (live->at[i] == at)
			return true;
	return false;
}

const char *kept_all(nh_instance *instance, int heap, const kept *table, unsigned in_hand, unsigned others)
{
	struct live live = {.count = 0};
	unsigned known = 0;
	if (nh_instance_walk(instance, heap, note, &live) != NH_OK)
		return "the heap cannot be walked";
	for (unsigned slot = 0; slot < KEPT; slot++) {
		if (table[slot].at == NULL || slot == in_hand)
			continue;
		if (!among(&live, table[slot].at))
			return "a known block is not live";
		if (nh_instance_usable_size(instance, table[slot].at) < table[slot].size)
			return "a known block has shrunk";
		if (!kept_holds(&table[slot], slot, table[slot].size))
			return "a known block has other contents";
		known++;
	}
	if (live.count > known + others)
		return "more is live than is known";
	const char *complaint = nht_valid(instance);
	return complaint != NULL ? complaint : nht_accounts_balance(instance, heap);
}

const char *kept_end(nh_instance *instance, int heap)
{
	struct live live = {.count = 0};
	if (nh_instance_walk(instance, heap, note, &live) != NH_OK)
		return "the heap cannot be walked";
	for (unsigned i = 0; i < live.count; i++)
		nh_instance_free(instance, live.at[i]);
	return nht_all_returned(instance, heap);
}

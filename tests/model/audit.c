/* SPDX-License-Identifier: MIT */
#include "model.h"
#include "tests/support/oracle.h"

typedef struct audit {
	model *m;
	size_t live;  /* bytes with headers */
	unsigned met; /* live blocks */
	int heap;
} audit;

/* Every block that the walk calls live is one of the shadow's, once, with the same size (or, where usable sizes are exact, room). */
static bool meet(const nh_block_info *info, void *context)
{
	audit *a = context;
	model *m = a->m;
	shadow_block *block = shadow_find(&m->shadow, info->address);
	if (info->state != NH_BLOCK_LIVE) {
		NHT_CHECK(block == NULL, "op %zu: the walk calls live block %p %s", m->index, info->address,
		          info->state == NH_BLOCK_FREE ? "free" : "cached");
		return true;
	}
	NHT_CHECK(block != NULL, "op %zu: the walk calls %p live, which is not", m->index, info->address);
	NHT_CHECK(!block->seen, "op %zu: the walk reports %p twice", m->index, info->address);
	NHT_CHECK(block->heap == a->heap && (NHT_EXACT ? block->usable <= info->size : block->usable == info->size), "op %zu: the walk has %p as %zu in %d, not %zu in %d",
	          m->index, info->address, info->size, a->heap, block->usable, block->heap);
	block->seen = true;
	a->met++;
	a->live += info->size + NHT_OVERHEAD;
	return true;
}

static void audit_heap(model *m, int heap)
{
	audit a = {m, 0, 0, heap};
	nh_heap_stats stats;
	nh_status status = nh_instance_walk(m->instance, heap, meet, &a);
	NHT_CHECK(status == NH_OK, "op %zu: walk: %s", m->index, nh_status_string(status));
	status = nh_instance_heap_stats_get(m->instance, heap, &stats);
	NHT_CHECK(status == NH_OK, "op %zu: stats: %s", m->index, nh_status_string(status));
	const char *complaint = nht_accounts_balance(m->instance, heap);
	NHT_CHECK(complaint == NULL, "op %zu: heap %d: %s (size %zu, free %zu, live %zu, cached %zu of %zu)", m->index, heap,
	          complaint, stats.size, stats.free, stats.live, stats.cached, stats.cache_limit);
	NHT_CHECK(stats.live == a.live, "op %zu: heap %d: stats have %zu live bytes, the model %zu", m->index, heap,
	          stats.live, a.live);
	NHT_CHECK(stats.quarantined == 0, "op %zu: %zu bytes quarantined", m->index, stats.quarantined);
}

void model_audit(model *m)
{
	shadow_sort(&m->shadow);
	size_t live = 0;
	for (unsigned i = 0; i < m->shadow.count; i++) {
		const shadow_block *block = &m->shadow.blocks[i];
		m->shadow.blocks[i].seen = false;
		live += block->usable;
		NHT_CHECK(pattern_holds(block->address, block->usable, block->usable, block->key),
		          "op %zu: contents of %p lost", m->index, (void *)block->address);
	}
	NHT_CHECK(live == m->shadow.live, "op %zu: the shadow's own sum", m->index);
	for (unsigned heap = 0; heap < m->heaps; heap++)
		if (m->rules[heap].there)
			audit_heap(m, (int)heap);
	for (unsigned i = 0; i < m->shadow.count; i++)
		NHT_CHECK(m->shadow.blocks[i].seen, "op %zu: the walk misses live block %p", m->index,
		          (void *)m->shadow.blocks[i].address);
	const char *complaint = nht_valid(m->instance);
	NHT_CHECK(complaint == NULL, "op %zu: validate: %s", m->index, complaint);
	NHT_CHECK(nht_arena_intact(&m->arena), "op %zu: a guard outside the regions was written", m->index);
}

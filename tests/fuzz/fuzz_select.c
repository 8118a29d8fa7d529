/* SPDX-License-Identifier: MIT */
/*
 * Any masks, in heaps and in requests, against the rules of selection as tests/model/rules.c has them: what nh_explain
 * says, and from which heap the block comes. Every heap is small, so that the first in order is often full.
 */
#include <nearheap/host.h>

#include "setups.h"

#define PREFERENCES 6u

/* Bits that few masks share are of no use: mostly the low ones of each half. */
static uint32_t mask(nht_random *random)
{
	uint32_t bits = (uint32_t)nht_below(random, 256);
	return bits < 192 ? (bits & 15u) | (bits & 0x30u) << 12 : nht_next(random);
}

static void choose_heaps(model_setup *setup, nht_random *random)
{
	*setup = (model_setup){
		.name = "masks", .cpus = NH_CPUS < 4 ? NH_CPUS : 4, .batch = 1, .limit = 512, .watch = true
	};
	setup->heap_count = 1u + (unsigned)nht_below(random, NH_MAX_HEAPS);
	for (unsigned i = 0; i < setup->heap_count; i++) {
		uint32_t affinity = (uint32_t)nht_below(random, 256);
		setup->heaps[i] = (model_heap){
			.regions = { 256 },
			.attributes = mask(random),
			.flags = affinity >> 6,
			.control_apart = true,
			/* 0, or with a configured CPU */
			.affinity = (affinity & 16u) == 0 ? 0 : (affinity & 15u) | NH_CPU(affinity % NH_CPUS),
		};
	}
	setup->initial = setup->heap_count;
}

static nh_request choose_request(nht_random *random, uint32_t masks[PREFERENCES])
{
	unsigned parts = (unsigned)nht_below(random, 256);
	nh_request request = { .flags = parts & 7u };
	if (parts & 8u)
		request.require = mask(random);
	if (parts & 16u)
		request.prefer = mask(random);
	if (parts & 32u)
		request.heaps = nht_next(random);
	if (parts & 64u)
		request.alignment = (size_t)1 << nht_below(random, 8);
	if (parts & 128u)
		request.preference_count = 1u + (unsigned)nht_below(random, PREFERENCES);
	for (unsigned i = 0; i < request.preference_count; i++)
		masks[i] = mask(random);
	request.preferences = request.preference_count == 0 ? NULL : masks;
	return request;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static model m;
	model_setup setup;
	nht_random random;
	uint32_t masks[PREFERENCES];
	fuzz_begin(&random, data, size);
	choose_heaps(&setup, &random);
	model_make(&m, &setup, &random);
	while (!nht_random_ended(&m.random) && m.shadow.count < setup.limit) {
		unsigned cpu = (unsigned)nht_below(&m.random, setup.cpus);
		NHT_CHECK(nh_host_attach((int)cpu) == NH_OK, "attach %u", cpu);
		nh_request request = choose_request(&m.random, masks);
		model_request(&m, &request, 1u + nht_below(&m.random, 256));
		if (nht_chance(&m.random, 20))
			model_free_any(&m);
		m.index++;
	}
	model_audit(&m);
	model_drop(&m);
	return 0;
}

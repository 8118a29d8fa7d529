/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as memory that was to survive a reset: nh_instance_heap_add_retained must come back with a heap, re-attached or
 * begun anew, and read nothing outside. A heap in use, with cached blocks, is prepared once; an input changes its memory. What was
 * re-attached is sound, has as many live blocks as the report says, and can be given back to the last byte.
 */
#include <nearheap/host.h>

#include "core/instance.h"
#include "setups.h"
#include "tests/support/fault.h"
#include "tests/support/oracle.h"

#include <string.h>

#define SIZE 4096u
#define BLOCKS (SIZE / 32u)

static _Alignas(64) unsigned char memory[SIZE], control[65536];
static unsigned char image[SIZE];
static nh_instance_storage storage;
static nh_instance *instance;

typedef struct survivors {
	void *blocks[BLOCKS];
	unsigned count;
} survivors;

static bool collect(const nh_block_info *block, void *context)
{
	survivors *s = context;
	if (block->state == NH_BLOCK_LIVE) {
		NHT_CHECK(s->count < BLOCKS, "more blocks than fit");
		s->blocks[s->count++] = block->address;
	}
	return true;
}

static nh_retained attach(void)
{
	nh_heap_config config = { .base = memory, .size = SIZE, .affinity = NH_CPU(0) | NH_CPU(NH_CPUS - 1u),
		                  .control = control, .control_size = sizeof control };
	nh_retained report;
	int heap = -1;
	NHT_CHECK(nh_host_attach(0) == NH_OK, "attach");
	NHT_CHECK(nh_instance_init(&storage, NULL, 0, NULL, &instance) == NH_OK, "init");
	nh_status status = nh_instance_heap_add_retained(instance, &config, &heap, &report);
	NHT_CHECK(status == NH_OK && heap == 0, "add_retained: %s", nh_status_string(status));
	return report;
}

/* Blocks live, free and (in builds with caches for so small a heap) cached by two CPUs, and a root. */
static void prepare(void)
{
	void *blocks[40];
	memset(memory, 0, SIZE);
	nh_retained report = attach();
	NHT_CHECK(report.found == NH_RETAINED_NONE, "cleared memory: %s", nh_retained_string(report.found));
	for (unsigned i = 0; i < 40; i++) {
		blocks[i] = nh_instance_malloc(instance, 8u + i % 5u * 12u);
		if (blocks[i] != NULL)
			memset(blocks[i], (int)i, 8u + i % 5u * 12u);
	}
	NHT_CHECK(nh_instance_retained_root_set(instance, 0, blocks[1]) == NH_OK, "root");
	for (unsigned i = 0; i < 40; i += 2) {
		NHT_CHECK(nh_host_attach(i % 4u == 0 ? 0 : (int)NH_CPUS - 1) == NH_OK, "attach");
		nh_instance_free(instance, blocks[i]);
	}
	memcpy(image, memory, SIZE);
	NHT_CHECK(nh_instance_deinit(instance) == NH_OK, "deinit");
}

static void change_all(nht_random *random)
{
	while (!nht_random_ended(random)) {
		size_t offset = nht_below(random, SIZE);
		/* the record and the first headers are where most is decided */
		if (nht_chance(random, 40))
			offset %= 256u;
		if (nht_chance(random, 60))
			offset &= ~(size_t)3u;
		if (offset >= 8)
			fuzz_change(random, memory + offset, SIZE - offset);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool prepared;
	nht_random random;
	survivors s = { .count = 0 };
	fuzz_begin(&random, data, size);
	nht_fault_catch();
	if (!prepared)
		prepare();
	prepared = true;
	memcpy(memory, image, SIZE);
	change_all(&random);
	nh_retained report = attach();
	NHT_CHECK(size != 0 || report.found == NH_RETAINED_KEPT, "nothing was changed: %s", nh_retained_string(report.found));
	const char *complaint = nht_valid(instance);
	NHT_CHECK(complaint == NULL, "%s: %s", nh_retained_string(report.found), complaint);
	NHT_CHECK(nh_instance_walk(instance, 0, collect, &s) == NH_OK, "walk");
	NHT_CHECK(s.count == report.blocks && (report.found == NH_RETAINED_KEPT || s.count == 0), "%u live, the report has %u",
	          s.count, report.blocks);
	complaint = nht_accounts_balance(instance, 0);
	NHT_CHECK(complaint == NULL, "%s", complaint);
	void *root = nh_instance_retained_root(instance, 0);
	NHT_CHECK(root == NULL || nh_instance_usable_size(instance, root) != 0, "the root is no live block");
	while (s.count > 0)
		nh_instance_free(instance, s.blocks[--s.count]);
	complaint = nht_all_returned(instance, 0);
	NHT_CHECK(complaint == NULL && nht_fault_count() == 0, "%s, %u reports", complaint == NULL ? "returned" : complaint,
	          nht_fault_count());
	NHT_CHECK(nh_instance_deinit(instance) == NH_OK, "deinit");
	nht_fault_release();
	return 0;
}

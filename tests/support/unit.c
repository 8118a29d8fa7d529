/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <string.h>

void unit_lay_out(unit *u, unsigned count, const size_t *sizes)
{
	memset(u, 0, sizeof *u);
	nht_arena_parts(&u->arena, count, sizes, NULL);
	for (unsigned i = 0; i < count; i++) {
		u->configs[i].base = u->arena.parts[i].base;
		u->configs[i].size = u->arena.parts[i].size;
		u->configs[i].window = (size_t)(u->arena.memory + u->arena.size - u->arena.parts[i].base);
	}
	nht_fault_catch();
	assert_status(nh_host_attach(0), NH_OK);
}

void unit_begin(unit *u, unsigned count)
{
	unsigned failed = count;
	assert_status(nh_instance_init(&u->storage, u->configs, count, &failed, &u->instance), NH_OK);
	assert_non_null(u->instance);
	assert_int_equal(nh_instance_heap_count(u->instance), count);
}

void unit_one(unit *u, size_t size, uint32_t flags)
{
	unit_lay_out(u, 1, &size);
	u->configs[0].flags = flags;
	unit_begin(u, 1);
}

void unit_end(unit *u)
{
	assert_int_equal(nht_fault_count(), 0);
	assert_sound(nht_all_heaps_returned(u->instance));
	unit_abandon(u);
}

void unit_abandon(unit *u)
{
	assert_status(nh_instance_deinit(u->instance), NH_OK);
	assert_true(nht_arena_drop(&u->arena));
	nht_fault_release();
}

int unit_tear_down(void **state)
{
	unit_end(*state);
	return 0;
}

int unit_tear_down_damaged(void **state)
{
	unit_abandon(*state);
	return 0;
}

static const char *reason;

static void skipped(void **state)
{
	(void)state;
	unit_skip(reason);
}

int unit_all_skipped(const char *why)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(skipped)};
	reason = why;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

void unit_add_region(unit *u, int heap, unsigned part)
{
	assert_status(nh_instance_region_add(u->instance, heap, u->arena.parts[part].base, u->arena.parts[part].size),
	              NH_OK);
}

nh_heap_stats unit_stats(unit *u, int heap)
{
	nh_heap_stats stats;
	assert_status(nh_instance_heap_stats_get(u->instance, heap, &stats), NH_OK);
	return stats;
}

void unit_expect_fault_of(nh_fault_code code, nh_fault_code other, const void *address)
{
	assert_int_equal(nht_fault_count(), 1);
	nh_fault fault = nht_fault_get(0);
	if (fault.code != code && fault.code != other)
		fail_msg("fault %s, expected %s", nh_fault_string(fault.code), nh_fault_string(code));
	assert_ptr_equal(fault.address, address);
	assert_int_equal(fault.cpu, nh_host_cpu());
	nht_fault_clear();
}

void unit_expect_fault(nh_fault_code code, const void *address)
{
	unit_expect_fault_of(code, code, address);
}

void unit_on_cpu(unsigned cpu)
{
	assert_status(nh_host_attach((int)(cpu % NH_CPUS)), NH_OK);
}

void *unit_take(unit *u, int heap, size_t size)
{
	const nh_request request = {.heaps = UINT32_C(1) << heap};
	return nh_instance_alloc(u->instance, &request, size);
}

void *unit_fill(unit *u, int heap)
{
	void *first = NULL;
	for (size_t size = KIB; size >= 8; size /= 2) {
		void **block;
		while ((block = unit_take(u, heap, size)) != NULL) {
			*block = first;
			first = block;
		}
	}
	return first;
}

void *unit_take_all(unit *u, size_t size, unsigned *count)
{
	void *first = NULL;
	unsigned taken = 0;
	for (;;) {
		void **block = nh_instance_malloc(u->instance, size);
		if (block == NULL)
			break;
		*block = first;
		first = block;
		taken++;
	}
	if (count != NULL)
		*count = taken;
	return first;
}

void unit_free_chain(unit *u, void *first)
{
	while (first != NULL) {
		void *next = *(void **)first;
		nh_instance_free(u->instance, first);
		first = next;
	}
}

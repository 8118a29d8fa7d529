/* SPDX-License-Identifier: MIT */
/*
 * A lock that is refused at any moment of a call, not only at its beginning (tests/unit/test_core_context.c): no context changes
 * inside a call, but what a caller is then told must be true all the same, and headers and lists must be sound. Each
 * call is made again and again, and the first, the second ... of its lock holds is refused. The linker sends the core's
 * calls of nh_port_lock_begin here (--wrap).
 */
#include "core/sweep.h"
#include "core/walk.h"
#include "white.h"

#define NEVER UINT32_MAX
#define BLOCKS 40u
#define LARGE ((size_t)5000) /* of no class */

bool __real_nh_port_lock_begin(void);
bool __wrap_nh_port_lock_begin(void);

static uint32_t holds, refused = NEVER;

bool __wrap_nh_port_lock_begin(void)
{
	return holds++ != refused && __real_nh_port_lock_begin();
}

static unit u;
static struct nh__heap *heap;
static void *block[BLOCKS];

static void set_up(void)
{
	static const size_t sizes[] = { 64 * KIB, 24 * KIB };
	unit_lay_out(&u, 2, sizes);
	unit_begin(&u, 1);
	heap = u.instance->heap[0];
	for (unsigned i = 0; i < BLOCKS; i++)
		block[i] = nh_instance_malloc(u.instance, i == 0 ? LARGE : i % 4u == 0 ? 1000 : 40);
	for (unsigned i = 1; i < BLOCKS / 2u; i += 2)
		nh_instance_free(u.instance, block[i]);
}

static void free_one(unsigned i)
{
	nh_instance_free(u.instance, block[i]);
}

/* What is refused stays the caller's; what is reported as given must not be used again. */
static void free_rest(void)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		if (i >= BLOCKS / 2u || i % 2u == 0)
			free_one(i);
}

/* ---- calls, each with what must hold in any case ------------------------------------------ */

static void taking(void)
{
	void *taken = nh_instance_malloc(u.instance, 3000);
	assert_true(taken == NULL || nh_instance_usable_size(u.instance, taken) >= 3000);
	refused = NEVER;
	nh_instance_free(u.instance, taken);
}

static void taking_too_much(void)
{
	assert_null(nh_instance_malloc(u.instance, 200 * KIB));
}

/* Over the free block below, whose rest is given back in a second hold. */
static void growing_down(void)
{
	void *grown = nh_instance_realloc(u.instance, block[BLOCKS / 2u], 1030);
	if (grown != NULL)
		block[BLOCKS / 2u] = grown;
	assert_true(nh_instance_usable_size(u.instance, block[BLOCKS / 2u]) >= 1000);
}

static void trimming(void)
{
	assert_status(nh_instance_trim(u.instance, 0), NH_OK);
}

static void counting(void)
{
	nh_heap_stats stats;
	nh_status status = nh_instance_heap_stats_get(u.instance, 0, &stats);
	assert_true(status == NH_OK || status == NH_EBUSY);
}

static void validating(void)
{
	nh_report report;
	nh_status status = nh_instance_validate(u.instance, 0, &report);
	assert_true(status == NH_OK || status == NH_EBUSY);
	assert_null(report.what);
}

static void explaining(void)
{
	nh_explanation entry;
	assert_int_equal(nh_instance_explain(u.instance, NULL, 2000, &entry, 1), 1);
}

/* Something is out: never is it removed. */
static void removing(void)
{
	size_t live;
	assert_status(nh_instance_heap_remove(u.instance, 0, &live), NH_EBUSY);
	assert_int_equal(nh_instance_heap_count(u.instance), 1);
}

static nh_status add_second(void)
{
	return nh_instance_region_add(u.instance, 0, u.arena.parts[1].base, u.arena.parts[1].size);
}

/* Refused, it left nothing behind: it can be added afterwards. */
static void adding(void)
{
	nh_status first = add_second();
	assert_true(first == NH_OK || first == NH_EBUSY);
	refused = NEVER;
	assert_status(add_second(), first == NH_OK ? NH_EOVERLAP : NH_OK);
}

#if NH__RECOVERABLE && NH_CPUS > 1

static void recovering(void)
{
	nh_status status = nh_instance_cpu_recover(u.instance, 1);
	assert_true(status == NH_OK || status == NH_EBUSY);
}

#endif
#if NH_CACHES
static void draining(void)
{
	assert_status(nh_instance_cpu_offline(u.instance, 0), NH_OK);
}
#endif

static unsigned owner_of_first(void)
{
	return nh__load_relaxed(&nh__block_at(block[0])->owner);
}

/* From NH_HARDENING_FULL on the first hold decides: behind it the block is filled, and refused or not it is nobody's. */
static void freeing(void)
{
	unsigned before = owner_of_first();
	free_one(0);
	bool told = nht_fault_count_of(NH_FAULT_CONTEXT) != 0, gone = owner_of_first() != before;
	assert_true(gone || told);
	assert_true(!gone || !told || NH__GUARDED);
	if (gone)
		block[0] = NULL;
	else
		nht_fault_clear();
}

struct call {
	const char *name;
	void (*make)(void);
	bool returns_all; /* what a removal holds and cannot give back stays held */
};

static const struct call calls[] = {
	{ "malloc", taking, true },       { "malloc of too much", taking_too_much, true },
	{ "free", freeing, true },        { "realloc", growing_down, true },
	{ "trim", trimming, true },       { "statistics", counting, true },
	{ "validate", validating, true }, { "explain", explaining, true },
	{ "remove", removing, false },
	{ "add a region", adding, false },
#if NH__RECOVERABLE && NH_CPUS > 1
	{ "recover", recovering, true },
#endif
#if NH_CACHES
	{ "offline", draining, true },
#endif
};

static unsigned try_all(const struct call *call)
{
	unsigned number = 0;
	for (bool more = true; more; number++) {
		set_up();
		holds = 0;
		refused = number;
		call->make();
		more = holds > number;
		refused = NEVER;
		bool kept = nht_fault_count_of(NH_FAULT_CONTEXT) !=
		            0; /* said so: realloc could not give back the old block */
		nht_fault_clear();
		assert_sound(nht_valid(u.instance));
		free_rest();
		assert_int_equal(nht_fault_count(), 0);
		assert_status(nh_instance_trim(u.instance, -1), NH_OK);
		assert_sound(nht_valid(u.instance));
		if (call->returns_all && !kept)
			assert_sound(nht_all_returned(u.instance, 0));
		unit_abandon(&u);
	}
	return number;
}

static void each_hold_of_each_call(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (try_all(&calls[i]) < 2)
			fail_msg("%s takes no lock: nothing was tested", calls[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_hold_of_each_call) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

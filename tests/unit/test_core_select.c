/* SPDX-License-Identifier: MIT */
/*
 * core/select.c: the order in which heaps are tried, for random and for all small combinations of
 * heaps and requests, on every CPU, against an implementation that sorts and knows no bit sets. The
 * instance is written by hand: only sets and pointers count.
 */
#include <string.h>

#include "tests/support/random.h"
#include "white.h"

#define HEAPS ((unsigned)NH_MAX_HEAPS)
#define BITS 4u /* attribute bits in play: 0, 1, 17 and 31 */

static const unsigned bit_at[BITS] = { 0, 1, 17, 31 };

static nh_instance instance;
static struct nh__heap heaps[NH_MAX_HEAPS];
static unsigned heap_count;

/* ---- the instance ------------------------------------------------------------------------- */

static uint32_t spread(unsigned bits)
{
	uint32_t attributes = 0;
	for (unsigned i = 0; i < BITS; i++)
		if (bits >> i & 1u)
			attributes |= UINT32_C(1) << bit_at[i];
	return attributes;
}

static void put(nh__heap_set *set, unsigned id)
{
	nh__store_relaxed(set, (uint16_t)(nh__load_relaxed(set) | 1u << id));
}

static void clear(void)
{
	memset(&instance, 0, sizeof instance);
	memset(heaps, 0, sizeof heaps);
	heap_count = 0;
}

static void add(uint32_t attributes, uint32_t affinity, uint32_t flags)
{
	unsigned id = heap_count++;
	heaps[id].id = (uint8_t)id;
	heaps[id].attributes = attributes;
	heaps[id].affinity = affinity;
	heaps[id].flags = flags;
	instance.heap[id] = &heaps[id];
	for (unsigned bit = 0; bit < 32; bit++)
		if (attributes >> bit & 1u)
			put(&instance.has[bit], id);
	if ((flags & NH_HEAP_NOT_DEFAULT) == 0)
		put(&instance.eligible, id);
	if (affinity == 0)
		put(&instance.shared, id);
	for (unsigned cpu = 0; cpu < NH_CPUS && cpu < 32; cpu++)
		if (affinity >> cpu & 1u)
			put(&instance.local[cpu], id);
	put(&instance.heaps, id);
}

/* ---- the simple one ----------------------------------------------------------------------- */

static bool all_of(const struct nh__heap *heap, uint32_t attributes)
{
	return (heap->attributes & attributes) == attributes;
}

static bool local_to(const struct nh__heap *heap, unsigned cpu)
{
	return heap->affinity != 0 && cpu < NH_CPUS && cpu < 32 && (heap->affinity >> cpu & 1u) != 0;
}

static bool is_candidate(const struct nh__heap *heap, const nh_request *request, unsigned cpu)
{
	if (request->flags & NH_NO_FOREIGN && heap->affinity != 0 && !local_to(heap, cpu))
		return false;
	if (request->require != 0 || request->heaps != 0)
		return all_of(heap, request->require) &&
		       (request->heaps == 0 || request->heaps >> heap->id & 1u);
	if ((heap->flags & NH_HEAP_NOT_DEFAULT) == 0 ||
	    (request->prefer != 0 && all_of(heap, request->prefer)))
		return true;
	for (unsigned i = 0; i < request->preference_count; i++)
		if (all_of(heap, request->preferences[i]))
			return true;
	return false;
}

static unsigned tier_of(const struct nh__heap *heap, const nh_request *request)
{
	unsigned tier = 0;
	while (tier < request->preference_count && !all_of(heap, request->preferences[tier]))
		tier++;
	if (tier == request->preference_count && (request->prefer == 0 || !all_of(heap, request->prefer)))
		tier++;
	return tier;
}

/* Foreign last; then the tier; then local before shared; then the order of addition. */
static unsigned rank_of(const struct nh__heap *heap, const nh_request *request, unsigned cpu)
{
	bool local = local_to(heap, cpu), foreign = heap->affinity != 0 && !local;
	return (foreign ? 1000000u : 0u) + tier_of(heap, request) * 1000u + (local || foreign ? 0u : 100u) +
	       heap->id;
}

static unsigned order_of(const nh_request *request, unsigned cpu, const struct nh__heap **out)
{
	unsigned count = 0;
	for (unsigned id = 0; id < heap_count; id++) {
		if (!is_candidate(&heaps[id], request, cpu))
			continue;
		unsigned at = count++;
		for (; at > 0 && rank_of(out[at - 1u], request, cpu) > rank_of(&heaps[id], request, cpu);
		     at--)
			out[at] = out[at - 1u];
		out[at] = &heaps[id];
	}
	return count;
}

static void check(const nh_request *request)
{
	const struct nh__heap *expected[NH_MAX_HEAPS];
	unsigned cpu = nh_port_cpu(), count = order_of(request, cpu, expected);
	struct nh__choice choice;
	nh__choice_begin(&choice, &instance, request);
	for (unsigned i = 0; i < count; i++) {
		const struct nh__heap *got = nh__choice_next(&choice);
		if (got != expected[i])
			fail_msg("CPU %u, choice %u: heap %d, expected %d", cpu, i,
			         got == NULL ? -1 : got->id, expected[i]->id);
	}
	assert_null(nh__choice_next(&choice));
	assert_null(nh__choice_next(&choice));
}

/* ---- CPUs --------------------------------------------------------------------------------- */

/* The CPUs that are tried: each slot, and a thread without one. */
#define PLACES (NH_CPUS + NH_PORT_OUTSIDERS)

static void go(unsigned place)
{
	if (place < NH_CPUS)
		assert_status(nh_host_attach((int)place), NH_OK);
	else
		nh_host_detach();
	assert_int_equal(nh_port_cpu(), place);
}

/* ---- all small combinations --------------------------------------------------------------- */

/* Two heaps of any attributes (two bits), affinity and eligibility; any request over them. */
static void all_pairs(void **state)
{
	(void)state;
	const uint32_t affinities[] = { 0, NH_CPU(0), NH_CPU(NH_CPUS > 1 ? 1 : 0) };
	uint32_t preferences[2];
	unsigned turn = 0;
	for (unsigned pair = 0; pair < 24u * 24u; pair++) {
		clear();
		for (unsigned i = 0; i < 2 && i < HEAPS; i++) {
			unsigned kind = i ? pair / 24u : pair % 24u;
			add(spread(kind % 4u), affinities[kind / 4u % 3u],
			    kind / 12u ? NH_HEAP_NOT_DEFAULT : 0u);
		}
		go(pair % 2u % PLACES);
		for (unsigned code = 0; code < 4u * 4u * 4u * 2u * 5u * 5u; code++) {
			if (turn++ % WHITE_STRIDE != 0)
				continue;
			unsigned rest = code;
			nh_request request = { .require = spread(rest % 4u),
				               .prefer = spread(rest / 4u % 4u) };
			request.heaps = rest / 16u % 4u;
			request.flags = rest / 64u % 2u ? NH_NO_FOREIGN : 0u;
			rest /= 128u;
			for (unsigned i = 0; i < 2; i++, rest /= 5u)
				if (rest % 5u != 4u)
					preferences[request.preference_count++] = spread(rest % 5u);
			request.preferences = preferences;
			check(&request);
		}
	}
}

/* ---- random ------------------------------------------------------------------------------- */

static nht_random dice;

static uint32_t affinity_of_some(void)
{
	if (nht_chance(&dice, 40))
		return 0;
	uint32_t affinity = 0;
	while (affinity == 0)
		for (unsigned cpu = 0; cpu < NH_CPUS && cpu < 32; cpu++)
			affinity |= nht_chance(&dice, 30) ? NH_CPU(cpu) : 0u;
	return affinity;
}

static void fill(unsigned count)
{
	clear();
	for (unsigned i = 0; i < count; i++)
		add(spread(nht_next(&dice) & nht_next(&dice) & 15u), affinity_of_some(),
		    nht_chance(&dice, 30) ? NH_HEAP_NOT_DEFAULT : 0u);
}

static void check_random_request(void)
{
	uint32_t preferences[5];
	nh_request request = { .preferences = preferences };
	if (nht_chance(&dice, 40))
		request.require = spread(nht_next(&dice) & nht_next(&dice) & 15u);
	if (nht_chance(&dice, 40))
		request.prefer = spread(nht_next(&dice) & 15u);
	if (nht_chance(&dice, 25))
		request.heaps = nht_next(&dice) & 0xffffu;
	if (nht_chance(&dice, 30))
		request.flags = NH_NO_FOREIGN;
	if (nht_chance(&dice, 50))
		request.preference_count = (unsigned)nht_below(&dice, 6);
	for (unsigned i = 0; i < request.preference_count; i++)
		preferences[i] = spread(nht_next(&dice) & nht_next(&dice) & 15u);
	check(&request);
}

static void many_heaps(void **state)
{
	(void)state;
	nht_random_seed(&dice, nht_seed());
	size_t rounds = nht_test_operations(3000);
	for (size_t i = 0; i < rounds; i++) {
		fill((unsigned)nht_between(&dice, 0, HEAPS));
		go((unsigned)(i % PLACES));
		for (unsigned k = 0; k < 20; k++)
			check_random_request();
	}
}

/* ---- what the hits go by ------------------------------------------------------------------ */

/* The first of a plain request, unless that is another CPU's memory. */
static void first_of(void **state)
{
	(void)state;
	nht_random_seed(&dice, nht_seed() + 1u);
	const nh_request plain = { .flags = NH_NO_FOREIGN };
	size_t rounds = nht_test_operations(3000);
	for (size_t i = 0; i < rounds; i++) {
		fill((unsigned)nht_between(&dice, 0, HEAPS));
		for (unsigned cpu = 0; cpu <= NH_CPUS; cpu++) {
			const struct nh__heap *order[NH_MAX_HEAPS];
			unsigned count = order_of(&plain, cpu, order);
			assert_ptr_equal(nh__first_of(&instance, cpu), count == 0 ? NULL : order[0]);
		}
	}
}

static void sets_by_attribute(void **state)
{
	(void)state;
	nht_random_seed(&dice, nht_seed() + 2u);
	for (unsigned round = 0; round < 200; round++) {
		fill(HEAPS);
		for (unsigned bits = 0; bits < 16; bits++) {
			unsigned expected = bits == 0 ? UINT16_MAX : 0;
			for (unsigned id = 0; id < HEAPS; id++)
				expected |= all_of(&heaps[id], spread(bits)) ? 1u << id : 0u;
			assert_int_equal(nh__heaps_with(&instance, spread(bits)), expected);
		}
		assert_int_equal(nh__heaps_with(&instance, UINT32_C(1) << 5), 0); /* no heap has it */
		assert_int_equal(nh__heaps_with(&instance, spread(1) | UINT32_C(1) << 5), 0);
	}
}

/* A heap that is being added is invisible until its bit is there. */
static void unpublished_is_no_candidate(void **state)
{
	(void)state;
	clear();
	add(spread(1), 0, 0);
	nh__store_relaxed(&instance.heaps, 0);
	struct nh__choice choice;
	const nh_request any = { 0 }, named = { .heaps = 1 }, having = { .require = 1 };
	const nh_request *requests[] = { &any, &named, &having };
	for (unsigned i = 0; i < 3; i++) {
		nh__choice_begin(&choice, &instance, requests[i]);
		assert_null(nh__choice_next(&choice));
	}
	assert_null(nh__first_of(&instance, 0));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs),
		cmocka_unit_test(many_heaps),
		cmocka_unit_test(first_of),
		cmocka_unit_test(sets_by_attribute),
		cmocka_unit_test(unpublished_is_no_candidate),
	};
	nht_start(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Tables, map and checks: see report.h. */
#include "report.h"

#include "workload.h"

#define BAR 60u

static char bars[REPORT_MOMENTS][DEMO_BANKS][BAR + 1u];
static nh_heap_stats final_stats[DEMO_BANKS];

/* ---- map -------------------------------------------------------------------------------- */

/* Bytes of one bank, by where they lie and what they are. */
struct drawing {
	uint32_t share[BAR][3]; /* by nh_block_state */
	uintptr_t base;
	size_t size;
};

static bool draw_block(const nh_block_info *block, void *context)
{
	struct drawing *drawing = context;
	uintptr_t at = (uintptr_t)block->address - drawing->base;
	uintptr_t end = at + block->size;
	while (at < end && at < drawing->size) {
		const size_t cell = at * BAR / drawing->size;
		uintptr_t next = ((cell + 1u) * drawing->size + BAR - 1u) / BAR;
		if (next > end)
			next = end;
		drawing->share[cell][block->state] += (uint32_t)(next - at);
		at = next;
	}
	return true;
}

/* What there is most of, but an eighth of cached blocks is worth showing. What no block covers is the
 * heap's own. */
static char cell_char(const uint32_t *share)
{
	const uint32_t all = share[NH_BLOCK_LIVE] + share[NH_BLOCK_CACHED] + share[NH_BLOCK_FREE];
	if (all == 0)
		return ':';
	if (share[NH_BLOCK_CACHED] >= all / 8u && share[NH_BLOCK_CACHED] != 0)
		return '+';
	return share[NH_BLOCK_FREE] > share[NH_BLOCK_LIVE] ? '.' : '#';
}

void report_draw(enum report_moment moment)
{
	static struct drawing drawing;
	for (unsigned bank = 0; bank < DEMO_BANKS; bank++) {
		void *base;
		drawing = (struct drawing){ 0 };
		demo_bank_memory((enum demo_bank)bank, &base, &drawing.size);
		drawing.base = (uintptr_t)base;
		nh_walk((int)bank, draw_block, &drawing);
		for (unsigned cell = 0; cell < BAR; cell++)
			bars[moment][bank][cell] = cell_char(drawing.share[cell]);
	}
}

static void print_map(enum report_moment moment, const char *title)
{
	demo_print("\n%s\n", title);
	for (unsigned bank = 0; bank < DEMO_BANKS; bank++)
		demo_print("  %-10s %s\n", final_stats[bank].name, bars[moment][bank]);
}

/* ---- tables ----------------------------------------------------------------------------- */

/* Program and handlers of a core together. */
#define BOTH(core, field) (meters[core][0].tally.field + meters[core][1].tally.field)

/* A title of 30 and two columns of 24. */
static void row(const char *title, uint32_t core0, uint32_t core1)
{
	demo_print("%-30s%24u%24u\n", title, (unsigned)core0, (unsigned)core1);
}

static uint32_t permille(uint32_t part, uint32_t whole)
{
	return whole == 0 ? 0 : (uint32_t)((uint64_t)part * 1000u / whole);
}

static void row_share(const char *title, const uint32_t *part, const uint32_t *whole)
{
	demo_print("%-30s", title);
	for (unsigned core = 0; core < DEMO_CORES; core++) {
		const unsigned share = (unsigned)permille(part[core], whole[core]);
		demo_print("%15u %4u.%u %%", (unsigned)part[core], share / 10u, share % 10u);
	}
	demo_print("\n");
}

static void row_times(const char *title, const struct meter_times *core0, const struct meter_times *core1)
{
	const struct meter_times *times[DEMO_CORES] = { core0, core1 };
	demo_print("%-30s", title);
	for (unsigned core = 0; core < DEMO_CORES; core++)
		demo_print(" %7u %7u %7u", (unsigned)meter_percentile(times[core], 500),
		           (unsigned)meter_percentile(times[core], 990), (unsigned)times[core]->max);
	demo_print("\n");
}

static void print_landings(void)
{
	static const char *const titles[DEMO_BANKS] = {
		"  in local0", "  in local1", "  in shared", "  in scratch_y", "  in scratch_x",
	};
	const uint32_t all[DEMO_CORES] = { BOTH(0, allocations), BOTH(1, allocations) };
	const uint32_t calm[DEMO_CORES] = { BOTH(0, calm), BOTH(1, calm) };
	const uint32_t calm_local[DEMO_CORES] = { BOTH(0, calm_local), BOTH(1, calm_local) };
	row("allocations", all[0], all[1]);
	for (unsigned bank = 0; bank < DEMO_BANKS; bank++) {
		const uint32_t part[DEMO_CORES] = { BOTH(0, landed[bank]), BOTH(1, landed[bank]) };
		row_share(titles[bank], part, all);
	}
	row_share("local while banks have room", calm_local, calm);
	row("fallbacks, own bank full", BOTH(0, plain) - BOTH(0, plain_local),
	    BOTH(1, plain) - BOTH(1, plain_local));
}

static nh_cpu_stats cpu_sum(unsigned core)
{
	nh_cpu_stats sum = { 0 };
	for (int bank = 0; bank < (int)DEMO_BANKS; bank++) {
		nh_cpu_stats one;
		if (nh_cpu_stats_get(bank, core, &one) == NH_OK) {
			sum.hits += one.hits;
			sum.remote += one.remote;
		}
	}
	return sum;
}

static void print_cores(const struct report_findings *findings)
{
	const nh_cpu_stats cpu[DEMO_CORES] = { cpu_sum(0), cpu_sum(1) };
	const uint32_t hits[DEMO_CORES] = { cpu[0].hits, cpu[1].hits };
	const uint32_t cacheable[DEMO_CORES] = { BOTH(0, cacheable), BOTH(1, cacheable) };
	demo_print("\n%-30s%24s%24s\n", "", "core 0: control loop", "core 1: packets");
	print_landings();
	row("from the other core's caches", findings->reclaimed[0], findings->reclaimed[1]);
	row("answers that found no room", 0, work_dropped);
	row("frees", BOTH(0, frees), BOTH(1, frees));
	row("  of the other core's blocks", BOTH(0, remote), BOTH(1, remote));
	row("  of these by an inbox", cpu[0].remote, cpu[1].remote);
	row_share("hits, of calls for small blocks", hits, cacheable);
	row("interrupts", work_interrupts[0], work_interrupts[1]);
	row("  allocations in handlers", meters[0][1].tally.allocations, meters[1][1].tally.allocations);
	row("  refused there", meters[0][1].tally.refused, meters[1][1].tally.refused);
	demo_print("%-30s%8s%8s%8s%8s%8s%8s\n", demo_time_unit, "p50", "p99", "max", "p50", "p99", "max");
	row_times("  malloc", meters[0][0].malloc_times, meters[1][0].malloc_times);
	row_times("  free", meters[0][0].free_times, meters[1][0].free_times);
	if (demo_irq_off_measured)
		demo_print("  longest interrupts-off        (known to the emulator only)\n");
}

static void print_banks(void)
{
	demo_print("\n%-10s%8s%8s%8s%8s%8s%8s%9s%9s\n", "bank", "bytes", "peak", "inbox", "taken", "depot",
	           "taken", "reclaims", "waits");
	for (unsigned bank = 0; bank < DEMO_BANKS; bank++) {
		const nh_heap_stats *stats = &final_stats[bank];
		demo_print("%-10s%8u%8u%8u%8u%8u%8u%9u%9u\n", stats->name, (unsigned)stats->size,
		           (unsigned)stats->peak, (unsigned)stats->remote_frees, (unsigned)stats->inbox_takes,
		           (unsigned)stats->depot_puts, (unsigned)stats->depot_gets,
		           (unsigned)stats->reclaims, (unsigned)stats->lock_waits);
	}
}

/* ---- checks ----------------------------------------------------------------------------- */

static bool all_held;

static void check(bool held, const char *what)
{
	demo_print("%-8s%s\n", held ? "ok" : "FAILED", what);
	all_held &= held;
}

/* Nothing live, nothing cached, nothing lost, and merged into one block again. */
static bool is_empty(const nh_heap_stats *stats)
{
	return stats->live == 0 && stats->cached == 0 && stats->quarantined == 0 &&
	       stats->free == stats->size && stats->size - stats->largest_free <= sizeof(uint64_t);
}

static void check_blocks(void)
{
	bool empty = true;
	for (unsigned bank = 0; bank < DEMO_BANKS; bank++)
		empty &= is_empty(&final_stats[bank]);
	const uint32_t allocations = BOTH(0, allocations) + BOTH(1, allocations);
	check(allocations == BOTH(0, frees) + BOTH(1, frees), "every block was freed");
	check(empty, "every bank is one free block again");
	check(BOTH(0, damaged) + BOTH(1, damaged) == 0, "every block kept its contents");
	check(BOTH(0, misplaced) + BOTH(1, misplaced) == 0, "every block lay where its request allowed");
}

static void check_paths(const struct report_findings *findings)
{
	const nh_heap_stats *s = final_stats;
	check(BOTH(0, plain) > BOTH(0, plain_local) && BOTH(1, plain) > BOTH(1, plain_local),
	      "fallbacks on both cores");
	check(s[DEMO_LOCAL0].remote_frees != 0 && s[DEMO_LOCAL1].remote_frees != 0,
	      "remote frees into both local banks");
	check(s[DEMO_LOCAL0].inbox_takes != 0 && s[DEMO_LOCAL1].inbox_takes != 0,
	      "inboxes emptied by both owners");
	check(s[DEMO_SHARED].depot_puts != 0 && s[DEMO_SHARED].depot_gets != 0,
	      "magazines into and out of the depot");
	check(s[DEMO_LOCAL0].reclaims + s[DEMO_LOCAL1].reclaims + s[DEMO_SHARED].reclaims != 0, "reclaims");
	check(findings->reclaimed[0] != 0 && findings->reclaimed[1] != 0,
	      "both cores got memory out of the other's caches");
	check(meters[0][1].tally.allocations != 0 && meters[1][1].tally.allocations != 0,
	      "handlers of both cores allocated");
}

/* Local comes first in the order, so as long as the bank has room no plain request may leave it: all
 * of them, not most. */
static void check_local_share(const struct report_findings *findings)
{
	check(findings->calm_had_room, "local banks at most 3/4 full in the calm phases");
	check(BOTH(0, calm) != 0 && BOTH(0, calm) == BOTH(0, calm_local),
	      "core 0: all local while its bank had room");
	check(BOTH(1, calm) != 0 && BOTH(1, calm) == BOTH(1, calm_local),
	      "core 1: all local while its bank had room");
}

static void check_soundness(const struct report_findings *findings)
{
	check(BOTH(0, refused_wrongly) + BOTH(1, refused_wrongly) == 0,
	      "nothing refused while memory was there");
	check(BOTH(0, judged) != 0 && BOTH(1, judged) != 0, "  (and the limit was reached on both cores)");
	check(findings->validity == NH_OK, "validate found every bank sound");
	if (findings->validity != NH_OK)
		demo_print("        %s: heap %d, %s\n", nh_status_string(findings->validity),
		           findings->damage.heap, findings->damage.what != NULL ? findings->damage.what : "");
	const uint32_t fault = atomic_load_explicit(&meter_faults, memory_order_relaxed);
	check(fault == 0, fault == 0 ? "no fault reported" : nh_fault_string((nh_fault_code)fault));
}

bool report_print(const struct report_findings *findings)
{
	for (unsigned bank = 0; bank < DEMO_BANKS; bank++)
		if (nh_heap_stats_get((int)bank, &final_stats[bank]) != NH_OK)
			return false;
	all_held = true;
	print_cores(findings);
	print_banks();
	demo_print("\n# live, + cached, . free, : the heap's own\n");
	print_map(REPORT_BUSIEST, "at the busiest moment");
	print_map(REPORT_END, "at the end");
	demo_print("\n");
	check_blocks();
	check_paths(findings);
	check_local_share(findings);
	check_soundness(findings);
	return all_held;
}

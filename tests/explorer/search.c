/* SPDX-License-Identifier: MIT */
/* Searching a scenario, and telling what was found. */
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct ex_scenario *scenario;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- runs --------------------------------------------------------------------------------- */

static void make(void)
{
	ex_world_make(scenario);
	ex_ops_reset(scenario);
	ex_ops_before();
	ex_world_save();
}

static void begin(const struct ex_scenario *chosen)
{
	scenario = chosen;
	ex_run.failure = NULL;
	ex_run.thread = -1;
	ex_run.passive_cpu = 0;
	ex_machine_begin();
	ex_guarded(make);
	if (ex_run.failure != NULL) {
		fprintf(stderr, "explorer: %s: before the run: %s\n", scenario->name, ex_run.failure);
		exit(2);
	}
	ex_shadow_forget();
	ex_strategy_restart();
}

static bool fails(unsigned long run)
{
	ex_world_restore();
	ex_strategy_begin(run);
	ex_go();
	if (ex_run.failure == NULL)
		ex_guarded(ex_world_check);
	return ex_run.failure != NULL;
}

static bool fails_again(void)
{
	return fails(0);
}

static struct ex_outcome search(void)
{
	struct ex_outcome outcome = { 0 };
	double start = now();
	for (;;) {
		bool failed = fails(outcome.runs++);
		outcome.steps += ex_run.steps;
		if (failed) {
			outcome.failed = true;
			break;
		}
		if (ex_options.mode == EX_REPLAY || outcome.runs >= ex_options.runs)
			break;
		if (ex_options.seconds > 0 && outcome.runs % 64u == 0 && now() - start > ex_options.seconds)
			break;
		if (ex_options.mode == EX_DFS && ex_options.points == EX_SHARED && ex_run.grown) {
			ex_strategy_restart();
		} else if (!ex_strategy_next()) {
			outcome.complete = true;
			break;
		}
	}
	outcome.took = now() - start;
	return outcome;
}

/* ---- telling ------------------------------------------------------------------------------ */

static void tell(const struct ex_outcome *outcome)
{
	static const char *const names[] = { "dfs", "pct", "random", "replay" };
	const char *end = outcome->failed ? "FAILED" : outcome->complete ? "complete" : "limit";
	printf("%s %-12s %9lu runs %5.0f steps %6.1f s  ", EX_VARIANT, scenario->name, outcome->runs,
	       outcome->steps / (double)outcome->runs, outcome->took);
	if (ex_options.mode == EX_DFS)
		printf("bound %u, stale %u, spurious %u: %s\n", ex_options.bound, ex_options.stale,
		       ex_options.spurious, end);
	else
		printf("%s, seed %llu, stale %u, spurious %u: %s\n", names[ex_options.mode],
		       (unsigned long long)ex_options.seed, ex_options.stale, ex_options.spurious, end);
	if (outcome->failed)
		printf("  %s: run %lu: %s\n", scenario->name, outcome->runs, ex_run.failure);
	fflush(stdout);
}

static void explain(void)
{
	const struct ex_options options = ex_options;
	ex_replayed = ex_options.mode == EX_REPLAY ? ex_replayed : ex_recorded;
	ex_options.mode = EX_REPLAY;
	if (!fails(0)) {
		printf("explorer: the failure does not repeat itself\n");
		return;
	}
	ex_schedule_shrink(fails_again);
	ex_trace_begin();
	fails(0);
	ex_tracing = false;
	ex_trace_print();
	printf("again: explorer_%s --scenario %s --replay ", EX_VARIANT, scenario->name);
	ex_schedule_print(&ex_replayed);
	printf("\n");
	fflush(stdout);
	ex_options = options;
}

struct ex_outcome ex_search(const struct ex_scenario *chosen, bool trace)
{
	begin(chosen);
	struct ex_outcome outcome = search();
	tell(&outcome);
	if (outcome.failed && trace)
		explain();
	return outcome;
}

/* ---- many searches ------------------------------------------------------------------------ */

bool ex_hunt(const struct ex_scenario *const *scenarios, unsigned count)
{
	static const struct ex_options phases[] = {
		{ .mode = EX_DFS, .bound = 1, .runs = 1000 },
		{ .mode = EX_DFS, .bound = 1, .stale = 1, .spurious = 1, .runs = 2000 },
		{ .mode = EX_PCT, .stale = 3, .spurious = 1, .runs = 1000 },
		{ .mode = EX_DFS, .bound = 1, .stale = 1, .runs = 20000 },
		{ .mode = EX_PCT, .stale = 2, .runs = 10000 },
		{ .mode = EX_DFS, .bound = 2, .runs = 50000 },
		{ .mode = EX_RANDOM, .stale = 2, .runs = 20000 },
		{ .mode = EX_PCT, .stale = 1, .runs = 50000 },
	};
	bool strong = ex_options.strong;
	unsigned long total = 0;
	for (unsigned phase = 0; phase < sizeof phases / sizeof phases[0]; phase++)
		for (unsigned i = 0; i < count; i++) {
			ex_options = phases[phase];
			ex_options.strong = strong;
			begin(scenarios[i]);
			struct ex_outcome outcome = search();
			total += outcome.runs;
			if (outcome.failed) {
				tell(&outcome);
				printf("caught: %lu runs in all\n", total);
				return true;
			}
		}
	printf("SURVIVED: %lu runs\n", total);
	return false;
}

bool ex_explore(const struct ex_scenario *const *scenarios, unsigned count, double seconds)
{
	static const struct ex_options phases[] = {
		{ .mode = EX_DFS, .bound = 2, .stale = 1, .spurious = 1 },
		{ .mode = EX_DFS, .bound = 3 },
		{ .mode = EX_DFS, .bound = 3, .stale = 2, .spurious = 1 },
		{ .mode = EX_PCT, .stale = 3, .spurious = 2 },
		{ .mode = EX_RANDOM, .stale = 3, .spurious = 2 },
	};
	const unsigned phase_count = sizeof phases / sizeof phases[0];
	const struct ex_options given = ex_options;
	double end = now() + seconds;
	unsigned left = phase_count * count;
	bool good = true;
	for (unsigned phase = 0; phase < phase_count; phase++)
		for (unsigned i = 0; i < count; i++) {
			ex_options = phases[phase];
			ex_options.strong = given.strong;
			ex_options.points = given.points;
			ex_options.seed = given.seed;
			ex_options.runs = given.runs;
			ex_options.seconds = (end - now()) / left--; /* what one leaves is the others' */
			if (ex_options.seconds < 0.1)
				ex_options.seconds = 0.1;
			good &= !ex_search(scenarios[i], true).failed;
		}
	return good;
}

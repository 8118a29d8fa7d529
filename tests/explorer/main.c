/* SPDX-License-Identifier: MIT */
/* Runs scenarios and reports: options, the search, the failing schedule. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *variant = EX_VARIANT;
static const char *program;
static const struct ex_scenario *scenario;
static bool expect_failure, quiet;

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- a scenario --------------------------------------------------------------------------- */

static void make(void)
{
	ex_world_make(scenario);
	ex_ops_reset(scenario);
	ex_ops_before();
	ex_world_save();
}

static void begin(void)
{
	ex_run.failure = NULL;
	ex_run.thread = -1;
	ex_run.passive_cpu = 0;
	ex_guarded(make);
	if (ex_run.failure != NULL) {
		fprintf(stderr, "explorer: %s: before the run: %s\n", scenario->name, ex_run.failure);
		exit(2);
	}
	ex_shadow_forget();
	ex_strategy_restart();
}

static bool once(unsigned long run)
{
	ex_world_restore();
	ex_strategy_begin(run);
	ex_go();
	if (ex_run.failure == NULL)
		ex_guarded(ex_world_check);
	return ex_run.failure != NULL;
}

static bool again(void)
{
	return once(0);
}

static void explain_failure(void)
{
	ex_replayed = ex_recorded;
	if (ex_options.mode != EX_REPLAY) {
		ex_options.mode = EX_REPLAY;
		if (!once(0)) {
			printf("explorer: the failure does not repeat\n");
			return;
		}
		ex_schedule_shrink(again);
	}
	ex_trace_begin();
	once(0);
	ex_tracing = false;
	ex_trace_print();
	printf("again: %s --scenario %s --replay ", program, scenario->name);
	ex_schedule_print(&ex_replayed);
	printf("\n");
}

struct outcome {
	unsigned long runs;
	double steps, took;
	bool failed, complete;
	uint32_t longest;
};

static struct outcome search(void)
{
	struct outcome outcome = { 0 };
	double start = seconds();
	unsigned long tree = 0;
	for (;;) {
		bool failed = once(outcome.runs++);
		outcome.steps += ex_run.steps;
		if (ex_run.steps > outcome.longest)
			outcome.longest = ex_run.steps;
		if (failed) {
			outcome.failed = true;
			break;
		}
		if (ex_options.mode == EX_REPLAY || outcome.runs >= ex_options.runs)
			break;
		if (ex_options.seconds > 0 && outcome.runs % 64u == 0 && seconds() - start > ex_options.seconds)
			break;
		tree++;
		if (ex_run.grown && ex_options.mode == EX_DFS && ex_options.points == EX_SHARED) {
			ex_strategy_restart();
			tree = 0;
		} else if (!ex_strategy_next()) {
			outcome.complete = true;
			break;
		}
	}
	outcome.took = seconds() - start;
	return outcome;
}

static const char *mode_name(void)
{
	static const char *const names[] = { "dfs", "pct", "random", "replay" };
	return names[ex_options.mode];
}

/* True: as it should be. */
static bool explore(void)
{
	begin();
	struct outcome outcome = search();
	char how[96];
	if (ex_options.mode == EX_DFS)
		snprintf(how, sizeof how, "bound %u, stale %u, spurious %u: %s", ex_options.bound, ex_options.stale,
		         ex_options.spurious, outcome.failed ? "FAILED" : outcome.complete ? "complete" : "limit");
	else
		snprintf(how, sizeof how, "%s, seed %llu, stale %u: %s", mode_name(), (unsigned long long)ex_options.seed,
		         ex_options.stale, outcome.failed ? "FAILED" : "limit");
	printf("%s %-12s %9lu runs  %5.0f steps  %6.1f s  %s\n", variant, scenario->name, outcome.runs,
	       outcome.steps / (double)outcome.runs, outcome.took, how);
	if (outcome.failed) {
		printf("  run %lu: %s\n", outcome.runs, ex_run.failure);
		if (!quiet)
			explain_failure();
	}
	fflush(stdout);
	return outcome.failed == expect_failure;
}

/* ---- options ------------------------------------------------------------------------------ */

static _Noreturn void usage(const char *problem)
{
	fprintf(stderr, "explorer: %s\n"
	                "  --list                     the scenarios\n"
	                "  --scenario NAME            this one; several: again. Without: all\n"
	                "  --bound N --stale N --spurious N --points shared|atomic|all\n"
	                "  --pct | --random           instead of depth first; --seed N\n"
	                "  --runs N --seconds S       limits, per scenario\n"
	                "  --replay SCHEDULE          one run, with a trace\n"
	                "  --expect-failure           a mutant: a failure is right\n"
	                "  --quiet                    no trace\n",
	        problem);
	exit(2);
}

static const char *argument(char ***at)
{
	if (*++*at == NULL)
		usage("an option lacks its value");
	return **at;
}

static unsigned long number(char ***at)
{
	char *end;
	const char *text = argument(at);
	unsigned long value = strtoul(text, &end, 0);
	if (*end != '\0' || *text == '\0' || *text == '-')
		usage("an option's value is not a number");
	return value;
}

static enum ex_points points(const char *text)
{
	static const char *const names[] = { "shared", "atomic", "all" };
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0)
			return (enum ex_points)i;
	usage("--points: shared, atomic or all");
}

static const struct ex_scenario *named(const char *name)
{
	for (unsigned i = 0; i < ex_scenario_count; i++)
		if (strcmp(ex_scenarios[i].name, name) == 0)
			return &ex_scenarios[i];
	usage("no such scenario (--list)");
}

static void list(void)
{
	for (unsigned i = 0; i < ex_scenario_count; i++)
		printf("%-12s %s\n", ex_scenarios[i].name, ex_scenarios[i].about);
}

int main(int count, char **arguments)
{
	const struct ex_scenario *chosen[64];
	unsigned chosen_count = 0;
	bool good = true;
	(void)count;
	program = arguments[0];
	ex_options.runs = 1000000000ul;
	ex_options.strong = EX_STRONG;
	for (char **at = arguments + 1; *at != NULL; at++) {
		if (strcmp(*at, "--list") == 0) {
			list();
			return 0;
		} else if (strcmp(*at, "--scenario") == 0 && chosen_count < 64) {
			chosen[chosen_count++] = named(argument(&at));
		} else if (strcmp(*at, "--bound") == 0) {
			ex_options.bound = (unsigned)number(&at);
		} else if (strcmp(*at, "--stale") == 0) {
			ex_options.stale = (unsigned)number(&at);
		} else if (strcmp(*at, "--spurious") == 0) {
			ex_options.spurious = (unsigned)number(&at);
		} else if (strcmp(*at, "--points") == 0) {
			ex_options.points = points(argument(&at));
		} else if (strcmp(*at, "--pct") == 0) {
			ex_options.mode = EX_PCT;
		} else if (strcmp(*at, "--random") == 0) {
			ex_options.mode = EX_RANDOM;
		} else if (strcmp(*at, "--seed") == 0) {
			ex_options.seed = number(&at);
		} else if (strcmp(*at, "--runs") == 0) {
			ex_options.runs = number(&at);
		} else if (strcmp(*at, "--seconds") == 0) {
			ex_options.seconds = (double)number(&at);
		} else if (strcmp(*at, "--replay") == 0) {
			if (!ex_schedule_parse(&ex_replayed, argument(&at)))
				usage("--replay: no schedule");
			ex_options.mode = EX_REPLAY;
		} else if (strcmp(*at, "--expect-failure") == 0) {
			expect_failure = true;
		} else if (strcmp(*at, "--quiet") == 0) {
			quiet = true;
		} else {
			usage(*at);
		}
	}
	if (chosen_count == 0)
		for (; chosen_count < ex_scenario_count && chosen_count < 64; chosen_count++)
			chosen[chosen_count] = &ex_scenarios[chosen_count];
	for (unsigned i = 0; i < chosen_count; i++) {
		scenario = chosen[i];
		good &= explore();
	}
	return good ? 0 : 1;
}

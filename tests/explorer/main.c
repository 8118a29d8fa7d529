/* SPDX-License-Identifier: MIT */
/* The explorer's command line. */
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOSEN_MAX 256u

static const struct ex_scenario *chosen[CHOSEN_MAX];
static unsigned chosen_count;
static bool hunting, in_short, must_complete;
static double explore_seconds;

static _Noreturn void usage(const char *problem)
{
	fprintf(stderr,
	        "explorer: %s\n"
	        "  --list                  the scenarios\n"
	        "  --scenario NAME         this one; several: again. Without: all\n"
	        "  --bound N               preemptions (2)\n"
	        "  --stale N, --spurious N loads that see an old value, compare-and-swaps that fail, per run "
	        "(0)\n"
	        "  --points shared|atomic|all  where to preempt: accesses that matter to others; all "
	        "atomics; everything\n"
	        "  --pct, --random         instead of depth first; --seed N\n"
	        "  --runs N, --seconds S   limits, per scenario\n"
	        "  --short                 with the scenario's own limits, or less by --runs: a test\n"
	        "  --complete              it is a failure if these are too few\n"
	        "  --explore S             everything, deeper and deeper, for so many seconds\n"
	        "  --hunt                  a mutant: until something fails, which is right\n"
	        "  --replay SCHEDULE       one run, with a trace if it fails\n",
	        problem);
	exit(2);
}

static const char *argument(char ***at)
{
	if ((*at)[1] == NULL)
		usage("an option lacks its value");
	return *++*at;
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

static bool contains(const struct ex_scenario *scenario, char op)
{
	bool found = false;
	for (unsigned i = 0; i < EX_THREADS && scenario->threads[i] != NULL; i++)
		found |= strchr(scenario->threads[i], op) != NULL;
	return found;
}

/* Can this build do it? Two frees at once are always told from NH_HARDENING_FULL on. A CPU that dies between claim and release of a hardware spinlock keeps it, and nobody goes on before a
 * recovery. Where nothing is masked, a thread is a CPU, and neither is left. */
static bool possible(const struct ex_scenario *scenario)
{
	unsigned seen = 0;
	if (scenario->stuck != (NH_PATIENCE != 0) || (contains(scenario, 'D') && NH_HARDENING < NH_HARDENING_FULL))
		return false;
	for (unsigned i = 0; i < EX_THREADS && scenario->threads[i] != NULL; i++) {
		char first = scenario->threads[i][0];
		if (first == 'k' && EX_STRONG && NH_PATIENCE == 0 && !contains(scenario, 'M'))
			return false;
		if (first == 'm' && !EX_MASKS)
			return false;
		if (first < '0' || first > '9')
			continue;
		unsigned cpu = (unsigned)(first - '0');
		if (cpu >= NH_CPUS || ((seen >> cpu & 1u) && !EX_MASKS))
			return false;
		seen |= 1u << cpu;
	}
	return true;
}

static void choose_scenario(const char *name)
{
	if (chosen_count == CHOSEN_MAX)
		usage("too many scenarios");
	for (unsigned i = 0; i < ex_scenario_count; i++)
		if (strcmp(ex_scenarios[i].name, name) == 0) {
			chosen[chosen_count++] = &ex_scenarios[i];
			return;
		}
	usage("no such scenario (--list)");
}

static void list(void)
{
	for (unsigned i = 0; i < ex_scenario_count; i++)
		if (possible(&ex_scenarios[i]))
			printf("%-12s %s\n", ex_scenarios[i].name, ex_scenarios[i].about);
	exit(0);
}

static void option(char ***at)
{
	const char *name = **at;
	if (strcmp(name, "--list") == 0) {
		list();
	} else if (strcmp(name, "--scenario") == 0) {
		choose_scenario(argument(at));
	} else if (strcmp(name, "--bound") == 0) {
		ex_options.bound = (unsigned)number(at);
	} else if (strcmp(name, "--stale") == 0) {
		ex_options.stale = (unsigned)number(at);
	} else if (strcmp(name, "--spurious") == 0) {
		ex_options.spurious = (unsigned)number(at);
	} else if (strcmp(name, "--points") == 0) {
		ex_options.points = points(argument(at));
	} else if (strcmp(name, "--pct") == 0) {
		ex_options.mode = EX_PCT;
	} else if (strcmp(name, "--random") == 0) {
		ex_options.mode = EX_RANDOM;
	} else if (strcmp(name, "--seed") == 0) {
		ex_options.seed = number(at);
	} else if (strcmp(name, "--runs") == 0) {
		ex_options.runs = number(at);
	} else if (strcmp(name, "--seconds") == 0) {
		ex_options.seconds = (double)number(at);
	} else if (strcmp(name, "--explore") == 0) {
		explore_seconds = (double)number(at);
	} else if (strcmp(name, "--short") == 0) {
		in_short = true;
	} else if (strcmp(name, "--complete") == 0) {
		must_complete = true;
	} else if (strcmp(name, "--hunt") == 0) {
		hunting = true;
	} else if (strcmp(name, "--replay") == 0) {
		if (!ex_schedule_parse(&ex_replayed, argument(at)))
			usage("--replay: no schedule");
		ex_options.mode = EX_REPLAY;
	} else {
		usage(name);
	}
}

int main(int count, char **arguments)
{
	bool good = true;
	(void)count;
	ex_options.runs = 1000000000ul;
	ex_options.strong = EX_STRONG;
	for (char **at = arguments + 1; *at != NULL; at++)
		option(&at);
	if (chosen_count == 0)
		for (unsigned i = 0; i < ex_scenario_count; i++)
			if (possible(&ex_scenarios[i]))
				choose_scenario(ex_scenarios[i].name);
	if (hunting)
		return ex_hunt(chosen, chosen_count) ? 0 : 1;
	if (explore_seconds > 0)
		return ex_explore(chosen, chosen_count, explore_seconds) ? 0 : 1;
	const unsigned long runs = ex_options.runs;
	for (unsigned i = 0; i < chosen_count; i++) {
		if (in_short)
			ex_options.runs = chosen[i]->runs < runs ? chosen[i]->runs : runs;
		struct ex_outcome outcome = ex_search(chosen[i], true);
		good &= !outcome.failed && (outcome.complete || !must_complete);
	}
	return good ? 0 : 1;
}

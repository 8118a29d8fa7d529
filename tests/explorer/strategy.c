/* SPDX-License-Identifier: MIT */
/*
 * Decisions. Depth first: the runs of a search are the leaves of a tree; each run replays the path to the last decision
 * that has an alternative left, takes that, and goes on with the first alternative everywhere. PCT: the thread
 * of the highest priority runs, and at a few random steps the running one gets the lowest (S. Burckhardt et al., "A
 * randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010). Random: sometimes somebody else.
 *
 * Whatever chose it, a schedule is the list of places where a run leaves the path of an unhurried machine: the running thread
 * goes on, loads see the newest store, nothing fails for no reason. So each can be replayed and shrunk alike.
 */
#include "explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 200000u
#define PCT_CHANGES 3u

struct ex_options ex_options = { .bound = 2 };
struct ex_schedule ex_recorded, ex_replayed;

static struct {
	uint8_t count, taken;
} path[DEPTH_MAX];
static unsigned depth, length;

static uint64_t random_state;
static uint32_t change_at[PCT_CHANGES], expected_steps = 1000;
static unsigned replay_next;

static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) * bound >> 32);
}

static void record(enum ex_choice what, unsigned value)
{
	if (ex_recorded.count < EX_DECISIONS)
		ex_recorded.at[ex_recorded.count] =
			(struct ex_decision){ ex_run.steps, (uint8_t)what, (uint8_t)value };
	ex_recorded.count++;
}

/* ---- the tree ----------------------------------------------------------------------------- */

static unsigned branch(unsigned count)
{
	if (count < 2)
		return 0;
	if (depth == DEPTH_MAX)
		abort();
	if (depth == length) {
		path[length].count = (uint8_t)count;
		path[length++].taken = 0;
	}
	if (path[depth].count != count) {
		fprintf(stderr, "explorer: a run did not repeat itself\n");
		abort();
	}
	return path[depth++].taken;
}

void ex_strategy_restart(void)
{
	length = 0;
}

bool ex_strategy_next(void)
{
	if (ex_options.mode != EX_DFS)
		return true;
	while (length != 0 && path[length - 1u].taken + 1u >= path[length - 1u].count)
		length--;
	if (length == 0)
		return false;
	path[length - 1u].taken++;
	return true;
}

/* ---- replay ------------------------------------------------------------------------------- */

/* The decision of this kind at this step, or NULL. */
static const struct ex_decision *directive(enum ex_choice what)
{
	const struct ex_schedule *schedule = &ex_replayed;
	while (replay_next < schedule->count && schedule->at[replay_next].step < ex_run.steps)
		replay_next++;
	for (unsigned i = replay_next; i < schedule->count && schedule->at[i].step == ex_run.steps; i++)
		if (schedule->at[i].what == (uint8_t)what)
			return &schedule->at[i];
	return NULL;
}

static unsigned replay_pick(const uint8_t *candidates, unsigned count)
{
	const struct ex_decision *decision = directive(EX_SWITCH);
	for (unsigned i = 0; decision != NULL && i < count; i++)
		if (candidates[i] == decision->value)
			return i;
	return 0;
}

/* ---- chance ------------------------------------------------------------------------------- */

static unsigned pct_pick(const uint8_t *candidates, unsigned count, bool stay)
{
	unsigned best = 0;
	for (unsigned i = 0; i < PCT_CHANGES; i++)
		if (stay && change_at[i] != 0 && change_at[i] <= ex_run.steps) {
			change_at[i] = 0;
			ex_thread[candidates[0]].priority = i;
		}
	for (unsigned i = 1; i < count; i++)
		if (ex_thread[candidates[i]].priority > ex_thread[candidates[best]].priority)
			best = i;
	return best;
}

/* ---- choosing ----------------------------------------------------------------------------- */

unsigned ex_pick(const uint8_t *candidates, unsigned count, bool stay)
{
	unsigned chosen = 0;
	switch (ex_options.mode) {
	case EX_DFS:
		if (!stay || ex_run.preemptions < ex_options.bound)
			chosen = branch(count);
		break;
	case EX_PCT:
		chosen = pct_pick(candidates, count, stay);
		break;
	case EX_RANDOM:
		if (!stay || random_below(8) == 0)
			chosen = random_below(count);
		break;
	case EX_REPLAY:
		chosen = replay_pick(candidates, count);
		break;
	}
	if (stay && chosen != 0)
		ex_run.preemptions++;
	if (chosen != 0)
		record(EX_SWITCH, candidates[chosen]);
	return chosen;
}

unsigned ex_choose(enum ex_choice what, unsigned count)
{
	unsigned chosen = 0;
	if (ex_options.mode == EX_REPLAY) {
		const struct ex_decision *decision = directive(what);
		chosen = decision != NULL && decision->value < count ? decision->value : 0;
	} else if (ex_options.mode == EX_DFS) {
		chosen = branch(count);
	} else if (random_below(6) == 0) {
		chosen = random_below(count);
	}
	if (chosen != 0)
		record(what, chosen);
	return chosen;
}

void ex_strategy_begin(unsigned long run)
{
	depth = 0;
	replay_next = 0;
	ex_recorded.count = 0;
	if (ex_options.mode != EX_PCT && ex_options.mode != EX_RANDOM)
		return;
	random_state = (ex_options.seed + run) * UINT64_C(0x9e3779b97f4a7c15) + 1u;
	for (unsigned i = 0; i < 4; i++)
		random_below(2);
	if (ex_run.steps > expected_steps / 2u)
		expected_steps = ex_run.steps;
	for (unsigned i = 0; i < ex_threads; i++)
		ex_thread[i].priority = 100u + random_below(1000);
	for (unsigned i = 0; i < PCT_CHANGES; i++)
		change_at[i] = 1u + random_below(expected_steps);
}

/* ---- schedules as text -------------------------------------------------------------------- */

void ex_schedule_print(const struct ex_schedule *schedule)
{
	if (schedule->count == 0)
		printf("-");
	for (unsigned i = 0; i < schedule->count && i < EX_DECISIONS; i++)
		printf("%s%u%c%u", i == 0 ? "" : ",", schedule->at[i].step, schedule->at[i].what,
		       schedule->at[i].value);
}

bool ex_schedule_parse(struct ex_schedule *schedule, const char *text)
{
	schedule->count = 0;
	if (strcmp(text, "-") == 0)
		return true;
	while (schedule->count < EX_DECISIONS) {
		struct ex_decision *decision = &schedule->at[schedule->count++];
		char what;
		unsigned value;
		int used = 0;
		if (sscanf(text, "%u%c%u%n", &decision->step, &what, &value, &used) != 3 ||
		    strchr(">~!", what) == NULL || value > UINT8_MAX)
			return false;
		decision->what = (uint8_t)what;
		decision->value = (uint8_t)value;
		text += used;
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

void ex_schedule_shrink(bool (*fails)(void))
{
	for (unsigned chunk = ex_replayed.count; chunk != 0; chunk /= 2u) {
		for (unsigned i = 0; i < ex_replayed.count;) {
			static struct ex_schedule saved;
			saved = ex_replayed;
			unsigned cut = chunk < ex_replayed.count - i ? chunk : ex_replayed.count - i;
			memmove(&ex_replayed.at[i], &ex_replayed.at[i + cut],
			        (ex_replayed.count - i - cut) * sizeof ex_replayed.at[0]);
			ex_replayed.count -= cut;
			if (!fails()) {
				ex_replayed = saved;
				i += cut;
			}
		}
	}
}

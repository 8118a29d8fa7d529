/* SPDX-License-Identifier: MIT */
/* Searching a scenario, and telling what was found. */
#ifndef EXPLORER_SEARCH_H
#define EXPLORER_SEARCH_H

#include "scenario.h"

struct ex_outcome {
	unsigned long runs;
	double steps, took;
	bool failed, complete;
};

/* One search with the present options, told in a line; a failing schedule is shrunk and printed with its trace. */
struct ex_outcome ex_search(const struct ex_scenario *scenario, bool trace);

/* A mutant: through all scenarios, first a little of each kind of search, then more. True if it was caught. */
bool ex_hunt(const struct ex_scenario *const *scenarios, unsigned count);

/* Everything: deeper and deeper searches, then chance, for so many seconds. True if nothing failed. */
bool ex_explore(const struct ex_scenario *const *scenarios, unsigned count, double seconds);

#endif

/* SPDX-License-Identifier: MIT */
/* What the demo prints: the table, the map of the banks, the checks. */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include "meter.h"

/* What the script found out by itself. */
struct report_findings {
	uint32_t reclaimed[DEMO_CORES]; /* blocks that came out of the other core's caches */
	nh_status validity;             /* the first that was not NH_OK */
	nh_report damage;               /* and what it said */
	bool calm_had_room;             /* no local bank was over three quarters full in the calm phases */
};

enum report_moment { REPORT_BUSIEST, REPORT_END, REPORT_MOMENTS };

/* Draws all banks as they are now; printed later. */
void report_draw(enum report_moment moment);

/* Prints everything. All blocks should be back, and the caches trimmed. True if every check held. */
bool report_print(const struct report_findings *findings);

#endif

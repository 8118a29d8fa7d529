/* SPDX-License-Identifier: MIT */
/* Faults: what is found under a lock is kept in a note and reported after everything is released. */
#ifndef NH_CORE_FAULT_H
#define NH_CORE_FAULT_H

#include <nearheap/nearheap.h>

struct nh__note {
	nh_fault_code code;
	const void *address;
};

/* Calls the hook. No lock or gate is held, interrupts are the caller's. */
void nh__report(nh_fault_code code, const void *address, unsigned cpu);

/* Reports what was noted under locks, now that there are none. */
void nh__note_report(const struct nh__note *note);

/* `cpu` has stopped, perhaps inside the hook: it is not there when it starts again. */
void nh__report_recover(unsigned cpu);

/* The hook is running on this CPU. NH_HARDENING_EXTREME. */
bool nh__in_hook(void);

static inline void nh__note_keep(struct nh__note *note, nh_fault_code code, const void *address)
{
	if (note->code == NH_FAULT_NONE) {
		note->code = code;
		note->address = address;
	}
}

#endif

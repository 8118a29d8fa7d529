/* SPDX-License-Identifier: MIT */
/*
 * Data races, and which locations matter. Every location has the clocks of its last accesses by each thread. Two accesses
 * of which one writes, one is plain, and neither happens before the other, are a race. Locations are words of
 * four bytes; where smaller accesses were seen, single bytes: a block's owner byte and its other header
 * bytes belong to different people.
 */
#include "explorer.h"

#include <string.h>

_Alignas(64) unsigned char ex_arena[EX_ARENA];

static struct ex_cell words[EX_ARENA / 4], bytes[EX_ARENA];
static bool split[EX_ARENA / 4], racing[EX_ARENA / 4];
static uint32_t run;

/* Who ever touched a location, over all runs of a scenario: a set of threads each. */
static struct {
	uint8_t read, written;
} touched[EX_ARENA];

void ex_shadow_begin(void)
{
	run++;
	ex_run.grown = false;
}

void ex_shadow_forget(void)
{
	memset(touched, 0, sizeof touched);
	memset(racing, 0, sizeof racing);
}

/* ---- what is shared ----------------------------------------------------------------------- */

static bool shared(size_t offset)
{
	unsigned all = touched[offset].read | touched[offset].written;
	return touched[offset].written != 0 && (all & (all - 1u)) != 0;
}

/* Is the location shared, as far as is known? If it has just become so, earlier runs have missed decisions. */
static bool touch(size_t offset, bool write)
{
	uint8_t self = (uint8_t)(1u << ex_run.thread);
	if (write ? (touched[offset].written & self) != 0
	          : ((touched[offset].read | touched[offset].written) & self) != 0)
		return shared(offset);
	bool before = shared(offset);
	if (write)
		touched[offset].written |= self;
	else
		touched[offset].read |= self;
	bool after = shared(offset);
	ex_run.grown |= after && !before;
	return after;
}

void ex_atomic_step(const void *address, bool write)
{
	bool matters = touch(ex_offset(address), write);
	ex_step(matters || ex_options.points != EX_SHARED || ex_options.mode == EX_REPLAY);
}

/* ---- cells -------------------------------------------------------------------------------- */

static struct ex_cell *fresh(struct ex_cell *cell)
{
	if (cell->run != run) {
		memset(cell, 0, sizeof *cell);
		cell->run = run;
	}
	return cell;
}

static void split_word(size_t word)
{
	split[word] = true;
	if (words[word].run != run)
		return;
	for (unsigned i = 0; i < 4; i++) {
		bytes[word * 4u + i] = words[word];
		bytes[word * 4u + i].history = 0;
	}
}

/* The cell that an access of this size begins with. */
struct ex_cell *ex_cell_at(const void *address, size_t size)
{
	size_t offset = ex_offset(address);
	if ((size & 3u) != 0 && !split[offset / 4u])
		split_word(offset / 4u);
	return fresh(split[offset / 4u] ? &bytes[offset] : &words[offset / 4u]);
}

/* ---- races -------------------------------------------------------------------------------- */

static bool later(const uint32_t *theirs, const ex_clock *mine)
{
	for (unsigned i = 0; i < ex_threads; i++)
		if (theirs[i] > mine->at[i])
			return true;
	return false;
}

static void race(const void *address, const void *pc, const char *kind)
{
	ex_trace("** races:", address, 0, kind, pc);
	ex_fail(kind);
}

/* On a machine that performs everything in order, a read may be meant to race: the RP2040's hits look at a magazine first
 * and learn from the bounds whether what they saw counts. Likewise where the program is at fault, and core reads what it
 * should not have been given. Then each access of the location is a decision. */
static void race_of_read(const void *address, const void *pc, const char *kind)
{
	if (!ex_options.strong && !ex_ops_guilty())
		race(address, pc, kind);
	ex_run.grown |= !racing[ex_offset(address) / 4u];
	racing[ex_offset(address) / 4u] = true;
}

static void plain_cell(struct ex_cell *cell, const void *address, bool write, const void *pc)
{
	unsigned self = (unsigned)ex_run.thread;
	const ex_clock *mine = &ex_thread[self].clock;
	uint32_t now = mine->at[self], same = now << 4 | self << 1 | write;
	if (cell->same == same || cell->same == (same | 1u))
		return;
	if (cell->written > mine->at[cell->writer] && cell->writer != self)
		(write ? race : race_of_read)(address, pc, "data race with a write");
	if (later(cell->atomic_written, mine))
		(write ? race : race_of_read)(address, pc, "data race with an atomic write");
	if (write && (later(cell->read, mine) || later(cell->atomic_read, mine)))
		race_of_read(address, pc, "data race with a read");
	cell->same = same;
	if (!write) {
		cell->read[self] = now;
		return;
	}
	cell->writer = (uint8_t)self;
	cell->written = now;
	if (cell->history != 0)
		ex_history_drop(cell);
}

void ex_plain(const void *address, size_t size, bool write, const void *pc)
{
	size_t offset = ex_offset(address), end = offset + size;
	if (!ex_active() || offset >= EX_ARENA || size == 0)
		return;
	/* The memory of two threads of one CPU is in order, so a switch between them must be tried. */
	bool decide = ex_options.points == EX_ALL || racing[offset / 4u] || racing[(end - 1u) / 4u];
	if (ex_several())
		decide |= touch(offset & ~(size_t)3, write);
	if (ex_options.mode == EX_REPLAY)
		decide = true;
	ex_step(decide);
	if (ex_tracing)
		ex_trace(write ? "write" : "read", address, size <= 8 ? ex_peek(address, size) : size,
		         size <= 8 ? "" : "bytes", pc);
	while (offset < end) {
		size_t part = 4u - offset % 4u;
		if (part > end - offset)
			part = end - offset;
		struct ex_cell *cell = ex_cell_at(ex_arena + offset, part);
		plain_cell(cell, ex_arena + offset, write, pc);
		if (split[offset / 4u])
			for (size_t i = 1; i < part; i++)
				plain_cell(fresh(&bytes[offset + i]), ex_arena + offset + i, write, pc);
		offset += part;
	}
}

/* An atomic access may race only with plain ones. */
void ex_atomic_race(const void *address, size_t size, bool write)
{
	unsigned self = (unsigned)ex_run.thread;
	const ex_clock *mine = &ex_thread[self].clock;
	size_t offset = ex_offset(address), end = offset + size;
	while (offset < end) {
		struct ex_cell *cell = ex_cell_at(ex_arena + offset, size);
		if (cell->written > mine->at[cell->writer] && cell->writer != self)
			(write ? race : race_of_read)(address, NULL,
			                              "data race of an atomic access with a plain write");
		if (write && later(cell->read, mine))
			race_of_read(address, NULL, "data race of an atomic write with a plain read");
		cell->same = 0;
		(write ? cell->atomic_written : cell->atomic_read)[self] = mine->at[self];
		offset += split[offset / 4u] ? 1u : 4u;
	}
}

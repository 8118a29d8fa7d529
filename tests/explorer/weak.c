/* SPDX-License-Identifier: MIT */
/*
 * What an atomic load may see. Each atomic location keeps its last stores; a load may see any of them that neither
 * it nor anything that happens before it has seen overwritten. A sequentially consistent load sees the last
 * sequentially consistent store or a newer one, which may be of any order. The order of modifications is that
 * of the run. Fences are not modelled: core has none.
 */
#include "explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY 8u
#define HISTORIES 4096u
#define READS 6u

struct stored {
	uint64_t value;
	ex_clock release; /* what who acquires it gets */
	uint8_t thread;
	uint32_t at; /* the thread's clock; 0: before the run */
};

/* Stores have numbers; `last` is the newest one's. */
struct history {
	uint8_t size, kept;
	uint32_t last, sequential;
	uint32_t seen[EX_THREADS];
	struct {
		uint8_t count;
		struct {
			uint32_t at, number;
		} read[READS];
	} reads[EX_THREADS]; /* what a thread had seen by then: binds whom it happens before */
	struct stored store[HISTORY];
};

static struct history histories[HISTORIES];
static uint16_t used;

void ex_weak_begin(void)
{
	used = 1;
}

void ex_history_drop(struct ex_cell *cell)
{
	cell->history = 0;
}

uint64_t ex_peek(const void *address, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)address;
	case 2:
		return *(const uint16_t *)address;
	case 4:
		return *(const uint32_t *)address;
	case 8:
		return *(const uint64_t *)address;
	default:
		return 0;
	}
}

void ex_poke(void *address, size_t size, uint64_t value)
{
	switch (size) {
	case 1:
		*(uint8_t *)address = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)address = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)address = (uint32_t)value;
		break;
	case 8:
		*(uint64_t *)address = value;
		break;
	default:
		abort();
	}
}

static bool acquires(int order)
{
	return ex_options.strong || (order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE);
}

static bool releases(int order)
{
	return ex_options.strong || order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL ||
	       order == __ATOMIC_SEQ_CST;
}

static const char *order_name(int order)
{
	static const char *const names[] = {
		"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"
	};
	return order >= 0 && order <= 5 ? names[order] : "?";
}

/* ---- histories ---------------------------------------------------------------------------- */

static struct stored *numbered(struct history *history, uint32_t number)
{
	return &history->store[number % HISTORY];
}

static struct history *history_of(const void *address, size_t size)
{
	struct ex_cell *cell = ex_cell_at(address, size);
	struct history *history = &histories[cell->history];
	if (cell->history != 0 && history->size == size)
		return history;
	if (used == HISTORIES)
		abort();
	cell->history = used;
	history = &histories[used++];
	memset(history, 0, offsetof(struct history, store));
	history->size = (uint8_t)size;
	history->kept = 1;
	history->last = history->sequential = 1;
	struct stored *store = numbered(history, 1);
	memset(store, 0, sizeof *store);
	store->value = ex_peek(address, size);
	/* the word was written plainly, by whom it happens after: only he need not know */
	store->thread = cell->writer;
	store->at = cell->written;
	return history;
}

static uint32_t seen_before(const struct history *history)
{
	const ex_clock *mine = &ex_thread[ex_run.thread].clock;
	uint32_t seen = history->seen[ex_run.thread];
	for (unsigned i = 0; i < ex_threads; i++)
		for (unsigned k = 0; k < history->reads[i].count; k++)
			if (history->reads[i].read[k].at <= mine->at[i] &&
			    history->reads[i].read[k].number > seen)
				seen = history->reads[i].read[k].number;
	return seen;
}

/* Where there is no room, the two oldest become one that says more: some behaviours are then not tried. */
static void saw(struct history *history, uint32_t number)
{
	unsigned self = (unsigned)ex_run.thread;
	uint32_t now = ex_thread[self].clock.at[self];
	if (number <= history->seen[self])
		return;
	history->seen[self] = number;
	unsigned count = history->reads[self].count;
	if (count != 0 && history->reads[self].read[count - 1u].at == now) {
		history->reads[self].read[count - 1u].number = number;
		return;
	}
	if (count == READS) {
		history->reads[self].read[1].at = history->reads[self].read[0].at;
		memmove(&history->reads[self].read[0], &history->reads[self].read[1],
		        (READS - 1u) * sizeof history->reads[self].read[0]);
		count--;
	}
	history->reads[self].read[count].at = now;
	history->reads[self].read[count].number = number;
	history->reads[self].count = (uint8_t)(count + 1u);
}

/* How many of the newest stores a load may choose from. */
static unsigned visible(struct history *history, bool sequential)
{
	const ex_clock *mine = &ex_thread[ex_run.thread].clock;
	uint32_t least = seen_before(history);
	unsigned count = 1;
	if (sequential && history->sequential > least)
		least = history->sequential;
	while (count < history->kept && history->last - count >= least && history->last > count) {
		const struct stored *newer = numbered(history, history->last - count + 1u);
		if (newer->at != 0 && mine->at[newer->thread] >= newer->at)
			break; /* the next older one is overwritten for us */
		count++;
	}
	return count;
}

static unsigned choose_age(struct history *history, int order)
{
	struct ex_thread *self = &ex_thread[ex_run.thread];
	bool fresh = self->fresh;
	self->fresh = false;
	if (ex_options.strong || fresh ||
	    (ex_options.mode != EX_REPLAY && ex_run.stale >= ex_options.stale) || history->kept < 2)
		return 0;
	unsigned count = visible(history, order == __ATOMIC_SEQ_CST);
	if (count < 2)
		return 0;
	unsigned age = ex_choose(EX_AGE, count);
	ex_run.stale += age != 0;
	return age;
}

static uint64_t see(struct history *history, unsigned age, int order)
{
	struct ex_thread *self = &ex_thread[ex_run.thread];
	uint32_t number = history->last - age;
	struct stored *store = numbered(history, number);
	saw(history, number);
	if (acquires(order))
		ex_join(&self->clock, &store->release);
	return store->value;
}

static void put(struct history *history, void *address, size_t size, uint64_t value, int order, bool update)
{
	struct ex_thread *self = &ex_thread[ex_run.thread];
	ex_clock release;
	memset(&release, 0, sizeof release);
	if (releases(order))
		release = self->clock;
	if (update) /* goes on with what it replaces */
		ex_join(&release, &numbered(history, history->last)->release);
	history->last++;
	if (history->kept < HISTORY)
		history->kept++;
	struct stored *store = numbered(history, history->last);
	store->value = value;
	store->release = release;
	store->thread = (uint8_t)ex_run.thread;
	store->at = self->clock.at[ex_run.thread];
	if (order == __ATOMIC_SEQ_CST)
		history->sequential = history->last;
	history->seen[ex_run.thread] = history->last;
	self->clock.at[ex_run.thread]++;
	ex_poke(address, size, value);
	ex_run.writes++;
}

/* ---- operations --------------------------------------------------------------------------- */

static bool outside(const void *address)
{
	return !ex_active() || ex_offset(address) >= EX_ARENA;
}

uint64_t ex_load(const void *address, size_t size, int order, const void *pc)
{
	if (outside(address))
		return ex_peek(address, size);
	ex_atomic_step(address, false);
	struct history *history = history_of(address, size);
	unsigned age = choose_age(history, order);
	ex_atomic_race(address, size, false);
	uint64_t value = see(history, age, order);
	if (ex_tracing) {
		char detail[48];
		snprintf(detail, sizeof detail, age == 0 ? "%s" : "%s, %u stores OLD", order_name(order),
		         age);
		ex_trace("load", address, value, detail, pc);
	}
	return value;
}

void ex_store(void *address, size_t size, uint64_t value, int order, const void *pc)
{
	if (outside(address)) {
		ex_poke(address, size, value);
		return;
	}
	ex_atomic_step(address, true);
	ex_atomic_race(address, size, true);
	put(history_of(address, size), address, size, value, order, false);
	if (ex_tracing)
		ex_trace("store", address, value, order_name(order), pc);
}

static uint64_t apply(enum ex_rmw operation, uint64_t old, uint64_t operand)
{
	switch (operation) {
	case EX_EXCHANGE:
		return operand;
	case EX_ADD:
		return old + operand;
	case EX_SUB:
		return old - operand;
	case EX_AND:
		return old & operand;
	case EX_OR:
		return old | operand;
	case EX_XOR:
		return old ^ operand;
	}
	return old;
}

uint64_t ex_update(void *address, size_t size, enum ex_rmw operation, uint64_t operand, int order,
                   const void *pc)
{
	if (outside(address)) {
		uint64_t old = ex_peek(address, size);
		ex_poke(address, size, apply(operation, old, operand));
		return old;
	}
	ex_atomic_step(address, true);
	struct history *history = history_of(address, size);
	ex_atomic_race(address, size, true);
	uint64_t old = see(history, 0, order);
	put(history, address, size, apply(operation, old, operand), order, true);
	if (ex_tracing) {
		char detail[64];
		snprintf(detail, sizeof detail, "%s, was %llx", order_name(order), (unsigned long long)old);
		ex_trace("update", address, ex_peek(address, size), detail, pc);
	}
	return old;
}

bool ex_compare(void *address, size_t size, uint64_t *expected, uint64_t desired, int order,
                int failure_order, bool weak, const void *pc)
{
	uint64_t current = ex_peek(address, size);
	char detail[64];
	if (outside(address)) {
		if (current == *expected) {
			ex_poke(address, size, desired);
			return true;
		}
		*expected = current;
		return false;
	}
	ex_atomic_step(address, true);
	current = ex_peek(address, size);
	struct history *history = history_of(address, size);
	bool spurious = false;
	if (current == *expected && weak &&
	    (ex_options.mode == EX_REPLAY || ex_run.spurious < ex_options.spurious))
		spurious = ex_choose(EX_SPURIOUS, 2) != 0;
	if (current == *expected && !spurious) {
		ex_atomic_race(address, size, true);
		see(history, 0, order);
		put(history, address, size, desired, order, true);
		if (ex_tracing) {
			snprintf(detail, sizeof detail, "%s, was %llx", order_name(order),
			         (unsigned long long)current);
			ex_trace("compare", address, desired, detail, pc);
		}
		return true;
	}
	ex_run.spurious += spurious;
	ex_atomic_race(address, size, false);
	unsigned age = spurious ? 0 : choose_age(history, failure_order);
	if (numbered(history, history->last - age)->value == *expected && !spurious)
		age = 0;
	uint64_t value = see(history, age, failure_order);
	if (ex_tracing) {
		snprintf(detail, sizeof detail, "failed%s, %s", spurious ? " for no reason" : "",
		         order_name(failure_order));
		ex_trace("compare", address, value, detail, pc);
	}
	*expected = value;
	return false;
}

/* SPDX-License-Identifier: MIT */
/* The program that uses the heap: each thread's script, the blocks it has, and what must be true of them. */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

#define HELD 12u
/* Of two, three and five granules, whatever belongs to them. */
#define TRAILER (NH_HARDENING >= NH_HARDENING_FULL ? 8u : 0u)
#define FIRST (24u - TRAILER)
#define SECOND (40u - TRAILER)
#define LARGE (72u - TRAILER)

static struct {
	struct {
		unsigned count;
		struct ex_block block[HELD];
		const char *script;
		char inside; /* the operation it is in */
	} of[EX_THREADS];
	unsigned credits;
	bool recovered, broken, again;
	bool region, heap; /* the spare ones were added */
	uint32_t tag;
	ex_clock credit_clock, box_clock;
	unsigned boxed;
	struct ex_block box[HELD];
	struct ex_block common;         /* that two free at once */
	unsigned common_frees, refused; /* so often, and so often somebody was told */
} now, saved;

static bool limited;
static unsigned alone; /* whose script it is while nobody runs */

static unsigned me(void)
{
	return ex_active() ? (unsigned)ex_run.thread : alone;
}

static bool in_handler(void)
{
	return ex_active() && ex_thread[ex_run.thread].kind == EX_HANDLER;
}

static ex_clock *my_clock(void)
{
	return &ex_thread[ex_run.thread].clock;
}

/* ---- blocks in hand ----------------------------------------------------------------------- */

static bool overlap(const struct ex_block *block, const void *address, size_t size)
{
	return (uintptr_t)address < (uintptr_t)block->address + block->size &&
	       (uintptr_t)block->address < (uintptr_t)address + size;
}

static void keep(void *address, size_t size, size_t alignment)
{
	if (now.of[me()].count == HELD)
		ex_fail("scenario: too many blocks in hand");
	if ((uintptr_t)address % alignment != 0 || ex_offset(address) + size > EX_ARENA)
		ex_fail("a block is misaligned or outside of all regions");
	for (unsigned i = 0; i < ex_threads; i++)
		for (unsigned k = 0; k < now.of[i].count; k++)
			if (overlap(&now.of[i].block[k], address, size))
				ex_fail("a block was handed out twice");
	for (unsigned k = 0; k < now.boxed; k++)
		if (overlap(&now.box[k], address, size))
			ex_fail("a block was handed out twice");
	struct ex_block *block = &now.of[me()].block[now.of[me()].count++];
	*block = (struct ex_block){ address, size, ++now.tag };
	ex_user_fill(address, size, block->tag);
}

static struct ex_block drop(unsigned index)
{
	struct ex_block block = now.of[me()].block[index];
	now.of[me()].count--;
	memmove(&now.of[me()].block[index], &now.of[me()].block[index + 1u],
	        (now.of[me()].count - index) * sizeof block);
	return block;
}

/* A CPU may have died while it filled its block. */
static void check(const struct ex_block *block)
{
	if (!ex_cpu[ex_on_cpu()].dead && !ex_user_holds(block->address, block->size, block->tag))
		ex_fail("a block in hand was overwritten");
}

/* ---- credits ------------------------------------------------------------------------------ */

static bool credit_take(void)
{
	if (!limited)
		return true;
	while (now.credits == 0) {
		if (!ex_active() || in_handler())
			return false;
		ex_block(&now.credits);
	}
	now.credits--;
	if (ex_active())
		ex_join(my_clock(), &now.credit_clock);
	return true;
}

static void credit_give(void)
{
	if (!limited)
		return;
	now.credits++;
	if (ex_active()) {
		ex_join(&now.credit_clock, my_clock());
		my_clock()->at[ex_run.thread]++;
	}
	if (ex_wake(&now.credits) && ex_active())
		ex_step(true);
}

/* ---- operations --------------------------------------------------------------------------- */

static void got(void *address, size_t size, size_t alignment, bool may_fail)
{
	if (address != NULL) {
		keep(address, size, alignment);
		return;
	}
	if (limited && !may_fail)
		ex_fail("NULL although memory was left");
	credit_give();
}

static void take(char op)
{
	static const nh_request no_reclaim = { .flags = NH_NO_RECLAIM };
	if (!credit_take())
		return;
	switch (op) {
	case 'a':
		got(nh_instance_malloc(ex_instance, FIRST), FIRST, 16, in_handler());
		break;
	case 'b':
		got(nh_instance_malloc(ex_instance, SECOND), SECOND, 16, in_handler());
		break;
	case 'l':
		got(nh_instance_malloc(ex_instance, LARGE), LARGE, 16, in_handler());
		break;
	case 'A':
		got(nh_instance_aligned_alloc(ex_instance, 64, FIRST), FIRST, 64, in_handler());
		break;
	case 'z':
		got(nh_instance_calloc(ex_instance, SECOND / 8u, 8), SECOND, 16, in_handler());
		break;
	default:
		got(nh_instance_alloc(ex_instance, &no_reclaim, FIRST), FIRST, 16, true);
	}
}

static void give(unsigned index)
{
	if (now.of[me()].count == 0)
		return;
	struct ex_block block = drop(index);
	check(&block);
	nh_instance_free(ex_instance, block.address);
	credit_give();
}

static void resize(size_t size)
{
	if (now.of[me()].count == 0)
		return;
	struct ex_block block = drop(0);
	check(&block);
	void *moved = nh_instance_realloc(ex_instance, block.address, size);
	if (moved == NULL) {
		now.of[me()].block[now.of[me()].count++] = block;
		check(&block);
		return;
	}
	if (!ex_user_holds(moved, size < block.size ? size : block.size, block.tag))
		ex_fail("realloc did not keep the contents");
	keep(moved, size, 16);
}

static void box_put(void)
{
	if (now.of[me()].count == 0)
		return;
	now.box[now.boxed++] = drop(0);
	ex_join(&now.box_clock, my_clock());
	my_clock()->at[ex_run.thread]++;
	ex_wake(&now.boxed);
}

static void box_take(void)
{
	while (now.boxed == 0)
		ex_block(&now.boxed);
	ex_join(my_clock(), &now.box_clock);
	now.of[me()].block[now.of[me()].count++] = now.box[--now.boxed];
}

/* Without an order between the two who do it. */
static void free_common(void)
{
	now.common_frees++;
	nh_instance_free(ex_instance, now.common.address);
}

bool ex_ops_guilty(void)
{
	return now.common.address != NULL;
}

/* A block that is just being merged is no block any more, or its header no header. */
bool ex_ops_refused(const nh_fault *fault)
{
	bool merges = now.common.size >= LARGE;
	now.refused++;
	return ex_ops_guilty() && fault->address == now.common.address &&
	       (fault->code == NH_FAULT_DOUBLE_FREE ||
	        (merges && (fault->code == NH_FAULT_NEIGHBOUR || fault->code == NH_FAULT_POINTER)));
}

bool ex_ops_each_told(void)
{
	return !ex_ops_guilty() || now.refused == now.common_frees - 1u;
}

static bool count_block(const nh_block_info *block, void *context)
{
	(void)block;
	++*(unsigned *)context;
	return true;
}

static void look(char op)
{
	nh_report report;
	nh_heap_stats stats;
	unsigned blocks = 0;
	nh_status status = NH_OK;
	if (op == 'v')
		status = nh_instance_validate(ex_instance, -1, &report);
	else if (op == 'w')
		status = nh_instance_walk(ex_instance, 0, count_block, &blocks);
	else
		status = nh_instance_heap_stats_get(ex_instance, 0, &stats);
	bool gone = ex_somebody_died() && (status == NH_ENOENT || status == NH_ECORRUPT); /* out of service: the CPU died in it */
	if (status != NH_OK && status != NH_EBUSY && !gone)
		ex_fail("a sound heap is reported as damaged");
}

/* Refused: another one added the same before it died, or died of it, and then it is in place, or reserved until somebody
 * recovers that CPU. */
static void added(nh_status status, const char *op, bool *before, const char *problem)
{
	bool there = ex_somebody_died() && (*before || ex_ops_died_in(op));
	if (status != NH_OK && !(there && status == NH_EOVERLAP))
		ex_fail(problem);
	*before |= status == NH_OK;
}

/* Another one removes that heap. */
static void extended(nh_status status)
{
	if (status != NH_OK && status != NH_ENOENT)
		ex_fail("a region could not be added");
}

/* Out of service: a CPU died in the heap. */
static void removed(nh_status status)
{
	if (status != NH_OK && status != NH_EBUSY && !(ex_somebody_died() && (status == NH_ECORRUPT || status == NH_ENOENT)))
		ex_fail("a region or heap could not be removed");
}

static void await_kill(void)
{
	if (ex_somebody_died())
		return;
	ex_thread[ex_run.thread].waits_for_kill = true;
	ex_block(&ex_thread[ex_run.thread].waits_for_kill);
}

/* The dead CPU's stores have reached memory: so much a reset guarantees. False: a heap is out of service, or the hook was
 * called under a lock (on the RP2040, in a wait for the spinlock of its words), and it must be done again from outside. */
static bool recover(bool in_hook)
{
	nh_status status = NH_OK;
	for (unsigned i = 0; i < EX_CPUS; i++) {
		if (!ex_cpu[i].dead)
			continue;
		for (unsigned k = 0; k < ex_threads; k++)
			if (ex_thread[k].cpu == i)
				ex_join(my_clock(), &ex_thread[k].clock);
		ex_join(my_clock(), &ex_cpu[i].clock);
		status = nh_instance_cpu_recover(ex_instance, i);
	}
	if (status != NH_OK && status != NH_ECORRUPT && !(status == NH_EBUSY && in_hook))
		ex_fail("a CPU could not be recovered");
	now.recovered = status == NH_OK;
	now.broken |= status == NH_ECORRUPT;
	now.again = status == NH_EBUSY;
	return now.recovered;
}

/* Nobody can tell whether it is slow or has stopped, so it is made sure. */
void ex_ops_stuck(unsigned cpu)
{
	if (!ex_cpu[cpu].dead)
		ex_reset(cpu);
	recover(true);
}

bool ex_ops_broken(void)
{
	return now.broken;
}

bool ex_ops_recovered(void)
{
	return now.recovered;
}

bool ex_ops_died_in(const char *ops)
{
	bool found = false;
	for (unsigned i = 0; i < ex_threads; i++)
		found |= ex_cpu[ex_thread[i].cpu].dead && now.of[i].inside != '\0' && strchr(ops, now.of[i].inside) != NULL;
	return found;
}

static void salvage(void)
{
	size_t blocks;
	if (now.recovered && nh_instance_heap_salvage(ex_instance, 0, &blocks) != NH_OK)
		ex_fail("a heap could not be salvaged");
}

/* As its last call, and its first. */
static void off_and_on(void)
{
	unsigned cpu = ex_on_cpu();
	if (nh_instance_cpu_offline(ex_instance, cpu) != NH_OK || nh_instance_cpu_online(ex_instance, cpu) != NH_OK)
		ex_fail("a CPU that is in no call cannot go off-line");
}

static void operate(char op)
{
	switch (op) {
	case 'f':
		give(0);
		break;
	case 'F':
		give(now.of[me()].count - 1u);
		break;
	case 'r':
		resize(SECOND);
		break;
	case 'R':
		resize(FIRST);
		break;
	case 'p':
		box_put();
		break;
	case 'c':
		box_take();
		break;
	case 't':
		if (nh_instance_trim(ex_instance, -1) != NH_OK)
			ex_fail("trim failed");
		break;
	case 'v':
	case 'w':
	case 's':
		look(op);
		break;
	case 'G':
		added(ex_world_add_region(), "G", &now.region, "a region could not be added");
		break;
	case 'H':
		added(ex_world_add_heap(), "H", &now.heap, "a heap could not be added");
		break;
	case 'e':
		extended(ex_world_extend_heap());
		break;
	case 'g':
		removed(ex_world_remove_region());
		break;
	case 'h':
		removed(ex_world_remove_heap());
		break;
	case 'q':
	case 'Q':
		if (!(op == 'q' ? ex_world_knows_region : ex_world_knows_heap)())
			ex_fail("an address is taken for one of another heap");
		break;
	case 'P':
		now.common = drop(0);
		break;
	case 'D':
		free_common();
		break;
	case 'K':
		await_kill();
		break;
	case 'S':
		salvage();
		break;
	case 'O':
		off_and_on();
		break;
	default:
		take(op);
	}
}

void ex_body(unsigned thread)
{
	for (const char *op = strchr(now.of[thread].script, '|') + 1; *op != '\0'; op++) {
		char text[2] = { *op, '\0' };
		ex_trace("---", NULL, 0, text, NULL);
		if (*op == 'M' && !recover(false))
			break;
		if (*op == 'M')
			continue;
		now.of[thread].inside = *op;
		operate(*op);
		now.of[thread].inside = '\0';
		if (now.again)
			recover(false);
		if (now.broken) /* the hook says */
			break;
	}
}

/* ---- around a run ------------------------------------------------------------------------- */

static void thread_add(const char *script)
{
	unsigned a, b;
	char kind;
	if (sscanf(script, "k%u", &a) == 1) {
		ex_thread_add(EX_KILL, 0, a);
		script = "|";
	} else if (sscanf(script, "m%u>%u", &a, &b) == 2) {
		ex_thread_add(EX_MOVE, b, a);
		script = "|";
	} else {
		if (sscanf(script, "%u%c", &a, &kind) != 2 || strchr(script, '|') == NULL)
			ex_fail("scenario: what is this thread?");
		ex_thread_add(kind == 'i' ? EX_HANDLER : kind == 'h' ? EX_URGENT : EX_TASK, a, 0);
	}
	now.of[ex_threads - 1u].script = script;
}

void ex_ops_reset(const struct ex_scenario *scenario)
{
	memset(&now, 0, sizeof now);
	now.credits = scenario->credits;
	limited = scenario->credits != 0;
	ex_threads_reset();
	for (unsigned i = 0; i < EX_THREADS && scenario->threads[i] != NULL; i++)
		thread_add(scenario->threads[i]);
}

void ex_ops_before(void)
{
	for (unsigned i = 0; i < ex_threads; i++) {
		const char *op = strchr(now.of[i].script, ':');
		ex_run.passive_cpu = ex_thread[i].cpu;
		for (alone = i; op != NULL && *++op != '|';)
			operate(*op);
	}
}

void ex_ops_save(void)
{
	saved = now;
}

void ex_ops_restore(void)
{
	now = saved;
}

void ex_ops_each(void (*visit)(uintptr_t address, size_t size))
{
	for (unsigned i = 0; i < ex_threads; i++)
		for (unsigned k = 0; k < now.of[i].count; k++)
			visit((uintptr_t)now.of[i].block[k].address, now.of[i].block[k].size);
	for (unsigned k = 0; k < now.boxed; k++)
		visit((uintptr_t)now.box[k].address, now.box[k].size);
}

void ex_ops_finish(void)
{
	for (unsigned i = 0; i < ex_threads; i++) {
		ex_run.passive_cpu = ex_thread[i].cpu;
		for (alone = i; now.of[me()].count != 0;)
			give(0);
	}
	for (alone = 0; now.boxed != 0;) {
		now.of[me()].block[now.of[me()].count++] = now.box[--now.boxed];
		give(0);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * The library's own objects, one instruction at a time:
 *
 *   sweep interrupts IMAGE m0|m33 [options]    a handler that allocates and frees, between any two instructions of an
 *                                              operation of CPU 0 at which it is not masked
 *   sweep cpus IMAGE m0|m33 [options]          CPU 0 stops after any instruction, CPU 1 does its operation, CPU 0 goes on
 *   sweep cpus2 IMAGE m0|m33 [options]         the same, and CPU 1 stops after any instruction while CPU 0 finishes
 *   sweep stack IMAGE m0|m33                   what stack public functions use in all scenes, stack.h; nobody else does anything
 *
 *   sweep resets IMAGE m0|m33 [options]        both are reset after any instruction of CPU 0; RAM that is retained comes back
 *   sweep resets2 IMAGE m0|m33 [options]       the same, and CPU 1 was anywhere in its operation
 *
 *   --points N     at most N of a scene, evenly spread (0: all)
 *   --unmasked     with every `cpsid i` taken out of the code
 *   --alike        with two CPUs that both say they are number 0
 *
 * With one of the last two, something bad must come of it, or this program sees nothing.
 *
 * After each, everything is freed, and looked at: scene_check(). Status: 0 as expected, 1 not, 2 no run.
 *
 * A call that does not end is let alone after some more instructions than it can need.
 */
#include "machine.h"
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT ((size_t)400000)
#define EXCEPTION 16u /* the first interrupt */

static struct {
	uint32_t prepare, operate, path, other, interrupt, check, attach;
} call;
static struct {
	uint32_t at, size;
	uint8_t bytes[RAM_SIZE], before[RAM_SIZE];
} kept;
static size_t points_wanted, runs, masked, bad, cold;
static bool broken; /* on purpose */
static struct moment reset, begin, here, there;

/* ---- one run ----------------------------------------------------------------------------------- */

/* Where the run is: CPU 0 stopped after `point` instructions, CPU 1 after `second`. */
static struct {
	uint32_t scene;
	size_t point, second;
} now;

static void complain(const char *what, uint32_t number)
{
	bad++;
	if (!broken && bad <= 20)
		printf("scene %u, instruction %zu/%zu: %s %u\n", now.scene, now.point, now.second, what, number);
}

/* Everything has ended, or nothing more will: the check. */
static void judge(bool ended)
{
	uint32_t result;
	runs++;
	if (!ended)
		complain("no end, or a fault", 0);
	else if (machine_whole(HANDLER0, call.check, 0, &result) != DONE)
		complain("the check does not end", 0);
	else if (result != 0)
		complain("the check says", result);
}

static void lay_out(uint32_t scene)
{
	now.scene = scene;
	now.point = now.second = 0;
	moment_back(&reset);
	if (machine_whole(CPU0, call.prepare, scene, NULL) != DONE) {
		fprintf(stderr, "scene %u cannot be laid out\n", scene);
		exit(2);
	}
	machine_call(CPU0, call.operate, scene, 0, 0);
	machine_call(CPU1, call.other, scene, 0, 0);
	moment_keep(&begin);
}

/* Instructions of the operation alone. Stopping after each of them and going on must not matter, or the machine is
 * wrong. */
static size_t length_of(uint32_t scene, enum engine engine)
{
	size_t length = 0;
	enum outcome outcome;
	moment_back(&begin);
	if (machine_run(engine, LIMIT) != DONE) {
		fprintf(stderr, "scene %u does not end\n", scene);
		exit(2);
	}
	moment_keep(&here);
	uint32_t right = 1;
	if (engine == CPU0 && !broken && call.path != 0 &&
	    (machine_whole(HANDLER0, call.path, scene, &right) != DONE || right != 1)) {
		fprintf(stderr, "scene %u takes another path than it should\n", scene);
		exit(2);
	}
	moment_back(&begin);
	do {
		outcome = machine_run(engine, 1);
		length++;
	} while (outcome == MORE && length < LIMIT);
	moment_keep(&there);
	if (outcome != DONE || !moment_same(&here, &there)) {
		fprintf(stderr, "scene %u is another one in single steps\n", scene);
		exit(2);
	}
	return length;
}

static size_t stride(size_t length)
{
	return points_wanted == 0 || length <= points_wanted ? 1
	                                                     : (length + points_wanted - 1) / points_wanted;
}

/* Has one CPU stop after any of its instructions but the last, or after each `step`th below `most`, *at of them; what a
 * visit does there is undone. */
static void stop_along(enum engine engine, size_t step, size_t most, size_t *at, struct moment *stopped, void (*visit)(void))
{
	enum outcome outcome = MORE;
	for (*at = 0; outcome == MORE && *at < most; *at += step) {
		moment_keep(stopped);
		visit();
		moment_back(stopped);
		outcome = machine_run(engine, step);
	}
	*at = 0;
}

/* CPU 0 in its operation in this scene. */
static void stop_cpu0(uint32_t scene, void (*visit)(void))
{
	lay_out(scene);
	size_t step = stride(length_of(scene, CPU0));
	moment_back(&begin);
	stop_along(CPU0, step, SIZE_MAX, &now.point, &here, visit);
}

static struct {
	size_t step, most;
	void (*visit)(void);
} cpu1;

static void stop_cpu1(void)
{
	stop_along(CPU1, cpu1.step, cpu1.most, &now.second, &there, cpu1.visit);
}

/* Both CPUs, a square root of the points for each; CPU 1 also in up to `beyond` instructions more than it needs alone. */
static void stop_both(uint32_t scene, size_t beyond, void (*visit)(void))
{
	size_t wanted = points_wanted, root = 1;
	while ((root + 1) * (root + 1) <= wanted)
		root++;
	points_wanted = wanted == 0 ? 0 : root;
	lay_out(scene);
	size_t length = length_of(scene, CPU1);
	cpu1.step = stride(length);
	cpu1.most = length + beyond;
	cpu1.visit = visit;
	stop_cpu0(scene, stop_cpu1);
	points_wanted = wanted;
}

/* ---- interrupts -------------------------------------------------------------------------------- */

static void interrupted(void)
{
	if (machine_masked(CPU0)) {
		masked++;
		return;
	}
	machine_call(HANDLER0, call.interrupt, 0, machine_register(CPU0, UC_ARM_REG_SP) - 32u, EXCEPTION);
	judge(machine_run(HANDLER0, LIMIT) == DONE && machine_run(CPU0, LIMIT) == DONE);
}

static void interrupts(uint32_t scene)
{
	stop_cpu0(scene, interrupted);
}

/* ---- two CPUs ---------------------------------------------------------------------------------- */

/* Both to their ends; `first` begins. Who waits for the other gets nowhere: so in turn. */
static bool both(enum engine first)
{
	enum engine second = first == CPU0 ? CPU1 : CPU0;
	enum outcome a = MORE, b = MORE;
	for (size_t left = LIMIT; left > 0 && a != BROKEN && b != BROKEN && (a == MORE || b == MORE);
	     left -= 100) {
		if (a == MORE)
			a = machine_run(first, a == MORE && b == DONE ? LIMIT : 3000);
		if (b == MORE)
			b = machine_run(second, a == DONE ? LIMIT : 100);
	}
	return a == DONE && b == DONE;
}

static void other_then_this(void)
{
	judge(both(CPU1));
}

static void this_then_other(void)
{
	judge(both(CPU0));
}

static void cpus(uint32_t scene)
{
	stop_cpu0(scene, other_then_this);
}

static void cpus2(uint32_t scene)
{
	/* once CPU 1 waits for CPU 0, it does nothing else: a few rounds of that are enough */
	stop_both(scene, 200, this_then_other);
}

/* ---- resets ------------------------------------------------------------------------------------ */

/* The machine is as it was loaded, but for what is retained. */
static void after_reset(void)
{
	uint32_t result;
	machine_take(kept.at, kept.bytes, kept.size);
	moment_back(&reset);
	machine_put(kept.at, kept.bytes, kept.size);
	runs++;
	if (machine_whole(CPU0, call.attach, now.scene, &result) != DONE)
		complain("it does not come up again", 0);
	else if (result != 0)
		complain("the check says", result);
	cold += result == 1;
}

/* Has what is retained changed since the last time it had? */
static bool changed(void)
{
	machine_take(kept.at, kept.bytes, kept.size);
	if (memcmp(kept.bytes, kept.before, kept.size) == 0)
		return false;
	memcpy(kept.before, kept.bytes, kept.size);
	return true;
}

/* After an instruction that changed nothing of it, a reset is the same as before. Every instruction that did is taken, or as
 * many as are wanted. */
static size_t resets_at(size_t step)
{
	size_t states = 0, point = 0;
	moment_back(&begin);
	machine_take(kept.at, kept.before, kept.size);
	for (enum outcome outcome = MORE; outcome == MORE; point++) {
		outcome = machine_run(CPU0, 1);
		if (changed() && states++ % (step == 0 ? SIZE_MAX : step) == 0 && step != 0) {
			moment_keep(&here);
			now.point = point + 1u;
			after_reset();
			moment_back(&here);
		}
	}
	return states;
}

static void resets(uint32_t scene)
{
	lay_out(scene);
	length_of(scene, CPU0);
	moment_back(&begin);
	after_reset();
	resets_at(points_wanted == 0 ? 1 : stride(resets_at(0)));
}

static void resets2(uint32_t scene)
{
	stop_both(scene, 1, after_reset);
}

/* ---- stack ------------------------------------------------------------------------------------- */

static void stack(uint32_t scene)
{
	moment_back(&reset);
	stack_call(call.prepare, scene);
	stack_call(call.operate, scene);
	stack_call(call.path, scene);
	stack_call(call.check, 0);
	runs++;
}

/* ---- command line ------------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
	void (*sweep)(uint32_t) = argc < 4                         ? NULL
	                          : !strcmp(argv[1], "interrupts") ? interrupts
	                          : !strcmp(argv[1], "cpus")       ? cpus
	                          : !strcmp(argv[1], "cpus2")      ? cpus2
	                          : !strcmp(argv[1], "resets")     ? resets
	                          : !strcmp(argv[1], "resets2")    ? resets2
	                          : !strcmp(argv[1], "stack")      ? stack
	                                                           : NULL;
	bool m33 = sweep != NULL && !strcmp(argv[3], "m33");
	if (sweep == NULL || (!m33 && strcmp(argv[3], "m0") != 0)) {
		fputs("sweep interrupts|cpus|cpus2|resets|resets2|stack IMAGE m0|m33 [--points N] [--unmasked] "
		      "[--alike]\n",
		      stderr);
		return 2;
	}
	bool unmasked = false;
	for (int i = 4; i < argc; i++) {
		if (!strcmp(argv[i], "--unmasked")) {
			unmasked = broken = true;
		} else if (!strcmp(argv[i], "--alike")) {
			machine_alike();
			broken = true;
		} else if (!strcmp(argv[i], "--points") && i + 1 < argc) {
			points_wanted = strtoul(argv[++i], NULL, 10);
		} else {
			fprintf(stderr, "what is %s?\n", argv[i]);
			return 2;
		}
	}
	machine_open(argv[2], m33);
	call.prepare = machine_symbol("scene_prepare");
	call.operate = machine_symbol("scene_operate");
	call.other = machine_symbol("scene_other");
	if (sweep == resets || sweep == resets2) {
		call.attach = machine_symbol("scene_attach");
		kept.at = machine_symbol("kept");
		kept.size = machine_word(machine_symbol("kept_size"));
	} else {
		call.path = machine_symbol("scene_path");
		call.interrupt = machine_symbol("scene_interrupt");
		call.check = machine_symbol("scene_check");
	}
	moment_open(&reset);
	moment_open(&begin);
	moment_open(&here);
	moment_open(&there);
	if (unmasked && machine_unmask() == 0) {
		fputs("no cpsid in the image\n", stderr);
		return 2;
	}
	uint32_t scenes = machine_word(machine_symbol("scene_count"));
	moment_keep(&reset);
	stack_open();
	for (uint32_t scene = 0; scene < scenes; scene++) {
		size_t before = runs, bad_before = bad;
		sweep(scene);
		printf("scene %2u: %zu runs, %zu bad\n", scene, runs - before, bad - bad_before);
	}
	stack_tell();
	printf("%s: %zu runs, %zu points masked, %zu bad\n", argv[1], runs, masked, bad);
	if (call.attach != 0)
		printf("after a reset: %zu times attached again, %zu cold starts\n", runs - cold - bad, cold);
	return (bad != 0) == broken && runs != 0 ? 0 : 1;
}

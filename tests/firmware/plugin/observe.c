/* SPDX-License-Identifier: MIT
 *
 * A plugin for QEMU that counts instructions of bare images, and makes their CPUs stumble. Arguments,
 * numbers decimal or 0x...:
 *
 *   report=FILE    JSON at the end: per CPU the instructions, what follows, and every stretch with
 *                  interrupts masked by the place where it began
 *   fn=ADDRESS     min, mean and max of a call of the function there, callees included; may be repeated
 *   start=ADDRESS stop=ADDRESS keep=ADDRESS
 *                  samples: the instructions from entering the first function to entering the second, in
 *                  order; those count after which the third was entered
 *   acquire=ADDRESS release=ADDRESS
 *                  functions of a lock: the longest stretch from the return of the one to the entry of the other
 *   isa=thumb|a32|a64   how masking is recognised
 *   jitter=N seed=N     one instruction in N is followed by a pause of random length
 *
 * All is kept per CPU and written by its own thread. QEMU's CPUs run for long stretches undisturbed, so
 * that races hide: hence the pauses, mostly short ones, now and then one in which the other CPU does whole
 * calls. Nothing here changes what an instruction does.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

#define VCPUS 8u
#define FUNCTIONS 16u
#define PLACES 64u
#define DEPTH 64u

struct function {
	uint64_t calls, min, max, sum;
};

struct call {
	unsigned function;
	uint64_t return_address, begun;
};

/* A stretch with interrupts masked is named by where it began. */
struct place {
	uint64_t pc, count, max;
};

struct vcpu {
	uint64_t instructions;
	uint64_t next; /* address after the last instruction: where a call returns to */
	struct call stack[DEPTH];
	unsigned depth;
	struct function functions[FUNCTIONS];
	struct place places[PLACES];
	unsigned place_count, masks;
	uint64_t masked_at, masked_since;
	uint64_t *samples;
	size_t sample_count, sample_room;
	uint64_t sample_begun, sample_taken;
	uint64_t acquired; /* where nh__lock_acquire returns to, 0 = it is not under way */
	uint64_t held_since, held_count, held_max;
	bool held;
	uint32_t random;
};

enum effect { EFFECT_NONE, EFFECT_MASK, EFFECT_UNMASK };

/* One per translated instruction. QEMU does not tell when it drops a translation: they are never freed. */
struct instruction {
	uint64_t address;
	size_t size;
	int function; /* that begins here, or -1 */
	enum effect effect;
	bool start, stop, keep, acquire, release;
};

/* What masks and what restores, by instruction word. Saving and masking come in pairs with a restoring
 * write, so a write of the mask register counts as the end of the innermost stretch. */
struct mask_word {
	const char *isa;
	size_t size;
	uint32_t mask, value;
	enum effect effect;
};

static const struct mask_word mask_words[] = {
	{ "thumb", 2, 0xffff, 0xb672, EFFECT_MASK },           /* cpsid i */
	{ "thumb", 2, 0xffff, 0xb662, EFFECT_UNMASK },         /* cpsie i */
	{ "thumb", 4, 0xfffffff0, 0x8810f380, EFFECT_UNMASK }, /* msr primask, r */
	{ "thumb", 4, 0xfffffff0, 0x8812f380, EFFECT_MASK },   /* msr basepri_max, r */
	{ "thumb", 4, 0xfffffff0, 0x8811f380, EFFECT_UNMASK }, /* msr basepri, r */
	{ "a32", 4, 0xffffff3f, 0xf10c0000, EFFECT_MASK },     /* cpsid with i, f */
	{ "a32", 4, 0xffffff3f, 0xf1080000, EFFECT_UNMASK },   /* cpsie */
	{ "a32", 4, 0xfffffff0, 0xe121f000, EFFECT_UNMASK },   /* msr cpsr_c, r */
	{ "a64", 4, 0xfffff0ff, 0xd50340df, EFFECT_MASK },     /* msr daifset, # */
	{ "a64", 4, 0xfffff0ff, 0xd50340ff, EFFECT_UNMASK },   /* msr daifclr, # */
	{ "a64", 4, 0xffffffe0, 0xd51b4220, EFFECT_UNMASK },   /* msr daif, x */
};

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc,
                                                               char **argv);

static struct vcpu vcpus[VCPUS];
static uint64_t functions[FUNCTIONS];
static unsigned function_count;
static uint64_t start_address, stop_address, keep_address, acquire_address, release_address; /* 0 = none */
static uint32_t jitter;
static const char *isa = "thumb";
static const char *report_path;

/* ---- what happens at each instruction ----------------------------------- */

static uint32_t random_of(struct vcpu *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 17;
	v->random ^= v->random << 5;
	return v->random;
}

static void stumble(struct vcpu *v)
{
	if (random_of(v) % jitter != 0)
		return;
	const uint32_t r = random_of(v);
	uint32_t length = r & 1023u;
	if (r >> 25 == 0)                             /* one in 128: a call of the other CPU fits in */
		length *= r >> 22 == 0 ? 2048u : 64u; /* or many do */
	for (volatile uint32_t i = length; i != 0; i--) {
	}
}

static void returned(struct vcpu *v, const struct call *call)
{
	struct function *f = &v->functions[call->function];
	const uint64_t took = v->instructions - call->begun;
	if (f->calls == 0 || took < f->min)
		f->min = took;
	if (took > f->max)
		f->max = took;
	f->sum += took;
	f->calls++;
}

/* A tail call shares its return address with its caller: both end there. */
static void follow_calls(struct vcpu *v, const struct instruction *i)
{
	while (v->depth != 0 && v->stack[v->depth - 1].return_address == i->address)
		returned(v, &v->stack[--v->depth]);
	if (i->function >= 0 && v->depth < DEPTH)
		v->stack[v->depth++] = (struct call){ (unsigned)i->function, v->next, v->instructions };
}

static void sample(struct vcpu *v, const struct instruction *i)
{
	if (i->start)
		v->sample_begun = v->instructions;
	if (i->stop)
		v->sample_taken = v->instructions - v->sample_begun;
	if (!i->keep)
		return;
	if (v->sample_count == v->sample_room) {
		v->sample_room = v->sample_room != 0 ? 2 * v->sample_room : 4096;
		v->samples = realloc(v->samples, v->sample_room * sizeof *v->samples);
		if (v->samples == NULL)
			abort();
	}
	v->samples[v->sample_count++] = v->sample_taken;
}

static void follow_lock(struct vcpu *v, const struct instruction *i)
{
	if (i->acquire) {
		v->acquired = v->next;
	} else if (i->release && v->held) {
		const uint64_t length = v->instructions - v->held_since;
		v->held = false;
		v->held_count++;
		if (length > v->held_max)
			v->held_max = length;
	} else if (v->acquired != 0 && i->address == v->acquired) {
		v->acquired = 0;
		v->held = true;
		v->held_since = v->instructions;
	}
}

static void unmasked(struct vcpu *v)
{
	const uint64_t length = v->instructions - v->masked_since;
	unsigned p = 0;
	while (p < v->place_count && v->places[p].pc != v->masked_at)
		p++;
	if (p == PLACES)
		return;
	if (p == v->place_count)
		v->places[v->place_count++].pc = v->masked_at;
	v->places[p].count++;
	if (length > v->places[p].max)
		v->places[p].max = length;
}

/* From the instruction after the one that masks to the one that restores, which is counted. */
static void follow_mask(struct vcpu *v, const struct instruction *i)
{
	if (i->effect == EFFECT_MASK && v->masks++ == 0) {
		v->masked_at = i->address;
		v->masked_since = v->instructions;
	} else if (i->effect == EFFECT_UNMASK && v->masks != 0 && --v->masks == 0) {
		unmasked(v);
	}
}

static void executed(unsigned cpu, void *context)
{
	const struct instruction *i = context;
	struct vcpu *v = &vcpus[cpu % VCPUS];
	if (function_count != 0)
		follow_calls(v, i);
	if (i->start || i->stop || i->keep)
		sample(v, i);
	if (acquire_address != 0)
		follow_lock(v, i);
	v->instructions++;
	v->next = i->address + i->size;
	if (i->effect != EFFECT_NONE)
		follow_mask(v, i);
	if (jitter != 0)
		stumble(v);
}

/* ---- translation -------------------------------------------------------- */

static enum effect effect_of(const struct qemu_plugin_insn *insn, size_t size)
{
	uint32_t word = 0;
	memcpy(&word, qemu_plugin_insn_data(insn), size < sizeof word ? size : sizeof word);
	for (size_t i = 0; i < sizeof mask_words / sizeof mask_words[0]; i++) {
		const struct mask_word *m = &mask_words[i];
		if (m->size == size && (word & m->mask) == m->value && strcmp(m->isa, isa) == 0)
			return m->effect;
	}
	return EFFECT_NONE;
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	for (size_t n = 0; n < qemu_plugin_tb_n_insns(block); n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, n);
		struct instruction *i = calloc(1, sizeof *i);
		if (i == NULL)
			abort();
		i->address = qemu_plugin_insn_vaddr(insn);
		i->size = qemu_plugin_insn_size(insn);
		i->function = -1;
		for (unsigned f = 0; f < function_count; f++)
			if (functions[f] == i->address)
				i->function = (int)f;
		i->effect = effect_of(insn, i->size);
		i->start = start_address != 0 && i->address == start_address;
		i->stop = stop_address != 0 && i->address == stop_address;
		i->keep = keep_address != 0 && i->address == keep_address;
		i->acquire = acquire_address != 0 && i->address == acquire_address;
		i->release = release_address != 0 && i->address == release_address;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, QEMU_PLUGIN_CB_NO_REGS, i);
	}
}

/* ---- report ------------------------------------------------------------- */

static void report_vcpu(FILE *out, const struct vcpu *v)
{
	fprintf(out, "{\"instructions\": %" PRIu64 ", \"functions\": [", v->instructions);
	for (unsigned f = 0; f < function_count; f++) {
		const struct function *s = &v->functions[f];
		fprintf(out,
		        "%s{\"address\": %" PRIu64 ", \"calls\": %" PRIu64 ", \"min\": %" PRIu64
		        ", \"max\": %" PRIu64 ", \"sum\": %" PRIu64 "}",
		        f != 0 ? ", " : "", functions[f], s->calls, s->min, s->max, s->sum);
	}
	fprintf(out, "], \"masked\": [");
	for (unsigned p = 0; p < v->place_count; p++)
		fprintf(out, "%s{\"pc\": %" PRIu64 ", \"count\": %" PRIu64 ", \"max\": %" PRIu64 "}",
		        p != 0 ? ", " : "", v->places[p].pc, v->places[p].count, v->places[p].max);
	fprintf(out, "], \"held\": {\"count\": %" PRIu64 ", \"max\": %" PRIu64 "}, \"samples\": [",
	        v->held_count, v->held_max);
	for (size_t s = 0; s < v->sample_count; s++)
		fprintf(out, "%s%" PRIu64, s != 0 ? ", " : "", v->samples[s]);
	fprintf(out, "]}");
}

static void ended(plugin_id id, void *context)
{
	(void)id;
	(void)context;
	FILE *out = fopen(report_path, "w");
	if (out == NULL) {
		perror(report_path);
		return;
	}
	fprintf(out, "{\"cpus\": [\n");
	for (unsigned cpu = 0; cpu < VCPUS && vcpus[cpu].instructions != 0; cpu++) {
		fprintf(out, "%s", cpu != 0 ? ",\n" : "");
		report_vcpu(out, &vcpus[cpu]);
	}
	fprintf(out, "\n]}\n");
	fclose(out);
}

static bool parse(const char *word)
{
	const char *value = strchr(word, '=');
	if (value == NULL)
		return false;
	const size_t key = (size_t)(value++ - word);
	const uint64_t number = strtoull(value, NULL, 0);
	if (strncmp(word, "report", key) == 0)
		report_path = strdup(value);
	else if (strncmp(word, "isa", key) == 0)
		isa = strdup(value);
	else if (strncmp(word, "start", key) == 0)
		start_address = number;
	else if (strncmp(word, "stop", key) == 0)
		stop_address = number;
	else if (strncmp(word, "keep", key) == 0)
		keep_address = number;
	else if (strncmp(word, "acquire", key) == 0)
		acquire_address = number;
	else if (strncmp(word, "release", key) == 0)
		release_address = number;
	else if (strncmp(word, "jitter", key) == 0)
		jitter = (uint32_t)number;
	else if (strncmp(word, "seed", key) == 0)
		for (unsigned cpu = 0; cpu < VCPUS; cpu++)
			vcpus[cpu].random = ((uint32_t)number + cpu) * UINT32_C(0x9e3779b9) | 1u;
	else if (strncmp(word, "fn", key) == 0 && function_count < FUNCTIONS)
		functions[function_count++] = number;
	else
		return false;
	return true;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (unsigned cpu = 0; cpu < VCPUS; cpu++)
		vcpus[cpu].random = (cpu + 1u) * UINT32_C(0x9e3779b9) | 1u;
	for (int i = 0; i < argc; i++) {
		if (!parse(argv[i])) {
			fprintf(stderr, "observe: what is '%s'?\n", argv[i]);
			return 1;
		}
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	if (report_path != NULL)
		qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}

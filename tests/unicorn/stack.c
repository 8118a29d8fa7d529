/* SPDX-License-Identifier: MIT */
/* Stack of public functions, as used: see stack.h. */
#include "stack.h"
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT ((size_t)4000000)
#define DEEP 8u /* public functions that call each other */

struct function {
	const char *name;
	uint32_t address, most;
	bool called;
};

static struct function functions[512];
static unsigned function_count;

/* What is under way: entered with `stack`, and over when that is back and execution at `back`. */
static struct {
	struct function *function;
	uint32_t stack, back;
} active[DEEP];
static unsigned depth;

static int by_address(const void *a, const void *b)
{
	const struct function *left = a, *right = b;
	return left->address < right->address ? -1 : left->address > right->address;
}

static void add(const char *name, uint32_t address)
{
	if (strncmp(name, "nh_", 3) != 0 || strncmp(name, "nh__", 4) == 0 || strncmp(name, "nh_port_", 8) == 0)
		return;
	if (function_count == sizeof functions / sizeof *functions) {
		fputs("too many functions\n", stderr);
		exit(2);
	}
	functions[function_count++] = (struct function){ .name = name, .address = address };
}

static void enter(uint32_t pc, uint32_t stack)
{
	const struct function key = { .address = pc };
	struct function *found = bsearch(&key, functions, function_count, sizeof key, by_address);
	if (found == NULL)
		return;
	if (depth == DEEP) {
		fputs("public functions call each other without end\n", stderr);
		exit(2);
	}
	found->called = true;
	active[depth].function = found;
	active[depth].stack = stack;
	active[depth++].back = machine_register(CPU0, UC_ARM_REG_LR) & ~UINT32_C(1);
}

void stack_open(void)
{
	machine_functions(add);
	qsort(functions, function_count, sizeof *functions, by_address);
}

void stack_call(uint32_t function, uint32_t argument)
{
	enum outcome outcome = MORE;
	machine_call(CPU0, function, argument, 0, 0);
	depth = 0;
	for (size_t left = LIMIT; outcome == MORE && left > 0; left--) {
		uint32_t pc = machine_register(CPU0, UC_ARM_REG_PC) & ~UINT32_C(1), stack = machine_register(CPU0, UC_ARM_REG_SP);
		while (depth != 0 && active[depth - 1u].stack == stack && active[depth - 1u].back == pc)
			depth--;
		enter(pc, stack);
		for (unsigned i = 0; i < depth; i++)
			if (active[i].stack - stack > active[i].function->most)
				active[i].function->most = active[i].stack - stack;
		outcome = machine_run(CPU0, 1);
	}
	if (outcome != DONE) {
		fputs("a call does not end\n", stderr);
		exit(2);
	}
}

void stack_tell(void)
{
	for (unsigned i = 0; i < function_count; i++)
		if (functions[i].called)
			printf("%s %u\n", functions[i].name, functions[i].most);
}

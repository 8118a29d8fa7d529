/* SPDX-License-Identifier: MIT */
/*
 * A microcontroller of two CPUs in Unicorn: one image, one RAM, an engine per CPU and one more for the handlers of CPU 0.
 * Every engine always counts instructions, so that none is ever translated anew.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

enum engine { CPU0, CPU1, HANDLER0, ENGINES };
enum outcome { DONE, MORE, BROKEN };

#define RAM_SIZE ((size_t)0x18000)

/* What can be kept and brought back. */
struct moment {
	uint8_t ram[RAM_SIZE];
	uint32_t spinlocks;
	uc_context *registers[ENGINES];
};

/* Loads an ELF image; ends the program with a message if that cannot be. `m33`: else Cortex-M0+. */
void machine_open(const char *image, bool m33);

/* RAM out of the machine, and into it. */
void machine_take(uint32_t address, void *to, size_t size);
void machine_put(uint32_t address, const void *from, size_t size);

/* Overwrites every `cpsid i` of the code with a no-op; how many. */
unsigned machine_unmask(void);

/* Both CPUs say that they are number 0. */
void machine_alike(void);

/* Address of a function or object; ends the program if there is none. */
uint32_t machine_symbol(const char *name);
uint32_t machine_word(uint32_t address);

/* Calls `each` with every function of the image; the address without the bit that says Thumb. */
void machine_functions(void (*each)(const char *name, uint32_t address));

/* Readies a call; nothing is executed yet. The exception's number, or 0: a thread. */
void machine_call(enum engine engine, uint32_t function, uint32_t argument, uint32_t stack, uint32_t exception);

/* Executes up to `count` instructions of the call; fewer if it yields to the other CPU. */
enum outcome machine_run(enum engine engine, size_t count);

/* A whole call within `limit` instructions; r0 in *result. */
enum outcome machine_whole(enum engine engine, uint32_t function, uint32_t argument, uint32_t *result);

uint32_t machine_register(enum engine engine, int number);
bool machine_masked(enum engine engine);

void moment_open(struct moment *moment);
void moment_keep(struct moment *moment);
void moment_back(const struct moment *moment);

/* The same RAM, but for the stacks. */
bool moment_same(const struct moment *a, const struct moment *b);

#endif

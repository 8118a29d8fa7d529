/* SPDX-License-Identifier: MIT */
/*
 * Stack of public functions, as used: single steps, and at each the distance of the stack pointer from where it was when a
 * public function was entered. What a call graph says is its bound (tests/static/stack.mjs).
 */
#ifndef STACK_H
#define STACK_H

#include <stdint.h>

/* Finds the public functions of the image. */
void stack_open(void);

/* A whole call on CPU 0, watched; ends the program if it does not end. */
void stack_call(uint32_t function, uint32_t argument);

/* A line per public function that was called: its name, the most bytes below its caller's stack pointer. */
void stack_tell(void);

#endif

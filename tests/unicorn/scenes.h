/* SPDX-License-Identifier: MIT */
/* What the driver calls in the image, each as a function of its own with the return address it watches. */
#ifndef SCENES_H
#define SCENES_H

#include <stdint.h>

/* Makes the heaps anew and lays out what scene `number` needs. On CPU 0. */
void scene_prepare(uint32_t number);

/* The operation under test, once. On CPU 0. */
void scene_operate(uint32_t number);

/* After it, and before anything else: 1 if it took the path for which the scene is there. */
uint32_t scene_path(uint32_t number);

/* What the other CPU does meanwhile, or nothing. On CPU 1. */
void scene_other(uint32_t number);

/* An interrupt's handler: allocates and frees. */
void scene_interrupt(void);

/* Frees everything and looks at everything: 0, or the number of what is wrong. On CPU 0, alone. */
uint32_t scene_check(void);

/* retained.c. After a reset of both CPUs: attaches, frees everything, looks at everything: 0, 1 if it is a cold start, or more. */
uint32_t scene_attach(uint32_t number);

#endif

/* SPDX-License-Identifier: MIT */
/* The gate where the kernel refuses membarrier: chosen once per process, hence a program of its own. */
#define WHITE_FORCE_FENCES 1
#include "test_core_gate.c"

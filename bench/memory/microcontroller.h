/* SPDX-License-Identifier: MIT */
/* The options of a two-core microcontroller: those of nearheap/config.h, not the host's. */
#ifndef NH_CPUS
#define NH_CPUS 2
#endif

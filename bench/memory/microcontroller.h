/* SPDX-License-Identifier: MIT */
/* The options of a two-core microcontroller: those of nearheap/config.h, not the host's. */
#define NH_PORT_LINE 8u /* no data caches */
#ifndef NH_CPUS
#define NH_CPUS 2
#endif

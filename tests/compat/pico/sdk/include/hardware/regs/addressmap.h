/* SPDX-License-Identifier: MIT */
/* Stand-in. */
#ifndef _ADDRESSMAP_H
#define _ADDRESSMAP_H

#define SRAM_BASE 0x20000000u
#if PICO_RP2350
#define SRAM_END 0x20082000u
#else
#define SRAM_END 0x20042000u
#endif

#endif

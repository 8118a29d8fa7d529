/* SPDX-License-Identifier: MIT
 *
 * Between the files of the board layer.
 */
#ifndef NH_BOARD_INTERNAL_H
#define NH_BOARD_INTERNAL_H

#include <stdint.h>

#define IRQ_MHU0 6u
#define IRQ_MHU1 7u
#define IRQ_A 30u
#define IRQ_B 31u

/* Of all handlers. QEMU's Cortex-M33 has eight bits. */
#define BOARD_PRIORITY 0x80u

/* an521.ld */
extern char __nh_local0_start[], __nh_local0_end[], __nh_local1_start[], __nh_local1_end[];
extern char __nh_shared_start[], __nh_shared_end[];
extern char __nh_scratch0_start[], __nh_scratch0_end[], __nh_scratch1_start[], __nh_scratch1_end[];
extern char __nh_stack0_top[], __nh_stack1_top[];

/* startup.c; only its address matters elsewhere */
extern const struct vector_table board_cpu1_vectors;

/* board.c */
_Noreturn void board_cpu1_entry(void);
void board_systick_handler(void);
void board_mhu_handler(void);
void board_a_handler(void);
void board_b_handler(void);

/* Defined by the image that enables IRQ_MHU1; a fault otherwise. */
void board_urgent_handler(void);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Entry of both CPUs, vectors, interrupt entry. Threads run in Supervisor mode, handlers in IRQ or FIQ mode
 * on a stack of their own.
 */
	.syntax unified
	.arm

#define FIQ 0x11
#define IRQ 0x12
#define SVC 0x13
#define ABT 0x17
#define UND 0x1b

	.section .start, "ax"
	.balign 32
	.global _start
_start:
	b reset
	b undefined
	b supervisor_call
	b prefetch_abort
	b data_abort
	b .
	b interrupt
	b interrupt			@ FIQ: banks r12 and lr as well as sp

reset:
	cpsid if
	mrc p15, 0, r0, c0, c0, 5	@ MPIDR
	ands r0, r0, #3
	bne cpu1_start
	bl own_stacks
	ldr sp, =__nh_stack0_top
	ldr r1, =__bss_start
	ldr r2, =__bss_end
	mov r3, #0
1:	cmp r1, r2
	strlo r3, [r1], #4
	blo 1b
	b cpu0_main

	.global cpu1_start
cpu1_start:
	cpsid if
	ldr r1, =board_pen
1:	wfe
	ldr r0, [r1]
	cmp r0, #0
	beq 1b
	dmb
	mov r0, #1
	bl own_stacks
	ldr sp, =__nh_stack1_top
	b cpu1_main

@ r0: CPU. Vectors, and the stacks of all modes but this one.
own_stacks:
	ldr r1, =_start
	mcr p15, 0, r1, c12, c0, 0	@ VBAR
	ldr r1, =__irq_stacks
	ldr r2, =__irq_stack_size
	add r0, r0, #1
	mla r1, r0, r2, r1
	cps #IRQ
	mov sp, r1
	cps #FIQ			@ the board uses one of the two
	mov sp, r1
	ldr r1, =__fault_stacks
	ldr r2, =__fault_stack_size
	mla r1, r0, r2, r1
	cps #ABT
	mov sp, r1
	cps #UND
	mov sp, r1
	cps #SVC
	bx lr

interrupt:
	sub lr, lr, #4
	push {r0-r3, r12, lr}
	bl cpu_interrupt
	clrex				@ the handler's last LDREX, if its compare failed
	pop {r0-r3, r12, lr}
	movs pc, lr

@ NAME, how far lr is ahead, the words for it, and address and status if the CPU has them
	.macro fatal name, ahead, text, address, status
\name:
	sub r1, lr, #\ahead
	ldr r0, =9f
	.ifnb \address
	mrc p15, 0, r2, c6, c0, \address
	mrc p15, 0, r3, c5, c0, \status
	.else
	mov r2, #0
	mov r3, #0
	.endif
	b cpu_exception
	.pushsection .rodata.str
9:	.asciz "\text"
	.popsection
	.endm

	fatal undefined, 4, "undefined instruction"
	fatal supervisor_call, 4, "supervisor call"
	fatal prefetch_abort, 4, "prefetch abort", 2, 1
	fatal data_abort, 8, "data abort", 0, 0

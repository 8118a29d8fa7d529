/* SPDX-License-Identifier: MIT
 *
 * Entry of both CPUs, vectors, interrupt entry. All runs at EL1 on the CPU's own stack; the depth of
 * interrupts is counted for nh_cortex_a_context_get().
 */
	.section .start, "ax"
	.global _start
_start:
	mrs x0, mpidr_el1
	ands x0, x0, #3
	b.ne cpu1_start
	adr x1, vectors
	msr vbar_el1, x1
	ldr x1, =__nh_stack0_top
	mov sp, x1
	ldr x1, =__bss_start
	ldr x2, =__bss_end
1:	cmp x1, x2
	b.hs cpu0_main
	str xzr, [x1], #8
	b 1b

	.global cpu1_start
cpu1_start:
	msr daifset, #15
	ldr x1, =board_pen
1:	wfe
	ldr w0, [x1]
	cbz w0, 1b
	dmb sy
	adr x1, vectors
	msr vbar_el1, x1
	ldr x1, =__nh_stack1_top
	mov sp, x1
	b cpu1_main

/* x0: what. The stack may be what is wrong: this one is for the end alone. */
fatal:
	mrs x4, mpidr_el1
	and x4, x4, #3
	add x4, x4, #1
	ldr x5, =__fault_stack_size
	ldr x6, =__fault_stacks
	madd x5, x4, x5, x6
	mov sp, x5
	mrs x1, elr_el1
	mrs x2, far_el1
	mrs x3, esr_el1
	b cpu_exception

	.macro pair store, first, second, at
	.ifc \store, stp
	stp \first, \second, [sp, #\at]
	.else
	ldp \first, \second, [sp, #\at]
	.endif
	.endm

/* What C does not preserve, and what a nested exception would lose. */
	.macro registers way
	pair \way, x2, x3, 16
	pair \way, x4, x5, 32
	pair \way, x6, x7, 48
	pair \way, x8, x9, 64
	pair \way, x10, x11, 80
	pair \way, x12, x13, 96
	pair \way, x14, x15, 112
	pair \way, x16, x17, 128
	pair \way, x18, x29, 144
	pair \way, q0, q1, 192
	pair \way, q2, q3, 224
	pair \way, q4, q5, 256
	pair \way, q6, q7, 288
	pair \way, q16, q17, 320
	pair \way, q18, q19, 352
	pair \way, q20, q21, 384
	pair \way, q22, q23, 416
	pair \way, q24, q25, 448
	pair \way, q26, q27, 480
	pair \way, q28, q29, 512
	pair \way, q30, q31, 544
	.endm

#define FRAME 576

	.macro depth change
	mrs x0, mpidr_el1
	and x0, x0, #3
	ldr x1, =cpu_interrupt_depth
	add x1, x1, x0, lsl #2
	ldr w0, [x1]
	add w0, w0, #\change
	str w0, [x1]
	.endm

interrupt:
	sub sp, sp, #FRAME
	stp x0, x1, [sp]
	registers stp
	mrs x0, elr_el1
	mrs x1, spsr_el1
	stp x0, x1, [sp, #160]
	str x30, [sp, #176]
	depth 1
	bl cpu_interrupt
	depth -1
	ldr x30, [sp, #176]
	ldp x0, x1, [sp, #160]
	msr elr_el1, x0
	msr spsr_el1, x1
	registers ldp
	ldp x0, x1, [sp]
	add sp, sp, #FRAME
	eret

	.macro ends text
	.balign 128
	ldr x0, =9f
	b fatal
	.pushsection .rodata.str, "aMS", %progbits, 1
9:	.asciz "\text"
	.popsection
	.endm

	.balign 2048
vectors:
	.rept 4
	ends "exception on the wrong stack"
	.endr
	ends "synchronous exception"
	.balign 128
	b interrupt
	.balign 128
	b interrupt
	ends "SError"
	.rept 8
	ends "exception from a lower level"
	.endr

	.bss
	.balign 8
	.global cpu_interrupt_depth
cpu_interrupt_depth:
	.skip 8

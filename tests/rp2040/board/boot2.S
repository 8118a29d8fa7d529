/* SPDX-License-Identifier: MIT
 *
 * Second-stage loader. The boot ROM copies the first 256 bytes of flash to the
 * end of SRAM, checks their CRC and jumps here. Sets the flash interface up for
 * the plain serial read (command 03h, 24 address bits, no dummy cycles) that
 * every SPI flash understands, then starts the image through its vector table.
 *
 * Runs wherever it is copied to: no absolute references to itself, no stack.
 */
	.syntax unified
	.cpu cortex-m0plus
	.thumb

	.equ SSI_BASE,       0x18000000
	.equ SSI_CTRLR0,     0x00
	.equ SSI_CTRLR1,     0x04
	.equ SSI_SSIENR,     0x08
	.equ SSI_BAUDR,      0x14
	.equ SSI_SPI_CTRLR0, 0xf4

	.equ VECTORS,        0x10000100
	.equ VTOR,           0xe000ed08

	.equ CLOCK_DIVIDER,  4                      /* even; slow enough at any clk_sys */
	/* 32-bit data frames, standard SPI, "EEPROM read" mode: command, then data */
	.equ CTRLR0,         (31 << 16) | (0 << 21) | (3 << 8)
	/* command 03h, 8 command bits, 24 = 6*4 address bits, all on one wire */
	.equ SPI_CTRLR0,     (0x03 << 24) | (2 << 8) | (6 << 2)

	.section .text
	.global boot2
	.thumb_func
boot2:
	ldr     r0, =SSI_BASE
	movs    r1, #0
	str     r1, [r0, #SSI_SSIENR]               /* registers are locked while enabled */
	movs    r2, #CLOCK_DIVIDER
	str     r2, [r0, #SSI_BAUDR]
	ldr     r2, =CTRLR0
	str     r2, [r0, #SSI_CTRLR0]
	ldr     r2, =SPI_CTRLR0
	ldr     r3, =SSI_BASE + SSI_SPI_CTRLR0      /* beyond the reach of an offset */
	str     r2, [r3]
	str     r1, [r0, #SSI_CTRLR1]               /* one frame per read */
	movs    r1, #1
	str     r1, [r0, #SSI_SSIENR]

	ldr     r0, =VECTORS
	ldr     r1, =VTOR
	str     r0, [r1]
	ldmia   r0!, {r1, r2}
	msr     msp, r1
	bx      r2
	.pool

/* SPDX-License-Identifier: MIT
 *
 * The few RP2040 registers that the board layer uses, from the data sheet.
 */
#ifndef NH_RP2040_REGS_H
#define NH_RP2040_REGS_H

#include <stdint.h>

#define RP_REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Writes to this alias of a peripheral register clear the bits that are 1. */
#define RP_CLEAR_ALIAS 0x3000u

#define RESETS_RESET 0x4000c000u
#define RESETS_RESET_DONE 0x4000c008u
#define RESETS_IO_BANK0 (1u << 5)
#define RESETS_PADS_BANK0 (1u << 8)
#define RESETS_UART0 (1u << 22)

#define XOSC_CTRL 0x40024000u
#define XOSC_STATUS 0x40024004u
#define XOSC_STARTUP 0x4002400cu
#define XOSC_ENABLE_1_15MHZ ((0xfabu << 12) | 0xaa0u)
#define XOSC_STABLE (1u << 31)

#define CLK_REF_CTRL 0x40008030u
#define CLK_REF_SELECTED 0x40008038u
#define CLK_REF_SRC_XOSC 2u
#define CLK_SYS_CTRL 0x4000803cu
#define CLK_SYS_SELECTED 0x40008044u
#define CLK_SYS_SRC_REF 0u
#define CLK_PERI_CTRL 0x40008048u
#define CLK_PERI_ENABLE_XOSC ((1u << 11) | (4u << 5))

#define GPIO_CTRL(pin) (0x40014004u + 8u * (pin))
#define GPIO_FUNC_UART 2u

#define UART0_DR 0x40034000u
#define UART0_FR 0x40034018u
#define UART0_IBRD 0x40034024u
#define UART0_FBRD 0x40034028u
#define UART0_LCRH 0x4003402cu
#define UART0_CR 0x40034030u
#define UART_FR_BUSY (1u << 3)
#define UART_FR_TXFF (1u << 5)
#define UART_LCRH_8N1_FIFO 0x70u
#define UART_CR_ENABLE_TX_RX 0x301u

#define SIO_CPUID 0xd0000000u
#define SIO_FIFO_ST 0xd0000050u
#define SIO_FIFO_WR 0xd0000054u
#define SIO_FIFO_RD 0xd0000058u
#define SIO_SPINLOCK(n) (0xd0000100u + 4u * (n))
#define SIO_FIFO_VLD (1u << 0)
#define SIO_FIFO_RDY (1u << 1)
#define SIO_FIFO_ROE (1u << 3)
#define SIO_SPINLOCKS 32u

#define SYST_CSR 0xe000e010u
#define SYST_RVR 0xe000e014u
#define SYST_CVR 0xe000e018u
#define SYST_CSR_ENABLE_CPU_CLOCK 5u
#define SYST_MASK 0x00ffffffu

#define NVIC_ISER 0xe000e100u
#define NVIC_ICER 0xe000e180u
#define NVIC_ISPR 0xe000e200u
#define NVIC_ICPR 0xe000e280u

#endif

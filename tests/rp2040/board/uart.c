/* SPDX-License-Identifier: MIT
 *
 * UART 0, on GPIO 0 and 1: 115200 baud at 12 MHz.
 */
#include "board.h"

#include "board_internal.h"

void board_start_console(void)
{
	RP_REG(UART0_IBRD) = 6u; /* 12 MHz / (16 * 115200) = 6 + 33/64 */
	RP_REG(UART0_FBRD) = 33u;
	RP_REG(UART0_LCRH) = UART_LCRH_8N1_FIFO;
	RP_REG(UART0_CR) = UART_CR_ENABLE_TX_RX;
	RP_REG(GPIO_CTRL(0u)) = GPIO_FUNC_UART;
	RP_REG(GPIO_CTRL(1u)) = GPIO_FUNC_UART;
}

void board_flush_console(void)
{
	while ((RP_REG(UART0_FR) & UART_FR_BUSY) != 0u) {
	}
}

void board_putc(char c)
{
	while ((RP_REG(UART0_FR) & UART_FR_TXFF) != 0u) {
	}
	RP_REG(UART0_DR) = (uint8_t)c;
}

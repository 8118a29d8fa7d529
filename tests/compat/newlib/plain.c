/* SPDX-License-Identifier: MIT */
/* An image with newlib's own allocator, for the self-test of routed.sh. Never run. */
#include <stdlib.h>

#include "board.h"

int main(void);

void board_handler(enum board_irq irq)
{
	(void)irq;
}

int main(void)
{
	void *volatile block = malloc(8);
	free(block);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* A program of TizenRT's, on simulated RAM. */
#include <stdio.h>
#include <string.h>
#include <tinyara/mm/mm.h>

static unsigned char ram[8192];

int main(void)
{
	nh_tizenrt_simulate(0x20000000, ram, sizeof ram);
	up_add_kregion();
	char *text = malloc_at(1, 32);
	if (text == NULL)
		return 1;
	strcpy(text, "heap");
	printf("%s %d\n", text, mm_get_index_of_heap(text));
	free(text);
	return mallinfo().uordblks;
}

/* SPDX-License-Identifier: MIT */
/* The smallest whole program: one heap, one block. */
#include <nearheap/nearheap.h>
#include <stdio.h>

static unsigned char ram[65536];

int main(void)
{
	const nh_heap_config heap = { .name = "ram", .base = ram, .size = sizeof ram };
	const nh_status status = nh_init(&heap, 1, NULL);
	if (status != NH_OK) {
		fprintf(stderr, "nh_init: %s\n", nh_status_string(status));
		return 1;
	}
	void *block = nh_malloc(40);
	if (nh_usable_size(block) < 40)
		return 1;
	nh_free(block);
	printf("nearheap %s: 40 bytes or more\n", nh_version());
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Asking the program for its heaps, and what one that does not answer gets. */
#include <nearheap/first_use.h>

__attribute__((weak)) nh_status nh_first_use(void)
{
	return NH_ENOINIT;
}

__attribute__((weak)) void nh_exhausted(size_t size)
{
	(void)size;
}

bool nh_first_use_ready(void)
{
	if (nh_heap_count() != 0)
		return true;
	/* Whatever it says: if another CPU was quicker, there are heaps. */
	(void)nh_first_use();
	return nh_heap_count() != 0;
}

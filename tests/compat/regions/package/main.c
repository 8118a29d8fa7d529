/* SPDX-License-Identifier: MIT */
/* Says what was generated. */
#include <nearheap_regions.h>
#include <stdio.h>

int main(void)
{
	for (unsigned i = 0; i < nearheap_regions.heap_count; i++)
		printf("%s %zu %x;", nearheap_regions.heaps[i].name, nearheap_regions.heaps[i].size,
		       (unsigned)nearheap_regions.heaps[i].affinity);
	return nh_regions_init(NULL, NULL) == NH_EINVAL ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * Instructions of calls, for callgrind: `counts calls` or `counts growth`. Exit status: 0 all scenes were played,
 * 2 they could not be.
 */
#include "scenes.h"

#include <nearheap/host.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	/* Without it each hit would pay a fence, and another number of instructions. */
	if (!nh_host_membarrier()) {
		fputs("counts: no membarrier here\n", stderr);
		return 2;
	}
	if (argc == 2 && strcmp(argv[1], "calls") == 0) {
		count_calls();
	} else if (argc == 2 && strcmp(argv[1], "growth") == 0) {
		count_growth();
	} else {
		fputs("counts calls|growth\n", stderr);
		return 2;
	}
	return 0;
}

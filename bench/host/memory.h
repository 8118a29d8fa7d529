/* SPDX-License-Identifier: MIT */
/* Fresh memory from the system. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Pages that nobody wrote are not there. Ends the program if there is no room. */
static inline void *bench_map(size_t size)
{
	void *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		perror("bench_host: mmap");
		exit(1);
	}
	return memory;
}

#endif

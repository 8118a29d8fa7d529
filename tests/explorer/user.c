/* SPDX-License-Identifier: MIT */
/* The user's accesses to a block. Compiled like production code, so that they are steps and can race. */
#include "scenario.h"

void ex_user_fill(void *address, size_t size, uint32_t tag)
{
	uint64_t *word = address;
	for (size_t i = 0; i < size / sizeof *word; i++)
		word[i] = ((uint64_t)tag << 32) + i;
}

bool ex_user_holds(const void *address, size_t size, uint32_t tag)
{
	const uint64_t *word = address;
	bool same = true;
	for (size_t i = 0; i < size / sizeof *word; i++)
		same &= word[i] == ((uint64_t)tag << 32) + i;
	return same;
}

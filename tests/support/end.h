/* SPDX-License-Identifier: MIT */
/* How the programs without cmocka end. */
#ifndef NHT_END_H
#define NHT_END_H

#include <nearheap/nearheap.h>

#include "arena.h"

/* All freed: after a trim one maximal block per region, validate clean; forgets the instance, guards intact, and
 * gives the memory back. Leaves the program if anything of that does not hold. */
void nht_end(nh_instance *instance, nht_arena *arena);

#endif

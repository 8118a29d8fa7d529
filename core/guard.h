/* SPDX-License-Identifier: MIT */
/*
 * What guards a block from NH_HARDENING_FULL on: memory that nobody uses holds one byte throughout, and a live block
 * ends in a trailer that says how much of it was asked for.
 *
 *   live:    header | bytes asked for | fill, perhaps none | trailer
 *   cached:  header | link | its echo | fill
 *   free:    header | next | prev | fill | footer
 *
 * So a block that comes out of a heap can be seen to be all fill, and one that goes back to end as it was made: whoever
 * has it in hand looks, outside every lock and gate and with interrupts as the caller has them. Words that were
 * metadata are filled again where they stop being that, a fixed number of them, under the lock.
 * Cost: the bytes of the block, once read and once written.
 */
#ifndef NH_CORE_GUARD_H
#define NH_CORE_GUARD_H

#include "core/block.h"

#define NH__GUARDED (NH_HARDENING >= NH_HARDENING_FULL)

#if NH__GUARDED

/* No owner code. As an address, four or eight of them lead nowhere: device memory on Cortex-M, none on 64 bits. */
#define NH__FILL 0xadu
#define NH__FILL_WORD UINT32_C(0xadadadad)

void nh__fill(void *at, size_t bytes);

/* The first word (all is aligned to words) that is no fill any more, or NULL. */
const void *nh__first_written(const void *at, size_t bytes);

/* Fills the room behind `size` bytes and closes it with the trailer. The block is in hand. */
void nh__seal(uint32_t secret, struct nh__block *block, size_t size);

/* NULL: sound, and *size is what was asked for. Else the first byte that was overwritten, or the trailer itself. */
const void *nh__seal_broken(uint32_t secret, struct nh__block *block, size_t *size);

#endif

#endif

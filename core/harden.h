/* SPDX-License-Identifier: MIT */
/*
 * What an instance's calls do besides from NH_HARDENING_FULL on. Below it, everything here is nothing.
 *
 *   free, realloc:  is it a start? -- is its span true? -- claim the owner byte -- trailer and fill -- fill all
 *   malloc:         is it all fill? -- close it with a trailer
 *   EXTREME:        before each of them, validate
 *
 * A block that fails is quarantined; malloc takes another.
 */
#ifndef NH_CORE_HARDEN_H
#define NH_CORE_HARDEN_H

#include "core/guard.h"
#include "core/instance.h"
#include "core/starts.h"

#define NH__EXTREME (NH_HARDENING >= NH_HARDENING_EXTREME)

#if NH__GUARDED

/* A block that was just taken becomes the caller's. False: somebody wrote to it; it was quarantined and reported. */
bool nh__hand_out(nh_instance *instance, void *payload, size_t size);

/* A live block's bytes as asked for; 0 if its trailer is damaged. */
size_t nh__asked(const struct nh__heap *heap, struct nh__block *block);

/* NH_FAULT_NONE: a block starts here. */
nh_fault_code nh__start_fault(nh_instance *instance, struct nh__block *block);

/* The header of a live block is as it was made, as far as the bitmap and the class can tell. */
bool nh__header_true(nh_instance *instance, struct nh__heap *heap, struct nh__block *block, uint8_t owner);

/* nh__resolve, and the owner byte is ours: others who free or resize it find it busy. Then `*size` is what was asked for.
 * With a fault (ref.heap NULL; *at says where) nothing is claimed. */
struct nh__block_ref nh__claim(nh_instance *instance, void *payload, size_t *size, const void **at);
void nh__unclaim(struct nh__block *block, uint8_t owner);

#else
#define nh__hand_out(instance, payload, size) ((void)(instance), (void)(payload), (void)(size), true)
#endif

#if NH__EXTREME
/* Validates; what it finds goes to the hook. Not in handlers, nor in the hook. */
void nh__before_call(nh_instance *instance);
#else
#define nh__before_call(instance) ((void)(instance))
#endif

#endif

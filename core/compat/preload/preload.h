/* SPDX-License-Identifier: MIT */
/* What the parts of libnearheap-preload.so know of each other. Nothing here leaves the library. */
#ifndef NHP_PRELOAD_H
#define NHP_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NHP_PAGE ((size_t)4096)
#define NHP_MIB ((size_t)1 << 20)
#define NHP_ROUND(value, to) (((value) + ((to)-1)) & ~((to)-1))

/* Smaller blocks, alignment included, are always the heap's. */
#define NHP_SMALL NHP_MIB

/* ---- settings.c --------------------------------------------------------------------------- */

struct nhp_settings {
	size_t limit; /* NEARHEAP_SIZE: bytes that may be taken from the system */
	bool limited; /* it was named */
	bool verbose; /* NEARHEAP_VERBOSE */
	bool stats;   /* NEARHEAP_STATS */
};
extern struct nhp_settings nhp_settings;

/* From the environment; complains about what it cannot read, and goes on with the default. */
void nhp_settings_read(void);

/* One line on stderr, at most 300 bytes, by write(2): stdio might allocate. */
void nhp_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- window.c: one heap in a reserved span of addresses ------------------------------------ */

/* Makes the heap, once; false: there is none and will be none. Any thread, also before main. */
bool nhp_ready(void);

/* Whether an address lies in the span. Everything else that is freed is a mapping. */
bool nhp_in_window(const void *block);

/* Bytes of it that are in use by the heap. */
size_t nhp_window_used(void);

/* Adds a region in which a block of that size and alignment fits, unless somebody else added one since `seen` was
 * read; false: at the limit, or the system has no more. */
bool nhp_window_grow(size_t seen, size_t size, size_t alignment);

/* Counts bytes against the limit; false: too many, and nothing was counted. */
bool nhp_charge(size_t bytes);
void nhp_discharge(size_t bytes);

/* ---- mapped.c: large blocks ---------------------------------------------------------------- */

void nhp_mapped_begin(void);

/* From this size on a block is a mapping of its own: its memory goes back when it is freed, and growing it moves pages,
 * not bytes. Never less than NHP_SMALL. */
size_t nhp_mapped_from(void);

/* A block of zero bytes, or NULL. `alignment` is a power of two, or 0. */
void *nhp_map(size_t size, size_t alignment);

/* False: that is no mapped block, and nothing was done. */
bool nhp_unmap(void *block);

/* Bytes that may be used, 0: no mapped block. */
size_t nhp_mapped_usable(const void *block);

/* Changes the size, moving pages if need be; NULL: no, and the block is as it was. The block is a mapped one. */
void *nhp_remap(void *block, size_t size);

size_t nhp_mapped_bytes(void);

#endif

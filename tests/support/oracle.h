/* SPDX-License-Identifier: MIT */
/*
 * What must hold of a heap whatever was done to it. Each oracle returns NULL if it holds, else an
 * English phrase that says what does not. Only the public API is used.
 */
#ifndef NHT_ORACLE_H
#define NHT_ORACLE_H

#include <nearheap/nearheap.h>

/* Bytes of a block's header, and the least distance of two headers, as the manual gives them. */
#define NHT_HEADER ((size_t)(NH_64BIT || NH_WIDE_HEADER ? 8 : 4))
/* What a live block has besides its usable bytes: from NH_HARDENING_FULL on also a trailer, as large as the header. */
#define NHT_OVERHEAD (NH_HARDENING >= NH_HARDENING_FULL ? 2u * NHT_HEADER : NHT_HEADER)
/* And nh_usable_size says then what was asked for, to the byte. */
#define NHT_EXACT (NH_HARDENING >= NH_HARDENING_FULL)
#define NHT_ALIGNMENT ((size_t)(NH_64BIT ? 16 : 8))
#define NHT_LEAST_SPAN ((NHT_HEADER + 12u + NHT_ALIGNMENT - 1u) / NHT_ALIGNMENT * NHT_ALIGNMENT)

/* One walk of a heap. */
typedef struct nht_census {
	size_t blocks[3]; /* by nh_block_state */
	size_t bytes[3];  /* with headers and trailers */
	size_t usable[3]; /* without */
	size_t largest_free;
	const char *complaint; /* of the walk itself: overlap, misalignment, foreign heap number */
} nht_census;

const char *nht_census_take(nh_instance *instance, int heap, nht_census *census);

/* Statistics agree with themselves and with a walk: free + taken == size, live + cached == taken,
 * sum of blocks and headers == size, largest free block, peak. Nobody else may be active. */
const char *nht_accounts_balance(nh_instance *instance, int heap);

/* nh_validate finds nothing in any heap. */
const char *nht_valid(nh_instance *instance);

/* After a trim, the heap is one maximal free block per region and nothing is live, cached or lost. */
const char *nht_all_returned(nh_instance *instance, int heap);

/* The same for all heaps of the instance, and nht_valid. */
const char *nht_all_heaps_returned(nh_instance *instance);

/* The same as a visitor of other walks: `best` is of the blocks it was shown. */
typedef struct nht_fit {
	size_t alignment; /* NHT_ALIGNMENT at least */
	size_t best;
} nht_fit;

bool nht_fit_block(const nh_block_info *block, void *fit);

/* Bytes of the largest request that a free block of the heap could hold at this alignment now;
 * caches are not counted. 0 if there is none. */
size_t nht_largest_fit(nh_instance *instance, int heap, size_t alignment);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * tinyara/mm/mm.h - the multi-heap interface of TizenRT, for programs written for it. What differs
 * from TizenRT is in docs/COMPAT.md; what is ours (log, simulated RAM) is in nearheap/tizenrt.h.
 *
 * Heaps are numbered by their index. They are made by up_add_kregion() or up_addregion() from the
 * CONFIG_ lists that this header sees, or one by one by mm_initialize(); from one task, before others
 * use them. All other functions may be called from any core, tasks and interrupt handlers ("anywhere"
 * in nearheap/nearheap.h, whose guarantees hold: a hit takes no lock, a miss one bounded hold per
 * heap); only mm_mallinfo() and mallinfo() are for tasks. Sizes are bytes. A block may be freed on any core. Errors give
 * NULL, -1 or -EINVAL and a line in the log; nothing is changed then.
 */
#ifndef NH_TIZENRT_MM_H
#define NH_TIZENRT_MM_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h> /* before malloc and others get new names below */

#ifdef __has_include
#if __has_include(<malloc.h>)
#include <malloc.h> /* has a struct mallinfo of its own */
#endif
#if __has_include(<tinyara/config.h>)
#include <tinyara/config.h>
#endif
#endif

#include <nearheap/tizenrt.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef OK
#define OK 0
#endif
#ifndef ERROR
#define ERROR (-1)
#endif

/* ---- heaps -------------------------------------------------------------------------------- */

/* Control memory of one heap; opaque. */
struct mm_heap_s {
	union {
		uint64_t align_word;
		long double align_most;
		unsigned char bytes[NH_TIZENRT_CONTROL];
	} control;
};

/* Makes a heap of [start, start + size); it gets the next free index. malloc and the other functions without
 * one use it only if there are no lists. OK, or -EINVAL: NULL, size 0, wrap, too small for one block, overlap
 * with a heap, the structure is in use already, NH_MAX_HEAPS. The structure must stay where it is. */
int mm_initialize(struct mm_heap_s *heap, void *start, size_t size);

/* Adds a region to a heap, anywhere in memory. OK, or -EINVAL as above. */
int mm_addregion(struct mm_heap_s *heap, void *start, size_t size);

/* The heap that an address lies in, NULL if there is none (logged). Wait-free. */
struct mm_heap_s *mm_get_heap(void *address);
/* NULL if there is no such index (logged). Wait-free. */
struct mm_heap_s *mm_get_heap_with_index(int index);
/* The index of the heap that an address lies in; 0 for NULL, -1 if there is none. Wait-free. */
int mm_get_index_of_heap(void *address);

/* Values beyond INT_MAX are INT_MAX. */
#define mallinfo nh_tizenrt_mallinfo
struct mallinfo {
	int arena;    /* bytes of the heap's blocks: uordblks + fordblks */
	int ordblks;  /* free blocks */
	int mxordblk; /* the most that one allocation can get: mxordblk + 1 fails */
	int uordblks; /* in use, headers included */
	int fordblks; /* free */
};

/* Empties the caches of the heap, then counts by walking it. OK, or -EINVAL (no such heap), or -EBUSY:
 * other tasks walked the same heap all the time. Task. */
int mm_mallinfo(struct mm_heap_s *heap, struct mallinfo *info);
/* All heaps with an index: the sums, and the largest mxordblk. Task. */
struct mallinfo mallinfo(void);

/* ---- one heap ----------------------------------------------------------------------------- */

/* From the heap of that index or NULL; also NULL: size 0, no such heap (logged), and for calloc_at a
 * product that wraps. memalign_at: alignment 0 to 16 is malloc_at (and 16 is kept); more must be a
 * power of two (else logged). */
void *malloc_at(int heap_index, size_t size);
void *calloc_at(int heap_index, size_t n, size_t elem_size);
void *zalloc_at(int heap_index, size_t size);
void *memalign_at(int heap_index, size_t alignment, size_t size);
/* NULL: malloc_at; size 0: free, NULL. A block of another heap moves to this one, with its contents.
 * On failure, and for what is no block (logged), NULL, and the old block is untouched. */
void *realloc_at(int heap_index, void *oldmem, size_t size);

void *kmm_malloc_at(int heap_index, size_t size);
void *kmm_calloc_at(int heap_index, size_t n, size_t elem_size);
void *kmm_zalloc_at(int heap_index, size_t size);
void *kmm_memalign_at(int heap_index, size_t alignment, size_t size);
void *kmm_realloc_at(int heap_index, void *oldmem, size_t size);

/* ---- all heaps ---------------------------------------------------------------------------- */

/* malloc, calloc and zalloc try the heaps from CONFIG_RAM_MALLOC_PRIOR_INDEX up, then from 0 up to it; memalign
 * from 0 up; realloc the block's own heap (in place, then moving), then from 0 up. NULL means that
 * no heap had room at one moment, caches emptied. free: NULL and what is no block are logged. */
void *kmm_malloc(size_t size);
void *kmm_calloc(size_t n, size_t elem_size);
void *kmm_zalloc(size_t size);
void *kmm_memalign(size_t alignment, size_t size);
void *kmm_realloc(void *oldmem, size_t size);
void kmm_free(void *mem);

/* The plain names. Where the C library's own malloc must live on, a program that includes this header
 * gets ours under other names; include it after the other system headers. */
#if NH_TIZENRT_PLAIN
void *zalloc(size_t size);
void *memalign(size_t alignment, size_t size);
#elif !defined(NH_TIZENRT_KEEP_NAMES)
#define malloc kmm_malloc
#define calloc kmm_calloc
#define zalloc kmm_zalloc
#define memalign kmm_memalign
#define realloc kmm_realloc
#define free kmm_free
#endif

/* ---- configuration ------------------------------------------------------------------------ */

#ifndef CONFIG_RAM_MALLOC_PRIOR_INDEX
#define CONFIG_RAM_MALLOC_PRIOR_INDEX 0
#endif

/* Make the heaps that the lists describe, all or none: a mistake in them is one line in the log that
 * names list and position. To be called once, from one task, before any other function here. A program that wants
 * to know the outcome calls nh_tizenrt_start() with the same argument, which returns it. */
#ifdef CONFIG_RAM_KREGIONx_START
#ifndef CONFIG_KMM_NHEAPS
#define CONFIG_KMM_NHEAPS 1
#endif
#ifndef CONFIG_RAM_KREGIONx_HEAP_INDEX
#define CONFIG_RAM_KREGIONx_HEAP_INDEX NULL
#endif
static inline void up_add_kregion(void)
{
	static struct mm_heap_s heaps[CONFIG_KMM_NHEAPS];
	const nh_tizenrt_configuration configuration = {
		{ NULL, "CONFIG_RAM_KREGIONx", "CONFIG_KMM_REGIONS", "CONFIG_KMM_NHEAPS", CONFIG_KMM_REGIONS,
		  CONFIG_KMM_NHEAPS, CONFIG_RAM_MALLOC_PRIOR_INDEX, CONFIG_RAM_KREGIONx_START,
		  CONFIG_RAM_KREGIONx_SIZE, CONFIG_RAM_KREGIONx_HEAP_INDEX },
		heaps,
	};
	(void)nh_tizenrt_start(&configuration);
}
#endif

#ifdef CONFIG_RAM_REGIONx_START
#ifdef CONFIG_RAM_KREGIONx_START
#error "CONFIG_RAM_KREGIONx_START and CONFIG_RAM_REGIONx_START: one generation of lists, not both"
#endif
#ifndef CONFIG_MM_NHEAPS
#define CONFIG_MM_NHEAPS 1
#endif
#ifndef CONFIG_RAM_REGIONx_HEAP_INDEX
#define CONFIG_RAM_REGIONx_HEAP_INDEX NULL
#endif
static inline void up_addregion(void)
{
	static struct mm_heap_s heaps[CONFIG_MM_NHEAPS];
	const nh_tizenrt_configuration configuration = {
		{ NULL, "CONFIG_RAM_REGIONx", "CONFIG_MM_REGIONS", "CONFIG_MM_NHEAPS", CONFIG_MM_REGIONS,
		  CONFIG_MM_NHEAPS, CONFIG_RAM_MALLOC_PRIOR_INDEX, CONFIG_RAM_REGIONx_START,
		  CONFIG_RAM_REGIONx_SIZE, CONFIG_RAM_REGIONx_HEAP_INDEX },
		heaps,
	};
	(void)nh_tizenrt_start(&configuration);
}
#endif

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * zephyr/sys/sys_heap.h - Zephyr's sys_heap over nearheap: one region, no lock, no cache in between.
 *
 * THE CALLER SERIALISES all calls on one heap; different heaps are independent. Within that rule
 * every function may be called anywhere. Sizes are bytes. A block belongs to the caller until it
 * is freed; the region belongs to the heap until nobody uses it any more. Freed memory is reusable
 * at once, and a shrink gives its tail back at once.
 *
 * Worst case, unless a function says otherwise: one TLSF operation, O(1), no loop over blocks.
 * Faults (double free, foreign pointer, overrun met) go to nearheap's fatal hook, which stops the
 * program unless nh_fatal_hook_set() chose otherwise; the faulty call then has no effect.
 * Differences to Zephyr: docs/COMPAT.md.
 */
#ifndef NH_ZEPHYR_SYS_SYS_HEAP_H
#define NH_ZEPHYR_SYS_SYS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zephyr/sys/mem_stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct z_heap; /* opaque; lies in the region */

struct sys_heap {
	struct z_heap *heap; /* NULL: no heap, every allocation gives NULL */
	void *init_mem;      /* for static initialisers; not used */
	size_t init_bytes;
};

struct z_heap_stress_result {
	uint32_t total_allocs;
	uint32_t successful_allocs;
	uint32_t total_frees;
	uint64_t accumulated_in_use_bytes; /* sum over all operations of the bytes in use after each */
};

/* Makes [mem, mem + bytes) a heap; any address, from 128 bytes on. Saves it as
 * sys_heap_array_save() does. Memory in which no block fits leaves heap->heap NULL and is said
 * through nh_zephyr_print(). */
void sys_heap_init(struct sys_heap *heap, void *mem, size_t bytes);

/* NULL for size 0 or if no free block fits. Aligned to 8 (16 on 64-bit targets). */
void *sys_heap_alloc(struct sys_heap *heap, size_t bytes);

/* `align` 0 or a power of two; or two bits, 2^a + 2^b with b < a: the address plus 2^b is a
 * multiple of 2^a. Anything else gives NULL. Worst case above the standard alignment: a search of one
 * size class. */
void *sys_heap_aligned_alloc(struct sys_heap *heap, size_t align, size_t bytes);

/* As sys_heap_alloc(): `align` is ignored. */
void *sys_heap_noalign_alloc(struct sys_heap *heap, size_t align, size_t bytes);

/* NULL is ignored. */
void sys_heap_free(struct sys_heap *heap, void *mem);

/* ptr NULL = alloc; bytes 0 = free, gives NULL. In place (shrinking, or growing over a free
 * successor) if the address has the alignment, else a new block of the same heap and a copy. On failure
 * NULL and the old block is untouched. Worst case: the copy. */
void *sys_heap_aligned_realloc(struct sys_heap *heap, void *ptr, size_t align, size_t bytes);
void *sys_heap_realloc(struct sys_heap *heap, void *ptr, size_t bytes);

/* Bytes that may be used from this address on; 0 for what is not a live block. */
size_t sys_heap_usable_size(struct sys_heap *heap, void *mem);

/* False if any header, neighbour, list link or bitmap is damaged. Never follows damage. O(blocks). */
bool sys_heap_validate(struct sys_heap *heap);

/* Size, use and a histogram of the free blocks, and with `dump_chunks` every block, as text through
 * nh_zephyr_print(). Task. O(blocks). */
void sys_heap_print_info(struct sys_heap *heap, bool dump_chunks);

/* `op_count` random allocations and frees through the callbacks, which get `arg`. Sizes are spread
 * evenly over their logarithm; what is in use is steered to `target_percent` (1 to 100) of `total_bytes`. Live
 * blocks are noted in the scratch memory (two words each), and stay allocated at the end. The
 * sequence is the same on each call. Counts go to *result. Task; O(op_count). */
void sys_heap_stress(void *(*alloc_fn)(void *arg, size_t bytes), void (*free_fn)(void *arg, void *p),
                     void *arg, size_t total_bytes, uint32_t op_count, void *scratch_mem,
                     size_t scratch_bytes, int target_percent, struct z_heap_stress_result *result);

/* 0, or -EINVAL for NULL or a heap without memory. No walk. */
int sys_heap_runtime_stats_get(struct sys_heap *heap, struct sys_memory_stats *stats);

/* max_allocated_bytes becomes what is allocated now. 0, or -EINVAL as above. */
int sys_heap_runtime_stats_reset_max(struct sys_heap *heap);

/* Entries of the array that sys_heap_init() fills; of the library, not of its user. */
#ifndef CONFIG_SYS_HEAP_ARRAY_SIZE
#define CONFIG_SYS_HEAP_ARRAY_SIZE 8
#endif

/* Remembers a heap; one that is there already is not noted twice. 0, or -EINVAL: NULL, or the array is full. Any
 * core, blocking for a few instructions. The heap must live as long as somebody uses the array. */
int sys_heap_array_save(struct sys_heap *heap);

/* *heaps = the array; returns how many it holds, or -EINVAL for NULL. Entries are only ever added. */
int sys_heap_array_get(struct sys_heap ***heaps);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * nearheap - a heap for SMP microcontrollers. This header is the manual.
 *
 *      CPU 0            CPU 1
 *   magazines        magazines          no lock: pop on malloc, push on free
 *      |  \            /  |
 *      |   depot, inbox   |             one word per class: whole chains change hands
 *      |        |         |
 *      +------ TLSF ------+             one spinlock per heap, interrupts off while it is held
 *            regions
 *
 * WORDS. A region is a span of RAM. A heap is a TLSF allocator over one or more regions with one
 * lock and caches per CPU. Attributes say what memory can do; affinity says which CPUs it is near
 * to. An instance is a set of heaps; the functions without nh_instance_ use the default one.
 *
 * UNITS. Sizes are bytes. Attributes, affinities and sets of heaps are bit masks. A heap is named
 * by the number nh_heap_add() gave it: the lowest that is free, so 0, 1, 2 ... in the order of addition.
 *
 * OWNERSHIP. A block belongs to the caller from the call that returned it to the call that takes
 * it back; any CPU may free it. Memory given to a heap belongs to the heap.
 *
 * CALLABLE FROM. "anywhere" = tasks, threads and interrupt handlers of any CPU up to the
 * priority that the port masks, also with interrupts already off (the state is kept). Calls from
 * above it (NMI, HardFault) that would need a lock are refused: NULL, or NH_FAULT_CONTEXT for
 * free. "task" = the same without interrupt handlers. On hosts a signal handler may call malloc
 * and free unless it interrupted a call that held a heap's lock: then malloc returns NULL and
 * free reports NH_FAULT_CONTEXT. If it interrupted a cache operation it does not reclaim from that
 * heap. That is: not async-signal-safe in general.
 *
 * BOUNDS. A "lock hold" is a stretch with interrupts off and one heap lock held; its length in
 * instructions is bounded whatever the sizes and the number of blocks. "Hit" is a call served by
 * the CPU's own magazine: wait-free, a bounded count of instructions, no lock, and on all ports
 * but RP2040 no atomic read-modify-write. Everything else is blocking: it waits for the heap lock, which is
 * handed over in cyclic order, so at most (CPUs - 1) lock holds pass before one's own. No call recurses; the
 * bytes of stack that each needs at worst are in docs/STACK.md, which `./run stack` makes.
 *
 * OUT OF MEMORY. NULL from an allocation that may reclaim means: in one state of every heap that
 * the request allows, with all caches of all CPUs emptied into it, no free block fitted. The
 * exceptions are said at NH_NO_RECLAIM and in docs/DESIGN.md (a core that was stopped while inside
 * its gate).
 */
#ifndef NEARHEAP_H
#define NEARHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nearheap/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NH_VERSION_MAJOR 0
#define NH_VERSION_MINOR 1
#define NH_VERSION_PATCH 0
#define NH_VERSION_STRING "0.1.0"

/* "0.1.0". Anywhere; constant. */
const char *nh_version(void);

/* ---- status ------------------------------------------------------------------------------- */

/* What a refused call returns. Nothing is half done: whatever is not NH_OK changed nothing. */
typedef enum nh_status {
	NH_OK = 0,
	NH_EINVAL,   /* NULL, zero or contradictory argument */
	NH_EALIGN,   /* an alignment that is not a power of two */
	NH_EWRAP,    /* base + size, or a size computation, wraps */
	NH_ESMALL,   /* too small to hold one block (and its control memory) */
	NH_ERANGE,   /* region too large, outside the heap's window, or outside RAM (nearheap/linker.h) */
	NH_EOVERLAP, /* overlaps a region or control memory that is already in use, or the image */
	NH_ENOSPC,   /* no more heaps or regions: NH_MAX_HEAPS, NH_MAX_REGIONS */
	NH_EALREADY, /* initialised already */
	NH_ENOINIT,  /* not initialised */
	NH_ENOENT,   /* no such heap or CPU */
	NH_ENOTSUP,  /* external memory without control memory of its own; not to be removed alone; a retained heap's
	              * second region */
	NH_EBUSY,    /* another walk or validate took over; blocks are out; another removal is under way; the
	              * caller's context may not take the lock */
	NH_ECORRUPT  /* damaged metadata was found */
} nh_status;

/* A constant English phrase for a status; "unknown status" for other values. Anywhere. */
const char *nh_status_string(nh_status status);

/* ---- attributes --------------------------------------------------------------------------- */

#define NH_ATTR_DMA (UINT32_C(1) << 0)
#define NH_ATTR_EXEC (UINT32_C(1) << 1)
#define NH_ATTR_CACHEABLE (UINT32_C(1) << 2)
#define NH_ATTR_NONCACHEABLE (UINT32_C(1) << 3)
#define NH_ATTR_EXTERNAL (UINT32_C(1) << 4) /* no exclusive access: holds no control memory */
#define NH_ATTR_RETAINED (UINT32_C(1) << 5) /* the memory keeps its contents; nh_heap_add_retained keeps its blocks */
#define NH_ATTR_FAST (UINT32_C(1) << 6)
#define NH_ATTR_SHAREABLE (UINT32_C(1) << 7)
#define NH_ATTR_USER(n) (UINT32_C(1) << (16 + (n))) /* n = 0 .. 15: yours */

/* Affinity of a CPU number (0 .. 31); 0 = near to all alike. */
#define NH_CPU(n) (UINT32_C(1) << (n))

/* ---- heaps and regions -------------------------------------------------------------------- */

#define NH_HEAP_NOT_DEFAULT 1u /* only requests that name an attribute, a preference or the heap get it */
#define NH_HEAP_NO_CACHES 2u   /* TLSF under the lock only: a freed block is reusable and merged at once */
#define NH_HEAP_RETAINED 4u    /* said of heaps that nh_heap_add_retained added; not to be given */

typedef struct nh_heap_config {
	const char *name;    /* for reports; kept, not copied; may be NULL */
	void *base;          /* first region; any address */
	size_t size;         /* its bytes */
	uint32_t attributes; /* NH_ATTR_... */
	uint32_t affinity;   /* NH_CPU(n) | ...; 0 = shared */
	uint32_t flags;      /* NH_HEAP_... */
	/* Control memory (see nh_heap_control_size): NULL takes it from the head of the region. It
	 * must be internal memory aligned to 8 (16 on 64-bit) and live as long as the heap. */
	void *control;
	size_t control_size;
	/* Reach, counted from base, of the regions that will be added to this heap. 0 = 512 KiB (1 MiB
	 * on 64-bit) or the first region, whichever is more. Up to that default the control memory is
	 * half as large. Regions further than 2^26 granules from base are served without caches. */
	size_t window;
} nh_heap_config;

/* One set of heaps. Opaque; the storage is the caller's. */
typedef struct nh_instance nh_instance;

/* Upper bound of sizeof(nh_instance), compared at compile time of the library. */
#define NH_INSTANCE_SIZE                                                                             \
	((size_t)(NH_CPUS + 1) * (sizeof(void *) + 8u) + (NH_CACHES ? 1200u : 0u) + 160u +               \
	 (size_t)NH_MAX_HEAPS * sizeof(void *) + (size_t)NH_MAX_REGIONS * (6u * sizeof(void *)) +          \
	 (size_t)(NH_CPUS + 1) * 2u + 192u)

typedef union nh_instance_storage {
	void *align_pointer;
	uint64_t align_word;
	unsigned char bytes[NH_INSTANCE_SIZE];
} nh_instance_storage;

/* Initialises the default instance with `count` heaps (0 is allowed: add them later). All or
 * nothing: on an error nothing is kept, and *failed (if not NULL) is the index of the entry at
 * fault. Call it once, from a task. Other calls before it return NULL or a status; those of other CPUs while
 * it runs do so too, or are served by a heap that is complete already, so if it may fail no other CPU
 * should be calling yet. Worst case: per heap, clearing its control memory. */
nh_status nh_init(const nh_heap_config *heaps, unsigned count, unsigned *failed);

/* The same for an instance in the caller's storage, which must stay where it is. */
nh_status nh_instance_init(nh_instance_storage *storage, const nh_heap_config *heaps, unsigned count,
                           unsigned *failed, nh_instance **instance);

/* Forgets all heaps; their memory is the caller's again. No other call may be under way, and no
 * block of it may be used afterwards. NH_ENOINIT if there is nothing to forget. */
nh_status nh_deinit(void);
nh_status nh_instance_deinit(nh_instance *instance);

/* The default instance, for the functions that take one. Never NULL. */
nh_instance *nh_default(void);

/* Adds a heap at run time; other CPUs may be allocating. *heap (if not NULL) receives its number.
 * Task. Errors: NH_ENOINIT, NH_EINVAL, NH_EWRAP, NH_ESMALL, NH_ERANGE, NH_EOVERLAP, NH_ENOSPC,
 * NH_ENOTSUP, and NH_EINVAL for an affinity without a configured CPU. Blocking: additions wait
 * for each other. Worst case: clearing the control memory, interrupts on. */
nh_status nh_heap_add(const nh_heap_config *config, int *heap);
nh_status nh_instance_heap_add(nh_instance *instance, const nh_heap_config *config, int *heap);

/* Adds a region to a heap at run time. Task. Errors as above, NH_ENOENT, NH_ECORRUPT where a CPU was reset while it changed
 * this heap, which nh_cpu_recover took out of service meanwhile, and NH_EBUSY in a context that may not take the heap's lock. */
nh_status nh_region_add(int heap, void *base, size_t size);
nh_status nh_instance_region_add(nh_instance *instance, int heap, void *base, size_t size);

/*
 * Removes the region that nh_region_add was given at `base`: NH_OK, and its memory is the caller's, to be powered
 * down or used otherwise. It can be added again at any time, to any heap.
 * NH_EBUSY: blocks are out. *live (if not NULL; 0 in all other cases) says how many; the region is as it was. With
 * *live 0: another removal of this instance is under way, or blocks moved between caches: try again.
 * NH_ENOTSUP: the heap's first region, and that of its control memory, go only with the heap.
 * NH_ECORRUPT: a CPU was reset while it changed this heap, which nh_cpu_recover took out of service meanwhile.
 * Others: NH_ENOINIT, NH_ENOENT, NH_EINVAL.
 *
 * Meanwhile other CPUs may allocate from all heaps and free everywhere, but what is free in this region is not
 * handed out, and counts as taken; so a request may get NULL that would be served before or after. All caches of the
 * heap are emptied, as by nh_trim.
 * Task. Blocking: lock holds of at most NH_SLICE blocks, over all blocks of the region two times, and again as long as
 * that finds fewer out. A CPU that is halted inside a call holds it up by no more than NH_PATIENCE polls each time.
 */
nh_status nh_region_remove(int heap, const void *base, size_t *live);
nh_status nh_instance_region_remove(nh_instance *instance, int heap, const void *base, size_t *live);

/*
 * Removes a heap with all its regions. All or nothing, with the errors of nh_region_remove; NH_EBUSY also while a region
 * is being added. While it runs no request finds the heap; afterwards its number may be given to another.
 *
 * The memory of its blocks is the caller's at once. Its control memory (at the head of the first region, where it was
 * not given) may still be looked at by calls that were under way on other CPUs, or in tasks that this one preempted:
 * leave it as it is, and powered, until each of them has returned. They find an empty heap there, and do no harm.
 * So a bank that is to lose power is a heap with its control memory elsewhere (docs/REGIONS.md), or is removed while
 * nobody else can be inside a call: an interrupt that another CPU acknowledges does not show that, it may be on top of one.
 */
nh_status nh_heap_remove(int heap, size_t *live);
nh_status nh_instance_heap_remove(nh_instance *instance, int heap, size_t *live);

/* ---- memory that keeps its contents through a reset ------------------------------------------ */

/* What nh_heap_add_retained found in the memory. All but the first: a cold start, one free block. */
typedef enum nh_retained_found {
	NH_RETAINED_KEPT = 0, /* re-attached: blocks that were live are live, with their contents and addresses */
	NH_RETAINED_NONE,     /* no record: power was lost, the heap was removed, or a cold start did not come to its end */
	NH_RETAINED_LAYOUT,   /* a record of other addresses, or of a build with another layout of blocks */
	NH_RETAINED_RECORD,   /* the record is damaged */
	NH_RETAINED_DAMAGED   /* a header is damaged: `address` */
} nh_retained_found;

typedef struct nh_retained {
	nh_retained_found found;
	const void *address; /* the record, or the header that is damaged; NULL if kept */
	uint32_t generation; /* how often it was re-attached since its cold start; wraps */
	unsigned blocks;     /* live ones */
	size_t live;         /* their bytes, headers included */
	size_t returned;     /* bytes that were in caches, quarantined, or in a call's hands: free memory now */
	unsigned resealed;   /* from NH_HARDENING_FULL on: blocks whose trailer was not true, and is that of all their room now */
	bool root_dropped;   /* the root was no live block any more, and is none now */
} nh_retained;

/*
 * Adds a heap whose memory keeps its contents through resets: nh_heap_add, and what is live in it survives. The
 * memory must be the same in each boot, and nobody else may write to it: start-up code must not clear it (docs/RETAINED.md).
 * It has one region and a record in front of that; of its control memory nothing needs to survive. It gets
 * NH_ATTR_RETAINED; with NH_HEAP_NOT_DEFAULT it serves only those who ask for that, which is mostly what is wanted: what
 * survives without being reached from the root is lost memory.
 *
 * *report (if not NULL) says whether it was re-attached, or why not. Re-attaching goes through all headers, reads nothing outside of the
 * memory whatever the bits there are, and believes them only if they cover it without a gap and agree with each other as
 * far as one call that the reset interrupted explains. A reset at any instruction of any call of any CPU leaves memory that
 * is re-attached (memory that stores reach in program order: docs/RETAINED.md); so does a reset during this call.
 *
 * Task. Errors as nh_heap_add, and NH_EOVERLAP if it is attached already. Worst case: two walks over all blocks; a cold start and
 * NH_HARDENING_FULL: writing all that is free. Interrupts on, no lock.
 */
nh_status nh_heap_add_retained(const nh_heap_config *config, int *heap, nh_retained *report);
nh_status nh_instance_heap_add_retained(nh_instance *instance, const nh_heap_config *config, int *heap,
                                        nh_retained *report);

/* The one block by which a program finds all others after a reset. `block` is a live block of the heap, or NULL. A reset at any instruction
 * leaves the old root or the new one. Anywhere; one short lock hold. NH_EINVAL: no live block of it; NH_ENOTSUP: not retained, or
 * a context that may not wait for a lock; NH_ENOENT. */
nh_status nh_retained_root_set(int heap, const void *block);
nh_status nh_instance_retained_root_set(nh_instance *instance, int heap, const void *block);

/* The root, or NULL. Likewise. */
void *nh_retained_root(int heap);
void *nh_instance_retained_root(nh_instance *instance, int heap);

/* A constant English phrase. Anywhere. */
const char *nh_retained_string(nh_retained_found found);

/* ---- control memory ------------------------------------------------------------------------- */

/* Bytes of control memory that `config` needs (its control fields are ignored), 0 if the config is
 * invalid. Anywhere. */
size_t nh_heap_control_size(const nh_heap_config *config);

/* ---- allocation --------------------------------------------------------------------------- */

/*
 * Blocks are aligned to 8 bytes (16 on 64-bit targets). Size 0 gives NULL. All of these may be
 * called anywhere; from an interrupt handler they do not reclaim (see NH_NO_RECLAIM).
 * Worst case: a hit is wait-free; a miss is one lock hold of at most 3 TLSF searches and one
 * removal, and, before this heap is passed over, one per NH_SLICE blocks of a long list in which an
 * exact fit might hide; the same for each further heap the request allows; then, if nothing fitted,
 * a reclaim: lock holds of at most NH_SLICE blocks each until all caches are empty.
 */
void *nh_malloc(size_t size);
void *nh_instance_malloc(nh_instance *instance, size_t size);

/* count * size zeroed bytes; NULL if either is 0 or the product wraps. Clears outside all locks. */
void *nh_calloc(size_t count, size_t size);
void *nh_instance_calloc(nh_instance *instance, size_t count, size_t size);

/* `alignment` is a power of two (0 and small ones are met by every block); anything else gives
 * NULL. `size` need not be a multiple of it. What needs more than the standard alignment never comes from
 * a magazine: one lock hold at least. */
void *nh_aligned_alloc(size_t alignment, size_t size);
void *nh_instance_aligned_alloc(nh_instance *instance, size_t alignment, size_t size);

/* block NULL = malloc; size 0 = free, returns NULL. In place if it can be (shrinking, growing into
 * a free successor, or over a free predecessor by moving down); else a new block in the same
 * heap; else in another with all attributes of the old one; else, from a default-eligible heap, in
 * any default-eligible one (nh_realloc_attr is for blocks that must keep an attribute). Bytes are
 * copied outside all locks. On failure NULL, and the old block is untouched. An aligned block that
 * moves keeps only the standard alignment. */
void *nh_realloc(void *block, size_t size);
void *nh_instance_realloc(nh_instance *instance, void *block, size_t size);

/* NULL is ignored. Any CPU, anywhere. A hit is wait-free; a block of another CPU's heap is handed
 * to it by at most NH_INBOX_TRIES compare-and-swaps (lock-free), else in one lock hold; never
 * more than one TLSF operation (two where several CPUs are local). A pointer that is not a live block of this instance is reported to
 * the fatal hook and changes nothing. */
void nh_free(void *block);
void nh_instance_free(nh_instance *instance, void *block);

/* Bytes that may be used, at least what was asked for (from NH_HARDENING_FULL on just that); 0 for NULL and for what is not a live
 * block of this instance (which is not reported). Anywhere; wait-free. */
size_t nh_usable_size(const void *block);
size_t nh_instance_usable_size(nh_instance *instance, const void *block);

/* ---- allocation by attribute -------------------------------------------------------------- */

#define NH_NO_FOREIGN 1u /* never another CPU's local memory, not even as the last resort */
#define NH_NO_RECLAIM 2u /* NULL may also mean: it is in some cache. Bounded, for time-critical code */
#define NH_ZERO 4u       /* clear the block */

/*
 * Which memory a request accepts, and in which order it is tried. Candidates are the heaps that
 * have all of `require` and are in `heaps`, where those are not 0. If both are 0: the
 * default-eligible heaps, and those that have all of `prefer` or of one of the `preferences`.
 * They are tried
 *   in tiers: having preferences[0], preferences[1], ... , having all of `prefer`, the rest;
 *   within a tier: local to this CPU, shared; within these in the order of addition;
 *   and after all tiers, in the same tiers, heaps local to other CPUs only.
 * Finding the first costs the same however many heaps there are.
 */
typedef struct nh_request {
	uint32_t require;
	uint32_t prefer;
	const uint32_t *preferences; /* attribute masks, best first; NULL if none */
	unsigned preference_count;
	uint32_t heaps;   /* set of heaps, 1 << number; 0 = all */
	uint32_t flags;   /* NH_NO_FOREIGN | NH_NO_RECLAIM | NH_ZERO */
	size_t alignment; /* 0 = standard */
} nh_request;

void *nh_alloc(const nh_request *request, size_t size);
void *nh_instance_alloc(nh_instance *instance, const nh_request *request, size_t size);

/* As nh_realloc, but the request says where the block may go if it has to move. A block that can
 * stay stays, wherever it is; request->alignment is met also by a block that stays. */
void *nh_realloc_request(const nh_request *request, void *block, size_t size);
void *nh_instance_realloc_request(nh_instance *instance, const nh_request *request, void *block, size_t size);

/* Short forms for "memory that has all of these attributes". With 0 they equal the plain ones. */
void *nh_malloc_attr(uint32_t attributes, size_t size);
void *nh_calloc_attr(uint32_t attributes, size_t count, size_t size);
void *nh_realloc_attr(uint32_t attributes, void *block, size_t size);
void *nh_aligned_alloc_attr(uint32_t attributes, size_t alignment, size_t size);
void *nh_instance_malloc_attr(nh_instance *instance, uint32_t attributes, size_t size);
void *nh_instance_calloc_attr(nh_instance *instance, uint32_t attributes, size_t count, size_t size);
void *nh_instance_realloc_attr(nh_instance *instance, uint32_t attributes, void *block, size_t size);
void *nh_instance_aligned_alloc_attr(nh_instance *instance, uint32_t attributes, size_t alignment, size_t size);

/* Why a heap was or was not taken. */
typedef enum nh_reason {
	NH_TAKEN = 0,       /* the request would be served from this one */
	NH_NOT_REACHED,     /* would be tried after the one taken */
	NH_NOT_IN_HEAPS,    /* not in request->heaps */
	NH_NO_ATTRIBUTE,    /* lacks a required attribute */
	NH_NOT_ELIGIBLE,    /* a plain request, and the heap is not default-eligible */
	NH_FOREIGN,         /* local to other CPUs, and the request forbids those */
	NH_FULL             /* no free block fits; what other CPUs have cached is not counted */
} nh_reason;

typedef struct nh_explanation {
	int heap;
	nh_reason reason;
} nh_explanation;

/* Fills `out` (room for `max`; NH_MAX_HEAPS is always enough) with one entry per heap in the
 * order this CPU would consider them, candidates first; returns how many heaps there are. Nothing is
 * allocated. Task; one lock hold per candidate up to the one taken. */
unsigned nh_explain(const nh_request *request, size_t size, nh_explanation *out, unsigned max);
unsigned nh_instance_explain(nh_instance *instance, const nh_request *request, size_t size, nh_explanation *out,
                             unsigned max);

/* A constant English phrase. Anywhere. */
const char *nh_reason_string(nh_reason reason);

/* The number of the heap that `address` lies in (block or not), or -1. Anywhere; wait-free. */
int nh_heap_of(const void *address);
int nh_instance_heap_of(nh_instance *instance, const void *address);

/* ---- maintenance and inspection ----------------------------------------------------------- */

/* Returns all cached blocks of all CPUs to TLSF and merges them. heap -1 = all. Task. Blocking
 * as a reclaim is. Returns NH_OK, NH_ENOENT or NH_ENOINIT. */
nh_status nh_trim(int heap);
nh_status nh_instance_trim(nh_instance *instance, int heap);

typedef struct nh_heap_stats {
	const char *name;
	uint32_t attributes, affinity, flags;
	size_t size;         /* bytes of blocks and their headers: free + taken, always */
	size_t free;         /* in TLSF */
	size_t taken;        /* not in TLSF: live + cached */
	size_t cached;       /* parked in magazines, depot, inboxes at the time of asking */
	size_t live;         /* taken - cached: with the users, headers included */
	size_t peak;         /* the most that was ever taken */
	size_t largest_free; /* bytes the largest free TLSF block can hold (usable size) */
	size_t cache_limit;  /* `cached` never exceeds it */
	size_t quarantined;  /* lost to detected corruption */
	unsigned regions;
	/* the following stay 0 with NH_STATS 0; they wrap */
	uint32_t remote_frees; /* handed over through an inbox */
	uint32_t depot_puts, depot_gets, inbox_takes;
	uint32_t reclaims;   /* freezes begun */
	uint32_t lock_waits; /* lock acquisitions that found it held */
	uint32_t refusals;   /* requests that ended in NULL here */
} nh_heap_stats;

/* Counts blocks by walking the heap in slices of NH_SLICE blocks per lock hold; the numbers are
 * exact if nobody else is active, and each is true of some moment of the call otherwise. Task.
 * NH_EBUSY if another walk of this heap took over; NH_ECORRUPT if the walk met damage. */
nh_status nh_heap_stats_get(int heap, nh_heap_stats *stats);
nh_status nh_instance_heap_stats_get(nh_instance *instance, int heap, nh_heap_stats *stats);

typedef struct nh_cpu_stats {
	uint32_t hits;       /* malloc and free served by the CPU's own magazines */
	uint32_t misses;     /* malloc that found its magazines, inbox and depot empty */
	uint32_t overflows;  /* free that found its magazine full or the block due for merging */
	uint32_t refills;    /* blocks brought in by misses beyond the one asked for */
	uint32_t bypasses;   /* calls that found the gate seized */
	uint32_t remote;     /* blocks this CPU freed into a heap it is not local to */
} nh_cpu_stats;

/* One CPU's counters in one heap; they wrap. All 0 where it has no caches. Anywhere; wait-free.
 * With NH_STATS 0 only `hits` counts, and includes the slow calls that entered the gate. */
nh_status nh_cpu_stats_get(int heap, unsigned cpu, nh_cpu_stats *stats);
nh_status nh_instance_cpu_stats_get(nh_instance *instance, int heap, unsigned cpu, nh_cpu_stats *stats);

/* Number of heaps added so far. Anywhere. */
unsigned nh_heap_count(void);
unsigned nh_instance_heap_count(nh_instance *instance);

typedef enum nh_block_state { NH_BLOCK_FREE, NH_BLOCK_LIVE, NH_BLOCK_CACHED } nh_block_state;

typedef struct nh_block_info {
	int heap;
	void *address; /* of the payload */
	size_t size;   /* usable bytes; from NH_HARDENING_FULL on, what could be used, whatever was asked for */
	nh_block_state state;
} nh_block_info;

/* Calls visit() for each block of a heap in address order, region by region, outside all locks,
 * until it returns false. Others may allocate meanwhile: each block reported existed at some
 * moment of the call. visit() may call the heap but not walk the same heap. Task. */
nh_status nh_walk(int heap, bool (*visit)(const nh_block_info *block, void *context), void *context);
nh_status nh_instance_walk(nh_instance *instance, int heap,
                           bool (*visit)(const nh_block_info *block, void *context), void *context);

typedef struct nh_report {
	int heap;            /* where the first damage was found; -1 = none */
	const void *address; /* the first bad address */
	const char *what;    /* a constant English phrase; NULL = sound */
} nh_report;

/* Checks one heap, or all (-1): every header, neighbour, list link and bitmap in slices of
 * NH_SLICE blocks per lock hold while others allocate, the control memory, and this CPU's magazines
 * with depot and inbox. Bounds are checked before anything is read, so damaged metadata is reported, not
 * followed. Task. docs/HARDENING.md says what it cannot see. */
nh_status nh_validate(int heap, nh_report *report);
nh_status nh_instance_validate(nh_instance *instance, int heap, nh_report *report);

/* ---- CPUs that stop and start ------------------------------------------------------------- */

/*
 * An orderly stop: returns what `cpu` has in its caches to TLSF. That CPU itself calls it as its last call, or another one
 * after it has stopped outside every call. It is no lock: a CPU that calls again fills its caches again. (A reclaim
 * takes a sleeping CPU's caches as well, when memory is short.)
 * Task. Blocking: lock holds of at most NH_SLICE blocks. NH_ENOINIT; NH_ENOENT: no such CPU; NH_EBUSY: it stopped inside
 * a call, nothing was done: nh_cpu_recover.
 */
nh_status nh_cpu_offline(unsigned cpu);
nh_status nh_instance_cpu_offline(nh_instance *instance, unsigned cpu);

/* NH_OK: `cpu`, which is stopped or about to make its first call, left nothing behind and may begin. NH_EBUSY: it
 * was stopped inside a call: nh_cpu_recover first. Changes nothing. Anywhere; a bounded number of loads. */
nh_status nh_cpu_online(unsigned cpu);
nh_status nh_instance_cpu_online(nh_instance *instance, unsigned cpu);

/*
 * After `cpu` was stopped for good, at any instruction, by a reset that also ended what it had on the bus: makes good
 * what it left, and returns its caches to TLSF. Then it may be started again. Once per instance that it used.
 *
 * NH_OK: all heaps go on. Lost is what it had in hand: live blocks of its tasks, which only the program knows (nh_walk),
 * and at most one magazine on its way from word to word for each heap (nh_heap_salvage finds that). A region or heap that it
 * was removing is as before, or gone if it had found nothing of it out.
 * A region or heap that it was adding is in place, or its memory is nobody's and can be added again. A task that moved to
 * another CPU in the middle of an addition or a removal that it began on `cpu` counts as stopped: it must not go on.
 * NH_ECORRUPT: it was stopped while it changed a heap under the lock. TLSF is not made to survive that: the heap is out of
 * service, NH_FAULT_BROKEN is reported. If the hook returns, no request finds that heap, its blocks keep their
 * contents, a free of one of them is reported as NH_FAULT_POINTER, its memory stays in use; the other heaps go on.
 * NH_EINVAL: the caller's own CPU. NH_ENOTSUP: one CPU, or a lock that cannot be mended (NH_LOCK_BACKEND). NH_ENOENT,
 * NH_ENOINIT. NH_EBUSY: called from the fatal hook while this CPU held a lock; call it again from outside.
 *
 * Task; or the fatal hook on NH_FAULT_STUCK (microcontrollers), which names the CPU that is waited for: reset it, recover
 * it, and return. Blocking: lock holds of at most NH_SLICE blocks; it waits for living CPUs only.
 */
nh_status nh_cpu_recover(unsigned cpu);
nh_status nh_instance_cpu_recover(nh_instance *instance, unsigned cpu);

/*
 * After nh_cpu_recover: finds the blocks of a heap that were on their way between caches, and returns them to TLSF;
 * *blocks (if not NULL) says how many. No other CPU may be inside a call: on two CPUs, before the other starts again.
 * Task. Blocking: empties all caches as nh_trim does, then walks the heap, NH_SLICE blocks a lock hold.
 * NH_ENOINIT, NH_ENOENT.
 */
nh_status nh_heap_salvage(int heap, size_t *blocks);
nh_status nh_instance_heap_salvage(nh_instance *instance, int heap, size_t *blocks);

/* ---- faults ------------------------------------------------------------------------------- */

typedef enum nh_fault_code {
	NH_FAULT_NONE = 0,
	NH_FAULT_POINTER,     /* free or realloc of an address that is no block of this instance */
	NH_FAULT_DOUBLE_FREE, /* the block is free or cached already */
	NH_FAULT_LINK,        /* a cached block's link was overwritten: write after free */
	NH_FAULT_NEIGHBOUR,   /* a header next to the block was overwritten: overrun or underrun */
	NH_FAULT_LIST,        /* a free block's list links were overwritten */
	NH_FAULT_CONTEXT,     /* called where it cannot be served: see CALLABLE FROM */
	NH_FAULT_STUCK,       /* a CPU has kept a lock or gate beyond NH_PATIENCE polls */
	NH_FAULT_BROKEN,      /* a CPU was stopped while it changed a heap: that one is out of service */
	/* from NH_HARDENING_FULL on */
	NH_FAULT_OVERRUN,     /* bytes behind those asked for were written; address: the first, or the trailer */
	NH_FAULT_WRITTEN,     /* a free or cached block was written to; address: the first such word */
	NH_FAULT_CORRUPT      /* NH_HARDENING_EXTREME: validate found damage; address: where */
} nh_fault_code;

typedef struct nh_fault {
	nh_fault_code code;
	const void *address; /* block, header; NH_FAULT_STUCK: NULL; NH_FAULT_BROKEN: the heap's control memory */
	unsigned cpu;        /* the CPU that noticed; NH_FAULT_STUCK, _BROKEN: the one waited for, the one stopped */
} nh_fault;

/* Called with no gate, lock or claim held and the caller's interrupt state. The default prints (hosts)
 * and stops. A hook may return: the faulty call then has no effect, a damaged chain is cut off,
 * and its bytes count as quarantined. It may allocate and free; a fault inside the hook goes to the
 * default. NULL restores the default. Set it before other CPUs run. */
typedef void (*nh_fatal_hook)(const nh_fault *fault);
void nh_fatal_hook_set(nh_fatal_hook hook);

/* A constant English phrase. Anywhere. */
const char *nh_fault_string(nh_fault_code code);

/* ---- one configuration for library and application ---------------------------------------- */

/* The library defines this symbol under a name made of its options (nearheap/config.h); a program
 * compiled with others does not link. */
extern const volatile char NH__CONFIGURED;

static inline nh_status nh__init(const nh_heap_config *heaps, unsigned count, unsigned *failed)
{
	return NH__CONFIGURED ? nh_init(heaps, count, failed) : NH_EINVAL;
}

static inline nh_status nh__instance_init(nh_instance_storage *storage, const nh_heap_config *heaps, unsigned count,
                                          unsigned *failed, nh_instance **instance)
{
	return NH__CONFIGURED ? nh_instance_init(storage, heaps, count, failed, instance) : NH_EINVAL;
}

#define nh_init nh__init
#define nh_instance_init nh__instance_init

#ifdef __cplusplus
}
#endif

#endif

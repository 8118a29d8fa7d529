/* SPDX-License-Identifier: MIT */
/*
 * nearheap/config.h - every option, its default, its reason and its range.
 *
 * How to change one, in order of precedence:
 *   1. -DNH_<OPTION>=value for the library AND for everything that includes its headers
 *      (the CMake target and the pkg-config file carry the definitions along);
 *   2. -DNH_CONFIG_FILE='"my_config.h"', a header of yours that defines some of them.
 * Library and application must agree. They are compared at link time: nh_init() refers to a
 * symbol whose name spells out the options that shape shared structures, so a mismatch is an
 * undefined symbol `nh__configured_...`, never silent corruption.
 */
#ifndef NEARHEAP_CONFIG_H
#define NEARHEAP_CONFIG_H

#include <stdint.h>

#ifdef NH_CONFIG_FILE
#include NH_CONFIG_FILE
#endif

/* ---- machine ------------------------------------------------------------------------------ */

/* CPUs (hosts: thread slots) that may own caches. Each costs one set of magazines per heap it is
 * local to, and two bytes or so per heap. With 1, depot and inbox vanish; where no thread without
 * a slot can exist either (microcontrollers), the gate and the lock word vanish too. */
#ifndef NH_CPUS
#define NH_CPUS 2
#endif
#if NH_CPUS < 1 || NH_CPUS > 256
#error "NH_CPUS: 1 to 32 on microcontrollers, up to 256 thread slots on hosts"
#endif

/* Heaps of one instance. Selection works on 16-bit masks of heaps, hence the limit. */
#ifndef NH_MAX_HEAPS
#define NH_MAX_HEAPS 8
#endif
#if NH_MAX_HEAPS < 1 || NH_MAX_HEAPS > 16
#error "NH_MAX_HEAPS: 1 to 16"
#endif

/* Regions of all heaps of one instance together; the table is searched when a block is not in
 * this CPU's first heap. 12 bytes each on 32-bit targets. */
#ifndef NH_MAX_REGIONS
#define NH_MAX_REGIONS 16
#endif
#if NH_MAX_REGIONS < NH_MAX_HEAPS || NH_MAX_REGIONS > 255
#error "NH_MAX_REGIONS: NH_MAX_HEAPS to 255"
#endif

/* 1: an 8-byte block header on 32-bit targets too. The 4-byte header counts 22 bits of granules,
 * enough for regions up to 32 MiB; larger ones need this. 64-bit targets always use it. */
#ifndef NH_WIDE_HEADER
#define NH_WIDE_HEADER 0
#endif
#if NH_WIDE_HEADER != 0 && NH_WIDE_HEADER != 1
#error "NH_WIDE_HEADER: 0 or 1"
#endif

/* ---- checks ------------------------------------------------------------------------------- */

#define NH_HARDENING_NONE 0     /* nothing beyond what finds a block's heap and class, which is what BASIC needs */
#define NH_HARDENING_BASIC 1    /* range, alignment, double free */
#define NH_HARDENING_MODERATE 2 /* and: encoded links, chain counts, neighbours, list links */
#define NH_HARDENING_FULL 3     /* and: trailers, filled free memory, a bitmap of starts, frees that are claimed */
#define NH_HARDENING_EXTREME 4  /* and: every call validates the instance first; for finding, not for shipping */
#ifndef NH_HARDENING
#define NH_HARDENING NH_HARDENING_MODERATE
#endif
#if NH_HARDENING < 0 || NH_HARDENING > 4
#error "NH_HARDENING: NH_HARDENING_NONE, _BASIC, _MODERATE, _FULL or _EXTREME"
#endif

/* 1: count refills, remote frees, reclaims, lock waits ... on the slow paths. The hit count is the
 * gate's own word and costs nothing extra; it stays. */
#ifndef NH_STATS
#define NH_STATS 1
#endif
#if NH_STATS != 0 && NH_STATS != 1
#error "NH_STATS: 0 or 1"
#endif

/* ---- the heap lock ------------------------------------------------------------------------ */

#define NH_LOCK_OWNER 0  /* owner word with cyclic hand-over: fair, and recoverable when a core dies */
#define NH_LOCK_TICKET 1 /* ticket lock: fair, smaller, not recoverable; a baseline */
#define NH_LOCK_CK 2     /* ConcurrencyKit's ticket lock: hosts only; a baseline */
#ifndef NH_LOCK_BACKEND
#define NH_LOCK_BACKEND NH_LOCK_OWNER
#endif
#if NH_LOCK_BACKEND < 0 || NH_LOCK_BACKEND > 2
#error "NH_LOCK_BACKEND: NH_LOCK_OWNER, NH_LOCK_TICKET or NH_LOCK_CK"
#endif

/* ---- the search --------------------------------------------------------------------------- */

/* Blocks looked at in the request's own list, where that has several sizes (128 bytes and more, 256 on 64-bit), to take
 * the fitting one with the lowest address. One costs a miss of such a size some 40 cycles on a Cortex-M0+; 2 instead of 1
 * are worth one percent of live share, 4 another half. */
#ifndef NH_FIT_LOOK
#define NH_FIT_LOOK 2
#endif
#if NH_FIT_LOOK < 1 || NH_FIT_LOOK > 16
#error "NH_FIT_LOOK: 1 to 16"
#endif

/* Blocks visited in one lock hold by everything that loops: the last-chance search, the drain of
 * a reclaim, walk and validate. It bounds the time with interrupts off: nothing else takes as long as a reclaim's
 * step, which merges so many blocks. */
#ifndef NH_SLICE
#define NH_SLICE 4
#endif
#if NH_SLICE < 1 || NH_SLICE > 64
#error "NH_SLICE: 1 to 64"
#endif

/* ---- caches ------------------------------------------------------------------------------- */

/* What free() asks before it parks a block, so that one beside a FREE block merges at once: 2 = the blocks before and
 * behind, 1 = the one before, which its own header tells. To read the header behind costs a line of memory that another
 * CPU may be writing: hosts ask 1. Microcontrollers have no such lines, and their memory is worth more. */
#ifndef NH_MERGE_LOOK
#define NH_MERGE_LOOK 2
#endif
#if NH_MERGE_LOOK < 1 || NH_MERGE_LOOK > 2
#error "NH_MERGE_LOOK: 1 or 2"
#endif

/* 0: no caches at all: every call takes the heap lock. Smallest code. */
#ifndef NH_CACHES
#define NH_CACHES 1
#endif
#if NH_CACHES != 0 && NH_CACHES != 1
#error "NH_CACHES: 0 or 1"
#endif

/* Doublings above the exact classes, 8 classes each. 0 suits microcontrollers: larger blocks are
 * rare there and cost memory while parked. */
#ifndef NH_CLASS_DOUBLINGS
#define NH_CLASS_DOUBLINGS 0
#endif
#if NH_CLASS_DOUBLINGS < 0 || NH_CLASS_DOUBLINGS > 5
#error "NH_CLASS_DOUBLINGS: 0 to 5"
#endif

/* Exact classes, one per granule from the least span. 16 reach blocks of 128 bytes with 8-byte
 * granules (256 with 16). The doublings start where 15 end. */
#ifndef NH_CLASS_EXACT
#if NH_CLASS_DOUBLINGS
#define NH_CLASS_EXACT 15
#else
#define NH_CLASS_EXACT 16
#endif
#endif
#if NH_CLASS_EXACT < 1 || NH_CLASS_EXACT > 60 || (NH_CLASS_DOUBLINGS && NH_CLASS_EXACT != 15)
#error "NH_CLASS_EXACT: 1 to 60; 15 where there are doublings"
#endif

/* Blocks that one CPU may park per class: small spans (up to NH_CAP_SMALL_SPAN bytes) and larger
 * ones. A heap that several CPUs are local to splits it over two magazines. */
#ifndef NH_CAP_SMALL
#define NH_CAP_SMALL 16
#endif
#ifndef NH_CAP_LARGE
#define NH_CAP_LARGE 4
#endif
#ifndef NH_CAP_SMALL_SPAN
#define NH_CAP_SMALL_SPAN 72
#endif
#if NH_CAP_SMALL < 2 || NH_CAP_SMALL > 62 || NH_CAP_LARGE < 2 || NH_CAP_LARGE > 62
#error "NH_CAP_SMALL, NH_CAP_LARGE: 2 to 62, what a chain word counts in six bits"
#endif

/* All caches of a heap together hold at most 1/2^NH_CACHE_SHARE of it. At 6 a firmware-like load can keep as much alive as
 * without caches; 5 costs it a point or two and spares one miss in seven. */
#ifndef NH_CACHE_SHARE
#define NH_CACHE_SHARE 6
#endif
#if NH_CACHE_SHARE < 1 || NH_CACHE_SHARE > 16
#error "NH_CACHE_SHARE: 1 (a half) to 16"
#endif

/* Heaps up to NH_CACHE_MIN_HEAP bytes get no caches; up to NH_CACHE_SMALL_HEAP half caps, half
 * refills. Parked blocks are a larger part of a small heap. */
#ifndef NH_CACHE_MIN_HEAP
#define NH_CACHE_MIN_HEAP 16384
#endif
#ifndef NH_CACHE_SMALL_HEAP
#define NH_CACHE_SMALL_HEAP 65536
#endif
#if NH_CACHE_MIN_HEAP < 0 || NH_CACHE_SMALL_HEAP < NH_CACHE_MIN_HEAP
#error "NH_CACHE_MIN_HEAP <= NH_CACHE_SMALL_HEAP"
#endif

/* Blocks cut from one TLSF block when a small class runs dry: one goes to the caller. More than 1 saves misses
 * and costs memory: runs of equal blocks that are parked together keep holes open. In phases of different
 * sizes, 1, 2 and 4 kept 71, 67 and 58 % of a 192 KiB heap usable. More than 1 also lets a magazine grow, while the
 * budget lasts, where it would be swapped with an empty second one. */
#ifndef NH_REFILL
#define NH_REFILL 1
#endif
#if NH_REFILL < 1 || NH_REFILL > 16
#error "NH_REFILL: 1 to 16"
#endif

/* Full magazines per class shared by the CPUs of a heap. */
#ifndef NH_DEPOT_SLOTS
#define NH_DEPOT_SLOTS 2
#endif
#if NH_DEPOT_SLOTS < 1 || NH_DEPOT_SLOTS > 16
#error "NH_DEPOT_SLOTS: 1 to 16"
#endif

/* Blocks one class's inbox holds, and how often a remote free tries to get in. */
#ifndef NH_INBOX_LIMIT
#define NH_INBOX_LIMIT 8
#endif
#ifndef NH_INBOX_TRIES
#define NH_INBOX_TRIES 4
#endif
#if NH_INBOX_LIMIT < 1 || NH_INBOX_LIMIT > 62 || NH_INBOX_TRIES < 1
#error "NH_INBOX_LIMIT: 1 to 62; NH_INBOX_TRIES: at least 1"
#endif

/* Locked frees that a finished freeze survives before the caches open again without its waiters:
 * a waiter that was suspended or deleted cannot keep them shut for ever. */
#ifndef NH_THAW_FREES
#define NH_THAW_FREES 64
#endif
#if NH_THAW_FREES < 1 || NH_THAW_FREES > 65535
#error "NH_THAW_FREES: 1 to 65535"
#endif

/* Polls of a lock or gate that does not move before the port's patience hook is told which CPU is
 * waited for. 0 = wait for ever (hosts). */
#ifndef NH_PATIENCE
#define NH_PATIENCE 0
#endif
#if NH_PATIENCE < 0
#error "NH_PATIENCE: 0 or a number of polls"
#endif

/* ---- derived, not options ----------------------------------------------------------------- */

#if UINTPTR_MAX > 0xffffffffu
#define NH_64BIT 1
#else
#define NH_64BIT 0
#endif

#define NH__PASTE(a, b, c, d, e, f, g) \
	nh__configured_##a##_cpus_##b##_heaps_##c##_regions_##d##_hardening_##e##_caches_##f##_classes_##g
#define NH__TAG(a, b, c, d, e, f, g) NH__PASTE(a, b, c, d, e, f, g)
#define NH__CONFIGURED \
	NH__TAG(NH_WIDE_HEADER, NH_CPUS, NH_MAX_HEAPS, NH_MAX_REGIONS, NH_HARDENING, NH_CACHES, NH_CLASS_EXACT)

#endif

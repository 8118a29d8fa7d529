/* SPDX-License-Identifier: MIT */
/*
 * The memory management of a FreeRTOS program: add this file instead of heap_4.c or heap_5.c.
 *
 * One nh_instance of its own, over ucHeap, or over the regions of vPortDefineHeapRegions(). Neither
 * allocation nor freeing suspends the scheduler: a hit costs what nh_malloc's costs and two short
 * stretches with interrupts masked for the figures, on any core and also in interrupt handlers.
 *
 * FIGURES. Each core counts the bytes it took and gave in an account of its own, which no other core writes. What
 * is free is the total less all that was taken and not given. A block is counted as taken after it was taken and
 * as given before it is given, and all `taken` are read before any `given`: so the sum never has
 * more in use than was in use. It lacks what other cores give back while it is formed, and their blocks on the
 * way to being counted. After each allocation a core notes the sum if it is its least; the least
 * of all cores is the minimum ever.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* The kernel's own files see its functions, not the wrappers for unprivileged tasks. */
#define MPU_WRAPPERS_INCLUDED_FROM_API_FILE
#include <FreeRTOS.h>
#include <task.h>
#undef MPU_WRAPPERS_INCLUDED_FROM_API_FILE

#include <nearheap/nearheap.h>

#include <nearheap_freertos.h>

#if configSUPPORT_DYNAMIC_ALLOCATION == 0
#error "heap_nearheap.c must not be in a program with configSUPPORT_DYNAMIC_ALLOCATION 0"
#endif

/* Older kernels and those for one core. */
#ifndef configNUMBER_OF_CORES
#define configNUMBER_OF_CORES 1
#endif
#ifndef portGET_CORE_ID
#define portGET_CORE_ID() 0
#endif
#ifndef configAPPLICATION_ALLOCATED_HEAP
#define configAPPLICATION_ALLOCATED_HEAP 0
#endif
#ifndef configUSE_MALLOC_FAILED_HOOK
#define configUSE_MALLOC_FAILED_HOOK 0
#endif
#ifndef configHEAP_CLEAR_MEMORY_ON_FREE
#define configHEAP_CLEAR_MEMORY_ON_FREE 0
#endif

/* 1: the memory comes from vPortDefineHeapRegions() only, as with heap_5.c, and there is no ucHeap. */
#ifndef configNEARHEAP_REGIONS_ONLY
#ifdef configTOTAL_HEAP_SIZE
#define configNEARHEAP_REGIONS_ONLY 0
#else
#define configNEARHEAP_REGIONS_ONLY 1
#endif
#endif

#if configUSE_MALLOC_FAILED_HOOK == 1
void vApplicationMallocFailedHook(void);
#endif

#if !configNEARHEAP_REGIONS_ONLY
#if configAPPLICATION_ALLOCATED_HEAP
extern uint8_t ucHeap[configTOTAL_HEAP_SIZE];
#else
static uint8_t ucHeap[configTOTAL_HEAP_SIZE];
#endif
#endif

/* What a block costs beyond its usable bytes. */
#define HEADER ((size_t)(NH_WIDE_HEADER || NH_64BIT ? 8 : 4))
#define STANDARD_ALIGNMENT (2 * sizeof(void *))

static nh_instance_storage storage;
static nh_instance *_Atomic ready; /* NULL until all is set up */
static _Atomic size_t total;       /* bytes of blocks and their headers */

/* ---- figures ---------------------------------------------------------------------------------- */

struct account {
	_Atomic size_t taken, given; /* bytes; they wrap, and what one core took another may give */
	_Atomic size_t allocations, frees;
	_Atomic size_t least; /* free bytes, the least this core saw in `epoch` */
	_Atomic size_t epoch;
};

static struct account accounts[configNUMBER_OF_CORES];
static _Atomic size_t epoch;       /* number of resets of the minimum */
static _Atomic size_t epoch_start; /* free bytes at the last of them */

/* Sequentially consistent, as the counts are: of two cores that allocate at once, one at least sees
 * both blocks. */
static size_t free_bytes(void)
{
	size_t all = atomic_load(&total), used = 0;
	for (unsigned core = 0; core < configNUMBER_OF_CORES; core++)
		used += atomic_load(&accounts[core].taken);
	for (unsigned core = 0; core < configNUMBER_OF_CORES; core++)
		used -= atomic_load(&accounts[core].given);
	return used > all ? all : all - used; /* more was given since than is in use: the sum wraps */
}

/* Only its own core writes an account, with handlers kept out: plain sums will do. */
static void count(_Atomic size_t *bytes, size_t size, _Atomic size_t *calls)
{
	atomic_store(bytes, atomic_load_explicit(bytes, memory_order_relaxed) + size);
	atomic_store_explicit(calls, atomic_load_explicit(calls, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

static void count_taken(size_t size)
{
	UBaseType_t mask = portSET_INTERRUPT_MASK_FROM_ISR();
	struct account *own = &accounts[portGET_CORE_ID()];
	count(&own->taken, size, &own->allocations);
	size_t now = free_bytes(), current = atomic_load(&epoch);
	if (atomic_load_explicit(&own->epoch, memory_order_relaxed) != current ||
	    now < atomic_load_explicit(&own->least, memory_order_relaxed)) {
		atomic_store_explicit(&own->least, now, memory_order_relaxed);
		/* release: to xPortGetMinimumEverFreeHeapSize, which wants the `least` of this epoch */
		atomic_store_explicit(&own->epoch, current, memory_order_release);
	}
	portCLEAR_INTERRUPT_MASK_FROM_ISR(mask);
}

static void count_given(size_t size)
{
	UBaseType_t mask = portSET_INTERRUPT_MASK_FROM_ISR();
	struct account *own = &accounts[portGET_CORE_ID()];
	count(&own->given, size, &own->frees);
	portCLEAR_INTERRUPT_MASK_FROM_ISR(mask);
}

/* In this order: a core that counted its block before the new epoch began is seen here, one that
 * counts it later notes it in the new epoch. */
static void start_epoch(void)
{
	atomic_store(&epoch, atomic_load(&epoch) + 1);
	atomic_store(&epoch_start, free_bytes());
}

/* ---- set-up ----------------------------------------------------------------------------------- */

nh_instance *nh_freertos_instance(void)
{
	return atomic_load_explicit(&ready, memory_order_acquire); /* acquire: of publish() */
}

static void publish(nh_instance *made)
{
	size_t all = 0;
	for (int heap = 0; heap < (int)nh_instance_heap_count(made); heap++) {
		nh_heap_stats stats = { 0 };
		(void)nh_instance_heap_stats_get(made, heap, &stats);
		all += stats.size;
	}
	atomic_store(&total, all);
	start_epoch();
	/* release: of the instance and the total */
	atomic_store_explicit(&ready, made, memory_order_release);
}

/* With the first request, as heap_4.c has it. */
static nh_instance *first_use(void)
{
#if configNEARHEAP_REGIONS_ONLY
	configASSERT(nh_freertos_instance() !=
	             NULL); /* vPortDefineHeapRegions() comes before every pvPortMalloc() */
#else
	vTaskSuspendAll();
	if (nh_freertos_instance() == NULL) {
		const nh_heap_config heap = { .name = "ucHeap", .base = ucHeap, .size = sizeof ucHeap };
		nh_instance *made = NULL;
		nh_status status = nh_instance_init(&storage, &heap, 1, NULL, &made);
		configASSERT(status == NH_OK);
		if (status == NH_OK)
			publish(made);
	}
	(void)xTaskResumeAll();
#endif
	return nh_freertos_instance();
}

/* A region joins a heap that reaches so far, or becomes one. */
static nh_status place(nh_instance *made, const HeapRegion_t *region)
{
	const nh_heap_config heap = { .name = "region",
		                      .base = region->pucStartAddress,
		                      .size = region->xSizeInBytes };
	for (int i = 0; i < (int)nh_instance_heap_count(made); i++)
		if (nh_instance_region_add(made, i, region->pucStartAddress, region->xSizeInBytes) == NH_OK)
			return NH_OK;
	return nh_instance_heap_add(made, &heap, NULL);
}

/* Addresses ascend and nothing overlaps; at least one region. */
static bool in_order(const HeapRegion_t *regions)
{
	for (const HeapRegion_t *region = regions; region->xSizeInBytes != 0; region++) {
		uintptr_t start = (uintptr_t)region->pucStartAddress;
		if (start == 0 || start + region->xSizeInBytes < start)
			return false;
		if (region != regions &&
		    start < (uintptr_t)region[-1].pucStartAddress + region[-1].xSizeInBytes)
			return false;
	}
	return regions->xSizeInBytes != 0;
}

/* All of the regions, or none. */
static nh_status place_all(nh_instance *made, const HeapRegion_t *regions)
{
	for (const HeapRegion_t *region = regions; region->xSizeInBytes != 0; region++) {
		nh_status status = place(made, region);
		if (status != NH_OK) {
			(void)nh_instance_deinit(made);
			return status;
		}
	}
	return NH_OK;
}

void vPortDefineHeapRegions(const HeapRegion_t *const pxHeapRegions)
{
	nh_instance *made = NULL;
	nh_status status = NH_EALREADY;
	configASSERT(nh_freertos_instance() == NULL); /* only once */
	if (nh_freertos_instance() == NULL) {
		status = pxHeapRegions != NULL && in_order(pxHeapRegions) ? NH_OK : NH_EINVAL;
		configASSERT(status == NH_OK);
	}
	if (status == NH_OK)
		status = nh_instance_init(&storage, NULL, 0, NULL, &made);
	if (status == NH_OK) {
		status = place_all(made, pxHeapRegions);
		configASSERT(status ==
		             NH_OK); /* a region of a few hundred bytes must have a larger one before it */
	}
	if (status == NH_OK)
		publish(made);
}

/* Nothing to do: blocks are ready when the heap is. */
void vPortInitialiseBlocks(void)
{
}

static void forget(struct account *account)
{
	atomic_store(&account->taken, 0);
	atomic_store(&account->given, 0);
	atomic_store(&account->allocations, 0);
	atomic_store(&account->frees, 0);
}

/* For a program that starts the scheduler anew: nothing may be allocated, nobody may be allocating. */
void vPortHeapResetState(void)
{
	nh_instance *old = nh_freertos_instance();
	atomic_store_explicit(&ready, NULL, memory_order_relaxed);
	if (old != NULL)
		(void)nh_instance_deinit(old);
	for (unsigned core = 0; core < configNUMBER_OF_CORES; core++)
		forget(&accounts[core]);
	atomic_store(&total, 0);
	start_epoch();
}

/* ---- allocation ------------------------------------------------------------------------------- */

void *pvPortMalloc(size_t xWantedSize)
{
	nh_instance *from = nh_freertos_instance();
	void *block = NULL;
	size_t size = 0;
	if (from == NULL)
		from = first_use();
	if (from != NULL)
		block = portBYTE_ALIGNMENT > STANDARD_ALIGNMENT
		                ? nh_instance_aligned_alloc(from, portBYTE_ALIGNMENT, xWantedSize)
		                : nh_instance_malloc(from, xWantedSize);
	if (block != NULL) {
		size = nh_instance_usable_size(from, block) + HEADER;
		count_taken(size);
	}
	traceMALLOC(block, block != NULL ? size : xWantedSize);
#if configUSE_MALLOC_FAILED_HOOK == 1
	if (block == NULL)
		vApplicationMallocFailedHook();
#endif
	return block;
}

void *pvPortCalloc(size_t xNum, size_t xSize)
{
	if (xSize != 0 && xNum > SIZE_MAX / xSize)
		return NULL;
	void *block = pvPortMalloc(xNum * xSize);
	if (block != NULL)
		memset(block, 0, xNum * xSize);
	return block;
}

void vPortFree(void *pv)
{
	nh_instance *to = nh_freertos_instance();
	if (pv == NULL)
		return;
	size_t size = to == NULL ? 0 : nh_instance_usable_size(to, pv);
	configASSERT(size != 0); /* no block of this heap, or free already */
	if (size != 0) {
#if configHEAP_CLEAR_MEMORY_ON_FREE == 1
		memset(pv, 0, size);
#endif
		traceFREE(pv, size + HEADER);
		count_given(size + HEADER);
	}
	/* Also if not: who is wrong is reported to the fatal hook, and nothing changes. */
	if (to != NULL)
		nh_instance_free(to, pv);
}

/* ---- looking ---------------------------------------------------------------------------------- */

size_t xPortGetFreeHeapSize(void)
{
	return free_bytes();
}

size_t xPortGetMinimumEverFreeHeapSize(void)
{
	size_t current = atomic_load(&epoch), least = atomic_load(&epoch_start);
	for (unsigned core = 0; core < configNUMBER_OF_CORES; core++) {
		/* acquire: of count_taken() */
		if (atomic_load_explicit(&accounts[core].epoch, memory_order_acquire) != current)
			continue;
		size_t seen = atomic_load_explicit(&accounts[core].least, memory_order_relaxed);
		least = seen < least ? seen : least;
	}
	return least;
}

void xPortResetHeapMinimumEverFreeHeapSize(void)
{
	vTaskSuspendAll();
	start_epoch();
	(void)xTaskResumeAll();
}

struct look {
	size_t blocks, largest, smallest;
};

/* A cached block is as free as any. */
static bool look_at(const nh_block_info *block, void *context)
{
	struct look *seen = context;
	if (block->state == NH_BLOCK_LIVE)
		return true;
	seen->blocks++;
	if (block->size > seen->largest)
		seen->largest = block->size;
	if (block->size < seen->smallest)
		seen->smallest = block->size;
	return true;
}

void vPortGetHeapStats(HeapStats_t *pxHeapStats)
{
	struct look seen = { 0, 0, SIZE_MAX };
	nh_instance *of = nh_freertos_instance();
	/* One walk at a time; other tasks and handlers may allocate meanwhile. */
	vTaskSuspendAll();
	for (int heap = 0; of != NULL && heap < (int)nh_instance_heap_count(of); heap++)
		(void)nh_instance_walk(of, heap, look_at, &seen);
	(void)xTaskResumeAll();
	*pxHeapStats = (HeapStats_t){
		.xAvailableHeapSpaceInBytes = free_bytes(),
		.xSizeOfLargestFreeBlockInBytes = seen.largest,
		.xSizeOfSmallestFreeBlockInBytes = seen.smallest,
		.xNumberOfFreeBlocks = seen.blocks,
		.xMinimumEverFreeBytesRemaining = xPortGetMinimumEverFreeHeapSize(),
	};
	for (unsigned core = 0; core < configNUMBER_OF_CORES; core++) {
		pxHeapStats->xNumberOfSuccessfulAllocations += atomic_load(&accounts[core].allocations);
		pxHeapStats->xNumberOfSuccessfulFrees += atomic_load(&accounts[core].frees);
	}
}

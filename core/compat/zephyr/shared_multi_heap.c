/* SPDX-License-Identifier: MIT */
/*
 * shared_multi_heap: an nh_instance per attribute, a heap per region.
 *
 *   attr 0:  instance 0   region, region, ... up to 8     order of addition = order of the heaps
 *   attr 1:  instance 1   ...
 *
 * The table of claims covers all attributes, so that no two instances ever get the same memory; a
 * claim is made before the heap is built and withdrawn if that fails.
 */
#include <zephyr/multi_heap/shared_multi_heap.h>

#include "core/compat/zephyr/errors.h"
#include "core/compat/zephyr/guard.h"

#include <nearheap/zephyr.h>

#include <string.h>

#define ATTRIBUTES ((unsigned)MAX_SHARED_MULTI_HEAP_ATTR)
#define REGIONS (NH_MAX_HEAPS < 8 ? NH_MAX_HEAPS : 8) /* per attribute */

struct claim {
	uintptr_t base, end;       /* base == end: free */
	uintptr_t control, control_end;
};

static _Atomic uint32_t stage; /* enum nh_zephyr_stage */
static nh_instance_storage storage[ATTRIBUTES];
static nh_instance *instances[ATTRIBUTES];
static nh_zephyr_guard claims_guard;
static struct claim claims[ATTRIBUTES][REGIONS]; /* claims_guard */

int shared_multi_heap_pool_init(void)
{
	if (!nh_zephyr_claim(&stage))
		return -EALREADY;
	for (unsigned attr = 0; attr < ATTRIBUTES; attr++) {
		nh_status status = nh_instance_init(&storage[attr], NULL, 0, NULL, &instances[attr]);
		if (status != NH_OK) {
			while (attr-- > 0)
				(void)nh_instance_deinit(instances[attr]);
			nh_zephyr_settle(&stage, NH_ZEPHYR_NONE);
			return nh_zephyr_errno(status);
		}
	}
	nh_zephyr_settle(&stage, NH_ZEPHYR_READY);
	return 0;
}

/* ---- adding ------------------------------------------------------------------------------- */

static bool overlaps(uintptr_t a, uintptr_t a_end, uintptr_t b, uintptr_t b_end)
{
	return a < b_end && b < a_end;
}

static bool collide(const struct claim *a, const struct claim *b)
{
	return overlaps(a->base, a->end, b->base, b->end) || overlaps(a->base, a->end, b->control, b->control_end) ||
	       overlaps(a->control, a->control_end, b->base, b->end) ||
	       overlaps(a->control, a->control_end, b->control, b->control_end);
}

/* The claim's place in the table, or NULL and *error. */
static struct claim *claim_make(const struct claim *wanted, unsigned attr, int *error)
{
	struct claim *place = NULL;
	*error = 0;
	nh_port_irq irq = nh_zephyr_enter(&claims_guard);
	for (unsigned i = 0; i < ATTRIBUTES * REGIONS; i++) {
		struct claim *claim = &claims[i / REGIONS][i % REGIONS];
		if (claim->base == claim->end) {
			if (i / REGIONS == attr && place == NULL)
				place = claim;
		} else if (collide(claim, wanted)) {
			*error = -EEXIST;
		}
	}
	if (*error == 0 && place == NULL)
		*error = -ENOMEM;
	if (*error == 0)
		*place = *wanted;
	nh_zephyr_leave(&claims_guard, irq);
	return *error == 0 ? place : NULL;
}

static void claim_withdraw(struct claim *claim)
{
	nh_port_irq irq = nh_zephyr_enter(&claims_guard);
	*claim = (struct claim){0, 0, 0, 0};
	nh_zephyr_leave(&claims_guard, irq);
}

static nh_heap_config config_of(const struct shared_multi_heap_region *region, const struct nh_smh_placement *placement)
{
	nh_heap_config config = {.base = (void *)region->addr, .size = region->size};
	if (placement != NULL) {
		config.affinity = placement->cpus;
		config.control = placement->control;
		config.control_size = placement->control_size;
		if (placement->control != NULL)
			config.attributes = NH_ATTR_EXTERNAL;
	}
	return config;
}

int nh_shared_multi_heap_add(const struct shared_multi_heap_region *region, const struct nh_smh_placement *placement)
{
	int error;
	if (region == NULL || region->attr >= ATTRIBUTES || region->addr + region->size <= region->addr)
		return -EINVAL;
	if (!nh_zephyr_is_ready(&stage))
		return -ENODEV;
	nh_heap_config config = config_of(region, placement);
	uintptr_t control = (uintptr_t)config.control;
	size_t control_size = control == 0 ? 0 : config.control_size;
	if (control + control_size < control)
		return -EINVAL;
	struct claim wanted = {region->addr, region->addr + region->size, control, control + control_size};
	struct claim *claim = claim_make(&wanted, region->attr, &error);
	if (claim == NULL)
		return error;
	nh_status status = nh_instance_heap_add(instances[region->attr], &config, NULL);
	if (status != NH_OK)
		claim_withdraw(claim);
	return nh_zephyr_errno(status);
}

int shared_multi_heap_add(struct shared_multi_heap_region *region, void *user_data)
{
	(void)user_data;
	return nh_shared_multi_heap_add(region, NULL);
}

size_t nh_smh_control_size(const struct shared_multi_heap_region *region, const struct nh_smh_placement *placement)
{
	if (region == NULL)
		return 0;
	nh_heap_config config = config_of(region, placement);
	return nh_heap_control_size(&config);
}

/* ---- blocks ------------------------------------------------------------------------------- */

static nh_instance *instance_of(unsigned attr)
{
	return attr < ATTRIBUTES && nh_zephyr_is_ready(&stage) ? instances[attr] : NULL;
}

/* The instance whose memory an address is in, or NULL. */
static nh_instance *instance_at(const void *address, int *heap)
{
	for (unsigned attr = 0; attr < ATTRIBUTES && nh_zephyr_is_ready(&stage); attr++) {
		*heap = nh_instance_heap_of(instances[attr], address);
		if (*heap >= 0)
			return instances[attr];
	}
	return NULL;
}

void *shared_multi_heap_alloc(enum shared_multi_heap_attr attr, size_t bytes)
{
	nh_instance *instance = instance_of((unsigned)attr);
	return instance == NULL ? NULL : nh_instance_malloc(instance, bytes);
}

void *shared_multi_heap_aligned_alloc(enum shared_multi_heap_attr attr, size_t align, size_t bytes)
{
	nh_instance *instance = instance_of((unsigned)attr);
	return instance == NULL ? NULL : nh_instance_aligned_alloc(instance, align, bytes);
}

void shared_multi_heap_free(void *block)
{
	int heap;
	if (block == NULL)
		return;
	if (!nh_zephyr_is_ready(&stage)) {
		nh_zephyr_print("shared_multi_heap_free: %p, and the pool is not initialised\n", block);
		return;
	}
	nh_instance *instance = instance_at(block, &heap);
	/* what is nobody's is reported by whichever is asked */
	nh_instance_free(instance != NULL ? instance : instances[0], block);
}

void *shared_multi_heap_realloc(enum shared_multi_heap_attr attr, void *ptr, size_t bytes)
{
	int heap;
	nh_instance *fallback = instance_of((unsigned)attr);
	if (fallback == NULL)
		return NULL;
	if (ptr == NULL)
		return nh_instance_malloc(fallback, bytes);
	if (bytes == 0) {
		shared_multi_heap_free(ptr);
		return NULL;
	}
	nh_instance *instance = instance_at(ptr, &heap);
	size_t usable = instance == NULL ? 0 : nh_instance_usable_size(instance, ptr);
	if (usable == 0) {
		shared_multi_heap_free(ptr); /* no live block: reported, nothing else */
		return NULL;
	}
	nh_request here = {.heaps = 1u << heap};
	void *fresh = nh_instance_realloc_request(instance, &here, ptr, bytes);
	if (fresh != NULL)
		return fresh;
	fresh = nh_instance_malloc(fallback, bytes);
	if (fresh != NULL) {
		memcpy(fresh, ptr, usable < bytes ? usable : bytes);
		nh_instance_free(instance, ptr);
	}
	return fresh;
}

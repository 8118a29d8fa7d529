/* SPDX-License-Identifier: MIT */
/*
 * sys_heap_stress: random allocations and frees that keep a heap about so full.
 *
 * Below the target three of four operations allocate, above it one of four does. A size has a random
 * number of bits, up to an eighth of the heap, so that each power of two is as likely as the next:
 * small blocks are many, large ones hold most bytes.
 */
#include <zephyr/sys/sys_heap.h>

#include <string.h>

struct held {
	void *block;
	size_t size;
};

struct stress {
	uint32_t random;
	struct held *held;
	size_t count, room;
	size_t in_use;
};

/* xorshift32 (Marsaglia): any state but 0. */
static uint32_t next(struct stress *stress)
{
	uint32_t x = stress->random;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return stress->random = x;
}

static size_t below(struct stress *stress, size_t limit)
{
	return next(stress) % limit;
}

static size_t size_up_to(struct stress *stress, size_t most)
{
	unsigned bits = 0;
	while (bits < 31u && ((size_t)2 << bits) <= most)
		bits++;
	size_t low = (size_t)1 << below(stress, bits + 1u);
	size_t size = low + below(stress, low);
	return size < most ? size : most;
}

static bool should_allocate(struct stress *stress, size_t total, unsigned percent)
{
	if (stress->count == 0)
		return true;
	if (stress->count == stress->room)
		return false;
	bool below_target = (uint64_t)stress->in_use * 100u < (uint64_t)total * percent;
	return (next(stress) & 3u) != 0 ? below_target : !below_target;
}

void sys_heap_stress(void *(*alloc_fn)(void *arg, size_t bytes), void (*free_fn)(void *arg, void *p),
                     void *arg, size_t total_bytes, uint32_t op_count, void *scratch_mem,
                     size_t scratch_bytes, int target_percent, struct z_heap_stress_result *result)
{
	size_t skip = (0u - (uintptr_t)scratch_mem) & (sizeof(void *) - 1u);
	size_t most = total_bytes / 8u > 0 ? total_bytes / 8u : 1u;
	unsigned percent = target_percent < 0 ? 0 : target_percent > 100 ? 100u : (unsigned)target_percent;
	struct stress stress = {.random = UINT32_C(0x6e656172)};
	stress.held = (struct held *)((uintptr_t)scratch_mem + skip);
	stress.room = scratch_bytes < skip ? 0 : (scratch_bytes - skip) / sizeof(struct held);
	memset(result, 0, sizeof *result);
	for (uint32_t op = 0; op < op_count && stress.room != 0; op++) {
		if (should_allocate(&stress, total_bytes, percent)) {
			size_t size = size_up_to(&stress, most);
			void *block = alloc_fn(arg, size);
			result->total_allocs++;
			if (block != NULL) {
				result->successful_allocs++;
				stress.held[stress.count++] = (struct held){block, size};
				stress.in_use += size;
			}
		} else {
			size_t at = below(&stress, stress.count);
			struct held gone = stress.held[at];
			stress.held[at] = stress.held[--stress.count];
			stress.in_use -= gone.size;
			result->total_frees++;
			free_fn(arg, gone.block);
		}
		result->accumulated_in_use_bytes += stress.in_use;
	}
}

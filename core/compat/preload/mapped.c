/* SPDX-License-Identifier: MIT */
/*
 * Large blocks: each is a mapping of its own, with what is known about it in front of the payload.
 *
 *   | ... | length, offset, check | payload ...        |
 *   ^ mapping                     ^ block              ^ mapping + length
 *   <---------- offset ---------->
 *
 * `check` binds the header to its address by a secret: an address that somebody made up is told from a block, and
 * whether the page of the header can be read is asked of the system first. So there is no table and no lock.
 *
 * A page costs its first access each time. So a size that is freed once is taken from the heap from then on, up to
 * MOST: a program that needs such blocks again and again gets the same pages again.
 */
#define _GNU_SOURCE
#include "core/compat/preload/preload.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>

struct header {
	size_t length;
	size_t offset;
	size_t check;
	size_t unused; /* 32 bytes: payloads are aligned to 16 */
};

#define OFFSET ((size_t)64) /* of a payload without a wish: a cache line */

#define MOST (32 * NHP_MIB)

static size_t secret;
static _Atomic size_t mapped;
static _Atomic size_t mapped_from = NHP_SMALL;

void nhp_mapped_begin(void)
{
	if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) != (ssize_t)sizeof secret)
		secret = (uintptr_t)&secret ^ (uintptr_t)&(char){ 0 } << 20;
}

size_t nhp_mapped_bytes(void)
{
	return atomic_load_explicit(&mapped, memory_order_relaxed);
}

size_t nhp_mapped_from(void)
{
	return atomic_load_explicit(&mapped_from, memory_order_relaxed);
}

static struct header *header_at(const void *block)
{
	return (struct header *)((uintptr_t)block - sizeof(struct header));
}

static size_t check_of(const void *block, size_t length, size_t offset)
{
	return ((uintptr_t)block ^ secret) * UINT64_C(0x9e3779b97f4a7c15) + length * 31 + offset;
}

/* The header of a mapped block, NULL for every other address. */
static struct header *header_of(const void *block)
{
	struct header *header = header_at(block);
	unsigned char there;
	int error = errno;
	if ((uintptr_t)block % 16 != 0 || (uintptr_t)block < NHP_PAGE)
		return NULL;
	if (mincore((void *)((uintptr_t)header & ~(NHP_PAGE - 1)), NHP_PAGE, &there) != 0) {
		errno = error;
		return NULL;
	}
	return header->check == check_of(block, header->length, header->offset) ? header : NULL;
}

static void *mapping_of(const void *block, const struct header *header)
{
	return (void *)((uintptr_t)block - header->offset);
}

static void *label(void *mapping, size_t length, size_t offset)
{
	void *block = (void *)((uintptr_t)mapping + offset);
	*header_at(block) = (struct header){ length, offset, check_of(block, length, offset), 0 };
	return block;
}

/* `length` bytes, so that `length` - `offset` of them begin at a multiple of `alignment`, a page or more. */
static void *map_aligned(size_t length, size_t offset, size_t alignment)
{
	size_t spare = alignment > NHP_PAGE ? alignment : 0, all;
	if (__builtin_add_overflow(length, spare, &all))
		return NULL;
	void *mapping = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping == MAP_FAILED)
		return NULL;
	if (spare == 0)
		return mapping;
	uintptr_t begin = NHP_ROUND((uintptr_t)mapping + offset, alignment) - offset, end = begin + length;
	size_t before = begin - (uintptr_t)mapping, behind = (uintptr_t)mapping + all - end;
	if (before != 0)
		munmap(mapping, before);
	if (behind != 0)
		munmap((void *)end, behind);
	return (void *)begin;
}

void *nhp_map(size_t size, size_t alignment)
{
	size_t offset = alignment <= OFFSET ? OFFSET : alignment < NHP_PAGE ? alignment : NHP_PAGE;
	if (size > PTRDIFF_MAX - NHP_PAGE - offset)
		return NULL;
	size_t length = NHP_ROUND(size + offset, NHP_PAGE);
	if (!nhp_charge(length))
		return NULL;
	void *mapping = map_aligned(length, offset, alignment);
	if (mapping == NULL) {
		nhp_discharge(length);
		return NULL;
	}
	atomic_fetch_add_explicit(&mapped, length, memory_order_relaxed);
	return label(mapping, length, offset);
}

bool nhp_unmap(void *block)
{
	struct header *header = header_of(block);
	if (header == NULL)
		return false;
	size_t length = header->length;
	/* Two that raise it at once: either will do. */
	if (length <= MOST && length > nhp_mapped_from())
		atomic_store_explicit(&mapped_from, length, memory_order_relaxed);
	if (munmap(mapping_of(block, header), length) == 0) {
		atomic_fetch_sub_explicit(&mapped, length, memory_order_relaxed);
		nhp_discharge(length);
	}
	return true;
}

size_t nhp_mapped_usable(const void *block)
{
	const struct header *header = header_of(block);
	return header == NULL ? 0 : header->length - header->offset;
}

void *nhp_remap(void *block, size_t size)
{
	struct header *header = header_of(block);
	size_t old = header->length, offset = header->offset;
	if (size > PTRDIFF_MAX - NHP_PAGE - offset)
		return NULL;
	size_t length = NHP_ROUND(size + offset, NHP_PAGE);
	if (length == old)
		return block;
	if (length > old && !nhp_charge(length - old))
		return NULL;
	void *mapping = mremap(mapping_of(block, header), old, length, MREMAP_MAYMOVE);
	if (mapping == MAP_FAILED) {
		if (length > old)
			nhp_discharge(length - old);
		return NULL;
	}
	if (length < old)
		nhp_discharge(old - length);
	atomic_fetch_add_explicit(&mapped, length - old, memory_order_relaxed);
	return label(mapping, length, offset);
}

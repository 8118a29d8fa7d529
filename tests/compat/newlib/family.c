/* SPDX-License-Identifier: MIT */
/* What malloc's family promises, as docs/NEWLIB.md has it. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nearheap/first_use.h>
#include <nearheap/nearheap.h>

#include "check.h"

unsigned exhausted_calls;
size_t exhausted_size;

void nh_exhausted(size_t size)
{
	exhausted_calls++;
	exhausted_size = size;
}

/* Through volatile, since compilers know what malloc and free do, and leave them out. */
static size_t hide(size_t value)
{
	volatile size_t hidden = value;
	return hidden;
}

/* CHECKs that `block` was refused with `code`, after asking for room `calls` times. */
static void refused(const void *block, int code, unsigned calls)
{
	CHECK(block == NULL);
	CHECK(errno == code);
	CHECK(exhausted_calls == calls);
	errno = 0;
	exhausted_calls = 0;
}

void check_sizes(void)
{
	char *none = malloc(hide(0)), *other = malloc(hide(0));
	CHECK(none != NULL && other != NULL && none != other);
	CHECK(malloc_usable_size(none) >= 1 && nh_heap_of(none) >= 0);
	free(none);
	free(other);
	free(NULL);
	CHECK(malloc_usable_size(NULL) == 0);

	unsigned char *clear = calloc(hide(7), 9);
	CHECK(clear != NULL && malloc_usable_size(clear) >= 63);
	for (size_t i = 0; i < 63; i++)
		CHECK(clear[i] == 0);
	free(clear);
	clear = calloc(hide(0), 9);
	CHECK(clear != NULL);
	free(clear);
}

void check_alignment(void)
{
	for (size_t alignment = 1; alignment <= 1024; alignment *= 2) {
		void *one = memalign(alignment, hide(40)), *two = aligned_alloc(alignment, hide(40)),
		     *three = NULL;
		CHECK(one != NULL && (uintptr_t)one % alignment == 0);
		CHECK(two != NULL && (uintptr_t)two % alignment == 0);
		int expected = alignment % sizeof(void *) == 0 ? 0 : EINVAL;
		CHECK(posix_memalign(&three, alignment, hide(40)) == expected);
		CHECK(expected != 0 ? three == NULL : three != NULL && (uintptr_t)three % alignment == 0);
		free(one);
		free(two);
		free(three);
	}
	errno = 0;
	exhausted_calls = 0;
	refused(memalign(hide(0), 8), EINVAL, 0);
	refused(memalign(hide(24), 8), EINVAL, 0);
	refused(aligned_alloc(hide(48), 48), EINVAL, 0);
	void *kept = &errno;
	CHECK(posix_memalign(&kept, 3 * sizeof(void *), hide(8)) == EINVAL && kept == (void *)&errno &&
	      errno == 0);

	void *page = valloc(hide(1)), *pages = pvalloc(hide(4097));
	CHECK(page != NULL && (uintptr_t)page % 4096 == 0);
	CHECK(pages != NULL && (uintptr_t)pages % 4096 == 0 && malloc_usable_size(pages) >= 8192);
	free(page);
	free(pages);
}

void check_resizing(void)
{
	char *text = realloc(NULL, hide(10));
	CHECK(text != NULL);
	strcpy(text, "123456789");
	text = realloc(text, hide(3000));
	CHECK(text != NULL && strcmp(text, "123456789") == 0);
	text = reallocarray(text, hide(2), 5);
	CHECK(text != NULL && strcmp(text, "123456789") == 0);

	char *volatile same = text; /* the compiler takes a block for gone that was given to realloc */
	errno = 0;
	exhausted_calls = 0;
	refused(realloc(same, hide(SIZE_MAX / 2)), ENOMEM, 1);
	refused(reallocarray(same, hide(SIZE_MAX / 2), 4), ENOMEM, 1);
	CHECK(exhausted_size == SIZE_MAX);
	CHECK(strcmp(same, "123456789") == 0); /* a failure leaves the block */
	CHECK(realloc(same, hide(0)) == NULL && errno == 0 && exhausted_calls == 0);
	CHECK(nh_usable_size(same) == 0); /* it was freed */
}

void check_exhaustion(void)
{
	const size_t much = SIZE_MAX / 2;
	errno = 0;
	exhausted_calls = 0;
	refused(malloc(hide(much)), ENOMEM, 1);
	CHECK(exhausted_size == much);
	refused(malloc(hide(SIZE_MAX)), ENOMEM, 1);
	refused(calloc(hide(1), much), ENOMEM, 1);
	refused(calloc(hide(SIZE_MAX / 4), 5), ENOMEM, 1); /* the product wraps */
	CHECK(exhausted_size == SIZE_MAX);
	refused(memalign(64, hide(much)), ENOMEM, 1);
	refused(valloc(hide(much)), ENOMEM, 1);
	refused(pvalloc(hide(SIZE_MAX - 100)), ENOMEM, 1);
	void *kept = &errno;
	CHECK(posix_memalign(&kept, 64, hide(much)) == ENOMEM && kept == (void *)&errno);
	refused(NULL, 0, 1); /* posix_memalign says it by its result */

	/* All there is, and it is there again. */
	void **chain = NULL, **block;
	unsigned count = 0, again = 0;
	while ((block = malloc(hide(1024))) != NULL) {
		*block = chain;
		chain = block;
		count++;
	}
	refused(NULL, ENOMEM, 1);
	CHECK(count > 8);
	for (; chain != NULL; chain = block) {
		block = *chain;
		free(chain);
	}
	while ((block = malloc(hide(1024))) != NULL) {
		*block = chain;
		chain = block;
		again++;
	}
	CHECK(again == count);
	for (; chain != NULL; chain = block) {
		block = *chain;
		free(chain);
	}
	refused(NULL, ENOMEM, 1);
}

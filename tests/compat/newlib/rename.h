/* SPDX-License-Identifier: MIT */
/* Included before everything else on hosts, whose C library keeps its own malloc. */
#define malloc nht_malloc
#define calloc nht_calloc
#define realloc nht_realloc
#define free nht_free
#define reallocarray nht_reallocarray
#define aligned_alloc nht_aligned_alloc
#define memalign nht_memalign
#define posix_memalign nht_posix_memalign
#define valloc nht_valloc
#define pvalloc nht_pvalloc
#define malloc_usable_size nht_malloc_usable_size

/* SPDX-License-Identifier: MIT */
/* The sources that only the build reads, and the C that comes out of them. */
#ifndef NH_REGIONS_SOURCE_H
#define NH_REGIONS_SOURCE_H

#include "core/compat/regions/text.h"

#include <stdio.h>

/* ---- table.c ------------------------------------------------------------------------------ */

/* A text table; see docs/REGIONS.md. Names point into `text`, which need not be terminated. Checked. */
nh_status nh__regions_from_table(const char *file, const char *text, size_t length, uint64_t last,
                                 nh_region_entry *entries, unsigned max, unsigned *count,
                                 nh_regions_error *error);

/* A whole decimal or 0x number; false if it is none, or beyond `last`. A K or M may follow if `units`. */
bool nh__number(const char *text, size_t length, bool units, uint64_t last, uint64_t *value);

/* ---- dotconfig.c -------------------------------------------------------------------------- */

typedef struct nh_config_item {
	const char *name, *value; /* value: of a string, what is between the quotes */
	size_t name_length, value_length;
	unsigned line;
	bool string;
} nh_config_item;

/* Where a reader is; start with {file, text, text + length, 0}. */
typedef struct nh_config_reader {
	const char *file, *at, *end;
	unsigned line;
} nh_config_reader;

/* The next option that is set; comments and "is not set" are passed over. *found is false at the end. */
nh_status nh__config_next(nh_config_reader *reader, nh_config_item *item, bool *found,
                          nh_regions_error *error);

/* The lists of a .config, either generation. */
nh_status nh__regions_from_config(const char *file, const char *text, size_t length, uint64_t last,
                                  nh_region_entry *entries, unsigned max, unsigned *count,
                                  nh_regions_error *error);

/* ---- emit.c ------------------------------------------------------------------------------- */

/* The tables as C. `file` is named in a comment. */
void nh__emit_tables(FILE *out, const char *file, const nh_region_entry *entries, unsigned count, bool tree);
/* A .config as a C header; it was read without an error before. */
void nh__emit_config(FILE *out, const char *file, const char *text, size_t length);

#endif

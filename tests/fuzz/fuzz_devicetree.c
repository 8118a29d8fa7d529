/* SPDX-License-Identifier: MIT */
/* Blobs, and the tables that are made of one. */
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nh_region_entry entries[FUZZ_MAX];
	nh_regions_error error;
	unsigned count = 0;
	char *blob = fuzz_copy(data, size);
	fuzz_error_begin(&error);
	nh_status status =
		nh_regions_from_tree("f", blob, size, UINT32_MAX, entries, FUZZ_MAX, &count, &error);
	if (fuzz_accepted(status, &error, entries, count))
		nh__emit_tables(fuzz_nowhere(), "f", entries, count, true);
	free(blob);
	return 0;
}

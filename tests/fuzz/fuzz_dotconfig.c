/* SPDX-License-Identifier: MIT */
/* .config, and the header that is made of one. */
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nh_region_entry entries[FUZZ_MAX];
	nh_regions_error error;
	unsigned count = 0;
	char *text = fuzz_copy(data, size);
	fuzz_error_begin(&error);
	nh_status status =
		nh__regions_from_config("f", text, size, UINT32_MAX, entries, FUZZ_MAX, &count, &error);
	if (fuzz_accepted(status, &error, entries, count)) {
		nh__emit_config(fuzz_nowhere(), "f", text, size);
		nh__emit_tables(fuzz_nowhere(), "f", entries, count, false);
	}
	free(text);
	return 0;
}

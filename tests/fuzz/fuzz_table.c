/* SPDX-License-Identifier: MIT */
/* Text tables. */
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nh_region_entry entries[FUZZ_MAX];
	nh_regions_error error;
	unsigned count = 0;
	char *text = fuzz_copy(data, size);
	fuzz_error_begin(&error);
	nh_status status =
		nh__regions_from_table("f", text, size, UINT32_MAX, entries, FUZZ_MAX, &count, &error);
	fuzz_accepted(status, &error, entries, count);
	free(text);
	return 0;
}

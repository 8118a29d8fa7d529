/* SPDX-License-Identifier: MIT */
/* .config, and the header that is made of one. */
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	nh_region_entry entries[FUZZ_MAX];
	nh_regions_error error;
	unsigned count = 0;
	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	char *text = fuzz_copy(data, size);
	fuzz_error_begin(&error);
	nh_status status =
		nh__regions_from_config("f", text, size, UINT32_MAX, entries, FUZZ_MAX, &count, &error);
	fuzz_judge_text(status, &error);
	if (status == NH_OK) {
		fuzz_judge_entries(entries, count, UINT32_MAX);
		nh__emit_config(nowhere, "f", text, size);
		nh__emit_tables(nowhere, "f", entries, count, false);
	}
	free(text);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Lists. The first byte is how many numbers are expected and their base; the rest is the list. What was
 * accepted, written anew, must read the same.
 */
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const nh_regions_source source = { "f", "LIST" };
	uint64_t values[FUZZ_MAX], again[FUZZ_MAX];
	nh_regions_error error;
	if (size == 0)
		return 0;
	unsigned expected = (data[0] >> 1) % FUZZ_MAX, base = data[0] & 1u ? 16 : 10;
	char *text = fuzz_copy(data + 1, size - 1);
	fuzz_error_begin(&error);
	nh_status status =
		nh_regions_list(&source, text, size - 1, base, UINT32_MAX, expected, values, &error);
	fuzz_judge_text(status, &error);
	free(text);
	if (status != NH_OK)
		return 0;
	char anew[FUZZ_MAX * 12] = "";
	for (unsigned i = 0; i < expected; i++) {
		NHT_CHECK(values[i] <= UINT32_MAX, "value %u", i);
		sprintf(anew + strlen(anew), base == 16 ? "0x%x," : "%u,", (unsigned)values[i]);
	}
	status = nh_regions_list(&source, anew, strlen(anew), base, UINT32_MAX, expected, again, &error);
	NHT_CHECK(status == NH_OK && memcmp(values, again, expected * sizeof values[0]) == 0, "'%s'", anew);
	return 0;
}

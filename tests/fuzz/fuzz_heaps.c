/* SPDX-License-Identifier: MIT */
/*
 * Heaps with attributes and affinities under a stream of operations, each by some CPU: the model of tests/model,
 * whose choices come from the input. Every answer is compared with the shadow, everything with everything after each batch,
 * and at the end all memory must be there again in one block per region.
 */
#include "setups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static model m;
	model_setup setup;
	nht_random random;
	fuzz_begin(&random, data, size);
	fuzz_setup(&setup, &random, 4);
	model_make(&m, &setup, &random);
	model_steps(&m, FUZZ_STEPS);
	model_drop(&m);
	return 0;
}

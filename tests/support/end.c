/* SPDX-License-Identifier: MIT */
#include "end.h"

#include "env.h"
#include "oracle.h"

void nht_end(nh_instance *instance, nht_arena *arena)
{
	const char *complaint = nht_all_heaps_returned(instance);
	NHT_CHECK(complaint == NULL, "at the end: %s", complaint);
	nh_status status = nh_instance_deinit(instance);
	NHT_CHECK(status == NH_OK, "deinit: %s", nh_status_string(status));
	NHT_CHECK(nht_arena_drop(arena), "at the end: a guard outside the regions was written");
}

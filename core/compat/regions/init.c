/* SPDX-License-Identifier: MIT */
/* From a table to heaps, all or nothing. */
#include <nearheap/regions.h>

static nh_status add_further(nh_instance *instance, const nh_region_table *table, unsigned *failed)
{
	for (unsigned i = 0; i < table->further_count; i++) {
		const nh_region_config *region = &table->further[i];
		nh_status status =
			nh_instance_region_add(instance, (int)region->heap, region->base, region->size);
		if (status != NH_OK) {
			nh_instance_deinit(instance);
			if (failed != NULL)
				*failed = table->heap_count + i;
			return status;
		}
	}
	return NH_OK;
}

nh_status nh_regions_init(const nh_region_table *table, unsigned *failed)
{
	if (table == NULL)
		return NH_EINVAL;
	nh_status status = nh_init(table->heaps, table->heap_count, failed);
	return status == NH_OK ? add_further(nh_default(), table, failed) : status;
}

nh_status nh_instance_regions_init(nh_instance_storage *storage, const nh_region_table *table,
                                   unsigned *failed, nh_instance **instance)
{
	nh_instance *made = NULL;
	if (table == NULL || instance == NULL)
		return NH_EINVAL;
	nh_status status = nh_instance_init(storage, table->heaps, table->heap_count, failed, &made);
	if (status == NH_OK)
		status = add_further(made, table, failed);
	if (status == NH_OK)
		*instance = made;
	return status;
}
